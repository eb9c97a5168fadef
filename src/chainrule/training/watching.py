"""Who follows a training from Python: the caller's own function, and a bar where one is seen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def watching(on_event: Callable[[Any], None] | None, progress: bool | None) -> Callable[[Any], None]:
    """Return what is called with each event: the progress, if it is shown, and a caller's function.

    Args:
        progress: whether progress is shown; ``None``: in a notebook it is.
    """
    notebook = _in_notebook()
    watchers: list[Callable[[Any], None]] = []
    if progress or (progress is None and notebook):
        from rich.console import Console  # it loads where something is shown

        from chainrule.training.progress import NotebookProgress, Progress

        watchers.append(NotebookProgress() if notebook else Progress(Console(stderr=True, highlight=False)))
    if on_event is not None:
        watchers.append(on_event)

    def watch(event: Any) -> None:
        for watcher in watchers:
            watcher(event)

    return watch


def _in_notebook() -> bool:
    """Say whether a notebook's kernel is running, as opposed to a script or IPython in a terminal."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
