"""The pages of the course for the docs: Markdown and pictures from the same content that ``chainrule learn`` shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chainrule.learn.examples import find_example
from chainrule.learn.glossary import Term, glossary
from chainrule.learn.lessons import KINDS, Lesson, lessons, next_lesson
from chainrule.learn.placeholders import render
from making.network import draw_network

_MADE = "<!-- Made from src/chainrule/learn/content by `python docs/make.py course`. -->"


def course_files(*, pictures: bool = True) -> Iterator[tuple[str, str]]:
    """Yield the path below ``docs/course`` and the content of each file; ``pictures=False`` leaves the drawings out."""
    yield "index.md", _index()
    for lesson in lessons():
        yield f"{lesson.key}.md", _page(lesson)
        if pictures and lesson.picture:
            yield f"{lesson.key}.svg", _draw(lesson)
    yield "glossary.md", _glossary()


def write_course(folder: Path) -> None:
    """Write the pages and their pictures, and remove what is no longer among them."""
    folder.mkdir(exist_ok=True)
    files = dict(course_files())
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _index() -> str:
    lines = [_MADE, "", "# Learn backpropagation", ""]
    lines += [
        "Six chapters, each from a paragraph to the mathematics; dialogues, worked examples, memory aids, a glossary. Every number is",
        "computed by the engine: the commands on the pages print the same ones. In a terminal the course is `chainrule learn`, exercises",
        "are `chainrule practice`, and flash cards `chainrule cards`.",
    ]
    for kind, name in KINDS.items():
        lines += ["", f"## {name}", ""]
        lines += [f"- [{_title(lesson)}]({lesson.key}.md). {lesson.sentence}" for lesson in lessons() if lesson.kind == kind]
    lines += ["- [Glossary](glossary.md). What the words of the field mean.", ""]
    keys = [*(lesson.key for lesson in lessons()), "glossary"]
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *keys, "```", ""])


def _page(lesson: Lesson) -> str:
    lines = [_MADE, "", f"# {_title(lesson)}", "", f"*{lesson.sentence}*", ""]
    for place, (heading, text) in enumerate(lesson.parts("full")):
        if heading:
            lines += [f"## {heading}", ""]
        lines += [_markdown(text), ""]
        if place == 0 and lesson.picture:
            lines += [f"![{render(lesson.picture['text'], lesson.example)}]({lesson.key}.svg)", ""]
    if lesson.run:
        lines += ["## Run it", "", "```sh", lesson.run, "```", ""]
    if lesson.terms:
        lines += [f"Words: {', '.join(_link(term) for term in lesson.terms)}.", ""]
    following = next_lesson(lesson)
    if following is not None:
        lines += [f"Next: [{_title(following)}]({following.key}.md)", ""]
    return "\n".join(lines)


def _glossary() -> str:
    lines = [_MADE, "", "# Glossary", "", "What the words of the field mean. In a terminal: `chainrule glossary gradient`.", ""]
    for term in glossary():
        lines += [f"## {term.name}", "", *_also(term), term.definition, ""]
        if term.formula:
            lines += ["```{formula}", term.formula, "```", ""]
        chapter = next(lesson for lesson in lessons() if lesson.kind == "chapters" and lesson.number == term.chapter)
        lines += [f"See {', '.join(_link(name, '') for name in term.see)}. Chapter: [{_title(chapter)}]({chapter.key}.md).", ""]
    return "\n".join(lines)


def _also(term: Term) -> list[str]:
    return [f"*Also: {', '.join(term.also)}.*", ""] if term.also else []


def _link(term: str, page: str = "glossary.md") -> str:
    return f"[{term}]({page}#{term.casefold().replace(' ', '-')})"


def _title(lesson: Lesson) -> str:
    return f"{lesson.number}. {lesson.title}" if lesson.kind == "chapters" else lesson.title


def _markdown(text: str) -> str:
    return text.replace("```formula\n", "```{formula}\n")


def _draw(lesson: Lesson) -> str:
    example, about = find_example(lesson.example), lesson.picture
    if about["draw"] == "network":
        return draw_network(example, about["phase"])
    from making.surface import draw_surface  # which needs a library of its own

    ranges = tuple(about["x_range"]), tuple(about["y_range"])
    return draw_surface(example, about["across"], about["up"], *ranges, updates=about["updates"])
