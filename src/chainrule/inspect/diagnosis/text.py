"""A diagnosis in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.text import Text

from chainrule.inspect.diagnosis.codes import CODES
from chainrule.inspect.diagnosis.diagnosis import Diagnosis
from chainrule.training.findings import Finding

_NARROWEST = 40


def diagnosis_lines(diagnosis: Diagnosis, width: int) -> Iterator[Text]:
    """Yield the lines of a diagnosis, broken between words."""
    width = max(min(width, 110), _NARROWEST)
    if diagnosis.healthy:
        yield from _wrapped(f"Nothing is wrong, as far as can be seen: {diagnosis.looked_at}.", width, "", "bold")
    else:
        number = len(diagnosis.findings)
        yield from _wrapped(
            f"{number} {'finding' if number == 1 else 'findings, the cause first'} ({diagnosis.looked_at})", width, "", "dim"
        )
    for place, finding in enumerate(diagnosis.findings, 1):
        yield Text("")
        yield from _finding(place, finding, width)
    if diagnosis.said:
        yield Text("")
    for text in diagnosis.said:
        yield from _wrapped(f"Note: {text}", width, "", "dim")


def _finding(place: int, finding: Finding, width: int) -> Iterator[Text]:
    where = [finding.layer] if finding.layer else []
    if finding.since_step is not None:
        where.append("from the start" if finding.since_step == 0 else f"since step {finding.since_step:,}")
    yield Text.assemble((f"{place}. ", "dim"), (finding.code, "bold yellow"), f"  {CODES[finding.code].words}")
    if where:
        yield from _wrapped(", ".join(where), width, "   ", "dim")
    yield from _wrapped(finding.evidence[:1].upper() + finding.evidence[1:], width, "   ")
    yield from _wrapped(f"→ {finding.advice}", width, "   ", "", "     ")


def _wrapped(text: str, width: int, indent: str, style: str = "", further: str | None = None) -> Iterator[Text]:
    further = indent if further is None else further
    for line in wrap(text, width, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False, break_long_words=False):
        yield Text(line, style=style)
