"""The page of a report: one HTML file that needs nothing else, for screens light and dark, for paper, and for screen readers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

_NUMBER = re.compile(r"[−+-]?[\d.,]*(e[+-]?\d+)?%?|nan|[+-]?inf")

_LIGHT = """--paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --edge: #d0d7de; --shade: 33, 97, 170;
  --c0: #1f66b3; --c1: #b3480f; --c2: #2b7a3d; --c3: #8a3ea8; --c4: #a11d5b; --c5: #5d6a00; --bad: #a40e26; --good: #1a6b34"""
_DARK = """--paper: #14171c; --ink: #e6e9ee; --soft: #a5afbb; --edge: #3a424d; --shade: 96, 165, 240;
  --c0: #6cb0ff; --c1: #ff9d66; --c2: #6fd088; --c3: #d79bf2; --c4: #ff8fbf; --c5: #c8d45a; --bad: #ff8a94; --good: #79d892"""
_CONTENT = """
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--edge) }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem }
p { margin: .4rem 0; max-width: 46rem }
.soft, caption, figcaption { color: var(--soft) }
.table { overflow-x: auto; margin: .6rem 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
caption { text-align: left; padding: 0 0 .3rem; font-size: .9rem }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--edge); text-align: right; vertical-align: top }
th:first-child, td:first-child, td.text, th.text { text-align: left }
th { font-weight: 600; white-space: nowrap }
td { max-width: 24rem }
figure { margin: .6rem 0 1.2rem }
figcaption { font-size: .9rem; max-width: 46rem }
svg { width: 100%; height: auto; max-width: 44rem; display: block }
code, pre { font-family: ui-monospace, monospace; font-size: .88rem }
pre { overflow-x: auto; padding: .6rem .8rem; border: 1px solid var(--edge); border-radius: 4px }
.axis { stroke: var(--soft); fill: none } .grid { stroke: var(--edge) } .label { fill: var(--soft); font-size: 12px }
.line { fill: none; stroke-width: 1.8; stroke: var(--c0) } .mark { stroke: var(--soft); stroke-dasharray: 4 3 }
.points { stroke: var(--c0); stroke-width: 5; stroke-linecap: round; stroke-opacity: .45; fill: none }
.bar { fill: var(--c0) } .cell { fill: var(--c0) } .unit { fill: var(--paper); stroke: var(--ink); stroke-width: 1.4 }
.plus { stroke: var(--c0); fill: none } .minus { stroke: var(--c1); fill: none; stroke-dasharray: 5 2 }
.s1 { stroke: var(--c1) } .s2 { stroke: var(--c2) } .s3 { stroke: var(--c3) } .s4 { stroke: var(--c4) } .s5 { stroke: var(--c5) }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .2rem 0; padding: 0; font-size: .9rem }
.key { display: inline-block; width: 1.4em; height: .25em; margin: 0 .4em .25em 0; background: var(--c0) }
.k1 { background: var(--c1) } .k2 { background: var(--c2) } .k3 { background: var(--c3) } .k4 { background: var(--c4) }
.k5 { background: var(--c5) }
@media (max-width: 30rem) { .label { font-size: 17px } .up { display: none } svg { overflow: visible } }
.bad { color: var(--bad) } .good { color: var(--good) }
"""
_STYLE = f"""
:root {{ {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
* {{ box-sizing: border-box }}
body {{ margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem }}
{_CONTENT}
@media print {{ :root {{ --ink: #000000; --soft: #444444; --edge: #bbbbbb; color-scheme: only light; print-color-adjust: exact }}
  body {{ max-width: none; padding: 0; font-size: 11pt }} h2, h3, caption, thead {{ break-after: avoid }}
  figure, tr {{ break-inside: avoid }} p, li {{ orphans: 3; widows: 3 }} pre {{ white-space: pre-wrap }} .table {{ overflow: visible }}
  table {{ font-size: 8.5pt }} th, td {{ padding: .1rem .3rem }} td {{ overflow-wrap: anywhere }} th {{ white-space: normal }}
  h2 + p {{ break-after: avoid }} svg {{ max-height: 9cm }} .table:not(:has(tr:nth-child(16))) {{ break-inside: avoid }}
  details:not(:has(tr:nth-child(31)))::details-content {{ display: block; content-visibility: visible; block-size: auto }} }}
"""
_INSIDE = f""".chainrule {{ {_LIGHT}; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; padding: .5rem .8rem;
{_CONTENT} }}"""


def inside(content: str) -> str:
    """Return a piece of a report for another page, a notebook's: with the looks of a report, which change nothing around it."""
    return f'<div class="chainrule"><style>{_INSIDE}</style>{content}</div>'


def page(title: str, under: str, sections: Sequence[str]) -> str:
    """Return the HTML of a report: its title, one line under it, and the sections."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<header><h1>{escape(title)}</h1><p class="soft">{escape(under)}</p></header>\n'
        + "\n".join(part for part in sections if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, inside: str) -> str:
    """Return a section, or nothing where there is nothing in it."""
    return f"<section><h2>{escape(title)}</h2>{inside}</section>" if inside else ""


def sentence(text: str, kind: str = "") -> str:
    """Return a paragraph; ``kind`` is ``good``, ``bad`` or ``soft``."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def part(title: str, inside: str) -> str:
    """Return a part of a section under a title of its own."""
    return f"<h3>{escape(title)}</h3>{inside}"


def figure(picture: str, says: str) -> str:
    """Return a picture with what it shows."""
    return f"<figure>{picture}<figcaption>{escape(says)}</figcaption></figure>"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, shades: Sequence[Sequence[float]] | None = None) -> str:
    """Return a table whose first column names its lines; ``shades`` from 0 to 1 darken the cells."""
    texts = [place for place in range(len(heads)) if any(not _NUMBER.fullmatch(row[place]) for row in rows)]
    head = "".join(f'<th scope="col"{_text(place in texts)}>{escape(name)}</th>' for place, name in enumerate(heads))
    body = []
    for number, row in enumerate(rows):
        cells = []
        for place, cell in enumerate(row):
            shade = shades[number][place] if shades is not None else 0.0
            style = f' style="background: rgba(var(--shade), {0.45 * shade:.2f})"' if shade > 0.01 else ""
            cells.append(f'<th scope="row">{escape(cell)}</th>' if not place else f"<td{_text(place in texts)}{style}>{escape(cell)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    inside_table = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f"{_scrolled(caption)}<table>{inside_table}</table></div>"


def _text(is_text: bool) -> str:
    return ' class="text"' if is_text else ""


def facts(rows: Sequence[tuple[str, str]], caption: str) -> str:
    """Return a table of two columns without heads: what, and what it is."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td class="text">{escape(text)}</td></tr>' for name, text in rows)
    return f"{_scrolled(caption)}<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table></div>"


def verbatim(text: str, says: str) -> str:
    """Return a text as it stands; ``says`` names it for screen readers."""
    return f'<pre role="region" tabindex="0" aria-label="{escape(says)}">{escape(text)}</pre>'


def _scrolled(says: str) -> str:
    """Return the beginning of what is scrolled sideways where the window is narrow, by keys too."""
    return f'<div class="table" role="region" tabindex="0" aria-label="{escape(says)}">'
