"""A traced step as a document: one self-contained page, or LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from rich.text import Text

from chainrule.inspect.expansion.mathematics import ExpansionMathematics
from chainrule.inspect.expansion.selection import Expanded
from chainrule.inspect.reading.notation import Leaf, Numbers
from chainrule.inspect.reading.typeset import Latex, Markup, MathML, Typesetter, escape_latex
from chainrule.inspect.step.drawing import Drawing
from chainrule.inspect.step.text import EXPANDED
from chainrule.inspect.step.trace import StepTrace
from chainrule.inspect.step.wording import Wording
from chainrule.ir import PHASES

_MOST_NUMBERS = 12  # of a quantity that are written as mathematics
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 ui-sans-serif, system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; }
section.math, figure { overflow-x: auto; margin: 1rem 0; }
figure svg { max-width: 100%; height: auto; }
math { margin: 0.6rem 0; }
"""


class StepMathematics:
    """Writes the calculations of a step in a markup, quantity by quantity."""

    def __init__(self, trace: StepTrace, markup: Markup, digits: int = 6) -> None:
        self.trace, self.markup = trace, markup
        self.words = Wording(trace, digits=digits)
        self.set = Typesetter(markup, Numbers(digits))

    def phase(self, phase: str) -> Iterator[tuple[str, str]]:
        """Yield for each layer of a phase its name, and its equations; of a large layer those that matter most."""
        chosen = self.trace.chosen_parameters()
        for (layer, width), quantities in self.trace.groups(phase).items():
            shown = self.words.shown_units((layer, width)) if width else []
            rows: list[tuple[str | None, str]] = []
            for quantity in quantities:
                if self.trace.recording.values[quantity.value].dtype.kind in "uib":
                    continue
                if quantity.path:
                    places = chosen.get(quantity.path, [])
                elif width:
                    places = [place for unit in shown for place in self.words.places(quantity, unit)]
                else:
                    places = list(self.trace.indices(quantity))
                for place in places[:_MOST_NUMBERS]:
                    if len(place) != len(quantity.value.type.shape):
                        continue
                    node = self.trace.calculation(quantity, place)
                    if isinstance(node, Leaf):
                        continue
                    name = ",".join(self.trace.units.place(quantity.value, place))
                    rows.append((self.set.called(f"{quantity.name}[{name}]" if name else quantity.name), self.set.symbols(node)))
                    rows += [("", self.set.numeric(node)), ("", self.set.number(float(node.number)))]
            if rows:
                yield layer or "network", self.markup.lines(rows)


def latex_document(
    trace: StepTrace, phases: Sequence[str] = PHASES, digits: int = 6, further: str = "", expanded: Expanded | None = None
) -> str:
    """Return the step as a LaTeX document.

    Args:
        trace: the step. ``phases``, ``digits``: as for the text.
        further: LaTeX of the chain rule of a weight, in place of the step. ``expanded``: composites in primitives, too.
    """
    written = StepMathematics(trace, Latex(), digits)
    parts = ["\\documentclass{article}", "\\usepackage{amsmath}", "\\allowdisplaybreaks", "\\begin{document}"]
    for phase in phases if not further else ():
        parts.append(f"\\section*{{{phase.capitalize()}}}")
        for layer, equations in written.phase(phase):
            parts += [f"\\subsection*{{{Latex().text(layer)}}}", f"\\[\n{equations}\n\\]"]
    parts.append(further)
    if expanded is not None:
        parts.append("\\section*{In primitives}")
        for called, equations, verdict in ExpansionMathematics(Latex(), digits, expanded.selection).parts(expanded.expansions):
            parts += [f"\\subsection*{{{Latex().text(called)}}}", f"\\[\n{equations}\n\\]", escape_latex(verdict)]
    return "\n".join([*parts, "\\end{document}", ""])


def html_page(
    trace: StepTrace,
    title: str,
    lines: Iterable[Text],
    phases: Sequence[str] = PHASES,
    digits: int = 6,
    further: str = "",
    expanded: Expanded | None = None,
) -> str:
    """Return the step as one page that needs nothing else: the picture, the mathematics (MathML), and the whole text.

    Args:
        trace: the step. ``title``: of the page. ``lines``: the step as text. ``phases``, ``digits``: as for the text.
        further: HTML of the chain rule of a weight, in place of the mathematics of the whole step.
        expanded: composites in primitives, too.
    """
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(str(trace.source))}.</p>", f"<figure>{Drawing(trace).svg()}</figure>"]
    if further:
        parts.append(_scrolled(title, further))
    else:
        written = StepMathematics(trace, MathML(), digits)
        for phase in phases:
            parts.append(f"<h2>{phase.capitalize()}</h2>")
            parts += [_scrolled(f"{phase}, {layer}", f"<h3>{escape(layer)}</h3>{math}") for layer, math in written.phase(phase)]
    if expanded is not None:
        parts.append(f"<h2>{EXPANDED}</h2>")
        for called, math, verdict in ExpansionMathematics(MathML(), digits, expanded.selection).parts(expanded.expansions):
            parts.append(_scrolled(called, f"<h3>{escape(called)}</h3>{math}<p>{escape(verdict)}</p>"))
    text = "\n".join(escape(line.plain) for line in lines)
    parts.append(f'<h2>In full</h2><pre tabindex="0" role="region" aria-label="The step as text">{text}</pre>')
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>\n'


def _scrolled(says: str, math: str) -> str:
    """Return mathematics that is scrolled sideways where the window is narrow, by keys too; ``says`` names it for screen readers."""
    return f'<section class="math" tabindex="0" aria-label="{escape(says)}">{math}</section>'
