"""The flags of a training, made from the fields of :class:`Options`, and configuration files with the same words."""

from __future__ import annotations

import csv
import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.errors import OptionError, nearest
from chainrule.training.options import AUTO, Options

_FIELDS: dict[str, Field[Any]] = {item.name: item for item in fields(Options)}


def with_option_flags(
    after: str, names: Iterable[str] = tuple(_FIELDS), panel: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command, in place of its ``**flags``, one flag for each of these options, listed after its own parameter ``after``.

    ``None`` or nothing stands for flags that are not given, so that a configuration file can be heard.
    """

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        place = 1 + [parameter.name for parameter in own].index(after)
        every = [*own[:place], *(_flag(_FIELDS[name], panel) for name in names), *own[place:]]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in every]
        # What typer makes the command line from:
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return give


def flag_of(name: str) -> str:
    """Return the flag of an option: ``--drop``, or ``--no-header`` where it is on by default."""
    return ("--no-" if _FIELDS[name].default is True else "--") + name.replace("_", "-")


def _flag(item: Field[Any], panel: str = "") -> inspect.Parameter:
    is_switch, is_on = isinstance(item.default, bool), item.default is True
    kind: Any = bool if is_switch else list[str] if isinstance(item.default, tuple) else str
    flag = typer.Option(
        flag_of(item.name),
        help=item.metadata["off" if is_on else "help"] + _default_text(item.default),
        metavar="" if is_switch else item.metadata["metavar"],
        rich_help_panel=panel or item.metadata["group"].capitalize(),
        show_default=False,
    )
    return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, flag])


def _default_text(default: Any) -> str:
    if default is None or isinstance(default, bool) or default in (AUTO, ()):
        return ""
    return f" Default: {','.join(map(str, default)) if isinstance(default, tuple) else default}."


def given_options(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options among the values of flags: those that were given, as the values that :class:`Options` takes."""
    given = {name: value for name, value in flags.items() if value not in (None, [], ())}
    return {name: not _FIELDS[name].default if value is True else _value(name, value) for name, value in given.items()}


def read_config(path: Path, own: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a configuration file: the words of the flags, without the dashes before them.

    Args:
        path: a TOML file, such as ``hidden = [64, 64]`` and ``weight-decay = 0.1``.
        own: the names of further words, such as those of the output.

    Returns:
        The options as :class:`Options` takes them, and the further words as they are.

    Raises:
        OptionError: it cannot be read, or a word is not known.
    """
    try:
        words = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"--config {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise OptionError(f"--config {path} is not TOML: {error}.") from error
    options: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for word, value in words.items():
        name = word.replace("-", "_")
        negated = name.removeprefix("no_") if name.startswith("no_") else ""
        if name in own:
            others[name] = value
        elif negated in _FIELDS and isinstance(_FIELDS[negated].default, bool):
            options[negated] = not _switch(path, word, value)
        elif name in _FIELDS:
            options[name] = _switch(path, word, value) if isinstance(_FIELDS[name].default, bool) else _value(name, value, f"{path}: ")
        else:
            known = [known.replace("_", "-") for known in (*_FIELDS, *own)]
            raise OptionError(f"{path} has the word '{word}', which is none of chainrule train's.{nearest(word, known)}")
    return options, others


def _switch(path: Path, word: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"{path}: {word} is {value!r} and must be true or false.")
    return value


def _value(name: str, value: Any, place: str = "") -> Any:
    """Return what an option is, from a flag's text, from the texts of a repeated flag, or from a value of a configuration file."""
    kind = str(_FIELDS[name].type)  # as it is written in Options: "int | str"
    if isinstance(value, dict) and "Mapping" in kind:
        return value
    if isinstance(value, (bool, dict)):
        raise OptionError(f"{place}{name.replace('_', '-')} is {str(value).lower()} and must be a number or a text.")
    if kind.startswith("tuple"):
        if "int" in kind and isinstance(value, list) and all(isinstance(item, str) for item in value):
            return ",".join(value)  # Options reads widths, and says what is wrong with them
        parts = [part for item in value for part in _listed(item)] if isinstance(value, list) else _listed(value)
        kinds = [number for number in ("int", "float") if number in kind]
        return tuple(_number(part, kinds[0]) if kinds else str(part) for part in parts)
    if "int" in kind or "float" in kind:
        return _number(value, kind)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _listed(value: Any) -> list[Any]:
    """Return the parts of a list written with commas; quotes protect a comma: ``age,"income, EUR"``."""
    if not isinstance(value, str):
        return [value]
    return [part.strip() for row in csv.reader([value], skipinitialspace=True) for part in row if part.strip()]


def listed_words(values: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a repeated flag of which each may be a list: ``--keep a,b --keep c``."""
    return tuple(part for value in values for part in _listed(value))


def _number(value: Any, kind: str) -> Any:
    """Return a text as the number that it is; :class:`Options` says what is wrong with one that is none."""
    for number in (int, float):
        if isinstance(value, str) and number.__name__ in kind:
            try:
                return number(value)
            except ValueError:
                continue
    return value
