"""What was found wrong with a run: one finding is a code, where it is, since when, the numbers that show it, and one thing to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a run, or with its data.

    Attributes:
        code: one of the codes of :mod:`chainrule.inspect.diagnosis.codes`, such as ``dead_units``.
        layer: where: the layer, the column or the target that it is about; empty for the run as a whole.
        since_step: the number of the update (from 1) since which it is so; 0 for what was so before the first; ``None`` if nobody knows.
        evidence: a sentence with the numbers.
        advice: one thing to try.
        numbers: the numbers of the evidence by name, for programs.
        rows: rows that it is about, if it is about rows: of the table for a run on a table, of x for a run on arrays.
        weight: how sure and how grave it is, from 0 to 1; it orders findings of one rank.
    """

    code: str
    layer: str
    since_step: int | None
    evidence: str
    advice: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    rows: tuple[int, ...] = ()
    weight: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON-ready data."""
        told = {"code": self.code, "layer": self.layer, "since_step": self.since_step, "evidence": self.evidence, "advice": self.advice}
        return told | {"numbers": dict(self.numbers)} | ({"rows": list(self.rows)} if self.rows else {})
