"""Where the course's content lies, and how its files are read."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

CONTENT = Path(str(files("chainrule.learn") / "content"))


def read_toml(name: str) -> dict[str, Any]:
    """Return the content of a TOML file of the course, by its path in ``content/``."""
    return tomllib.loads((CONTENT / name).read_text(encoding="utf-8"))
