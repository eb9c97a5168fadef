"""Loading a textbook example from its file, with a sentence for whatever is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from chainrule import losses, nn, optim
from chainrule.errors import ChainruleError, OptionError, nearest
from chainrule.training.state import Arrays
from chainrule.training.textbook.example import Example
from chainrule.training.textbook.names import example_path
from chainrule.training.textbook.source import Source, read_source

_KEYS = ("title", "source", "inputs", "targets", "input_names", "output_names", "loss", "optimizer", "frozen", "dtype", "seed", "layers")
_LAYER_KEYS = ("name", "activation", "units", "weight", "weight_by_unit", "bias")


def load_example(source: str | Path) -> Example:
    """Load a textbook example: a TOML file, or a bundled one by its name.

    The file says ``inputs`` and ``targets`` (a list of rows each; for cross-entropy class numbers or names), ``loss``, ``optimizer`` and
    a table ``[[layers]]`` for each layer, with ``activation``, ``bias``, and ``weight`` (a row for each input) or ``weight_by_unit`` (a row
    for each unit); see the bundled ``mazur.toml``.

    Raises:
        OptionError: there is no such file or example, a key is unknown, or shapes do not fit; says file, line, layer and key.
    """
    name = str(source)
    file = read_source(example_path(source), name)
    file.check_keys(_KEYS)
    x = file.numbers("inputs", 2)
    if x is None:
        raise file.wrong("inputs", "is missing; it is a list of rows, such as [[0.05, 0.10]]")
    layers, params = _layers(file, x.shape[1])
    network = nn.Sequential(layers)
    outputs = list(layers.values())[-1].outputs
    loss_name, loss = _named(file, "loss", losses.LOSSES)
    _, optimizer = _named(file, "optimizer", optim.OPTIMIZERS)
    dtype, seed = file.text("dtype", "float64"), file.values.get("seed", 0)
    names = {"input_names": x.shape[1], "output_names": outputs}
    for key, size in names.items():
        if file.values.get(key) is not None and len(file.texts(key)) != size:
            raise file.wrong(key, f"has {len(file.texts(key))} names for {size} {key.partition('_')[0]}s")
    y = _targets(file, len(x), outputs, loss_name)
    try:
        start = network.init(seed, dtype) | {path: array.astype(dtype) for path, array in params.items()}
    except OptionError as error:
        raise file.within("dtype" if "dtype" in str(error) else "seed", error) from None
    example = Example(
        *(name, file.text("title", name), file.text("source"), network, start, loss, optimizer, file.texts("frozen"), x, y),
        *(file.texts("input_names"), file.texts("output_names"), loss_name, dtype, seed),
    )
    try:
        assert example.step.program
    except ChainruleError as error:
        raise file.within("frozen" if "frozen" in str(error) else "loss", error) from None
    return example


def _layers(file: Source, width: int) -> tuple[dict[str, nn.Dense], Arrays]:
    layers: dict[str, nn.Dense] = {}
    params: Arrays = {}
    tables = file.layers()
    before = "the inputs have"
    for table in tables:
        table.check_keys(_LAYER_KEYS)
        name = table.text("name", "output" if table.layer == len(tables) else f"hidden_{table.layer}")
        if not name or "." in name or name in layers:
            raise table.wrong("name", f"is '{name}' and must be a word of its own, without dots")
        weight = _weight(table, width, before)
        bias = None if table.values.get("bias") is False else table.numbers("bias", 1)
        count = weight.shape[1] if weight is not None else table.values.get("units")
        if count is None:
            raise table.wrong("weight", "is missing; give it, or weight_by_unit, or units for drawn weights")
        try:
            without = table.values.get("bias") is False
            layers[name] = nn.Dense(width, count, table.text("activation", "identity"), bias=None if without else "constant")
        except OptionError as error:
            raise table.within("activation" if "activation" in str(error) else "units", error) from None
        if bias is not None and len(bias) != count:
            raise table.wrong("bias", f"has {len(bias)} numbers for {count} unit{'s' * (count != 1)}")
        if weight is not None:
            params[f"{name}.weight"] = weight
        if bias is not None:
            params[f"{name}.bias"] = bias
        width, before = count, f"{name} has"
    return layers, params


def _weight(table: Source, inputs: int, before: str) -> np.ndarray | None:
    """Return the weight of a layer, (inputs, units)."""
    given, by_unit = table.numbers("weight", 2), table.numbers("weight_by_unit", 2)
    if given is not None and by_unit is not None:
        raise table.wrong("weight_by_unit", "says the same as weight; give one of them")
    key, weight = ("weight", given) if by_unit is None else ("weight_by_unit", by_unit.T)
    if weight is None:
        return None
    if weight.shape[0] != inputs:
        rows = f"{inputs} rows, one for each input" if key == "weight" else f"rows of {inputs} numbers, one row for each unit"
        shape = " × ".join(map(str, table.numbers(key, 2).shape))  # type: ignore[union-attr]  # it was read above
        raise table.wrong(key, f"is {shape} and must have {rows}: {before} {inputs}")
    units = table.values.get("units", weight.shape[1])
    if units != weight.shape[1]:
        raise table.wrong("units", f"is {units!r}, and {key} is for {weight.shape[1]} units")
    return weight


def _targets(file: Source, rows: int, outputs: int, loss: str) -> np.ndarray:
    value = file.values.get("targets")
    if value is None:
        raise file.wrong("targets", "is missing; it is a list with an entry for each row of inputs")
    one_each = isinstance(value, list) and not any(isinstance(item, list) for item in value)
    if loss == "cross_entropy" and one_each:
        y: np.ndarray = np.array([_class_number(file, item, outputs) for item in value], np.int64)
    else:
        numbers = file.numbers("targets", 2)
        assert numbers is not None  # it is there
        y = numbers
        if y.shape[1] != outputs:
            raise file.wrong("targets", f"has rows of {y.shape[1]} numbers, and the network has {outputs} outputs")
    if len(y) != rows:
        raise file.wrong("targets", f"has {len(y)} rows, and inputs has {rows}")
    return y


def _class_number(file: Source, item: Any, outputs: int) -> int:
    names = file.texts("output_names")
    if isinstance(item, str) and item in names:
        return names.index(item)
    if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < outputs:
        return item
    known = f", or {', '.join(names)}" if names else ""
    raise file.wrong("targets", f"has {item!r}, and classes are 0 to {outputs - 1}{known}.{nearest(str(item), names)}".removesuffix("."))


def _named(file: Source, key: str, known: Mapping[str, Callable[..., Any]]) -> tuple[str, Any]:
    """Return a loss or an optimizer: its name, or a table of its name and its options."""
    value = file.values.get(key)
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise file.wrong(key, f'must be a name, or a table such as {{ name = "{next(iter(known))}" }}; there are {", ".join(known)}')
    name, options = table["name"], {word: number for word, number in table.items() if word != "name"}
    if name not in known:
        raise file.wrong(key, f"'{name}' is not known; there are {', '.join(known)}.{nearest(name, known)}".removesuffix("."))
    words = [word for word in signature(known[name]).parameters if word not in ("prediction", "target", "weights", "schedule")]
    for word in options:
        if word not in words:
            raise file.wrong(key, f"'{name}' has no option '{word}'; there are {', '.join(words)}.{nearest(word, words)}".removesuffix("."))
    try:
        return name, (partial(known[name], **options) if options else known[name]) if key == "loss" else known[name](**options)
    except OptionError as error:
        raise file.within(key, error) from None
