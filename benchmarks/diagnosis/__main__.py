"""The command: ``python -m benchmarks.diagnosis [--only TEXT] [--half tuned|held-out]``; it prints a line for each run, and the table."""

from __future__ import annotations

import argparse
import sys
import time

import chainrule as cr
from benchmarks.diagnosis.healthy import HEALTHY
from benchmarks.diagnosis.pathologies import PATHOLOGIES, Case


def main(arguments: list[str] | None = None) -> int:
    """Diagnose the runs and count; return 0 if at least nine tenths are named first and at most 2 of 40 are false alarms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="runs whose name or code has this text")
    parser.add_argument("--half", choices=("tuned", "held-out"), help="the half that the rules were tuned on, or the other one")
    parser.add_argument("--verbose", action="store_true", help="the evidence of each finding")
    options = parser.parse_args(arguments)
    right: dict[bool, list[bool]] = {True: [], False: []}
    silent: dict[bool, list[bool]] = {True: [], False: []}
    for case in (*PATHOLOGIES, *HEALTHY):
        if options.only not in f"{case.name} {case.code or 'healthy'}" or (options.half and case.tuned != (options.half == "tuned")):
            continue
        ok = _try(case, options.verbose)
        (right if case.code else silent)[case.tuned].append(ok)
    for what, counted in (("named at first place", right), ("healthy and silent", silent)):
        for tuned, name in ((True, "tuned on"), (False, "held out")):
            if counted[tuned]:
                print(f"{what}, {name}: {sum(counted[tuned])} of {len(counted[tuned])}")
    named, alarms = sum(map(sum, right.values())), sum(not ok for half in silent.values() for ok in half)
    return 0 if options.only or options.half or (named >= 0.9 * len(PATHOLOGIES) and alarms <= 2) else 1


def _try(case: Case, verbose: bool) -> bool:
    started = time.perf_counter()
    run = case.make()
    trained = time.perf_counter()
    found = cr.diagnose(run)
    seconds = time.perf_counter() - trained
    codes = [finding.code for finding in found]
    ok = codes[:1] == [case.code] if case.code else not codes
    shown = ", ".join(codes) or "silent"
    print(
        f"{'ok   ' if ok else 'WRONG'} {case.code or 'healthy':20} {case.name:45} {shown}  ({trained - started:.1f} + {seconds:.1f} s)",
        flush=True,
    )
    if verbose or not ok:
        for finding in found:
            print(f"        {finding.code} [{finding.layer}, {finding.since_step}]: {finding.evidence}")
    return ok


if __name__ == "__main__":
    sys.exit(main())
