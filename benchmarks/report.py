"""The results as tables in Markdown, as JSON, and in the documentation between two markers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, disturbed
from benchmarks.rivals import OURS, RIVALS
from benchmarks.workloads import WORKLOADS

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def markdown(report: Result) -> str:
    """Return all tables: the machine, training, prediction, compilation and memory, and what was left out."""
    sections = [_machine(report)]
    for title, predicts in (("Training", False), ("Prediction", True)):
        chosen = [entry for entry in report["workloads"] if entry["predicts"] == predicts]
        if chosen:
            sections += [f"### {title}", _speed(chosen, report["machine"])]
    sections += ["### Compilation and memory", _costs(report["workloads"])]
    notes = _notes(report["workloads"])
    if notes:
        sections += ["### Notes", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(sections) + "\n"


def problems(report: Result) -> list[str]:
    """Return what is wrong with a report: losses that differ, and runs that failed."""
    found = []
    for entry in report["workloads"]:
        for name, result in entry["results"].items():
            for kind in ("mismatch", "error"):
                if kind in result:
                    found.append(f"{_title(entry)}, {name}: {result[kind]}")
    return found


def put(report: Result, entry: Result) -> None:
    """Put an entry into a report, in place of an earlier one of the same workload and cores, in the order of the workloads."""
    order = [workload.name for workload in WORKLOADS]
    others = [e for e in report["workloads"] if (e["name"], e["cores"]) != (entry["name"], entry["cores"])]
    report["workloads"] = sorted([*others, entry], key=lambda e: (order.index(e["name"]), e["cores"]))


def read_json(path: Path) -> Result:
    """Read a report."""
    found: Result = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_json(report: Result, path: Path) -> None:
    """Write the report with every single time."""
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def write_docs(text: str, path: Path) -> None:
    """Put the tables between the markers of a document.

    Raises:
        ValueError: the document lacks a marker.
    """
    document = path.read_text(encoding="utf-8")
    if BEGIN not in document or END not in document:
        raise ValueError(f"{path} has no place for the tables: it needs the lines '{BEGIN}' and '{END}'.")
    before, rest = document.split(BEGIN, 1)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def _machine(report: Result) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version or 'missing'}" for name, version in machine["versions"].items())
    rounds = [len(result["times_us"]) for entry in report["workloads"] for result in entry["results"].values() if result.get("times_us")]
    quick = ", quick" if any(entry.get("quick") for entry in report["workloads"]) else ""
    lines = [
        f"{report['date']}, {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {versions}.",
        f"{_span(rounds, '{:.0f}')} rounds{quick}; load before: {machine['load_before']}.",
    ]
    for cores, measured in machine["measured"].items():
        texts = []
        for name, unit in _RATES.items():
            values = [each[name] for each in measured if name in each]
            texts += [f"{_span(values, '{:.0f}')} {unit}"] if values else []
        texts += sorted({each[name] for each in measured for name in ("without", "error") if name in each})
        lines.append(f"{_cores(int(cores))}, measured between the runs: {', '.join(texts)}.")
    return "\n".join(f"{line}  " for line in lines)


_RATES = {
    "fma_float32_gflop_s": "GFLOP/s float32",
    "fma_float64_gflop_s": "GFLOP/s float64",
    "copy_gb_s": "GB/s copied",
}


def _span(values: Sequence[float], text: str) -> str:
    low, high = (text.format(number) for number in (min(values, default=0), max(values, default=0)))
    return low if low == high else f"{low} to {high}"


def _speed(entries: Sequence[Result], machine: Result) -> str:
    names = _columns(entries, lambda name: name != OURS)
    head = ["workload", "cores", "chainrule, µs: median (best)", "GFLOP/s", "of the FMA rate", *(f"{name} ÷ ours" for name in names)]
    rows = []
    for entry in entries:
        ours = entry["results"].get(OURS, {})
        own = [_microseconds(ours), f"{ours['gflop_s']:.1f}" if "gflop_s" in ours else "–", _of_peak(entry, ours, machine)]
        ratios = [_ratio(entry["results"].get(name)) for name in names]
        rows.append([f"{entry['name']}: {entry['description']}", str(entry["cores"]), *own, *ratios])
    return _table(head, rows)


def _costs(entries: Sequence[Result]) -> str:
    names = _columns(entries, lambda name: True)
    head = ["workload", "cores", *names]
    rows = [[entry["name"], str(entry["cores"]), *(_cost(entry["results"].get(name)) for name in names)] for entry in entries]
    what = (
        "Seconds from a loaded library to the end of the first run, less the time of a later run (in parentheses: a second process, "
        "with what the first one kept on disk); and the peak of the process's memory, less what it held before it loaded the library, "
        "in MB."
    )
    return f"{what}\n\n{_table(head, rows)}"


def _columns(entries: Sequence[Result], chosen: Callable[[str], bool]) -> list[str]:
    return [name for name in RIVALS if chosen(name) and any("median_us" in entry["results"].get(name, {}) for entry in entries)]


def _microseconds(result: Result) -> str:
    return f"{_short(result['median_us'])} ({_short(result['best_us'])})" if "median_us" in result else "failed"


def _of_peak(entry: Result, result: Result, machine: Result) -> str:
    rates = [values.get(f"fma_{entry['dtype']}_gflop_s") for values in machine["measured"].get(str(entry["cores"]), [])]
    known = [rate for rate in rates if rate]
    return f"{result['gflop_s'] / max(known):.0%}" if known and "gflop_s" in result else "–"


def _ratio(result: Result | None) -> str:
    if not result or "missing" in result or "not_offered" in result:
        return "–"
    if "mismatch" in result:
        return "loss differs"
    return _short(result["ratio"]) if "ratio" in result else "failed"


def _cost(result: Result | None) -> str:
    if not result or "median_us" not in result:
        return "–"
    cached = f" ({result['compile_cached_s']:.2f})" if "compile_cached_s" in result else ""
    memory = result.get("memory_peak_mb", float("nan")) - result["memory_before_mb"]
    return f"{result['compile_s']:.2f}{cached} s, {memory:.0f} MB"


def _notes(entries: Sequence[Result]) -> list[str]:
    notes: dict[str, list[str]] = {}
    for entry in entries:
        for name, result in entry["results"].items():
            for kind, text in (
                ("mismatch", "LOSS DIFFERS: {}"),
                ("error", "failed: {}"),
                ("missing", "not installed: {}"),
                ("not_offered", "not run: {}"),
                ("differs", "the loss is not compared: {}"),
                ("label", "backend {}"),
            ):
                if kind in result:
                    notes.setdefault(f"{name}, {text.format(result[kind])}", []).append(_title(entry))
            if disturbed(result):
                notes.setdefault(f"{name}, disturbed by other processes", []).append(_title(entry))
    return [f"{text} ({'; '.join(titles)})" if len(titles) < len(entries) else text for text, titles in notes.items()]


def _title(entry: Result) -> str:
    return f"{entry['name']}, {_cores(entry['cores'])}"


def _cores(count: int) -> str:
    return f"{count} core{'s' if count > 1 else ''}"


def _short(value: float) -> str:
    """Return a number with three significant digits, and without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines: list[Sequence[Any]] = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
