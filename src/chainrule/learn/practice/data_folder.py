"""Where a person's progress is kept."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def data_folder() -> Path:
    """Return the folder of the person's own data: ``CHAINRULE_DATA``, or where the system keeps such data. It need not exist yet."""
    named = os.environ.get("CHAINRULE_DATA", "")
    return Path(named).expanduser() if named else user_data_path("chainrule", appauthor=False)
