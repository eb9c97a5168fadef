"""A network with the numbers of one step as SVG: forward, the outputs and weights; backward, each δ and gradient."""

from __future__ import annotations

from html import escape

from chainrule.learn.examples import Example
from chainrule.learn.placeholders import write_number

_COLUMN, _ROW, _RADIUS = 220, 110, 36
_MARGIN_X, _MARGIN_Y = 70, 60
_DARK, _POSITIVE, _NEGATIVE = "#1b1b1f", "#1d4ed8", "#b3431b"
_STYLE = """text { font-family: system-ui, sans-serif; fill: #1b1b1f; text-anchor: middle; dominant-baseline: central }
.number { font-size: 14px; font-weight: 600 } .name { font-size: 13px }
.edge { font-size: 13px; paint-order: stroke; stroke: #fff; stroke-width: 5px }
.node { fill: #f3f4f8; stroke: #1b1b1f; stroke-width: 1.5 }"""

Column = list[tuple[str, str]]  # the name and the number of each node


def draw_network(example: Example, phase: str) -> str:
    """Return the picture of an example's network.

    Args:
        example: one of one row, with sigmoid or tanh hidden layers.
        phase: ``forward`` or ``backward``.
    """
    layers = [path.removesuffix(".weight") for path in example.textbook.params if path.endswith(".weight")]
    columns = [_inputs(example, phase), *(_units(example, layer, phase, last=layer == layers[-1]) for layer in layers)]
    height = 2 * _MARGIN_Y + (max(map(len, columns)) - 1) * _ROW + 24
    width = 2 * _MARGIN_X + (len(columns) - 1) * _COLUMN
    edges, labels = [], []
    for place, layer in enumerate(layers):
        for i, source in enumerate(columns[place]):
            for j in range(len(columns[place + 1])):
                name = f"{'d_' if phase == 'backward' else ''}{layer}.weight[{source[0] if place == 0 else i},{j}]"
                number = float(example.number(name))
                ends = (*_position(place, i, columns, height), *_position(place + 1, j, columns, height))
                edges.append(_line(number, *ends))
                labels.append(_label(number, *ends, share=0.5 + 0.23 * ((i > j) - (i < j)) * (len(columns[place + 1]) > 1)))
    nodes = [_node(*_position(c, r, columns, height), *node) for c, column in enumerate(columns) for r, node in enumerate(column)]
    title = f"{example.textbook.title}: the {phase} pass"
    return _svg(width, height, title, [*edges, *labels, *nodes])


def _inputs(example: Example, phase: str) -> Column:
    return [(name, write_number(example.number(f"x[{name}]")) if phase == "forward" else "") for name in example.textbook.input_names]


def _units(example: Example, layer: str, phase: str, *, last: bool) -> Column:
    count = example.textbook.params[f"{layer}.bias"].size
    found = []
    for unit in range(count):
        if phase == "forward":
            found.append(("p" if last else f"h{'₀₁₂₃'[unit]}", f"{layer}.output[{unit}]"))
        else:
            found.append(("δ" if last else f"δ{'₀₁₂₃'[unit]}", f"d_error[{unit}]" if last else f"d_{layer}.sum[{unit}]"))
    return [(name, write_number(example.number(number))) for name, number in found]


def _position(column: int, row: int, columns: list[Column], height: int) -> tuple[float, float]:
    return _MARGIN_X + column * _COLUMN, (height + 24) / 2 + (row - (len(columns[column]) - 1) / 2) * _ROW


def _line(number: float, x1: float, y1: float, x2: float, y2: float) -> str:
    color = _NEGATIVE if number < 0 else _POSITIVE
    dash = ' stroke-dasharray="7 4"' if number < 0 else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{color}" stroke-width="1.5"{dash}/>'


def _label(number: float, x1: float, y1: float, x2: float, y2: float, *, share: float) -> str:
    x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
    return f'<text class="edge" x="{x:.1f}" y="{y:.1f}">{write_number(number)}</text>'


def _node(x: float, y: float, name: str, number: str) -> str:
    inside = f'<text class="number" x="{x:g}" y="{y:g}">{number or escape(name)}</text>'
    above = f'<text class="name" x="{x:g}" y="{y - _RADIUS - 12:g}">{escape(name)}</text>' if number else ""
    return f'<circle class="node" cx="{x:g}" cy="{y:g}" r="{_RADIUS}"/>{inside}{above}'


def _svg(width: float, height: float, title: str, parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
    return "\n".join(
        [
            head,
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )
