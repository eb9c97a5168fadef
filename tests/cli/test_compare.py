"""``chainrule compare RUN RUN…``: what differs, what came of it, and whether it is noise."""

from __future__ import annotations

import re

import pytest

from cli.running import chainrule, people


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    (folder / "people.csv").write_text(people(600))
    (folder / "others.csv").write_text(people(599))
    given = {
        "long": ("people.csv", "works", "--epochs", "12"),
        "short": ("people.csv", "works", "--epochs", "1"),
        "seeded": ("people.csv", "works", "--epochs", "12", "--seed", "1"),
        "split 0": ("people.csv", "works", "--epochs", "1", "--split-seed", "3", "--seed", "0"),
        "split 1": ("people.csv", "works", "--epochs", "1", "--split-seed", "3", "--seed", "1"),
        "income": ("people.csv", "income", "--epochs", "1"),
        "income8": ("people.csv", "income", "--epochs", "8"),
        "others": ("others.csv", "works", "--epochs", "1"),
    }
    for name, (table, target, *more) in given.items():
        ran = chainrule("train", table, "--target", target, "--hidden", "8", "--no-trees", "--out", name, *more, cwd=folder)
        assert ran.status == 0, ran.err
    return folder


def test_a_difference_that_is_more_than_noise(runs):
    found = chainrule("compare", "long", "short", "--json", cwd=runs).json
    assert found["settings"] == {"epochs": [12, 1]}
    (pair,) = found["pairs"]
    interval = pair["interval"]
    assert interval["better"] == "first"
    assert interval["low"] <= interval["difference"] <= interval["high"] < 0
    assert (interval["first"], interval["second"]) == pytest.approx(tuple(found["metrics"]["test"]["accuracy"]))
    (flips,) = pair["flips"]
    assert flips["first"] + flips["second"] + flips["neither"] == flips["differ"]
    assert (flips["second"] - flips["first"]) / pair["rows"] == pytest.approx(interval["difference"])
    assert found["verdict"].startswith("short is worse than long: accuracy ")


def test_runs_that_differ_by_their_seed(runs):
    found = chainrule("compare", "long", "seeded", "--json", cwd=runs).json
    (spread,) = found["seeds"]
    values = found["metrics"]["test"]["accuracy"]
    assert spread["mean"] == pytest.approx(sum(values) / 2)
    assert spread["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert 0 < found["pairs"][0]["rows"] < 120
    assert not spread["same_rows"]


def test_seeds_that_share_the_split_share_the_test_rows(runs):
    found = chainrule("compare", "split 0", "split 1", "--json", cwd=runs).json
    assert found["pairs"][0]["rows"] == 120
    assert found["seeds"][0]["same_rows"]
    assert list(found["settings"]) == ["seed"]
    assert "on the same test rows" in " ".join(chainrule("compare", "split 0", "split 1", cwd=runs).out.split())


def test_quantities_and_the_page(runs):
    ran = chainrule("compare", "income", "income8", "--out", "page.html", cwd=runs)
    assert ran.status == 0, ran.err
    assert "income is nearer to the truth on" in " ".join(ran.out.split())
    assert max(map(len, ran.out.splitlines())) <= 100
    html = (runs / "page.html").read_text(encoding="utf-8")
    titles = re.findall(r"<h2>(.*?)</h2>", html)
    assert titles == ["Which is better", "What differs", "Metrics", "Courses", "Where the answers differ"]
    assert not re.search(r"https?:|\bsrc=|\bhref=", html)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["long"], "1 run to compare; name two at least"),
        (["long", "long"], "are the same run"),
        (["long", "income"], "compare runs of the same target"),
        (["long", "others"], "compare runs on the same table"),
        (["long", "nowhere"], "there is no run nowhere"),
    ],
)
def test_what_cannot_be_compared_is_said(runs, given, says):
    ran = chainrule("compare", *given, cwd=runs)
    assert ran.status == 2
    assert says in ran.sentence


def test_a_run_without_its_model_leaves_the_rest(runs, tmp_path):
    kept = (runs / "short" / "model.safetensors").rename(tmp_path / "kept")
    try:
        found = chainrule("compare", "long", "short", "--json", cwd=runs).json
    finally:
        kept.rename(runs / "short" / "model.safetensors")
    assert found["pairs"] == []
    assert any("short has no model yet" in text for text in found["said"])
    assert found["metrics"]["test"]["accuracy"][0] > found["metrics"]["test"]["accuracy"][1]
