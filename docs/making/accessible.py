"""What the theme leaves out for those who read by ear or use no mouse: levels of headings, and scrolling by keyboard."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

_ADDED = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}


def complete(app: Sphinx, error: Exception | None) -> None:
    """Add to every page that was written what :data:`_ADDED` says."""
    if error is None and app.builder.format == "html":
        for path in Path(app.outdir).rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            for before, after in _ADDED.items():
                text = text.replace(before, after)
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the pages completed when all are written."""
    app.connect("build-finished", complete)
    return {"parallel_read_safe": True}
