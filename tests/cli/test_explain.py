"""The command as a person uses it."""

import pytest

from cli.running import chainrule


def test_a_row_of_a_classification(folder, classified):
    data = chainrule("explain", "works", "people.csv", "--row", 4, "--json", cwd=folder).json
    assert (data["format"], data["row"], data["unit"], data["exact"]) == (1, 4, "log-odds", True)
    assert data["shapley"].keys() == data["integrated_gradients"].keys() == data["cells"].keys()
    assert sum(data["shapley"].values()) == pytest.approx(data["prediction"] - data["baseline"], abs=1e-6)
    difference = data["prediction"] - data["baseline"]
    assert abs(sum(data["integrated_gradients"].values()) - difference) <= 1e-3 * abs(difference)
    assert data["gap"] <= 1e-3 * abs(difference)
    assert data["answer"] == data["class"]
    assert len(data["nearest"]) == 5


def test_what_is_printed_says_the_same(folder, regressed):
    row = 3
    ran = chainrule("explain", "income", "people.csv", "--row", row, cwd=folder)
    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100
    data = chainrule("explain", "income", "people.csv", "--row", row, "--json", cwd=folder).json
    for name in ("prediction", "baseline", "difference"):
        (line,) = (line for line in ran.out.splitlines() if line.startswith(name))
        shown = float(line.split()[1].replace("−", "-").replace(",", ""))
        assert shown == pytest.approx(data[name], rel=2e-3, abs=0.1)
    for column, cell in data["cells"].items():
        (line,) = (line for line in ran.out.splitlines() if line.startswith(f"{column} "))
        assert line.split()[1] == cell
        assert float(line.split()[2].replace("−", "-").replace(",", "")) == pytest.approx(data["shapley"][column], abs=0.1)
    assert "moves the prediction by" in ran.out
    assert f"In the table it is {data['truth']}." in ran.out


def test_the_model_as_a_whole(folder, classified):
    data = chainrule("explain", "works", "people.csv", "--json", cwd=folder).json
    assert data["metric"] == "accuracy"
    assert data["importance"].keys() == data["dependence"].keys()
    assert data["dependence"]["town"]["cells"] == ["Bern", "Linz", "Ulm"]
    ran = chainrule("explain", "works", "people.csv", cwd=folder)
    assert (ran.status, max(map(len, ran.out.splitlines())) <= 100) == (0, True)
    assert "accuracy falls by" in ran.out


def test_a_table_without_the_target(folder, classified):
    lines = (folder / "people.csv").read_text().splitlines()
    (folder / "asked.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines[:2]) + "\n")
    ran = chainrule("explain", "works", "asked.csv", "--row", 0, "--background", "people.csv", "--json", cwd=folder)
    assert (ran.status, ran.json["truth"], ran.json["nearest"]) == (0, None, [])
    assert ran.json["background"] == {"source": "people.csv", "rows": 60}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("works", "people.csv", "--row", "60"), "--row 60: people.csv has 60 rows, 0 to 59."),
        (("works", "people.csv", "--row", "-1"), "--row -1: people.csv has 60 rows, 0 to 59."),
        (("works", "people.csv", "--background", "people.csv"), "--background goes with --row"),
        (("works", "people.csv", "--row", "0", "--background", "none.csv"), "none.csv"),
        (("works", "people.csv", "--row", "0", "--background", "header.csv"), "no rows"),
        (("works", "people.csv", "--row", "0", "--background", "works"), "is a model and no table"),
        (("works", "few.csv", "--row", "0"), "which the model was trained with"),
        (("works", "people.csv", "--row", "0", "--seed", "-1"), "--seed is -1"),
        (("torn", "people.csv", "--row", "0"), "damaged"),
    ],
)
def test_bad_use_is_one_sentence_and_status_2(words, sentence, folder, classified):
    (folder / "header.csv").write_text((folder / "people.csv").read_text().splitlines()[0] + "\n")
    (folder / "few.csv").write_text("id,works\nP1,Yes\nP2,No\n")
    (folder / "torn").write_bytes((folder / "works" / "model.safetensors").read_bytes()[:-100])
    ran = chainrule("explain", *words, cwd=folder)
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.sentence
