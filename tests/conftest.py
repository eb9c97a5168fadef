"""For all tests: what must be so before NumPy and SciPy are imported."""

import os

# One thread for NumPy's products, whose threads cost more than they bring at the sizes of these networks.
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# Without it scikit-learn skips its check of array API input.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
