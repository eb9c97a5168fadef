"""The comparison of the estimators with scikit-learn's, on a small table and few rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_table_has_a_line() -> None:
    ran = run("benchmarks.estimators", "iris", "--splits", "2")
    assert ran.returncode == 0, ran.stderr
    head, _, line = ran.stdout.splitlines()
    cells = dict(zip(head.split("|"), line.split("|"), strict=True))
    assert cells[" table "] == " iris " and 0 <= float(cells[" error "]) < 0.2 and 0 <= float(cells[" MLP "]) < 0.2
    assert 0 < float(cells[" ECE "]) < 0.5 and 0 < float(cells[" MLP ECE "]) < 0.5


def test_a_table_that_is_not_there_is_named() -> None:
    ran = run("benchmarks.estimators", "churn")
    assert ran.returncode == 2 and "there is no table 'churn'" in ran.stderr


def test_memory_and_throughput_of_many_rows() -> None:
    ran = run("benchmarks.estimators.large", "--part", "fit", "--rows", "20000", "--rounds", "1")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["fit"] > 0 and found["beyond_mb"] < 1.3 * found["data_mb"] + 200
