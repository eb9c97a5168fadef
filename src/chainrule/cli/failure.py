"""What went wrong, in a sentence on standard error, and the exit status that says so; warnings are sentences as well."""

from __future__ import annotations

import traceback
from typing import Any

from chainrule.data.visible import visible
from chainrule.errors import ChainruleError, InputError, nearest

_NUMBERS = {"a valid integer": "a whole number", "a valid number": "a number"}

DONE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
UNREAD = 141  # as of a command that the shell ends because nobody reads on: 128 + SIGPIPE


def report_failure(error: BaseException, show_traceback: bool = False) -> int:
    """Print what went wrong on standard error, with its traceback if that is asked for, and return the exit status."""
    if isinstance(error, SystemExit):
        return int(error.code or 0)
    if isinstance(error, BrokenPipeError):  # nobody reads on, as with `| head`
        from chainrule.cli.output import point_nowhere

        point_nowhere(1)
        return UNREAD
    if show_traceback:
        traceback.print_exception(error)
    sentence, status = explain(error)
    from rich.text import Text

    from chainrule.cli.output import messages, say

    text = Text.assemble(("error: ", "bold red"), visible(sentence))
    say(messages(), text)
    return status


def report_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
) -> None:
    """Print a warning on standard error: the sentence alone, where Python says which line of code gave it."""
    from rich.text import Text

    from chainrule.cli.output import messages, say

    say(messages(), Text.assemble(("warning: ", "bold yellow"), visible(str(message))))


def explain(error: BaseException) -> tuple[str, int]:
    """Return an error's sentence and its exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted.", INTERRUPTED
    if hasattr(error, "format_message"):  # what typer says of a command line
        return _usage_sentence(error), UNUSABLE
    if isinstance(error, ChainruleError):
        failed_while_running = not isinstance(error, InputError) or _is_full_disk(error.__cause__)
        return _sentence(str(error)), FAILED if failed_while_running else UNUSABLE
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _sentence(f"{place}{error.strerror or error}"), FAILED
    if isinstance(error, MemoryError):
        return "there is not enough memory for this; use fewer rows or columns, or a smaller --batch-size.", FAILED
    return f"this is a mistake of Chainrule's ({type(error).__name__}: {error}); --traceback shows where. Please report it.", FAILED


def _usage_sentence(error: Any) -> str:
    context = getattr(error, "ctx", None)
    advice = f" `{context.command_path} --help` lists what there is." if context else ""
    if hasattr(error, "possibilities") and context is not None:
        known = [name for parameter in context.command.params for name in parameter.opts]
        return f"there is no option {error.option_name}.{nearest(error.option_name, known)}{advice}"
    for theirs, ours in _NUMBERS.items():
        if theirs in str(error.message):
            return f"{error.param.opts[0]} must be {ours}.{advice}"
    return _sentence(str(error.format_message())) + advice


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _is_full_disk(cause: BaseException | None) -> bool:
    import errno

    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
