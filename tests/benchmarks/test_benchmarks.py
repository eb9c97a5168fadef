"""The benchmarks run and compare; how fast anything is, is never asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule
from benchmarks import measure, profile, report
from benchmarks.__main__ import main
from benchmarks.rivals import OURS, RIVALS
from benchmarks.timing import alternate
from benchmarks.workloads import WORKLOADS, Workload, select

ROOT = Path(__file__).parents[2]
TINY = WORKLOADS[0]


def test_tiny_against_pytorch(tmp_path: Path) -> None:
    arguments = ["--only", "tiny", "--rivals", "torch", "--cores", "1", "--rounds", "1", "--quick"]
    path = os.pathsep.join([str(Path(chainrule.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "--out", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "results.json").read_text())
    (entry,) = written["workloads"]
    assert entry["results"].keys() == {OURS, "torch"}
    ours, torch = entry["results"][OURS], entry["results"]["torch"]
    assert torch["check"] == pytest.approx(ours["check"], rel=TINY.tolerance)
    assert abs(ours["check"] - ours["start"]) > 10 * TINY.tolerance * ours["start"]  # it has learned, so that the check can bite
    assert torch["ratio"] == pytest.approx(torch["median_us"] / ours["median_us"])
    assert (tmp_path / "results.md").read_text() == done.stdout.removesuffix("\n")
    assert main(["--render", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "results.md").read_text() == done.stdout.removesuffix("\n")


def test_pieces_make_one_report() -> None:
    whole: measure.Result = {"workloads": []}
    for name, cores, time in (("mnist", 2, 1.0), ("tiny", 1, 2.0), ("mnist", 1, 3.0), ("tiny", 1, 4.0)):
        report.put(whole, {"name": name, "cores": cores, "time": time})
    found = [(entry["name"], entry["cores"], entry["time"]) for entry in whole["workloads"]]
    assert found == [("tiny", 1, 4.0), ("mnist", 1, 3.0), ("mnist", 2, 1.0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "tinny"), "there is no workload 'tinny'"),
        (("--cores", "0"), "--cores has '0'"),
        (("--rivals", "abacus"), "there is no rival 'abacus'"),
        (("--render", "--out", "/nowhere"), "there is no /nowhere/results.json to render"),
        (("--quick", "--docs", "docs/performance.md"), "a quick run is not for the documentation"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(list(arguments)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("check", "found"), [(0.5001, False), (0.55, True), (float("nan"), True)])
def test_another_final_loss_is_a_problem(check: float, found: bool) -> None:
    ours = {"median_us": 2.0, "best_us": 1.0, "check": 0.5}
    result = {"median_us": 6.0, "best_us": 5.0, "check": check}
    measure._complete(RIVALS["torch"], TINY, result, ours)
    assert result["ratio"] == 3.0
    assert ("mismatch" in result) == found
    entry = {"name": "tiny", "cores": 1, "results": {OURS: ours, "torch": result}}
    assert bool(report.problems({"workloads": [entry]})) == found


def test_everyone_takes_turns_and_who_fails_is_left_out() -> None:
    order: list[str] = []

    def runner(name: str, result: float | None):
        def run() -> float | None:
            order.append(name)
            return result

        return run

    times = alternate({"a": runner("a", 1.0), "b": runner("b", None), "c": runner("c", 2.0)}, rounds=3, seconds=60.0)
    assert order == ["a", "b", "c", "c", "a", "a", "c"]
    assert times == {"a": [1.0] * 3, "b": [], "c": [2.0] * 3}


def test_flops_and_names() -> None:
    assert Workload("w", (3, 5, 7), 2, 1).flops == 2 * 2 * (2 * 3 * 5 + 3 * 5 * 7)
    assert Workload("w", (3, 5, 7), 2, 1, predicts=True).flops == 2 * 2 * (3 * 5 + 5 * 7)
    assert len({workload.name for workload in WORKLOADS}) == len(WORKLOADS)
    assert [workload.name for workload in select(["square_4?"], quick=False)] == ["square_45", "square_46"]


def test_the_tables_go_between_the_markers(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.write_docs("new\n", document)
    assert document.read_text(encoding="utf-8") == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    document.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for the tables"):
        report.write_docs("new", document)
    own = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert own.count(report.BEGIN) == own.count(report.END) == 1


def test_a_profile_counts_the_functions_of_the_step_alone() -> None:
    text = """# Overhead;Shared Object;Symbol
 30.00% ;step.so ;[.] product.float32.4.3 ;- -
 10.00% ;step.so ;[.] group.17.tile ;- -
  5.00% ;step.so ;[.] copy.float32.3.0 ;- -
  4.00% ;libc.so.6 ;[.] __memmove_avx_unaligned_erms ;- -
 50.00% ;libpython3.11.so.1.0 ;[.] _PyEval_EvalFrameDefault ;- -
  1.00% ;step.so ;[.] group.17 ;- -
"""
    parts = profile.by_part(profile.shares(text))
    assert list(parts.values()) == pytest.approx([0.6, 0.2, 0.1, 0.08, 0.02])
