"""Permutation importance: how much worse a model becomes when the cells of one column are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.inspect.attributions.answers import Rows

REPEATS = 5


def permutation_importance(
    measure: Callable[[Rows], float], x: Rows, groups: Sequence[NDArray[np.int64]], *, repeats: int = REPEATS, seed: int = 0
) -> NDArray[np.float64]:
    """Return the change of a measure when a column's units are shuffled among the rows, all of them together: [repeats, columns].

    The change is measure(x) − measure(shuffled x). Columns that say the same stand in for one another, and then each looks unimportant.

    Source: Breiman (2001), Random forests, section 10.
    """
    generator = np.random.default_rng(seed)
    whole = measure(x)
    found = np.empty((repeats, len(groups)))
    for repeat in range(repeats):
        for column, places in enumerate(groups):
            shuffled = x.copy()
            shuffled[:, places] = x[generator.permutation(len(x))][:, places]
            found[repeat, column] = whole - measure(shuffled)
    return found
