"""The loss of several classifications at once, whose logits stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.losses.functions import Reduction, cross_entropy


@dataclass(frozen=True)
class JointCrossEntropy:
    """The sum of the cross-entropies of several classes a row, from logits side by side: ``sizes`` of them for each.

    prediction: float [B, Σ sizes]; target: int64 [B, len(sizes)]; weights: float [B].
    """

    sizes: tuple[int, ...]

    def __call__(self, prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
        """Return the loss, a scalar."""
        ends = np.cumsum(self.sizes).tolist()
        parts = [
            cross_entropy(prediction[:, end - size : end], target[:, column], weights, reduction)
            for column, (size, end) in enumerate(zip(self.sizes, ends, strict=True))
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total
