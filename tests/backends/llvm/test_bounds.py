"""Nothing is read or written outside of an array, in a process that would die of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it takes pages away as Linux does")


def guard(seeds: range) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "backends.llvm.guarded", *map(str, seeds)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    reached = ran.stdout.split()
    assert ran.returncode == 0, f"the process ended with {ran.returncode} in network {reached[-1:]}: {ran.stderr[-1500:]}"
    assert len(reached) == len(seeds)


@LINUX
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_no_access_out_of_bounds(first):
    guard(range(first, first + 20))


@LINUX
@pytest.mark.sweep
@pytest.mark.parametrize("first", range(60, 500, 20))
def test_no_access_out_of_bounds_of_any_network(first):
    guard(range(first, first + 20))
