"""What a person has practiced, and when each exercise and card comes back: kept in one file of JSON, by spaced repetition (FSRS)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

from fsrs import Card, Rating, Scheduler

from chainrule.errors import OptionError
from chainrule.learn.practice.data_folder import data_folder
from chainrule.training.files import write_atomically

FORMAT = 1
NAME = "progress.json"
_SCHEDULER = Scheduler(enable_fuzzing=False)  # a few dozen items do not fall due in heaps, and the same answers give the same days


@dataclass
class Item:
    """An exercise's kind or a flash card: when it is due, and how it went so far."""

    card: Card
    reviews: int = 0
    right: int = 0


@dataclass
class Progress:
    """The progress of a person.

    Attributes:
        path: the file that it is kept in.
        items: by name, ``exercise:delta_hidden`` or ``card:chain-rule``.
        slips: how often each slip was made, by the name of the exercise and of the slip: ``delta_hidden one_path``.
    """

    path: Path
    items: dict[str, Item] = field(default_factory=dict)
    slips: dict[str, int] = field(default_factory=dict)

    def due(self, names: Iterable[str], now: datetime | None = None) -> list[str]:
        """Return what is to be practiced now: what is due, the longest waiting first, then what is new, in its order."""
        now = now or datetime.now(UTC)
        known = list(names)
        waiting = [name for name in known if name in self.items and self.items[name].card.due <= now]
        return sorted(waiting, key=lambda name: self.items[name].card.due) + [name for name in known if name not in self.items]

    def next_due(self, names: Iterable[str]) -> datetime | None:
        """Return when the first of the items is due, or ``None`` if none was practiced yet."""
        return min((self.items[name].card.due for name in names if name in self.items), default=None)

    def record(self, name: str, *, right: bool, hints: int = 0, slip: str = "", now: datetime | None = None) -> datetime:
        """Note how an item went, write the file, and return when the item is due again.

        A wrong answer counts as Again, a right one after a hint as Hard, and any other right one as Good.

        Raises:
            OptionError: the file cannot be written.
        """
        self._take_over(open_progress(self.path)[0])  # another window may have written since
        item = self.items.setdefault(name, Item(Card(card_id=crc32(name.encode()))))
        rating = Rating.Again if not right else Rating.Hard if hints else Rating.Good
        item.card, _ = _SCHEDULER.review_card(item.card, rating, now)
        item.reviews += 1
        item.right += right
        if slip:
            self.slips[f"{name.partition(':')[2]} {slip}"] = self.slips.get(f"{name.partition(':')[2]} {slip}", 0) + 1
        self.save()
        return item.card.due

    def _take_over(self, other: Progress) -> None:
        self.items, self.slips = other.items, other.slips

    def save(self, path: Path | None = None) -> None:
        """Write the file, or a copy of it elsewhere; OptionError if it cannot be written."""
        target = path or self.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, (json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n").encode())
        except OSError as error:
            advice = "" if path else "; the environment variable CHAINRULE_DATA names another folder"
            raise OptionError(f"the progress cannot be written to {target}: {error.strerror or error}{advice}.") from error

    def delete(self) -> bool:
        """Delete the file, and say whether there was one."""
        there = self.path.exists()
        self.path.unlink(missing_ok=True)
        self.items, self.slips = {}, {}
        return there

    def to_json(self) -> dict[str, Any]:
        """Return the progress as JSON-ready data."""
        items = {name: {"card": item.card.to_dict(), "reviews": item.reviews, "right": item.right} for name, item in self.items.items()}
        return {"format": FORMAT, "items": items, "slips": self.slips}


def progress_path() -> Path:
    """Return the path of the progress file."""
    return data_folder() / NAME


def open_progress(path: Path | None = None) -> tuple[Progress, str]:
    """Return the progress in a file, and a sentence to tell if it was damaged: it is then kept aside and progress begins anew.

    Raises:
        OptionError: the file cannot be read or put aside, or a newer version of Chainrule has written it.
    """
    path = path or progress_path()
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Progress(path), ""
    except ValueError:  # no JSON, or no UTF-8
        data = None
    except OSError as error:
        raise OptionError(f"the progress in {path} cannot be read: {error.strerror or error}.") from error
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
        raise OptionError(f"the progress in {path} is of a newer Chainrule; update this one, or name another folder by CHAINRULE_DATA.")
    try:
        return _read(path, data), ""
    except (KeyError, TypeError, ValueError, AttributeError):
        aside = _put_aside(path)
        return Progress(path), f"The progress file was damaged. It is kept as {aside}, and progress begins anew."


def _read(path: Path, data: Any) -> Progress:
    items = {}
    for name, item in data["items"].items():
        card = Card.from_dict(item["card"])
        if card.due.tzinfo is None:
            raise ValueError("a time without a zone")
        items[name] = Item(card, int(item["reviews"]), int(item["right"]))
    return Progress(path, items, {str(name): int(count) for name, count in data["slips"].items()})


def _put_aside(path: Path) -> Path:
    number = next(number for number in range(1, 1_000_000) if not path.with_name(f"{path.stem}.damaged-{number}.json").exists())
    aside = path.with_name(f"{path.stem}.damaged-{number}.json")
    try:
        path.replace(aside)
    except OSError as error:
        raise OptionError(f"the progress in {path} is damaged and cannot be put aside: {error.strerror or error}.") from error
    return aside


def exercise_items(templates: Sequence[str]) -> dict[str, str]:
    """Return the name of each template's item in the progress: item → template."""
    return {f"exercise:{template}": template for template in templates}
