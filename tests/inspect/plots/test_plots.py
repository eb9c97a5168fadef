"""``run.plot``: the numbers in the axes are those of the run, and what cannot be drawn is said in a sentence."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from cli.running import SMALL, chainrule, people

import chainrule as cr
from chainrule.errors import OptionError
from chainrule.training.loop import measure
from chainrule.training.train import loop_of

mpl.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plots")
    (folder / "people.csv").write_text(people(120))
    for target, more in (("works", ()), ("income", ("--dropout", "0.2"))):
        ran = chainrule("train", "people.csv", "--target", target, "--out", target, *SMALL, "--epochs", "4", *more, cwd=folder)
        assert ran.status == 0, ran.err
    return folder


@pytest.fixture(scope="module")
def works(folder):
    return cr.open_run(folder / "works")


@pytest.fixture(scope="module")
def income(folder):
    return cr.open_run(folder / "income")


@pytest.fixture(scope="module")
def run():
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    return cr.fit(
        cr.nn.mlp(3, [4], 2),
        (x, y),
        loss=cr.losses.cross_entropy,
        optimizer=cr.optim.adam(0.02),
        epochs=5,
        batch_size=16,
        validation=(x[:20], y[:20]),
        plateau=cr.training.loop.Plateau(factor=0.5, patience=1),
    )


def test_curves_are_the_history(works):
    ax = works.plot.curves()
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["training loss"].get_ydata().tolist() == works.history.values("loss")
    assert lines["validation loss"].get_ydata().tolist() == works.history.values("valid_loss")
    assert lines[f"best, epoch {works.report['best_epoch']}"].get_xdata()[0] == works.report["best_epoch"]
    other = works.plot.curves("accuracy")
    assert other.lines[0].get_ydata().tolist() == works.history.values("accuracy")


def test_every_picture_is_drawn_into_the_axes_that_are_given(works, income, run):
    drawn = [
        (works, ("curves", "gradients", "updates", "network", "confusion", "calibration", "importances", "worst"), ()),
        (income, ("residuals", "worst", "network"), ()),
        (income, ("histogram",), ("hidden_1.weight",)),
        (run, ("curves", "gradients", "updates", "network"), ()),
    ]
    for subject, names, words in drawn:
        for name in names:
            ax = plt.subplots()[1]
            assert getattr(subject.plot, name)(*words, ax=ax) is ax
            assert ax.has_data() or ax.tables
            assert ax.get_title(loc="left")
            ax.figure.canvas.draw()
    figure = works.plot.histograms()
    assert len(figure.axes) == 4
    figure.canvas.draw()


def test_confusion_counts_the_answers(works):
    rows = works.prepared.test
    ax = works.plot.confusion()
    counts = np.array([int(text.get_text()) for text in ax.texts]).reshape(2, 2)
    truth, predicted = rows.table.frame["works"].to_list(), works.model.predict(rows.table)
    classes = [label.get_text() for label in ax.get_xticklabels()]
    assert counts.tolist() == [[sum(t == a and p == b for t, p in zip(truth, predicted, strict=True)) for b in classes] for a in classes]


def test_residuals_are_answers_beside_the_truth(income):
    rows = income.prepared.test
    points = income.plot.residuals().lines[-1]
    np.testing.assert_allclose(points.get_xdata(), [float(cell) for cell in rows.table.frame["income"]])
    np.testing.assert_allclose(points.get_ydata(), income.model.predict(rows.table))


@pytest.mark.parametrize("name", ["works", "income"])
def test_a_surface_is_the_loss_of_the_moved_weights_and_its_path_that_of_the_training(name, request, folder):
    record = request.getfixturevalue(name)
    ax = record.plot.surface("hidden_1.weight[age,3]", "output.bias[0]", points=4)
    path = next(line for line in ax.lines if line.get_label() == "path").get_xydata()
    loop = loop_of(record.prepared, record.options)
    state, seen = loop.start.copy(), []
    for _ in range(sum(epoch.steps for epoch in record.history.epochs)):
        seen.append((state.params["hidden_1.weight"][0, 3], state.params["output.bias"][0]))
        state, _ = loop.step.run(state, loop.data, steps=1, batch_size=loop.settings.batch_size)
    seen.append((state.params["hidden_1.weight"][0, 3], state.params["output.bias"][0]))
    assert path.tolist() == np.array(seen, float).tolist()
    kept = next(line for line in ax.lines if line.get_label() == "kept").get_xydata()[0]
    best = record.model.best.params
    assert kept.tolist() == [best["hidden_1.weight"][0, 3], best["output.bias"][0]]


def test_the_surface_is_the_mean_loss_of_the_training_rows(run):
    from chainrule.inspect.pictures.surface import surface

    found = surface(run.plot._course, "hidden_1.weight[2,1]", "output.bias[1]", points=3, rows=1000)
    assert "bit for bit" in found.says
    state = run.best.copy()
    state.params["hidden_1.weight"][2, 1], state.params["output.bias"][1] = found.xs[2], found.ys[0]
    assert found.losses[0, 2] == measure(run.step, state, run.data, {})["loss"]
    assert found.path[0].tolist() == [run.start.params["hidden_1.weight"][2, 1], run.start.params["output.bias"][1]]
    assert found.path[-1].tolist() == [run.state.params["hidden_1.weight"][2, 1], run.state.params["output.bias"][1]]


def test_a_path_that_is_not_that_of_the_run_is_said_to_be_none(run):
    from dataclasses import replace

    from chainrule.inspect.pictures.surface import surface

    course = replace(run.plot._course, best=run.start)
    found = surface(course, "output.weight[0,0]", "output.weight[0,1]", points=2, rows=5)
    assert "is not exactly that of the run" in found.says
    assert found.loss == "mean loss of 5 of 60 training rows"


def test_a_model_in_memory_has_the_pictures_of_its_run():
    model = cr.train("penguins", hidden=(4,), epochs=2, trees=False)
    assert model.plot.confusion().has_data()
    assert len(model.plot.curves().lines) == 3


def test_several_targets_are_named(tmp_path):
    (tmp_path / "people.csv").write_text(people(60))
    model = cr.train(str(tmp_path / "people.csv"), target=["works", "town"], hidden=(4,), epochs=1, trees=False)
    assert model.plot.confusion("town").has_data()
    with pytest.raises(OptionError, match="several targets; name one of works, town"):
        model.plot.confusion()
    with pytest.raises(OptionError, match=r"no target 'twon'.*Did you mean 'town'"):
        model.plot.confusion("twon")


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda works, run: works.plot.curves("acuracy"), "no curve of 'acuracy'.*Did you mean 'accuracy'"),
        (lambda works, run: works.plot.residuals(), "'works' is a class"),
        (lambda works, run: works.plot.histogram("hidden.weight"), "no parameter 'hidden.weight'.*Did you mean 'hidden_1.weight'"),
        (lambda works, run: works.plot.histogram("hidden_1.weight", "delta"), "of is 'delta'"),
        (lambda works, run: works.plot.surface("hidden_1.weight[agee,0]", "output.bias[0]"), "agee.*Did you mean 'age'"),
        (lambda works, run: works.plot.surface("output.bias[0]", "output.bias[0]"), "name two different ones"),
        (lambda works, run: works.plot.surface("output.bias[0]", "output.bias[1]", points=1), "at least 2 points"),
        (lambda works, run: run.plot.confusion(), "a run on arrays has no model of a table"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(works, run, draw, says):
    with pytest.raises(OptionError, match=says):
        draw(works, run)


def test_a_run_whose_table_is_gone_still_has_its_course(folder, tmp_path):
    import shutil

    gone = shutil.copytree(folder / "works", tmp_path / "gone")
    text = (gone / "run.json").read_text().replace(str(folder / "people.csv"), str(tmp_path / "nowhere.csv"))
    (gone / "run.json").write_text(text)
    record = cr.open_run(gone)
    assert record.plot.curves().has_data()
    with pytest.raises(OptionError, match=r"needs the rows of the run: .*nowhere.csv.* is not there"):
        record.plot.confusion()


def test_without_matplotlib_the_extra_is_named():
    code = "import sys; sys.modules['matplotlib'] = None; import chainrule as cr; print('ready'); cr.train('xor', epochs=1).plot"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "ready\n"
    assert "ImportError: run.plot needs matplotlib, which is not installed: pip install 'chainrule[plot]'." in done.stderr
