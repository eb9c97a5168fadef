"""Whole numbers that someone gave: refused in a sentence where they are none, or out of range."""

from __future__ import annotations

import numpy as np

from chainrule.errors import OptionError


def check_seed(seed: int, name: str = "the seed") -> int:
    """Return a seed that is a whole number from 0 to 2³² − 1; OptionError otherwise."""
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise OptionError(f"{name} is {seed!r} and must be a whole number from 0 to {2**32 - 1}.")
    return int(seed)


def check_count(name: str, value: int, *, least: int = 1) -> int:
    """Return a whole number; OptionError if it is none, or below ``least``."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise OptionError(f"{name} is {value!r} and must be a whole number of at least {least}.")
    return int(value)
