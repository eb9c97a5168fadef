"""For all tests: compiled programs are kept apart from the person's own, and NumPy's products have one thread, since more cost more
than they bring at the sizes of these networks."""

import getpass
import os
import tempfile
from pathlib import Path

os.environ.setdefault("CHAINRULE_CACHE", str(Path(tempfile.gettempdir()) / f"chainrule-tests-{getpass.getuser()}"))
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
