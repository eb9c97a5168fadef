"""Explanations of trained models: they add up, they are about raw columns, and they ignore what the model ignores."""

import copy

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError, FileFormatError, OptionError
from chainrule.inspect import explain_model, explain_row
from chainrule.inspect.attributions.answers import Answers
from chainrule.inspect.attributions.dependence import partial_dependence
from chainrule.inspect.attributions.model_text import model_text
from chainrule.inspect.attributions.of_row import probability
from chainrule.inspect.attributions.pictures import curve, number, signed_bars
from chainrule.inspect.attributions.row_text import row_text


def adds_up(why):
    assert sum(part.shapley for part in why.contributions) == pytest.approx(why.difference, abs=1e-9)
    assert sum(part.gradients for part in why.contributions) == pytest.approx(why.difference, abs=why.gap + 1e-12)
    assert why.gap <= 1e-3 * abs(why.difference)


def blinded(model, column):
    """The model with the weights of a column's units set to 0."""
    model = copy.deepcopy(model)
    answers = Answers(model)
    model.best.params["hidden_1.weight"][answers.groups[answers.columns.index(column)]] = 0
    return model


@pytest.fixture(scope="module")
def mixed():
    """Every kind of column, with missing cells in each, and two classes by a single logit."""
    generator = np.random.default_rng(0)
    rows = 90

    def gaps(values):
        return [None if hole else value for value, hole in zip(values, generator.random(rows) < 0.1, strict=True)]

    size, town = generator.normal(5, 2, rows), generator.choice(["Bern", "Ulm", "Linz"], rows)
    yes = size + 2 * (town == "Ulm") + generator.normal(size=rows) > 5.5
    days = [f"20{10 + i % 9}-0{1 + i % 8}-1{i % 10}" for i in range(rows)]
    frame = pl.DataFrame(
        {
            "size": gaps(size.tolist()),
            "town": gaps(town.tolist()),
            "member": gaps((generator.random(rows) < 0.5).tolist()),
            "joined": gaps(days),
            "answer": np.where(yes, "yes", "no"),
        }
    )
    return cr.train(frame, target="answer", loss="binary_cross_entropy", hidden=(6,), epochs=15, split="100"), frame


def test_a_row_of_three_classes(penguins):
    why = explain_row(penguins, "penguins", 7)
    adds_up(why)
    table = penguins.table("penguins")
    assert [part.column for part in why.contributions] == [code.column.name for code in penguins.encoder.codes]
    assert why.answer == penguins.predict("penguins")[7] == why.label
    assert probability(why.prediction) == pytest.approx(penguins.predict_proba("penguins")[7].max(), abs=1e-6)
    chosen = list(penguins.target.classes).index(why.label)
    p = penguins.predict_proba(table)[:, chosen]
    assert (why.exact, why.tried, why.rows) == (True, 128, 100)
    whole = explain_row(penguins, table.part(0, 60), 7)
    assert whole.baseline == pytest.approx(np.log(p[:60] / (1 - p[:60])).mean(), abs=1e-5)


def test_a_quantity_in_its_own_units(concrete):
    why = explain_row(concrete, "concrete", 12)
    adds_up(why)
    assert why.label is None
    assert why.prediction == pytest.approx(concrete.predict("concrete")[12], rel=1e-5)


def test_a_linear_network_is_weight_times_distance_from_the_mean():
    model = cr.train("concrete", hidden=(), epochs=3)
    table = model.table("concrete").part(0, 80)
    why = explain_row(model, table, 5)
    x = model.encoder.transform(table, "float64")
    expected = model.best.params["output.weight"][:, 0].astype(float) * (x[5] - x.mean(0)) * model.target.scale
    np.testing.assert_allclose([part.shapley for part in why.contributions], expected, atol=1e-10)
    np.testing.assert_allclose([part.gradients for part in why.contributions], expected, atol=1e-10)
    assert why.neighbors[0].distance <= why.neighbors[-1].distance


def test_many_columns_are_sampled_and_still_add_up(wide):
    why = explain_row(wide, "digits", 3, seed=4)
    adds_up(why)
    assert not why.exact
    assert all(part.error >= 0 for part in why.contributions)
    assert why.to_json()["standard_errors"].keys() == why.to_json()["shapley"].keys()


def test_a_column_that_the_model_does_not_read(penguins):
    model = blinded(penguins, "island")
    why = explain_row(model, "penguins", 7)
    adds_up(why)
    parts = {part.column: part for part in why.contributions}
    assert parts["island"].shapley == 0
    assert parts["island"].gradients == 0
    whole = explain_model(model, "penguins", everything=True)
    (importance,) = (part for part in whole.importances if part.column == "island")
    assert (importance.mean, importance.spread) == (0, 0)
    (dependence,) = (part for part in whole.dependences if part.column == "island")
    assert np.ptp(dependence.answers, axis=0).max() == 0


