"""The other end of a child process: it is started, told to run, and asked what it found."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.child import Assignment
from benchmarks.pinning import environment

_LIMIT = 900.0  # seconds that a command may take


class FailedError(Exception):
    """A child ended, or said that it failed; the message says how."""


class Contestant:
    """A rival in a process of its own. Use it in a ``with`` statement: the process ends there."""

    def __init__(self, assignment: Assignment, caches: Path) -> None:
        self.name = assignment.rival
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", assignment.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment(len(assignment.cores), caches),
            text=True,
        )

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self._log.close()

    def ask(self, command: str) -> dict[str, Any]:
        """Send a command and return the reply.

        Raises:
            FailedError: the child ended, failed, or took longer than 15 minutes.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(f"{command}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise FailedError(self._last_words()) from None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(_LIMIT):
                raise FailedError(f"no answer to '{command}' for {_LIMIT:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise FailedError(self._last_words())
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise FailedError(reply["error"])
        return reply

    def _last_words(self) -> str:
        status = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"the process ended with status {status}" + (f": {lines[-1]}" if lines else "")
