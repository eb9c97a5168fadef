"""What all tests share: compiled programs are kept apart from the person's own."""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path

os.environ.setdefault("CHAINRULE_CACHE", str(Path(tempfile.gettempdir()) / f"chainrule-tests-{getpass.getuser()}"))
