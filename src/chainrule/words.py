"""An option as whoever reads of it writes it: ``--drop age`` on the command line, ``drop='age'`` in Python.

Messages name options by these functions alone, so that one text serves both. The command line says of its process that it is one; every
other process speaks Python.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_on_the_command_line = False
_OTHER_FLAGS = {"everything": "all"}


@contextmanager
def command_line() -> Iterator[None]:
    """Let messages speak of flags meanwhile. For the whole process: chunks of rows are read in other threads."""
    global _on_the_command_line
    before, _on_the_command_line = _on_the_command_line, True
    try:
        yield
    finally:
        _on_the_command_line = before


def word(name: str) -> str:
    """Return what an option is called: ``--class-weight``, or ``class_weight``."""
    return f"--{_OTHER_FLAGS.get(name, name).replace('_', '-')}" if _on_the_command_line else name


def setting(name: str, value: Any = ...) -> str:
    """Return what is written to set an option: ``--loss huber`` and ``--no-header``, or ``loss='huber'`` and ``header=False``.

    Without a value ``--missing``, or ``missing=``.
    """
    value = value.tolist() if hasattr(value, "tolist") else value
    if not _on_the_command_line:
        return f"{name}=" if value is ... else f"{name}={str(value)!r}" if hasattr(value, "__fspath__") else f"{name}={value!r}"
    if isinstance(value, bool):
        return word(name if value else f"no_{name}")
    return word(name) if value is ... else f"{word(name)} {_typed(value)}"


def _typed(value: Any) -> str:
    """Return a value as it is typed after a flag."""
    if isinstance(value, Mapping):
        return shlex.quote(",".join(f"{key}={weight}" for key, weight in value.items()))
    return shlex.quote(",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
