"""Prediction from cells is prediction from the units that they stand for."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from chainrule import ops
from chainrule.backends.reference import Reference
from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.ir import Program, Type
from chainrule.nn import mlp
from chainrule.training.predictor import Predictor, of_cells
from chainrule.training.program import Signature, inference_program

ROWS = 500
GENERATOR = np.random.default_rng(0)
COLORS = ["red", "green", "blue", None]
NUMBERS = {"size": GENERATOR.standard_normal(ROWS), "age": GENERATOR.permutation([*range(ROWS - 20), *[None] * 20])}
WORDS = {"color": GENERATOR.choice(COLORS, ROWS), "shape": GENERATOR.choice(["round", "square"], ROWS)}
OTHERS = {"day": [f"2020-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(ROWS)], "old": GENERATOR.choice(["yes", "no"], ROWS)}
TABLES = {"numbers": NUMBERS, "words": WORDS, "mixed": {"color": WORDS["color"]} | NUMBERS | OTHERS | {"shape": WORDS["shape"]}}


def encoded(columns: dict[str, list[object]], dtype: str) -> tuple[Encoder, pl.DataFrame, np.ndarray]:
    """Return an encoder of some columns, further rows of them with words and gaps that it does not know, and their units."""
    frame = pl.DataFrame(columns, strict=False)
    table = read_table(frame)
    encoder = Encoder.fit(judge_columns(table)[0], table, np.arange(ROWS - 100))
    later = frame[ROWS - 100 :].with_columns(pl.when(pl.int_range(100) % 9 < 1).then(None).otherwise(pl.all()).name.keep())
    later = later.with_columns(pl.when(pl.int_range(100) % 7 < 1).then(pl.lit("new")).otherwise(pl.col(pl.String)).name.keep())
    if "day" in columns:
        later = later.with_columns(frame["day"][:100], frame["old"][:100])
    return encoder, later, encoder.transform(read_table(later), dtype)


def arrays_of(program: Program) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(1)
    return {p.name: generator.standard_normal(p.type.shape).astype(p.type.dtype) for p in program.inputs if p.name != "x"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", TABLES)
@pytest.mark.parametrize("hidden", [(), (8, 4)])
def test_a_network_says_the_same_of_cells_as_of_their_units(columns: str, dtype: str, hidden: tuple[int, ...]) -> None:
    encoder, later, units = encoded(TABLES[columns], dtype)
    x = Type.parse(f"{dtype.replace('float', 'f')}[B,{units.shape[1]}]")
    network = mlp(units.shape[1], hidden, 3)
    program = inference_program(network, network.types(dtype), {}, Signature(x, x))
    arrays = arrays_of(program)
    expected = Reference(program)({**arrays, "x": units})["prediction"]
    found = Predictor(program)(arrays, encoder.chunks(read_table(later), dtype), "prediction")
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-5 if dtype == "float32" else 1e-13)
    alone = [Predictor(program)(arrays, encoder.chunks(read_table(later[row : row + 1]), dtype), "prediction") for row in (0, 7, 99)]
    np.testing.assert_array_equal(np.concatenate(alone), found[[0, 7, 99]])


def test_units_that_are_read_otherwise_than_by_a_product_are_made() -> None:
    encoder, later, units = encoded(TABLES["mixed"], "float64")
    width = units.shape[1]
    x, square = Type("float64", (Type.parse("f64[B]").shape[0], width)), Type("float64", (width, width))
    network = lambda params, x: ops.tanh(x @ params["weight"]) + x * x  # noqa: E731 - a network is a function
    program = inference_program(network, {"weight": square}, {}, Signature(x, x))
    arrays = arrays_of(program)
    found = Predictor(program)(arrays, encoder.chunks(read_table(later), "float64"), "prediction")
    np.testing.assert_allclose(found, np.tanh(units @ arrays["weight"]) + units * units, rtol=1e-12, atol=1e-13)


def test_the_program_has_the_inputs_that_it_needs_and_no_table_of_units() -> None:
    network = mlp(7, (4,), 2)
    x = Type.parse("f32[B,7]")
    program = inference_program(network, network.types("float32"), {}, Signature(x, x))
    inputs = {port.name: str(port.type) for port in of_cells(program, "float64", 3, 2).inputs}
    cells = {"x.numbers": "f64[B,3]", "x.places": "i64[B,2]", "x.mean": "f64[3]", "x.scale": "f64[3]"}
    weights = {"hidden_1.weight of numbers": "f32[3,4]", "hidden_1.weight of places": "f32[8,4]"}
    rest = {"hidden_1.bias": "f32[4]", "output.weight": "f32[4,2]", "output.bias": "f32[2]"}
    assert inputs == cells | weights | rest
    assert {port.name for port in of_cells(program, "float64", 0, 2).inputs} == {"x.places", "hidden_1.weight of places", *rest}
    assert {port.name for port in of_cells(program, "float32", 7, 0).inputs} == {*cells, "hidden_1.weight of numbers", *rest} - {"x.places"}
