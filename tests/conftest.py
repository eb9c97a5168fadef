"""For all tests: what must be so before NumPy and SciPy are imported, and a place for compiled programs apart from the person's own."""

import getpass
import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("CHAINRULE_DATA", tempfile.mkdtemp(prefix="chainrule-tests-"))
os.environ.setdefault("CHAINRULE_CACHE", str(Path(tempfile.gettempdir()) / f"chainrule-tests-{getpass.getuser()}"))

# One thread for NumPy's products, whose threads cost more than they bring at the sizes of these networks.
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# Without it scikit-learn skips its check of array API input.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# A shell's background job ignores Ctrl-C, and so would the processes that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A timing is never a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def no_trees():
    """Leave the trees out beside each network that is trained here: loading scikit-learn in another process takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainrule.training.trees.installed", lambda: False)
        yield
