"""``chainrule learn``: the course, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.output import results

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.learn.lessons import Lesson


def learn(
    lesson: Annotated[
        str | None,
        typer.Argument(
            metavar="[CHAPTER]", help="A chapter by its number or name, or another lesson by its name; without one, the overview."
        ),
    ] = None,
    depth: Annotated[
        str, typer.Option("--depth", metavar="quick|standard|detailed", help="A paragraph, a page, or with the mathematics.")
    ] = "standard",
) -> None:
    """Learn backpropagation: six chapters, dialogues, worked examples and memory aids. Each number in them is the engine's own.

    Without a chapter, list what there is.
    """
    from chainrule.learn.lessons import check_depth, find_lesson, kind_named

    check_depth(depth)
    console = results()
    if lesson is None:
        _overview(console)
    elif (kind := kind_named(lesson)) is not None:
        _list(console, kind)
    else:
        _show(console, find_lesson(lesson), depth)


def _overview(console: Console) -> None:
    from chainrule.cli.reading import print_commands, print_title
    from chainrule.learn.lessons import KINDS

    about = "Six chapters, each at three depths. Every number in them is computed by the engine, and rounded only to be shown."
    print_title(console, "Learn backpropagation", about)
    for kind in KINDS:
        _list(console, kind)
    print_commands(
        console,
        {
            "Start": "chainrule learn 1",
            "Shorter": "chainrule learn 1 --depth quick",
            "Deeper": "chainrule learn 1 --depth detailed",
            "Words": "chainrule glossary gradient",
            "Practice": "chainrule practice",
            "Cards": "chainrule cards",
        },
    )


def _list(console: Console, kind: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from chainrule.cli.reading import print_trimmed
    from chainrule.learn.lessons import KINDS, lessons

    console.print(f"[bold]{KINDS[kind]}[/bold]")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column()
    for lesson in lessons():
        if lesson.kind == kind:
            name = str(lesson.number) if kind == "chapters" else lesson.key
            table.add_row(f"  {name}", Text.assemble((lesson.title, "bold"), f". {lesson.sentence}"))
    print_trimmed(console, table)
    console.print()


def _show(console: Console, lesson: Lesson, depth: str) -> None:
    from chainrule.cli.reading import print_heading, print_markdown, print_title

    parts = lesson.parts(depth)
    title = f"{lesson.number}. {lesson.title}" if lesson.kind == "chapters" else lesson.title
    print_title(console, title, lesson.sentence)
    for heading, text in parts:
        if heading:
            print_heading(console, heading)
        print_markdown(console, text)
        console.print()
    _show_further(console, lesson, depth)


def _show_further(console: Console, lesson: Lesson, depth: str) -> None:
    """Say where to go from here."""
    from chainrule.cli.reading import print_commands
    from chainrule.learn.lessons import next_lesson

    rows = {}
    if lesson.run:
        rows["Run it"] = lesson.run
    deeper = {"quick": "standard", "standard": "detailed"}.get(depth)
    if lesson.kind == "chapters" and deeper:
        rows["Deeper"] = f"chainrule learn {lesson.number} --depth {deeper}"
    if lesson.terms:
        rows["Words"] = f"chainrule glossary '{lesson.terms[0]}'" if " " in lesson.terms[0] else f"chainrule glossary {lesson.terms[0]}"
    if lesson.kind == "chapters":
        rows["Practice"] = f"chainrule practice --chapter {lesson.number}"
    following = next_lesson(lesson)
    if following is not None:
        name = following.number if following.kind == "chapters" else following.key
        rows["Next"] = f"chainrule learn {name}"
    elif lesson.kind == "chapters":
        rows["Next"] = "chainrule learn dialogues"
    print_commands(console, rows)
