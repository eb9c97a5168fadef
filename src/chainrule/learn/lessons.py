"""The lessons: chapters at three depths, dialogues, and pages of examples and memory aids. Each is one Markdown file of the content."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from chainrule.errors import OptionError, nearest
from chainrule.learn.content_files import CONTENT
from chainrule.learn.placeholders import render
from chainrule.learn.references import references_as_markdown
from chainrule.words import setting

DEPTHS = ("quick", "standard", "detailed")
KINDS = {"chapters": "Chapters", "dialogues": "Dialogues", "pages": "Examples and memory aids"}
"""The kinds of lessons, by the folder of the content that they lie in."""

_IN_DEPTH = {
    "quick": {"Quick": "", "Remember": "Remember"},
    "standard": {
        "Standard": "",
        "Analogy": "An analogy",
        "Where the analogy breaks": "Where the analogy breaks",
        "Worked example": "Worked example",
        "Remember": "Remember",
    },
}
_IN_DEPTH["detailed"] = {"Standard": "", "Detailed": "The mathematics", **_IN_DEPTH["standard"]}
_IN_FULL = {"Quick": "In short", **_IN_DEPTH["detailed"], "Standard": "Step by step"}
_FRONT = re.compile(r"\+\+\+\n(.*?)\n\+\+\+\n(.*)", re.S)
_HEADING = re.compile(r"^## (.+)$", re.M)
MOST_NEAR = 4


@dataclass(frozen=True, eq=False)
class Lesson:
    """A lesson.

    Attributes:
        key: its name on the command line, such as ``forward-pass``. ``kind``: chapters, dialogues or pages.
        number: its place among its kind, from 1. ``chapter``: the chapter that it is, or belongs to.
        also: other names that find it.
        title, sentence: what it is called, and what it is about.
        example: the example that its numbers are from. ``run``: the command that shows them, or empty.
        terms: the words of the glossary that belong to it.
        picture: what to draw for it where there is room for a picture, and the ``text`` that says the same; or empty.
        sections: the text under each heading, with placeholders; what stands above the first one has the heading "".
    """

    key: str
    kind: str
    number: int
    chapter: int
    title: str
    sentence: str
    example: str
    run: str
    terms: tuple[str, ...]
    picture: Mapping[str, Any]
    sections: Mapping[str, str]
    also: tuple[str, ...] = ()

    def parts(self, depth: str = "standard") -> list[tuple[str, str]]:
        """Return the headings and texts of the lesson at a depth, ``full`` for all of them; what is no chapter has one depth.

        Raises:
            OptionError: there is no such depth.
        """
        if depth != "full":
            check_depth(depth)
        if self.kind != "chapters":
            chosen = {heading: heading for heading in self.sections}
        else:
            chosen = _IN_FULL if depth == "full" else _IN_DEPTH[depth]
        return [(heading, render(self.sections[section], self.example)) for section, heading in chosen.items()]


def check_depth(depth: str) -> None:
    """Raise an :class:`OptionError` for a depth that there is not."""
    if depth not in DEPTHS:
        raise OptionError(f"{setting('depth', depth)}: there are {', '.join(DEPTHS)}.{nearest(depth, DEPTHS)}")


@lru_cache(maxsize=1)
def lessons() -> tuple[Lesson, ...]:
    """Return all lessons, kind by kind, in their order."""
    found = [_read(path, kind) for kind in KINDS for path in sorted((CONTENT / kind).glob("*.md"))]
    number = sum(lesson.kind == "pages" for lesson in found) + 1
    about = "The original papers, and what the course takes from each."
    text = {"": references_as_markdown()}
    return (*found, Lesson("references", "pages", number, 1, "References", about, "", "", (), {}, text))


def chapters() -> tuple[Lesson, ...]:
    """Return the six chapters."""
    return tuple(lesson for lesson in lessons() if lesson.kind == "chapters")


def kind_named(name: str) -> str | None:
    """Return the kind of lessons that a name means, such as ``dialogues`` or ``examples``, if it means one."""
    known = {kind: kind for kind in KINDS} | {"examples": "pages", "pages": "pages", "dialogue": "dialogues", "chapter": "chapters"}
    return known.get(name.casefold())


def find_lesson(name: str) -> Lesson:
    """Return the lesson that a name means: a chapter's number, a key, a title, or a part of one that is like no other.

    Raises:
        OptionError: there is none, or several; the message has the nearest names.
    """
    wanted = _plain(name)
    if wanted.isdigit():
        known = {str(lesson.number): lesson for lesson in chapters()}
        if wanted not in known:
            raise OptionError(f"there is no chapter {name}; there are 1 to {len(known)}. `chainrule learn` lists them.")
        return known[wanted]
    names = {_plain(spelling): lesson for lesson in reversed(lessons()) for spelling in (lesson.title, *lesson.also, lesson.key)}
    if wanted in names:
        return names[wanted]
    within = [lesson for lesson in lessons() if wanted and wanted in f"{_plain(lesson.title)} {_plain(lesson.key)}"]
    if len(within) == 1 or (within and within[0].kind == "chapters" and within[1].kind != "chapters"):
        return within[0]
    close = [names[spelling] for spelling in difflib.get_close_matches(wanted, names, MOST_NEAR, 0.6)]
    near = list(dict.fromkeys(lesson.key for lesson in (*within, *close)))[:MOST_NEAR]
    advice = f" Nearest: {', '.join(near)}." if near else ""
    raise OptionError(f"there is no lesson '{name}'.{advice} `chainrule learn` lists them all.")


def next_lesson(lesson: Lesson) -> Lesson | None:
    """Return the lesson that follows among its kind."""
    return next((other for other in lessons() if (other.kind, other.number) == (lesson.kind, lesson.number + 1)), None)


def _read(path: Path, kind: str) -> Lesson:
    match = _FRONT.fullmatch(path.read_text(encoding="utf-8"))
    assert match is not None, path  # the content is ours
    about: dict[str, Any] = tomllib.loads(match[1])
    number, _, name = path.stem.partition("-")
    first, *rest = _HEADING.split(match[2].strip())
    sections = {"": first.strip()} if first.strip() else {}
    sections |= {heading.strip(): text.strip() for heading, text in zip(rest[::2], rest[1::2], strict=True)}
    return Lesson(
        f"dialogue-{name}" if kind == "dialogues" else name,
        kind,
        int(number),
        about.get("chapter", int(number)),
        about["title"],
        about["sentence"],
        about.get("example", ""),
        about.get("run", ""),
        tuple(about.get("terms", ())),
        about.get("picture", {}),
        sections,
        tuple(about.get("also", ())),
    )


def _plain(name: str) -> str:
    words = " ".join(name.casefold().replace("-", " ").replace("_", " ").replace(":", " ").split())
    return words.removeprefix("chapter ").removeprefix("the ")
