"""``chainrule glossary``: what the words of the field mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.output import results

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.learn.glossary import Term


def glossary(
    term: Annotated[str | None, typer.Argument(metavar="[TERM]", help="A word, by any of its names; without one, all words.")] = None,
) -> None:
    """Say what a word of the field means, in symbols too, and which words belong to it.

    Without a word, list all of them.
    """
    from chainrule.learn.glossary import find_term

    if term is None:
        _list(results())
    else:
        _show(results(), find_term(term))


def _list(console: Console) -> None:
    from rich.columns import Columns

    from chainrule.cli.reading import print_trimmed
    from chainrule.learn.glossary import glossary as terms

    print_trimmed(console, Columns([term.name for term in terms()], padding=(0, 3), column_first=True))
    console.print()
    console.print("chainrule glossary 'chain rule'   says what a word means", style="dim")


def _show(console: Console, term: Term) -> None:
    from chainrule.cli.reading import print_commands, print_formulas, print_markdown, print_title
    from chainrule.learn.lessons import chapters

    print_title(console, term.name, f"also: {', '.join(term.also)}" if term.also else "")
    print_markdown(console, term.definition)
    if term.formula:
        console.print()
        print_formulas(console, term.formula)
    console.print()
    rows = {"See": ", ".join(term.see)} if term.see else {}
    chapter = chapters()[term.chapter - 1]
    print_commands(console, {**rows, "Chapter": f"{chapter.number}. {chapter.title}: chainrule learn {chapter.number}"})
