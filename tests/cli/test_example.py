import pytest

from cli.running import chainrule


def test_an_example_stands_in_place_of_model_and_data(tmp_path):
    step = chainrule("step", "--example", "mazur", "--digits", "9", cwd=tmp_path)
    assert (step.status, step.err) == (0, "")
    for number in ("0.298371109", "0.149780716", "0.199561432", "0.249751144", "0.299502287", "0.35891648", "0.511301270"[:10]):
        assert number in step.out
    assert "B is the number of rows" in chainrule("show", "--example", "mazur", cwd=tmp_path).out
    check = chainrule("check", "--example", "cross_entropy", cwd=tmp_path)
    assert check.status == 0
    assert check.out.startswith("The gradients are right")


def test_all_rows_are_the_batch_unless_some_are_chosen(tmp_path):
    both = chainrule("step", "--example", "squared_error", "--json", cwd=tmp_path).json
    one, other = (chainrule("step", "--example", "squared_error", "--row", row, "--json", cwd=tmp_path).json for row in (0, 1))
    assert (both["row"], one["row"], other["row"]) == (None, 0, 1)
    assert both["loss"] == pytest.approx((one["loss"] + other["loss"]) / 2, rel=1e-14)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("step",), "MODEL is missing. Give it, or --example with "),
        (("step", "model"), "DATA is missing."),
        (("step", "model", "data", "--example", "mazur"), "stands in place of MODEL and DATA; leave 'model' out."),
        (("check", "--example", "mazr"), "Did you mean 'mazur'?"),
        (("step", "--example", "mazur", "--row", "1"), "--row 1: mazur has 1 row, 0 to 0."),
        (("step", "--example", "mazur", "--row", "3-1"), "--row 3-1 must be a whole number from 0, or several"),
        (("step", "--example", "mazur", "--weight", "hidden.wieght[i1,0]"), "Did you mean 'hidden.weight'?"),
        (("step", "--example", "mazur", "--weight", "hidden.bias[0]"), "hidden.bias is frozen"),
    ],
)
def test_bad_use_is_a_sentence(tmp_path, words, sentence):
    ran = chainrule(*words, cwd=tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.sentence


def test_each_format(tmp_path):
    words = ("step", "--example", "mazur", "--format")
    assert chainrule(*words, "svg", cwd=tmp_path).out.startswith("<svg xmlns=")
    page = chainrule(*words, "html", cwd=tmp_path).out
    assert page.startswith("<!doctype html>")
    assert "<math" in page
    assert "\\begin{document}" in chainrule(*words, "latex", cwd=tmp_path).out
    assert chainrule(*words, "json", cwd=tmp_path).json["source"]["name"] == "engine"
    weight = ("--weight", "hidden.weight[i1,0]")
    assert chainrule(*words, "mathml", *weight, cwd=tmp_path).out.startswith("<math")
    assert "\\frac{\\partial L}" in chainrule(*words, "latex", *weight, cwd=tmp_path).out
    assert "give --weight" in chainrule(*words, "mathml", cwd=tmp_path).sentence
    assert "Did you mean 'html'?" in chainrule(*words, "htm", cwd=tmp_path).sentence


def test_depths_and_sources(tmp_path):
    words = ("step", "--example", "squared_error", "--phase", "forward")
    assert "Σ 0.5" in chainrule(*words, "--depth", "scalar", cwd=tmp_path).out
    assert "zeros" in chainrule(*words, "--depth", "layer", cwd=tmp_path).out
    assert "numbers  exact: the reference, float64" in chainrule(*words, "--exact", cwd=tmp_path).out
    assert "Did you mean 'layer'?" in chainrule(*words, "--depth", "layr", cwd=tmp_path).sentence
