"""Repeating a run: what ``run.json`` tells of it, as the words of a training."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from chainrule.data.bundled import find_bundled
from chainrule.errors import OptionError
from chainrule.training.run_folder import RUN, describe_data
from chainrule.words import word


def is_run(path: Path) -> bool:
    """Say whether ``--config`` names a run: its folder or its ``run.json``."""
    return path.is_dir() or path.suffix == ".json"


def read_run(path: Path, given: Collection[str], who: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what is needed to repeat a run.

    Args:
        path: a run's folder, or its ``run.json``.
        given: the words that are given beside it, and win; files that they replace are not looked at.
        who: how messages begin; with the option that names it unless given.

    Returns:
        The options of the run as :class:`Options` takes them, and the words ``data``, ``target`` and ``name``.

    Raises:
        OptionError: it cannot be read, is not a run, or one of its files is not there or has other bytes than it had then: the outcome
            would be another one.
    """
    path = path / RUN if path.is_dir() else path
    who = who or word("config")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        options = {name: value for name, value in about["options"].items() if value is not None}
        own = {"data": about["data"]["given"], "target": about["target"], "name": about["name"]}
        files = {part: dict(then) for part, then in ({"data": about["data"]} | about["files"]).items() if part not in given}
    except OSError as error:
        raise OptionError(f"{who} {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OptionError(f"{who} {path} is not the {RUN} of a run; name the folder of one, or a TOML file.") from error
    for part, then in files.items():
        (own if part == "data" else options)[part] = _found(f"{who} {path}", then)
    return options, own


def _found(run: str, then: dict[str, Any]) -> str:
    """Return where a file that the run read is now, or the name of a bundled table; it must have the bytes that it had then."""
    if "sha256" not in then:
        raise OptionError(f"{run}: that run read its table from standard input, which is not kept; give DATA.")
    bundled = find_bundled(then["given"])
    place = bundled.path if bundled else Path(then["path"])
    now = describe_data(then["given"], place)
    if "sha256" not in now:
        raise OptionError(f"{run}: {place}, which that run read, is not there; put it back, or give DATA.")
    if now["sha256"] != then["sha256"]:
        raise OptionError(
            f"{run}: {place} has changed since that run ({then['bytes']:,} bytes then, {now['bytes']:,} now), so that it cannot "
            "be repeated; give DATA to train on the table as it is."
        )
    return bundled.name if bundled else str(place)
