"""The small data sets that ship with the package; where each comes from is written in ``bundled/SOURCES.md``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from chainrule.errors import OptionError, nearest


@dataclass(frozen=True)
class BundledData:
    """A data set of the package: its file, the column it is usually predicted for, and the split that suits its size.

    ``split`` is what ``--split`` gets when nothing else was asked for: ``"100"`` trains on all rows.
    """

    name: str
    path: Path
    target: str
    title: str
    license: str
    source: str
    split: str = "64,16,20"


_FOLDER = Path(str(files("chainrule.data"))) / "bundled"

_BUNDLED = {
    data.name: data
    for data in (
        BundledData(
            name="concrete",
            path=_FOLDER / "concrete.csv",
            target="strength_mpa",
            title="Compressive strength of 1,030 concrete mixtures",
            license="CC BY 4.0",
            source="I-C. Yeh (1998), UCI Machine Learning Repository, https://doi.org/10.24432/C5PK67",
        ),
        BundledData(
            name="digits",
            path=_FOLDER / "digits.csv.gz",
            target="digit",
            title="1,797 handwritten digits, 8 × 8 pixels each",
            license="CC BY 4.0",
            source="E. Alpaydin, C. Kaynak (1998), UCI Machine Learning Repository, https://doi.org/10.24432/C50P49",
        ),
        BundledData(
            name="penguins",
            path=_FOLDER / "penguins.csv",
            target="species",
            title="344 penguins of three species, measured at Palmer Station, Antarctica",
            license="CC0 1.0",
            source="K. B. Gorman, T. D. Williams, W. R. Fraser (2014), https://doi.org/10.1371/journal.pone.0090081",
        ),
        BundledData(
            name="xor",
            path=_FOLDER / "xor.csv",
            target="xor",
            title="The truth table of exclusive or, four rows",
            license="CC0 1.0",
            source="M. Minsky, S. Papert (1969), Perceptrons",
            split="100",
        ),
    )
}


def bundled_names() -> tuple[str, ...]:
    """Return the names of the bundled data sets, in alphabetical order."""
    return tuple(_BUNDLED)


def bundled(name: str) -> BundledData:
    """Return the bundled data set called ``name``.

    Raises :class:`OptionError` where there is none of that name.
    """
    if name not in _BUNDLED:
        raise OptionError(f"no bundled data set is called '{name}'; there are {', '.join(_BUNDLED)}.{nearest(name, _BUNDLED)}")
    return _BUNDLED[name]


def find_bundled(source: str) -> BundledData | None:
    """Return the data set that ``source`` names, or ``None`` for anything else; a file of that name comes first."""
    return None if Path(source).exists() else _BUNDLED.get(source)
