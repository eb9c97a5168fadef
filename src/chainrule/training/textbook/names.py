"""Where textbook examples are found: a file of one's own, or a bundled one by its name. Imports nothing heavy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from chainrule.errors import OptionError, nearest

_FOLDER = Path(str(files("chainrule.training.textbook"))) / "bundled"


def example_names() -> tuple[str, ...]:
    """Return the names of the bundled examples."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def example_path(source: str | Path) -> Path:
    """Return the file of an example; a file of that name comes before a bundled one.

    Raises:
        OptionError: there is none; the message has the nearest name.
    """
    path, name, known = Path(source), str(source), example_names()
    if path.is_file():
        return path
    if name in known:
        return bundled_path(name)
    raise OptionError(f"there is no example '{name}': give a TOML file, or one of {', '.join(known)}.{nearest(name, known)}")


def bundled_path(name: str) -> Path:
    """Return the file of a bundled example, whatever files lie in the current folder."""
    return _FOLDER / f"{name}.toml"