def test_missing_cells_and_every_kind_of_column(mixed):
    model, frame = mixed
    holes = [row for row in range(frame.height) if frame.row(row)[:4].count(None) >= 1]
    for row in (holes[0], holes[1], 0):
        why = explain_row(model, frame, row)
        adds_up(why)
        given = frame.row(row, named=True)
        assert all((part.cell is None) == (given[part.column] is None) for part in why.contributions)
        p = model.predict_proba(frame)[row]
        assert why.label == ("yes" if p[1] > p[0] else "no")
        assert probability(why.prediction) == pytest.approx(p.max(), abs=1e-6)


def test_dependence_is_the_mean_answer_with_the_cell_in_every_row(mixed):
    model, frame = mixed
    whole = explain_model(model, frame)
    found = {part.column: part for part in whole.dependences}
    assert found.keys() == {"size", "town", "member", "joined"}
    assert found["town"].cells == ("Bern", "Linz", "Ulm", "missing")
    for cell, answer in zip(found["town"].cells, found["town"].answers, strict=True):
        same = frame.with_columns(pl.lit(None if cell == "missing" else cell, pl.String).alias("town"))
        np.testing.assert_allclose(answer, model.predict_proba(same).mean(0), atol=1e-6)
    size = found["size"]
    assert size.is_curve
    for place in (0, 11, -1):
        same = frame.with_columns(pl.lit(size.cells[place]).alias("size"))
        np.testing.assert_allclose(size.answers[place], model.predict_proba(same).mean(0), atol=1e-6)
    assert found["member"].cells == ("false", "true")
    assert found["joined"].is_curve
    assert list(found["joined"].cells) == sorted(found["joined"].cells)


def test_levels_that_share_a_unit_have_a_line_of_their_own():
    town = [f"town {i}" if i % 40 == 0 else "ab"[i % 2] for i in range(2000)]
    frame = pl.DataFrame({"town": town, "y": [i % 3 + (0.5 if i % 2 else 0.25) for i in range(2000)]})
    model = cr.train(frame, target="y", categorical=("town",), hidden=(3,), epochs=1)
    table = model.table(frame)
    answers = Answers(model)
    x = model.encoder.transform(table.part(0, 50), "float64")
    found = partial_dependence(answers.outputs, x, answers.groups[0], model.encoder.codes[0], table)
    assert found.cells == ("a", "b", "other levels")
    assert found.answers[2] == pytest.approx(model.predict(pl.DataFrame({"town": ["nowhere"]}))[0], rel=1e-5)


def test_importance_is_what_shuffling_costs(concrete):
    whole = explain_model(concrete, "concrete")
    assert whole.metric == "rmse"
    assert whole.value == pytest.approx(concrete.evaluate("concrete")["rmse"], rel=1e-5)
    means = [part.mean for part in whole.importances]
    assert means == sorted(means, reverse=True)
    best = whole.importances[0]
    generator = np.random.default_rng(9)
    frame = concrete.table("concrete").frame
    shuffled = frame.with_columns(frame[best.column].gather(generator.permutation(frame.height)))
    cost = concrete.evaluate(shuffled)["rmse"] - whole.value
    assert cost == pytest.approx(best.mean, abs=6 * best.spread + 0.05 * best.mean)


def test_the_nearest_rows_are_those_of_the_last_hidden_layer(penguins):
    x = penguins.encoder.transform(penguins.table("penguins"), "float64")
    p = penguins.best.params
    hidden = np.tanh(np.tanh(x @ p["hidden_1.weight"] + p["hidden_1.bias"]) @ p["hidden_2.weight"] + p["hidden_2.bias"])
    np.testing.assert_allclose(Answers(penguins).hidden(x), hidden, atol=1e-12)
    far = np.linalg.norm(hidden - hidden[7], axis=1)
    far[7] = np.inf
    found = explain_row(penguins, "penguins", 7).neighbors
    np.testing.assert_allclose([neighbor.distance for neighbor in found], np.sort(far)[:5], atol=1e-12)
    assert 7 not in [neighbor.row for neighbor in found]
    assert {neighbor.truth for neighbor in found} <= {"Adelie", "Gentoo", "Chinstrap"}


def test_another_background(penguins):
    table = penguins.table("penguins")
    own, others = explain_row(penguins, table, 7), explain_row(penguins, table, 7, background=table.part(200, 250))
    adds_up(others)
    assert own.prediction == pytest.approx(others.prediction, rel=1e-12)
    assert own.baseline != others.baseline
    assert others.rows == 50
    alone = explain_row(penguins, table.part(7, 8), 0, background=table.part(200, 250))
    assert [part.shapley for part in alone.contributions] == [part.shapley for part in others.contributions]
    assert alone.neighbors == ()


