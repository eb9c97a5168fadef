"""Sphinx's directive ``formula``: formulas of the course, one a line, set as MathML, with nothing loaded from anywhere."""

from __future__ import annotations

from html import escape

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from making.mathml import mathml


class Formula(Directive):
    """A block of formulas; a long one can be scrolled, by keyboard too."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the block as HTML, and as plain text where the output is another."""
        lines = [line for line in self.content if line.strip()]
        rows = "".join(f"<div>{mathml(line)}</div>" for line in lines)
        label = escape("; ".join(lines), quote=True)
        html = nodes.raw("", f'<div class="formulas" role="group" tabindex="0" aria-label="{label}">{rows}</div>', format="html")
        return [html]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and its style."""
    app.add_directive("formula", Formula)
    app.add_css_file("course.css")
    return {"parallel_read_safe": True}
