"""What a notebook shows: each object as HTML, and the progress of a training, in a kernel of Jupyter."""

from __future__ import annotations

from html.parser import HTMLParser

import nbclient
import nbformat
import numpy as np
import pytest

import chainrule as cr
from chainrule.inspect.notebook import html_of

VOID = {"br", "img", "meta", "hr"}


class Checked(HTMLParser):
    """Reads HTML: every tag is closed, and nothing is asked from elsewhere."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag not in ("script", "link", "iframe"), tag
        assert not {"src", "href"} & dict(attributes).keys()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        assert not {"src", "href"} & dict(attributes).keys()

    def handle_data(self, data):
        self.text += data if self.open[-1:] != ["style"] else ""


@pytest.fixture(scope="module")
def run():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    optimizer = cr.optim.adam(0.01)
    return cr.fit(cr.nn.mlp(3, [4], 2), (x, y), loss=cr.losses.cross_entropy, optimizer=optimizer, epochs=3, validation=(x, y))


def test_a_program_is_shown_by_phases(run):
    text = Checked(run.step.program._repr_html_()).text
    for line in str(run.step.program).splitlines():
        assert line.strip() in text
    assert "backward: " in text


def test_networks_runs_models_traces_and_diagnoses(run, penguins):
    assert "hidden_1" in Checked(run.step.network._repr_html_()).text
    shown = Checked(run._repr_html_()).text
    assert run.stopped.reason in shown
    assert f"{run.history.epochs[run.stopped.best_epoch - 1].valid['loss']:.4g}" in shown
    assert "baseline: linear" in Checked(penguins._repr_html_()).text
    trace = cr.inspect.trace_step(penguins, "penguins", 0)
    assert f"{trace.loss:.6g}"[:6] in Checked(trace._repr_html_()).text
    assert "looked at" in Checked(cr.diagnose(penguins)._repr_html_()).text


def test_a_run_from_its_folder_and_a_comparison(tmp_path):
    from cli.running import SMALL, chainrule, people

    (tmp_path / "people.csv").write_text(people())
    for name in ("one", "other<b>"):
        assert chainrule("train", "people.csv", "--target", "works", "--out", name, *SMALL, cwd=tmp_path).status == 0
    runs = [cr.open_run(tmp_path / name) for name in ("one", "other<b>")]
    assert "accuracy" in Checked(runs[0]._repr_html_()).text
    assert "other<b>" in Checked(cr.compare(*runs)._repr_html_()).text


def test_what_is_not_known_is_refused():
    with pytest.raises(TypeError, match="a int is not shown"):
        html_of(1)


def outputs(*cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def shown(output, kind="text/html"):
    return output.get("data", {}).get(kind, "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the client of Jupyter
def test_in_a_kernel_a_training_shows_how_far_it_is_and_its_result(tmp_path):
    train = "model = cr.train('penguins', hidden=(8,), epochs={}, patience=0, trees=False{})"
    first, quiet, last = outputs("import chainrule as cr\n" + train.format(300, ""), train.format(2, ", progress=False"), "model")
    displays = [output for output in first if output.output_type == "display_data"]
    (progress,) = [output for output in displays if "epoch 300 of 300" in shown(output, "text/plain")]
    assert "stopped after" in shown(progress)
    assert "are kept" in shown(progress, "text/plain")
    assert not [output for output in quiet if output.output_type == "display_data"]
    assert "A network that predicts" in shown(last[0])