def test_what_cannot_be_explained(penguins):
    table = penguins.table("penguins")
    for row in (-1, 344):
        with pytest.raises(OptionError, match=f"row={row}: penguins.csv has 344 rows, 0 to 343"):
            explain_row(penguins, table, row)
    with pytest.raises(DataError, match="nothing to compare it with; name a table of other rows: background="):
        explain_row(penguins, table.part(0, 1), 0)
    with pytest.raises(DataError, match="has no rows: there is nothing to compare"):
        explain_row(penguins, table, 0, background=table.part(0, 0))
    with pytest.raises(DataError, match="no columns 'island', 'sex'"):
        explain_row(penguins, table.frame.drop("island", "sex"), 0)
    with pytest.raises(DataError, match="has no column 'island'"):
        explain_row(penguins, table, 0, background=table.frame.drop("island"))
    with pytest.raises(DataError, match="no column 'species', the target"):
        explain_model(penguins, table.frame.drop("species"))
    with pytest.raises(DataError, match="missing in all rows"):
        explain_model(penguins, table.frame.with_columns(pl.lit(None, pl.String).alias("species")))
    broken = copy.deepcopy(penguins)
    broken.best.params["output.bias"][:] = np.nan
    with pytest.raises(FileFormatError, match="NaN or infinite"):
        explain_row(broken, table, 0)


def test_the_lines_fit_the_terminal(penguins, concrete, wide, mixed):
    for model, data in ((penguins, "penguins"), (concrete, "concrete"), (wide, "digits"), mixed):
        why, whole = explain_row(model, data, 3), explain_model(model, data)
        for width in (60, 80, 120):
            for line in (*row_text(why, width), *model_text(whole, width)):
                assert len(line.plain) <= width
                assert line.plain == line.plain.rstrip()
    assert any("smaller" in line.plain for line in row_text(explain_row(wide, "digits", 3), 80))


def test_bars_have_one_axis_and_one_scale():
    plain = [bar.plain for bar in signed_bars([4.0, -2.0, 0.0, 0.5], 13)]
    assert plain == ["    │████████", "████│", "    │", "    │█"]
    assert [bar.plain for bar in signed_bars([0.0, 0.0], 10)] == ["│", "│"]
    assert [bar.plain for bar in signed_bars([-1.0], 5)] == ["████│"]
    assert curve([0, 1, 2], 0, 2) == ["▁▄█"]
    assert curve([0, 2], 0, 2, height=2) == [" █", "▁█"]
    assert (number(-0.0004, 2, sign=True), number(0.5, 1, sign=True), number(-1234.5, 1)) == ("0.00", "+0.5", "−1,234.5")


@pytest.fixture(scope="module")
def several():
    """Two quantities by a logarithm and their quantiles; three classes and two; all in one table."""
    generator = np.random.default_rng(1)
    a, noise = generator.normal(size=(2, 120))
    frame = pl.DataFrame(
        {
            "a": a,
            "b": generator.choice(["x", "y", "z"], 120),
            "income": np.exp(8 + a + 0.1 * noise),
            "height": 170 + 10 * a + noise,
            "size": np.array(["large", "middle", "small"])[np.digitize(a + 0.3 * noise, [-0.5, 0.5])],
            "rich": a + noise > 0.3,
        }
    )
    given = {"hidden": (5,), "epochs": 60, "lr": 0.03, "batch_size": "all", "split": "80,20,0", "trees": False}
    return frame, {
        "quantiles": cr.train(frame, "income,height", drop=("size", "rich"), loss="pinball", quantile="0.1,0.4", **given),
        "logarithms": cr.train(frame, "income,height", drop=("size", "rich"), target_transform="log", **given),
        "classes": cr.train(frame, "size,rich", drop=("income", "height"), **given),
        "labels": cr.train(frame.with_columns(pl.col("size") == "large"), "size,rich", drop=("income", "height"), threshold="f1", **given),
    }


@pytest.mark.parametrize("name", ["quantiles", "logarithms", "classes", "labels"])
def test_each_of_several_targets_is_explained(name, several):
    frame, models = several
    model = models[name]
    frame = frame.with_columns(pl.col("size") == "large") if name == "labels" else frame
    for target in model.goal.names:
        why = explain_row(model, frame, 3, of=target)
        adds_up(why)
        answer = model.predict(frame)[target][3]
        if model.goal.task == "classification":
            p = dict(zip(model.goal.targets[model.goal.place_of(target)].classes, model.predict_proba(frame)[target][3], strict=True))
            assert why.answer == answer
            assert probability(why.prediction) == pytest.approx(p[answer], abs=1e-6)
        else:
            assert why.answer == pytest.approx(answer, rel=1e-5)
            assert why.prediction == pytest.approx(answer, rel=1e-5)
        assert (why.target, *why.others) == (target, *(other for other in model.goal.names if other != target))
        whole = explain_model(model, frame, of=target)
        assert whole.value == pytest.approx(model.assess(frame).targets[target][whole.metric], rel=1e-5)
        assert whole.importances[0].column == "a"
        for line in (*row_text(why, 80), *model_text(whole, 80)):
            assert len(line.plain) <= 80


def test_the_first_target_is_explained_unless_another_is_named(several):
    frame, models = several
    why = explain_row(models["classes"], frame, 3)
    assert (why.target, why.others) == ("size", ("rich",))
    assert any("The model predicts 'rich' as well: of='rich' explains that." in line.plain for line in row_text(why, 80))
    with pytest.raises(OptionError, match=r"of='ritch': the model predicts 'size', 'rich'. Did you mean"):
        explain_model(models["classes"], frame, of="ritch")
