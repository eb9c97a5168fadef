"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

from benchmarks import data, machine, measure, pinning, report
from benchmarks.measure import Result, Settings, compare
from benchmarks.rivals import OURS, RIVALS
from benchmarks.workloads import WORKLOADS, select

_QUICK = Settings(rounds=3, seconds=0.0, warm_starts=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; return 0, or 1 if a rival failed or computed something else, or 2 for wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ValueError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Times Chainrule and other libraries side by side.")
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser.add_argument("--only", default="", metavar="WORKLOADS", help=f"names or patterns, joined by commas, of: {names}")
    parser.add_argument("--rivals", default="", help=f"names, joined by commas, of: {', '.join(RIVALS)}")
    parser.add_argument("--cores", default="1,2", help="numbers of cores, joined by commas (default: 1,2)")
    parser.add_argument("--rounds", type=int, help=f"how often everyone is timed (default: {Settings.rounds}; quick: {_QUICK.rounds})")
    parser.add_argument("--quick", action="store_true", help="an eighth of the steps, three rounds: to see that it works")
    parser.add_argument("--add", action="store_true", help="keep what is in --out already, but for the workloads that are run again")
    parser.add_argument("--render", action="store_true", help="run nothing: write tables and plot from what is in --out")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR", help="where the results go")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="a document whose tables are replaced: docs/performance.md")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.quick and options.docs:
        raise ValueError("a quick run is not for the documentation; leave out --quick or --docs.")
    path = options.out / "results.json"
    if options.render:
        if not path.exists():
            raise ValueError(f"there is no {path} to render; run some workloads first.")
        return _conclude(report.read_json(path), options)
    settings = _QUICK if options.quick else Settings()
    if options.rounds is not None:
        settings = Settings(max(options.rounds, 1), settings.seconds, settings.warm_starts)
    workloads = select(_split(options.only), options.quick)
    groups = [_cores(text) for text in _split(options.cores)]
    rivals = _rivals(_split(options.rivals))
    options.out.mkdir(parents=True, exist_ok=True)

    result: Result = {"format": 1, "date": datetime.date.today().isoformat(), "machine": machine.describe(), "workloads": []}
    if options.add and path.exists():
        result = report.read_json(path)
    measured = result["machine"].setdefault("measured", {})
    for cores in groups:
        measured.setdefault(str(len(cores)), []).append(machine.measure(cores))
    for workload in workloads:
        with tempfile.TemporaryDirectory(prefix="chainrule-bench-") as folder:
            data.write(workload, Path(folder), 2 * settings.rounds + 1)  # one for each run: nobody has seen it before
            for cores in groups:
                entry = compare(workload, Path(folder), cores, rivals, settings) | {"quick": options.quick}
                report.put(result, entry)
                _progress(entry)
                report.write_json(result, path)  # what is done is kept if the rest is interrupted
    for cores in groups:
        measured[str(len(cores))].append(machine.measure(cores))
    return _conclude(result, options)


def _conclude(result: Result, options: argparse.Namespace) -> int:
    report.write_json(result, options.out / "results.json")
    text = report.markdown(result)
    (options.out / "results.md").write_text(text, encoding="utf-8")
    print(text)
    try:
        from benchmarks import plot

        plot.draw(result, options.out / "ratios.svg")
    except ImportError as error:
        print(f"no plot: {error}", file=sys.stderr)
    if options.docs:
        report.write_docs(text, options.docs)
    found = report.problems(result)
    for problem in found:
        print(f"PROBLEM: {problem}", file=sys.stderr)
    print(f"results: {options.out}", file=sys.stderr)
    return 1 if found else 0


def _progress(entry: Result) -> None:
    print(f"{entry['name']} ({entry['description']}), cores: {entry['cores']}", file=sys.stderr)
    for name, result in entry["results"].items():
        if "median_us" in result:
            ratio = f"{result['ratio']:9.2f} ×" if "ratio" in result else ""
            text = f"{result['median_us']:12.2f} µs, best {result['best_us']:12.2f} {ratio}"
            text += "  disturbed" if measure.disturbed(result) else ""
            text += f"  {result['mismatch']}" if "mismatch" in result else ""
        else:
            kind = next((kind for kind in ("error", "missing", "not_offered") if kind in result), "failed")
            text = f"{kind.replace('_', ' ')}: {result.get(kind, '')}"
        print(f"  {name:24} {text}", file=sys.stderr)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _cores(text: str) -> list[int]:
    there = pinning.available()
    if not text.isdigit() or not 1 <= int(text) <= len(there):
        raise ValueError(f"--cores has '{text}'; it takes numbers from 1 to {len(there)}, as many cores as this process may use.")
    return there[-int(text) :]  # the first core has the system's interrupts


def _rivals(chosen: list[str]) -> list[str]:
    for name in chosen:
        if name not in RIVALS:
            raise ValueError(f"there is no rival '{name}'; there are {', '.join(RIVALS)}.")
    return [name for name in RIVALS if not chosen or name in chosen or name == OURS]


if __name__ == "__main__":
    sys.exit(main())
