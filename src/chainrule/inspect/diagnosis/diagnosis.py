"""A diagnosis: what is wrong with a run, the cause first, and what to try."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.inspect.diagnosis.codes import CODES
from chainrule.inspect.diagnosis.gather import gather
from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.training.findings import Finding


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What was found.

    Attributes:
        findings: the cause first; empty if all is well.
        said: a sentence for each thing that was missing, so that nothing could be said of it.
        looked_at: what was there to look at, in words: ``40 epochs, 21 sampled steps, 220 training rows``.
    """

    findings: tuple[Finding, ...]
    said: tuple[str, ...] = ()
    looked_at: str = ""

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong, as far as could be seen."""
        return not self.findings

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __repr__(self) -> str:
        from chainrule.inspect.diagnosis.text import diagnosis_lines

        return "\n".join(line.plain for line in diagnosis_lines(self, 100))

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as JSON-ready data."""
        said = {"said": list(self.said)} if self.said else {}
        return {"healthy": self.healthy, "findings": [finding.to_json() for finding in self.findings], "looked_at": self.looked_at, **said}

    def _repr_html_(self) -> str:
        from chainrule.inspect.notebook import html_of  # which imports this module

        return html_of(self)


def diagnose(subject: Any, data: Any = None) -> Diagnosis:
    """Say what is wrong with a run: what, where, since which step, with the numbers that show it, and one thing to try.

    Args:
        subject: the folder of a run, a model of :func:`chainrule.train`, a run of :func:`chainrule.fit`, a history, or the
            ``NonFiniteError`` that ended a training.
        data: the table of a run on a table, where it is not where it was, or was read from standard input.

    Returns:
        The findings, the cause first; none if all is well.

    Raises:
        InputError: it is none of these; or there is neither a history nor data to look at.
    """
    measurements, said = gather(subject, data)
    return Diagnosis(findings_of(measurements), tuple(said), _looked_at(measurements))


def findings_of(measurements: Measurements) -> tuple[Finding, ...]:
    """Return what the rules find, in the order of causes."""
    found: list[Finding] = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers that overflow are what is looked for
        for code in CODES.values():
            looked_at = measurements.alone if code.of_target and measurements.alone else (measurements,)
            found += [finding for one in looked_at if (finding := code.rule(one)) is not None]
    return tuple(sorted(found, key=_rank))


def _rank(finding: Finding) -> tuple[int, float]:
    """Return the place in the order of causes; what was so from the start comes before what the course of the run may have brought "
    "about."""
    place = list(CODES).index(finding.code)
    if finding.code == "dead_units" and finding.numbers.get("at_start", 0.0) >= 0.5 * finding.numbers["of"]:
        place = list(CODES).index("vanishing_gradients")
    if finding.code == "saturated_units" and (finding.since_step or 0) > 1:
        place = list(CODES).index("dead_units")  # gradients that fade, or a high rate, brought it about
    if finding.code == "bad_initialization" and "gain" in finding.numbers:
        return list(CODES).index("vanishing_gradients"), 1.0  # what it did is told first
    if finding.code == "diverged" and " holds " in finding.evidence:
        place = -1  # a number in the data: nothing else counts
    return place, -finding.weight


def _looked_at(m: Measurements) -> str:
    words = []
    if m.history.epochs:
        words.append(_count(len(m.history.epochs), "epoch"))
    if m.history.samples:
        words.append(_count(len(m.history.samples), "sampled step"))
    if m.train is not None:
        words.append(_count(len(m.train), "training row"))
    words += [_count(len(rows), f"{ {'valid': 'validation'}.get(part, part) } row") for part, rows in m.held_out.items()]
    return ", ".join(words) or "nothing"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
