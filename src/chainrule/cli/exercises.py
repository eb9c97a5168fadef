"""How exercises are asked in a terminal: one after the other with hints, or as a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from rich.rule import Rule
from rich.text import Text

from chainrule.cli.asking import HINT, SKIP, Asker, StopAskingError
from chainrule.cli.output import plain_table, results, say
from chainrule.errors import AnswerError
from chainrule.learn.lessons import find_lesson
from chainrule.learn.practice import text
from chainrule.learn.practice.exercise import Exercise, Verdict
from chainrule.learn.practice.generate import make_exercise
from chainrule.learn.practice.paper import Score, compose
from chainrule.learn.practice.progress import Progress, exercise_items, open_progress
from chainrule.learn.practice.templates import TEMPLATES
from chainrule.training.numbers import duration


def repeat(templates: Sequence[str], count: int, seed: int, *, spaced: bool) -> None:
    """Ask exercises until so many are done: those that are due and new ones first, or those of a seed."""
    asker = Asker(results())
    progress, warning = open_progress()
    if warning:
        say(results(), warning)
    items = exercise_items(templates)
    if not spaced:
        exercises = compose(seed, count, templates)
    else:
        names = progress.due(items)[:count]
        exercises = [make_exercise(items[name], (seed + place) % 2**32) for place, name in enumerate(names)]
        if not exercises:
            first = progress.next_due(items)
            assert first is not None  # otherwise it would be new, and asked
            say(results(), f"Nothing is due: the next exercise comes back {when(first)}. --seed N practices all the same.")
            return
    score = Score()
    try:
        for place, exercise in enumerate(exercises, 1):
            _head(asker, exercise, f"Exercise {place} of {len(exercises)}")
            verdict = _practice(asker, exercise, progress)
            score.add(exercise, verdict)
    except StopAskingError:
        pass
    if score.given:
        asker.show(Rule(style="dim"))
        asker.show_all(text.score(score))
        _advise(asker, score)
    asker.note(f"Your progress is in {progress.path}.")


def _advise(asker: Asker, score: Score) -> None:
    """Name the chapters to read again: those of what went wrong."""
    for chapter in score.chapters_to_read():
        asker.show(Text(f"Read again: chainrule learn {chapter} ({find_lesson(str(chapter)).title})"))


def _head(asker: Asker, exercise: Exercise, place: str) -> None:
    asker.show(
        Text(),
        Text.assemble((place, "bold"), f" · chapter {exercise.chapter}, {find_lesson(str(exercise.chapter)).title}"),
        Text.assemble((exercise.title, "bold"), (f"  {exercise.template} {exercise.seed}", "dim")),
        Text(),
    )
    asker.show_all(text.question(exercise, asker.width))


def _practice(asker: Asker, exercise: Exercise, progress: Progress) -> Verdict | None:
    """Ask an exercise until it is right or given up, note how it went, and return the first verdict."""
    asker.note(f"Answer with {exercise.form.asks}. ? gives a hint, Enter the solution, q stops.")
    hints, first = 0, None
    while True:
        line = asker.ask()
        if line.lower() in HINT:
            asker.show(
                Text(f"Hint: {exercise.hints[hints]}")
                if hints < len(exercise.hints)
                else Text("There is no further hint; Enter shows the solution.")
            )
            hints += hints < len(exercise.hints)
            continue
        if line.lower() in SKIP:
            if first is None:
                _note(progress, exercise, Verdict(False, None), hints)
            asker.show_all(text.solution(exercise))
            return first
        verdict = _judge(asker, exercise, line)
        if verdict is None:
            continue
        asker.show(text.judgment(exercise, verdict))
        if first is None:
            first = verdict
            if not verdict.right:
                _note(progress, exercise, first, hints)
        if verdict.right:
            if first is verdict:
                due = _note(progress, exercise, verdict, hints)
                asker.note(f"It comes back {when(due)}.")
            asker.show_all(text.solution(exercise))
            return first
        asker.note("Try again, or press Enter for the solution.")


def _judge(asker: Asker, exercise: Exercise, line: str) -> Verdict | None:
    """Return the verdict, or ``None`` after saying why the line cannot be read as an answer."""
    try:
        return exercise.grade(line)
    except AnswerError as error:
        asker.show(Text(str(error)))
        return None


def _note(progress: Progress, exercise: Exercise, verdict: Verdict, hints: int) -> datetime:
    slip = "" if verdict.slip is None else verdict.slip.name
    return progress.record(f"exercise:{exercise.template}", right=verdict.right, hints=hints, slip=slip)


def hold_test(exercises: Sequence[Exercise], seconds: float | None) -> None:
    """Ask all exercises once, without hints or judgments, and show the score and the solutions of what was wrong."""
    asker, score, start = Asker(results()), Score(), monotonic()
    limit = f" in {duration(seconds)}" if seconds is not None else ""
    asker.show(Text(f"A test of {len(exercises)} exercises{limit}. Each is asked once; Enter leaves one out, q ends the test."))
    late = False
    try:
        for place, exercise in enumerate(exercises, 1):
            left = "" if seconds is None else f" · {duration(max(seconds - (monotonic() - start), 0.0))} left"
            _head(asker, exercise, f"Exercise {place} of {len(exercises)}{left}")
            verdict = _once(asker, exercise)
            if late := seconds is not None and monotonic() - start > seconds:
                asker.show(Text("The time is up; this answer does not count."))
                break
            score.add(exercise, verdict)
    except StopAskingError:
        pass
    for exercise in exercises[len(score.given) :]:
        score.add(exercise, None)
    asker.show(Rule(style="dim"))
    asker.show_all(text.score(score))
    _advise(asker, score)
    taken = "" if late else f" in {duration(monotonic() - start)}"
    asker.note(f"{sum(verdict is not None for _, verdict in score.given)} of {len(exercises)} answered{taken}.")
    for place, (exercise, verdict) in enumerate(score.given, 1):
        if verdict is not None and not verdict.right:
            asker.show(Text(), Text(f"Exercise {place} · {exercise.title}", style="bold"), text.judgment(exercise, verdict))
            asker.show_all(text.solution(exercise))


def _once(asker: Asker, exercise: Exercise) -> Verdict | None:
    asker.note(f"Answer with {exercise.form.asks}.")
    while True:
        line = asker.ask()
        if line.lower() in SKIP:
            return None
        if line.lower() in HINT:
            asker.show(Text("There are no hints in a test."))
            continue
        if (verdict := _judge(asker, exercise, line)) is not None:
            return verdict


def show_progress(progress: Progress) -> None:
    """Print how each exercise and the cards went, what slips were made, and where that is kept."""
    console = results()
    if not progress.items:
        say(console, f"There is no progress in {progress.path} yet.")
        return
    table = plain_table("practiced", "right", "of", "comes back", right=(1, 2))
    titles = {f"exercise:{name}": template.title for name, template in TEMPLATES.items()}
    for name, item in sorted(progress.items.items(), key=lambda entry: entry[1].card.due):
        table.add_row(titles.get(name, name.removeprefix("card:")), str(item.right), str(item.reviews), when(item.card.due))
    console.print(table)
    if progress.slips:
        slips = plain_table("slip", "in", "times", right=(2,))
        for name, times in sorted(progress.slips.items(), key=lambda entry: -entry[1]):
            template, _, slip = name.partition(" ")
            slips.add_row(slip.replace("_", " "), TEMPLATES[template].title if template in TEMPLATES else template, str(times))
        console.print(slips)
    say(console, f"Kept in {progress.path}.", "dim")


def when(due: datetime) -> str:
    """Return when something comes back, as people say it."""
    wait = due - datetime.now(UTC)
    if wait <= timedelta(0):
        return "now"
    minutes = -(-wait.total_seconds() // 60)
    if minutes < 60:
        return f"in {minutes:.0f} minute{'s' * (minutes > 1)}"
    if minutes < 36 * 60:
        return f"in {minutes / 60:.0f} hours" if minutes >= 90 else "in an hour"
    return f"in {wait.total_seconds() / 86_400:.0f} days"
