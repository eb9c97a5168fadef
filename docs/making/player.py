"""The course by ear: where a page's sound was recorded, a player with the transcript and its time marks stands under the title."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FOLDER = Path("course", "audio")
_CUE = re.compile(r"(?:\d+:)?(\d\d:\d\d)\.\d+ --> .*\n(?:<v (\w+)>)?(.*)")


def add_player(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Put the player into a page of the course that has a recording in the output folder."""
    name = Path(page).name
    sound = Path(app.outdir) / FOLDER / f"{name}.opus"
    if Path(page).parent == FOLDER.parent and sound.exists() and "body" in context:
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{player(name, sound.with_suffix('.vtt'))}", 1)


def player(name: str, transcript: Path) -> str:
    """Return the player of a lesson as HTML; its folder is ``audio`` beside the page."""
    lines = []
    for time, speaker, said in _CUE.findall(transcript.read_text(encoding="utf-8")):
        who = f"<strong>{speaker}:</strong> " if speaker else ""
        lines.append(f"<li><code>{time}</code> {who}{escape(said)}</li>")
    sound = f'<audio controls preload="none" src="audio/{name}.opus"><track kind="captions" srclang="en" src="audio/{name}.vtt"></audio>'
    summary = "<summary>Listen to this page, or read what is said</summary>"
    return f'<details class="player">{summary}{sound}<ul>{"".join(lines)}</ul></details>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Look for recordings when a page is written."""
    app.connect("html-page-context", add_player)
    return {"parallel_read_safe": True}
