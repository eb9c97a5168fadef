"""Running the command line as a person does: in a process of its own, in a folder of its own."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SMALL = ("--epochs", "2", "--hidden", "8", "--no-trees")


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line of an error."""
        lines = self.err.splitlines()
        assert lines, self
        assert lines[-1].startswith("error: "), self.err
        assert "Traceback" not in self.err
        return lines[-1].removeprefix("error: ")


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "OPENBLAS_NUM_THREADS": "1"}


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "chainrule", *map(str, words)]


@cache
def forks() -> subprocess.Popen[str]:
    """The process that forks for each command, see :mod:`cli.forks`; one for each process of tests."""
    path = str(Path(__file__).with_name("forks.py"))
    process = subprocess.Popen([sys.executable, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def chainrule(*words: object, cwd: Path, stdin: bytes | None = None) -> Ran:
    process = forks()
    with TemporaryDirectory() as folder:
        given, out, err = (Path(folder) / name for name in ("in", "out", "err"))
        given.write_bytes(stdin or b"")
        out.touch()
        err.touch()
        streams = [os.devnull if stdin is None else str(given), str(out), str(err)]
        asked = {"words": list(map(str, words)), "cwd": str(cwd), "env": environment(), "streams": streams}
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        return Ran(status, out.read_bytes().decode(), err.read_bytes().decode())


def people(rows: int = 60) -> str:
    """A small table: numbers, a category, an identifier, and a target of each task."""
    header = "id,age,town,group,income,works\n"
    towns, answers = ("Bern", "Ulm", "Linz"), ("Yes", "No")
    lines = (
        f"P{i:03},{20 + i * 7 % 40},{towns[i % 3]},{i // 3},{1000 + 13.5 * (i * 7 % 40) + 100 * (i % 3)},{answers[i * 7 % 40 > 20]}"
        for i in range(rows)
    )
    return header + "\n".join(lines) + "\n"
