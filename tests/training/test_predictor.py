"""Prediction from cells is prediction from the units that they stand for."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from chainrule import ops
from chainrule.backends.reference import Reference
from chainrule.data import encode
from chainrule.data.codes.numbers import NumberCode
from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.data.table import Column
from chainrule.ir import Program, Type
from chainrule.nn import mlp
from chainrule.training import chunks
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


def test_where_nothing_is_compiled_units_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, later, units = encoded(TABLES["mixed"], "float64")
    network, x = mlp(units.shape[1], (8,), 3), Type.parse(f"f64[B,{units.shape[1]}]")
    program = inference_program(network, network.types("float64"), {}, Signature(x, x))
    arrays = arrays_of(program)
    monkeypatch.setattr("chainrule.backends._installed", lambda: False)
    monkeypatch.setattr("chainrule.backends._say_slow", lambda: None)
    monkeypatch.setattr("chainrule.training.predictor.of_cells", None)  # it makes no other Program
    found = Predictor(program)(arrays, encoder.chunks(read_table(later), "float64"), "prediction")
    np.testing.assert_array_equal(found, Reference(program)({**arrays, "x": units})["prediction"])


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


NAMES = ("a", "a=w1", "a missing", "a=other", "b", "b month")  # some of their units would have one name
STRANGE = ("NA", " w1", "w1 ", "\tw0\n", "", "  ", "new", "W1", "other")


def column_at_random(chance: random.Random, kind: str, rows: int, gaps: float, strange: float = 0) -> list[Any]:
    levels = [f"w{n}" for n in range(chance.choice([2, 10, 90]))]
    make = {
        "number": lambda: chance.gauss(0, 1) * 1000,
        "word": lambda: chance.choice(STRANGE) if chance.random() < strange else chance.choice(levels),
        "boolean": lambda: chance.random() < 0.5,
        "date": lambda: dt.date(2020, 1, 1) + dt.timedelta(days=chance.randint(0, 500)),
    }[kind]
    return [None if chance.random() < gaps else make() for _ in range(rows)]


def frames_of(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Return one table as each library holds it."""
    polars = pl.DataFrame(columns, strict=False)
    words = polars.select(pl.col(pl.String)).columns
    arrow = polars.to_arrow(compat_level=pl.CompatLevel.oldest())
    pandas = arrow.to_pandas()
    dictionaries = [column.dictionary_encode() if pa.types.is_large_string(column.type) else column for column in arrow.columns]
    enumerations = {name: pl.Enum(polars[name].drop_nulls().unique().sort()) for name in words}
    return {
        "lists": columns,
        "polars": polars,
        "polars' categories": polars.cast(dict.fromkeys(words, pl.Categorical)),
        "polars' enumerations": polars.cast(enumerations) if words else polars,
        "pyarrow": arrow,
        "pyarrow's dictionaries": pa.table(dictionaries, arrow.column_names),
        "pandas": pandas,
        "pandas' objects": pandas.astype(dict.fromkeys(words, object)),
        "pandas' categories": pandas.astype(dict.fromkeys(words, "category")),
        "pandas' nullable": pandas.convert_dtypes(),
        "pandas on pyarrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
    }


@pytest.mark.parametrize("seed", range(6))
def test_any_table_has_one_answer(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    kinds = {name: chance.choice(["number", "word", "word", "boolean", "date"]) for name in NAMES}
    table = read_table(pl.DataFrame({name: column_at_random(chance, kind, 300, 0.1 * (seed % 2)) for name, kind in kinds.items()}))
    encoder = Encoder.fit(judge_columns(table)[0], table, np.arange(300))
    network = mlp(len(encoder.units), (5,), 3)
    x = Type.parse(f"f64[B,{len(encoder.units)}]")
    program = inference_program(network, network.types("float64"), {}, Signature(x, x))
    arrays = arrays_of(program)
    predictor, first = Predictor(program), None
    rows = (1, 40, 500)[seed // 2]
    later = {name: column_at_random(chance, kind, rows, 0.1, 0.3) * (20 if rows == 500 else 1) for name, kind in kinds.items()}
    for library, frame in frames_of(later).items():
        known = read_table(frame, levels=encoder.levels)
        units = encoder.transform(read_table(frame), "float64")
        np.testing.assert_array_equal(encoder.transform(known, "float64"), units, err_msg=library)
        found = predictor(arrays, encoder.chunks(known, "float64"), "prediction")
        expected = Reference(program)({**arrays, "x": units})["prediction"]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-11, err_msg=library)
        first = found if first is None else first
        np.testing.assert_array_equal(found, first, err_msg=library)
    monkeypatch.setattr(encode, "_CELLS", 6)
    monkeypatch.setattr(encode, "_FEWEST", 7)
    monkeypatch.setattr(encode, "_READ", 3_001)
    monkeypatch.setattr(chunks, "processors", lambda: 3)
    np.testing.assert_array_equal(predictor(arrays, encoder.chunks(known, "float64"), "prediction"), first)


def test_of_a_wide_table_enough_rows_are_taken_at_once() -> None:
    names = [f"x{n}" for n in range(4000)]
    encoder = Encoder(tuple(NumberCode(Column(name, "number"), 0.0, 1.0, False) for name in names))
    table = read_table(pl.from_numpy(np.ones((150, 4000)), names))
    assert [len(make().numbers) for make in encoder.chunks(table)] == [128, 22]
