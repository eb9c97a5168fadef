"""``chainrule cards``: the flash cards of the course, by spaced repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.failure import INTERRUPTED
from chainrule.cli.output import results, say
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from chainrule.cli.asking import Asker
    from chainrule.learn.flash_cards import FlashCard
    from chainrule.learn.practice.progress import Progress

_YES, _NO = ("y", "yes", "j", "1"), ("n", "no", "0")
_HINT_WORDS = 4


def cards(
    chapter: Annotated[
        list[str] | None, typer.Option("--chapter", metavar="NAME", help="Only this chapter, by its number or name; may be repeated.")
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", help="At most so many cards.")] = 20,
    everything: Annotated[bool, typer.Option("--all", help="All cards, whether they are due or not.", metavar="")] = False,
    overview: Annotated[bool, typer.Option("--list", help="Print the cards, front and back.", metavar="")] = False,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE.txt", help="Write the cards as a text file for Anki instead.")] = None,
) -> int | None:
    """Learn the flash cards of the course: those that are due come first, then new ones.

    A card that you did not know comes back soon, one that you knew after a hint a little later, any other one in days.
    """
    from chainrule.learn.flash_cards import flash_cards
    from chainrule.learn.lessons import find_lesson
    from chainrule.training.whole_numbers import check_count

    check_count("--count", count)
    chapters = {find_lesson(name).chapter for name in chapter or ()}
    chosen = {f"card:{card.id}": card for card in flash_cards() if not chapters or card.chapter in chapters}
    if out is not None:
        _write(out, list(chosen.values()))
        return None
    if overview:
        _list(list(chosen.values()))
        return None
    try:
        _learn(chosen, count, everything)
    except KeyboardInterrupt:
        print("\nStopped. Your progress is kept.")
        return INTERRUPTED
    return None


def _write(out: str, chosen: list[FlashCard]) -> None:
    from chainrule.cli.practice import write_text_file
    from chainrule.learn.practice.anki import anki_cards

    if not out.lower().endswith(".txt"):
        raise OptionError(f"--out {out}: the file for Anki ends with .txt.")
    write_text_file("--out", out, anki_cards(chosen))
    say(results(), f"{len(chosen)} cards written to {out}; in Anki: File, Import.")


def _list(chosen: list[FlashCard]) -> None:
    from rich.padding import Padding

    from chainrule.cli.asking import Asker

    asker = Asker(results())
    for card in chosen:
        asker.show(_markdown(card.front, "bold"), Padding(_markdown(card.back), (0, 0, 1, 2), expand=False))


def _learn(chosen: dict[str, FlashCard], count: int, everything: bool) -> None:
    from rich.rule import Rule
    from rich.text import Text

    from chainrule.cli.asking import Asker, StopAskingError
    from chainrule.cli.exercises import when
    from chainrule.learn.lessons import find_lesson
    from chainrule.learn.practice.progress import open_progress

    asker = Asker(results())
    progress, warning = open_progress()
    if warning:
        say(results(), warning)
    names = (list(chosen) if everything else progress.due(chosen))[:count]
    if not names:
        first = progress.next_due(chosen)
        say(results(), f"No card is due{f': the next one comes back {when(first)}' if first else ''}. --all shows them all the same.")
        return
    known = asked = 0
    try:
        for place, name in enumerate(names, 1):
            asker.show(
                Text(),
                Text.assemble(
                    (f"Card {place} of {len(names)}", "bold"),
                    f" · chapter {chosen[name].chapter}, {find_lesson(str(chosen[name].chapter)).title}",
                ),
                Text(),
            )
            known += _ask_card(asker, chosen[name], name, progress)
            asked += 1
    except StopAskingError:
        pass
    if asked:
        asker.show(Rule(style="dim"), Text(f"{known} of {asked} known", style="bold"))
    asker.note(f"Your progress is in {progress.path}.")


def _ask_card(asker: Asker, card: FlashCard, name: str, progress: Progress) -> bool:
    """Show a card, turn it, ask whether it was known, and note it; return whether it was."""
    from rich.padding import Padding

    from chainrule.cli.asking import HINT
    from chainrule.cli.exercises import when

    asker.show(_markdown(card.front, "bold"))
    asker.note("Say it to yourself. Enter turns the card, ? gives its first words, q stops.")
    hints = 0
    while asker.ask().lower() in HINT:
        hints += 1
        asker.show(_markdown(f"{' '.join(card.back.split()[: hints * _HINT_WORDS])} …"))
    asker.show(Padding(_markdown(card.back), (0, 0, 0, 2), expand=False))
    while (answer := asker.ask("Did you know it? y or n > ").lower()) not in (*_YES, *_NO):
        asker.note("Answer with y or n; q stops.")
    due = progress.record(name, right=answer in _YES, hints=hints)
    asker.note(f"It comes back {when(due)}.")
    return answer in _YES


def _markdown(text: str, style: str = "none") -> RenderableType:
    from rich.markdown import Markdown

    return Markdown(text, style=style)
