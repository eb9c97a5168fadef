"""``chainrule practice``: exercises whose numbers come from real training steps; a wrong answer is told which slip it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.failure import INTERRUPTED
from chainrule.cli.output import results, say, write_json
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from chainrule.learn.practice.exercise import Exercise


def practice(
    exercise: Annotated[
        list[str] | None, typer.Option("--exercise", metavar="NAME", help="Only this kind of exercise; may be repeated. --list names them.")
    ] = None,
    chapter: Annotated[
        list[str] | None, typer.Option("--chapter", metavar="NAME", help="Only this chapter, by its number or name; may be repeated.")
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many exercises.")] = 10,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of the numbers: the same seed, the same exercises. Drawn unless given.")
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="A test: no hints, and the score by skill and slip at the end.", metavar="")] = False,
    minutes: Annotated[float | None, typer.Option("--minutes", metavar="N", help="The time for a test.")] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Write a sheet instead: .html to print, .gift for Moodle, .txt for Anki."),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="FILE", help="With a sheet of .html: write its answers, too.")] = None,
    overview: Annotated[bool, typer.Option("--list", help="List the kinds of exercises.", metavar="")] = False,
    progress: Annotated[bool, typer.Option("--progress", help="Show your progress and where it is kept.", metavar="")] = False,
    export_progress: Annotated[
        str | None, typer.Option("--export-progress", metavar="FILE", help="Write your progress to a file, as JSON.")
    ] = None,
    delete_progress: Annotated[bool, typer.Option("--delete-progress", help="Delete your progress.", metavar="")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the exercises, with answers and slips, as one JSON object.", metavar="")
    ] = False,
) -> int | None:
    """Practice backpropagation on exercises whose numbers come from real training steps.

    Exercises come back by spaced repetition: what went wrong soon, what went right later. A wrong answer is told which slip it shows.
    """
    from chainrule.learn.lessons import find_lesson
    from chainrule.learn.practice.paper import check_sheet, chosen_templates, compose

    if progress or export_progress is not None or delete_progress:
        _manage(export_progress, delete_progress)
        return None
    check_sheet(count, 0 if seed is None else seed)
    templates = chosen_templates(exercise or (), [find_lesson(name).chapter for name in chapter or ()])
    if overview:
        _list(templates)
        return None
    if key is not None and out is None:
        raise OptionError("--key is the key of a sheet: name the sheet by --out FILE.html.")
    if test and out is not None:
        raise OptionError("--test is answered in the terminal and --out writes a sheet: leave one of the two out.")
    if minutes is not None and not (test and 0 < minutes < 1e6):
        raise OptionError(f"--minutes is {minutes:g}: it is the time of a test (--test), a number above 0.")
    drawn = seed is None
    seed = _drawn_seed() if seed is None else seed
    if out is not None:
        _write(out, key, compose(seed, count, templates), _command(seed, count, exercise, chapter))
        return None
    if json:
        found = compose(seed, count, templates)
        write_json({"seed": seed, "exercises": [one.to_json() for one in found]})
        return None

    from chainrule.cli.exercises import hold_test, repeat

    try:
        if test:
            hold_test(compose(seed, count, templates), None if minutes is None else minutes * 60)
        else:
            repeat(templates, count, seed, spaced=drawn)
    except KeyboardInterrupt:
        print("\nStopped. Your progress is kept.")
        return INTERRUPTED
    return None


def _drawn_seed() -> int:
    from random import SystemRandom

    return SystemRandom().randrange(1_000_000)


def _command(seed: int, count: int, exercise: list[str] | None, chapter: list[str] | None) -> str:
    words = [f"--exercise {name}" for name in exercise or ()] + [f"--chapter {number}" for number in chapter or ()]
    return " ".join(["chainrule practice", f"--seed {seed}", f"--count {count}", *words])


def _list(templates: list[str]) -> None:
    from chainrule.cli.output import plain_table
    from chainrule.learn.practice.templates import TEMPLATES

    table = plain_table("exercise", "chapter", "what is asked for", right=(1,))
    for name in templates:
        table.add_row(name, str(TEMPLATES[name].chapter), TEMPLATES[name].title)
    results().print(table)


def _write(out: str, key: str | None, exercises: list[Exercise], made_by: str) -> None:
    """Write a sheet, and its key, in the format that the file's name ends with."""
    from pathlib import Path

    from chainrule.errors import nearest
    from chainrule.learn.practice import anki, gift, html

    ending = Path(out).suffix.lower()
    formats = {
        ".html": lambda: html.sheet(exercises, made_by),
        ".gift": lambda: gift.gift(exercises),
        ".txt": lambda: anki.anki_exercises(exercises),
    }
    if ending not in formats:
        known = ".html to print, .gift for Moodle, .txt for Anki"
        raise OptionError(f"--out {out}: the name ends with the format: {known}.{nearest(ending, formats)}")
    if key is not None and (ending != ".html" or Path(key).suffix.lower() != ".html"):
        raise OptionError(f"--key {key}: a key goes with a sheet to print, both of .html; the other formats hold the answers themselves.")
    if key is not None and Path(key).absolute() == Path(out).absolute():
        raise OptionError(f"--key {key} is the sheet itself; give it a name of its own.")
    write_text_file("--out", out, formats[ending]())
    if key is not None:
        write_text_file("--key", key, html.key(exercises, made_by))
    say(results(), f"{len(exercises)} exercises written to {out}" + (f", their answers to {key}." if key else "."))


def write_text_file(flag: str, path: str, text: str) -> None:
    """Write a file whole or not at all; OptionError if it cannot be written."""
    from pathlib import Path

    from chainrule.training.files import write_atomically

    try:
        write_atomically(Path(path), text.encode())
    except OSError as error:
        raise OptionError(f"{flag} {path} cannot be written: {error.strerror or error}.") from error


def _manage(export: str | None, delete: bool) -> None:
    """Show, export or delete the progress; in this order, so that what is exported and deleted is not lost."""
    from pathlib import Path

    from chainrule.cli.exercises import show_progress
    from chainrule.learn.practice.progress import open_progress

    progress, warning = open_progress()
    if warning:
        say(results(), warning)
    if export is not None:
        progress.save(Path(export))
        say(results(), f"Your progress is written to {export}.")
    if delete:
        say(results(), f"Deleted {progress.path}." if progress.delete() else f"There is no progress in {progress.path}.")
    if export is None and not delete:
        show_progress(progress)
