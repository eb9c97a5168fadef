"""The house's rules: who may import whom, how large the engine may be, how long a file."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import chainrule

ROOT = Path(chainrule.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

ENGINE = {"ir", "ops", "transforms"}
NETWORKS = ENGINE | {"nn", "losses", "optim"}
TRAINING = NETWORKS | {"backends", "data", "training"}
MAY_IMPORT = {
    "errors": set(),
    "words": set(),
    "special": set(),
    "ir": {"errors", "words"},
    "ops": {"errors", "words", "ir", "special"},
    "transforms": {"errors", "words", "ir", "ops"},
    "backends": {"errors", "words", *ENGINE},
    "nn": {"errors", "words", "ir", "ops"},
    "losses": {"errors", "words", "ir", "ops"},
    "optim": {"errors", "words", "ir", "ops"},
    "data": {"errors", "words", "ops"},
    "training": {"errors", "words", *TRAINING},
    "inspect": {"errors", "words", *TRAINING, "estimators", "export", "learn"},
    "estimators": {"errors", "words", *TRAINING, "inspect", "export", "learn"},
    "export": {"errors", "words", *TRAINING, "inspect", "estimators", "learn"},
    "learn": {"errors", "words", *TRAINING, "inspect", "estimators", "export"},
}
LEAVES = {"cli", "serve", "studio"}


def room(path: Path) -> str:
    part = path.relative_to(ROOT).parts[0]
    return part.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield (the room that is imported, line, whether at the top level of the module) for each import of our own."""
    tree = ast.parse(path.read_text())
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "chainrule" and len(parts) > 1:
                yield parts[1], node.lineno, id(node) in top


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downward_only(path):
    here = room(path)
    wrong = []
    for target, line, top in imports(path):
        allowed = target == here or here == "__init__" or target in MAY_IMPORT.get(here, set())
        if here in LEAVES:
            allowed = target == here or target not in LEAVES or (here == "cli" and not top)
        if not allowed and target != "__version__" and (here, target) != ("__main__", "cli"):
            wrong.append(f"line {line}: {here} imports {target}")
    assert not wrong


def test_every_room_is_on_the_plan():
    assert {room(path) for path in FILES} - {"__init__", "__main__"} <= set(MAY_IMPORT) | LEAVES


def code_lines(path: Path) -> int:
    """Return the number of lines that hold code: no blank lines, comments or docstrings."""
    source = path.read_text()
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def test_the_engine_keeps_to_its_budget():
    """The files that only name what a room offers are not counted."""
    folders = [ROOT / name for name in ("ir", "ops", "transforms", "backends/reference")]
    sizes = {path: code_lines(path) for folder in folders for path in folder.rglob("*.py") if path.name != "__init__.py"}
    assert sum(sizes.values()) <= 1500, sizes


def test_what_a_line_of_code_is(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        '"""Docstring\n\nof three lines."""\n\n# comment\nx = (1,\n     2)  # two lines\n\n\ndef f():\n    """Doc."""\n    return x\n'
    )
    assert code_lines(path) == 4


def test_the_reference_interpreter_is_short():
    assert len((ROOT / "backends/reference/interpreter.py").read_text().splitlines()) <= 100


def test_no_file_is_long():
    long = {str(path.relative_to(ROOT)): lines for path in FILES if (lines := len(path.read_text().splitlines())) > 450}
    assert not long
