"""Each kind of picture, drawn with matplotlib into axes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from chainrule.inspect.pictures.kinds import Bars, Drawing, Lines, Listing, Matrix, Points, Raster, Surface

_MOST_WRITTEN = 20  # classes of a matrix whose counts are written
_CHARACTERS = 11  # of a title, in an inch


def _lines(picture: Lines, ax: Axes) -> None:
    """Draw lines; values that are not finite leave a gap."""
    for name, (xs, ys) in picture.series.items():
        marker = "o" if len(xs) < 3 else ""
        ax.plot(xs, np.where(np.isfinite(ys), ys, np.nan), label=name, marker=marker)
    values = np.concatenate([ys for _, ys in picture.series.values()])
    if picture.logarithmic and (values[np.isfinite(values)] > 0).all():
        ax.set_yscale("log")
    if picture.mark is not None:
        ax.axvline(picture.mark[0], color="0.5", linestyle="--", linewidth=1, label=picture.mark[1])
    ax.set(xlabel=picture.x, ylabel=picture.y)
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")


def _points(picture: Points, ax: Axes) -> None:
    """Draw points, and the line where both are equal."""
    if picture.diagonal:
        both = np.concatenate([picture.xs, picture.ys])
        ends = [float(both.min(initial=np.inf)), float(both.max(initial=-np.inf))]
        ax.plot(ends, ends, color="0.5", linestyle="--", linewidth=1)
    if picture.shares is None:
        ax.plot(picture.xs, picture.ys, "o", markersize=4, alpha=0.5)
    else:
        ax.plot(picture.xs, picture.ys, alpha=0.4)
        ax.scatter(picture.xs, picture.ys, s=20 + 260 * picture.shares, alpha=0.75)
    ax.set(xlabel=picture.x, ylabel=picture.y)
    ax.grid(alpha=0.3)


def _bars(picture: Bars, ax: Axes) -> None:
    """Draw horizontal bars with their spread, the first one on top."""
    names = list(picture.values)
    means, spreads = (np.array([pair[place] for pair in picture.values.values()]) for place in (0, 1))
    ax.barh(names, means, xerr=spreads, ecolor="0.5")
    ax.invert_yaxis()
    ax.set_xlabel(picture.x)
    ax.axvline(0, color="0.5", linewidth=1)


def _raster(picture: Raster, ax: Axes) -> None:
    """Draw shares, the darker the larger."""
    low, high = picture.y_ends if picture.shares.any() else (-1.0, 1.0)
    count = len(picture.shares)
    ax.imshow(picture.shares.T, origin="lower", aspect="auto", cmap="Blues", extent=(0, count, low, high), interpolation="nearest")
    ax.set_xticks([0, count], picture.x_ends)
    first, last = ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    ax.set(xlabel=picture.x, ylabel=picture.y)


def _matrix(picture: Matrix, ax: Axes) -> None:
    """Draw counts by true class and answer, darkened by the share of the line."""
    shares, places = picture.shares, range(len(picture.names))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(places) <= _MOST_WRITTEN:
        long = max(map(len, picture.names)) > 3
        ax.set_xticks(places, picture.names, rotation=45 if long else 0, ha="right" if long else "center")
        ax.set_yticks(places, picture.names)
        for line in places:
            for column in places:
                ink = "white" if shares[line, column] > 0.5 else "black"
                ax.text(column, line, f"{picture.counts[line, column]:,}", ha="center", va="center", color=ink, fontsize="small")
    ax.set(xlabel="answer", ylabel="true")


def _listing(picture: Listing, ax: Axes) -> None:
    """Draw rows of texts as a table."""
    ax.axis("off")
    heads = ["\n".join(textwrap.wrap(head, 14, break_long_words=False)) or head for head in picture.heads]
    table = ax.table([list(row) for row in picture.rows], colLabels=heads, loc="center", cellLoc="right")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.auto_set_column_width(range(len(heads)))
    lines = max(head.count("\n") for head in heads) + 1
    for (row, column), cell in table.get_celld().items():
        cell.set_linewidth(0.3)
        if row == 0:
            cell.set_height(cell.get_height() * lines)
            cell.set_text_props(weight="bold")
        if column == 0:
            cell.set_text_props(ha="left")


def _network(picture: Drawing, ax: Axes) -> None:
    """Draw the layers as columns of units, and the weights between them: solid where positive, dashed where negative."""
    tallest = max(len(column.units) for column in picture.columns)
    places = [[(len(column.units) - 1) / 2 - number for number in range(len(column.units))] for column in picture.columns]
    for link in picture.links:
        ys = (places[link.column][link.start], places[link.column + 1][link.end])
        color, style = ("C0", "-") if link.positive else ("C1", "--")
        ax.plot(
            (link.column, link.column + 1), ys, color=color, ls=style, lw=0.4 + 2.2 * link.share, alpha=0.15 + 0.75 * link.share, zorder=1
        )
    for x, (column, ys_of) in enumerate(zip(picture.columns, places, strict=True)):
        ax.scatter([x] * len(ys_of), ys_of, s=90, facecolor="white", edgecolor="black", zorder=2)
        ax.text(x, tallest / 2 + 0.3, f"{column.title}\n{column.size:,} units", ha="center", va="bottom", fontsize="small")
        shift, side = (-0.08, "right") if x == 0 else (0.08, "left")
        for y, name in zip(ys_of, column.names, strict=False):
            ax.text(x + shift, y, name, ha=side, va="center", fontsize="small")
    ax.set_xlim(-0.8, len(picture.columns) - 0.4)
    ax.set_ylim(-tallest / 2 - 0.3, tallest / 2 + 1.3)
    ax.axis("off")


def _surface(picture: Surface, ax: Axes) -> None:
    """Draw the loss as colors with contour lines, and the path on it: where it began, where the weights were kept, where it ended."""
    finite = picture.losses[np.isfinite(picture.losses)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    levels = np.geomspace(low, high, 24) if low > 0 and high > 3 * low else np.linspace(low, high, 24)
    kwargs: dict[str, Any] = {"levels": levels, "norm": "log" if low > 0 and high > 3 * low else None} if high > low else {}
    shown = np.ma.masked_invalid(picture.losses)
    filled = ax.contourf(picture.xs, picture.ys, shown, cmap="viridis", **kwargs)
    ax.contour(picture.xs, picture.ys, shown, colors="white", linewidths=0.4, **kwargs)
    ax.plot(picture.path[:, 0], picture.path[:, 1], color="#e4572e", linewidth=1.6, label="path")
    for place, marker, name in ((0, "o", "first"), (picture.best, "*", "kept"), (-1, "s", "last")):
        x, y = picture.path[place]
        ax.plot(x, y, marker, color="white", markeredgecolor="black", markersize=13 if marker == "*" else 7, label=name, linestyle="")
    digits = 2 + max(1, math.ceil(-math.log10((high - low) / high))) if high > low and high > 0 else 3
    bar = ax.figure.colorbar(filled, ax=ax, label=picture.loss, format=f"%.{digits}g")
    bar.ax.minorticks_off()
    ax.set(xlabel=picture.x, ylabel=picture.y)
    ax.legend(fontsize="small")


_KINDS: dict[type, tuple[Callable[[Any, Axes], None], tuple[float, float]]] = {  # how it is drawn, and the size of a figure of its own
    Lines: (_lines, (8, 4.5)),
    Points: (_points, (6, 5)),
    Bars: (_bars, (8, 4.5)),
    Raster: (_raster, (8, 3)),
    Matrix: (_matrix, (6.5, 6)),
    Listing: (_listing, (13, 3.6)),
    Drawing: (_network, (9, 5)),
    Surface: (_surface, (7.5, 6)),
}


def draw(picture: Any, ax: Axes | None = None) -> Axes:
    """Draw a picture into axes, by default those of a figure of its own, with a title that says what is to be seen."""
    drawn, size = _KINDS[type(picture)]
    if ax is None:
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    drawn(picture, ax)
    title = picture.title if isinstance(picture, Drawing) else picture.says.split(". ")[0].split(": ")[0]
    ax.set_title(textwrap.fill(title.rstrip("."), round(_CHARACTERS * size[0])), fontsize="small", loc="left")
    return ax
