"""What must be so before any test module is imported."""

from __future__ import annotations

import os

# SciPy looks at this when it is first imported; without it scikit-learn skips its check of array API input.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
