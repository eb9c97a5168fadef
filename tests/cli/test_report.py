"""``chainrule report RUN``: one file, sections for what the run has, and a sentence for what it lacks."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from cli.running import SMALL, chainrule, people


def report_of(run, cwd, *more):
    ran = chainrule("report", run, *more, cwd=cwd)
    assert ran.status == 0, ran.err
    return (cwd / run / "report.html").read_text(encoding="utf-8")


def titles(html):
    return re.findall(r"<h2>(.*?)</h2>", html)


@pytest.fixture
def own(folder, classified, regressed, tmp_path):
    """Copies of the runs, for a report is written into the folder of its run."""
    return shutil.copytree(folder, tmp_path / "own")


COURSE = ["The course of the training", "Gradients and weights over time"]
END = ["Diagnosis", "How to repeat it"]


def test_the_report_of_a_classification_stands_alone(own):
    html = report_of("works", own)
    results = ["Confusion", "Calibration", "What matters", "The worst answers"]
    assert titles(html) == ["Outcome", "What was trained on what", *COURSE, *results, *END]
    assert len(html.encode()) <= 1_000_000
    assert not re.search(r"https?:|\bsrc=|\bhref=|@import|url\(|<script|<link", html)
    assert all('role="img" aria-label="' in svg for svg in re.findall(r"<svg[^>]*>", html))


def test_paper_is_never_dark_and_shows_what_is_folded(own):
    style = report_of("works", own).partition("</style>")[0]
    assert style.count("prefers-color-scheme: dark") == style.count("@media screen and (prefers-color-scheme: dark)") == 1
    printed = style.partition("@media print")[2]
    for rule in ("print-color-adjust: exact", "content-visibility: visible", "break-inside: avoid"):
        assert rule in printed


def test_the_report_of_a_regression_has_residuals(own):
    html = report_of("income", own)
    assert titles(html) == ["Outcome", "What was trained on what", *COURSE, "Residuals", "What matters", "The worst answers", *END]


def test_what_was_written_is_told(own):
    ran = chainrule("report", "works", "--out", "own.html", "--json", cwd=own)
    assert ran.json["report"] == "own.html"
    assert ran.json["bytes"] == (own / "own.html").stat().st_size
    assert "is a folder" in chainrule("report", "works", "--out", ".", cwd=own).sentence


def test_a_folder_that_is_no_run(folder):
    assert chainrule("report", "nowhere", cwd=folder).sentence == "there is no run nowhere."
    assert "is not the folder of a run" in chainrule("report", ".", cwd=folder).sentence


@pytest.mark.parametrize(
    ("take_away", "says"),
    [
        ("history.jsonl", "has no history.jsonl"),
        ("people.csv", "its rows are not looked at"),
        ("unfinished", "the run is not finished (running)"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(folder, classified, tmp_path, take_away, says):
    run = tmp_path / "run"
    shutil.copytree(folder / "works", run)
    about = json.loads((run / "run.json").read_text())
    if take_away == "people.csv":
        about["data"]["path"] = str(tmp_path / "gone.csv")
    elif take_away == "unfinished":
        about["state"] = "running"
        del about["report"]
        (run / "model.safetensors").unlink()
    else:
        (run / take_away).unlink()
    (run / "run.json").write_text(json.dumps(about))
    html = report_of("run", tmp_path)
    assert says in re.search(r'<p class="bad">(.*?)</p>', html)[1].replace("Its", "its").replace("The", "the")
    assert titles(html)[0] == "Outcome"


def test_several_targets_and_names_with_markup(tmp_path):
    evil = "<script>alert(1)</script>"
    text = people().replace("works", "works<b>").replace("town", evil).replace("Bern", '"<img src=x onerror=y>"').replace('"', "")
    (tmp_path / "people.csv").write_text(text)
    ran = chainrule("train", "people.csv", "--target", f"works<b>,{evil}", "--out", "run", *SMALL, cwd=tmp_path)
    assert ran.status == 0, ran.err
    html = report_of("run", tmp_path)
    assert evil not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    own = titles(html)
    assert {"Confusion of works&lt;b&gt;", "Calibration of works&lt;b&gt;", "The worst answers of works&lt;b&gt;"} <= set(own)
    assert "What matters" not in own


def test_a_table_that_was_not_kept_is_given_and_looked_at_by_all_of_the_report(tmp_path):
    piped = chainrule("train", "-", "--target", "works", *SMALL, "--out", "run", "--quiet", cwd=tmp_path, stdin=people().encode())
    assert piped.status == 0, piped.err
    assert "chainrule train TABLE --config run" in report_of("run", tmp_path)
    (tmp_path / "people.csv").write_text(people())
    html = report_of("run", tmp_path, "--data", "people.csv")
    assert "Confusion" in titles(html)
    assert re.search(r"looked at|as far as can be seen", html)
    assert "training rows" in html.split("<h2>Diagnosis</h2>")[1].split("</section>")[0]


def test_only_a_run_that_ended_by_itself_is_promised_bit_for_bit(folder, own, tmp_path):
    assert "the same network again, bit for bit, from the same file" in report_of("works", own)
    words = ("train", folder / "people.csv", "--target", "works", *SMALL, "--time-budget", "60", "--out", "timed", "--quiet")
    assert chainrule(*words, cwd=tmp_path).status == 0
    html = report_of("timed", tmp_path)
    assert "may take more of them, or fewer" in html
    assert "bit for bit" not in html
