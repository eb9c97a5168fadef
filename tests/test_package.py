"""The package as a whole: what importing it loads, what it offers, and that training keeps to itself."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr

SOURCE = Path(cr.__file__).parent


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = """
import json, sys
before = set(sys.modules)
import numpy
numpys = set(sys.modules)
import chainrule
print(json.dumps([sorted(set(sys.modules) - numpys), sorted(before)]))
"""


def test_importing_it_loads_numpy_and_no_more() -> None:
    added, _ = json.loads(python(LOADED))
    foreign = [name for name in added if name.partition(".")[0] != "chainrule" and name.partition(".")[0] not in sys.stdlib_module_names]
    assert foreign == []
    assert len(added) < 10, added  # its own rooms are opened on first use too


def test_a_network_trains_without_the_libraries_for_tables() -> None:
    code = """
import sys
import numpy as np
import chainrule as cr
x = np.ones((8, 4))
cr.fit(cr.nn.mlp(4, [3], 1), (x, x[:, :1]), loss=cr.losses.mse, optimizer=cr.optim.adam(), epochs=2)
print(sorted({"polars", "narwhals", "typer", "rich", "starlette", "torch", "sklearn", "pandas", "numpy.ma"} & sys.modules.keys()))
"""
    assert python(code) == "[]\n"


def stub_names() -> set[str]:
    names = set()
    for node in ast.parse((SOURCE / "__init__.pyi").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            assert all(alias.asname == alias.name for alias in node.names), "a stub exports what it imports `as` itself"
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.AnnAssign):
            assert isinstance(node.target, ast.Name)
            names.add(node.target.id)
    return names


def test_the_stub_has_the_public_names() -> None:
    assert stub_names() == set(cr.__all__)
    assert len(cr.__all__) == len(set(cr.__all__))


@pytest.mark.parametrize("name", cr.__all__)
def test_each_public_name_resolves(name: str) -> None:
    code = f"import chainrule; print(type(getattr(chainrule, {name!r})).__name__, {name!r} in dir(chainrule))"
    assert python(code).split()[1] == "True"


def test_each_name_comes_from_where_the_stub_says() -> None:
    for node in ast.parse((SOURCE / "__init__.pyi").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                expected = getattr(module, alias.name, None) or importlib.import_module(f"{node.module}.{alias.name}")
                assert getattr(cr, alias.name) is expected


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'chainrule' has no attribute 'trian'"):
        cr.trian  # noqa: B018


AUDITED = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append((event, arguments)) if event.startswith("socket.") else None)
import chainrule as cr
model = cr.train("penguins", epochs=3)
assert len(model.history.epochs) == 3
print(opened)
import socket
socket.socket().close()
assert opened  # the hook hears
"""


def test_training_opens_no_socket() -> None:
    assert python(AUDITED) == "[]\n"
