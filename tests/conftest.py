"""For all tests: one thread for NumPy's products, whose threads cost more than they bring at the sizes of these networks."""

import os

for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
