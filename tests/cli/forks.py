"""A process that has the libraries loaded and forks for each command: each has a process of its own, and nobody waits for the loading.

Commands stand in the lines of its standard input, as JSON; for each it answers with the exit status.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_LOADED = ("numpy", "polars", "narwhals", "safetensors.numpy", "llvmlite.binding", "rich.table", "rich.markdown", "typer", "chainrule.cli")
_COMMANDS = ("training.train", "training.model_file", "inspect.step", "inspect.attributions", "inspect.diagnosis", "backends.llvm")
_LONGEST = 60  # seconds


def serve() -> None:
    for name in (*_LOADED, *(f"chainrule.{room}" for room in _COMMANDS)):
        import_module(name)
    for line in sys.stdin:
        if not (child := os.fork()):
            _become(json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(asked: dict[str, Any]) -> None:
    """Be the process of a command: its folder, its environment, its three streams; exits with its status."""
    signal.alarm(_LONGEST)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for descriptor, (path, flags) in enumerate(zip(asked["streams"], (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115 - it stays open until the end
    spec = find_spec("chainrule.__main__")
    assert spec is not None
    sys.argv = [str(spec.origin), *asked["words"]]
    from chainrule.cli import main

    sys.exit(main())


if __name__ == "__main__":
    serve()
