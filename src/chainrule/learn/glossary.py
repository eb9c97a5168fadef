"""The glossary: what the words of the field mean here, and which other words belong to them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache

from chainrule.errors import OptionError
from chainrule.learn.content_files import read_toml
from chainrule.learn.placeholders import render

MOST_NEAR = 4


@dataclass(frozen=True)
class Term:
    """A word of the field.

    Attributes:
        name: how it is written. ``also``: other names and spellings of it.
        definition: one to four sentences, with Markdown's emphasis and code.
        formula: the same in symbols, or empty.
        see: the names of terms that belong to it. ``chapter``: the chapter that explains it, or 0.
    """

    name: str
    also: tuple[str, ...]
    definition: str
    formula: str
    see: tuple[str, ...]
    chapter: int

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds the term."""
        return self.name, *self.also


@lru_cache(maxsize=1)
def glossary() -> tuple[Term, ...]:
    """Return all terms, in the order of the alphabet."""
    terms = [
        Term(
            entry["name"],
            tuple(entry.get("also", ())),
            render(entry["definition"]),
            render(entry.get("formula", "")),
            tuple(entry.get("see", ())),
            entry.get("chapter", 0),
        )
        for entry in read_toml("glossary.toml")["term"]
    ]
    return tuple(sorted(terms, key=lambda term: term.name.casefold()))


def find_term(name: str) -> Term:
    """Return the term that a name, another spelling of it, or its plural means.

    Raises:
        OptionError: there is no such term; the message has the nearest names.
    """
    known = {_plain(spelling): term for term in glossary() for spelling in term.names}
    wanted = _plain(name)
    for candidate in (wanted, wanted.removesuffix("s"), wanted.removesuffix("es"), f"{wanted}s"):
        if candidate in known:
            return known[candidate]
    within = [spelling for spelling in known if wanted and wanted in spelling]
    close = list(dict.fromkeys([*difflib.get_close_matches(wanted, known, MOST_NEAR, 0.6), *within]))
    near = list(dict.fromkeys(known[spelling].name for spelling in close))[:MOST_NEAR]
    advice = f" Nearest: {', '.join(near)}." if near else ""
    raise OptionError(f"the glossary has no term '{name}'.{advice} `chainrule glossary` lists all {len(glossary())}.")


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())
