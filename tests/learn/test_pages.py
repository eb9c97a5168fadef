"""The course in the docs: made from the content as it is now, with formulas and pictures that a browser can read."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chainrule.learn.glossary import glossary
from chainrule.learn.lessons import lessons

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(r"```formula\n(.*?)\n```", re.S)


@pytest.fixture(autouse=True)
def making(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))


def test_the_pages_and_pictures_are_made_from_the_content():
    from making.course import course_files

    made = dict(course_files())
    written = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "course").iterdir()}
    assert written.keys() == made.keys(), "run: python docs/make.py course"
    for name, text in made.items():
        if name.endswith(".md"):
            assert written[name] == text, f"{name}: run: python docs/make.py course"
        else:  # the last digit of a place in a drawing may differ from one processor to another
            assert re.sub(r"[\d.−-]+", "", written[name]) == re.sub(r"[\d.−-]+", "", text), name


def test_the_links_of_the_pages_lead_somewhere():
    for page in (DOCS / "course").glob("*.md"):
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            target = page if not path else page.parent / path
            assert target.exists(), (page.name, link)
            if anchor:
                headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
                assert anchor in [heading.casefold().replace(" ", "-") for heading in headings], (page.name, link)


def test_pictures_are_read_by_eye_and_by_ear():
    for path in (DOCS / "course").glob("*.svg"):
        picture = ElementTree.parse(path).getroot()
        assert picture.get("role") == "img"
        assert picture.get("aria-label")
        page = path.with_suffix(".md").read_text(encoding="utf-8")
        assert re.search(rf"!\[[^\]]{{60,}}\]\({path.name}\)", page)


def test_every_formula_becomes_mathml_that_says_the_same():
    from making.mathml import mathml

    formulas = [
        line for lesson in lessons() for _, text in lesson.parts("full") for block in FENCE.findall(text) for line in block.splitlines()
    ]
    formulas += [term.formula for term in glossary() if term.formula]
    assert len(formulas) > 150
    for formula in formulas:
        element = ElementTree.fromstring(mathml(formula))
        assert element.tag == "math"
        numbers = re.findall(r"\d+\.\d+", formula)
        assert re.findall(r"\d+\.\d+", " ".join(element.itertext())) == numbers, formula
        letters = re.sub(r"[^a-zA-Zα-ω]", "", formula.translate(str.maketrans("ᵢⱼₖₙᵀ", "ijknT")))
        assert sorted(re.sub(r"[^a-zA-Zα-ω]", "", "".join(element.itertext()))) == sorted(letters), formula


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        ("∂L/∂w₀", "<mfrac><mrow><mo>∂</mo><mi>L</mi></mrow><mrow><mo>∂</mo><msub><mi>w</mi><mrow><mn>0</mn></mrow></msub></mrow></mfrac>"),
        ("e^(−z)", "<msup><mi>e</mi><mrow><mrow><mo>−</mo><mi>z</mi></mrow></mrow></msup>"),
        ("h²", "<msup><mi>h</mi><mrow><mn>2</mn></mrow></msup>"),
        ("½", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
    ],
)
def test_how_a_formula_is_set(formula, part):
    from making.mathml import mathml

    assert part in mathml(formula)
