import csv

from cli.running import SMALL, chainrule


def test_folds_are_told_and_their_answers_written(folder, tmp_path) -> None:
    ran = chainrule("train", folder / "people.csv", "--target", "works", "--folds", "3", "--out", "run", *SMALL, "--json", cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert [line.split(":")[0] for line in ran.err.splitlines() if line.startswith("fold ")] == [f"fold {n} of 3" for n in (1, 2, 3)]
    assert "3 folds" in ran.err
    assert len(ran.json["cross_validation"]["folds"]) == 3
    rows = list(csv.DictReader((tmp_path / "run" / "out_of_fold.csv").read_text().splitlines()))
    everyone = list(csv.DictReader((folder / "people.csv").read_text().splitlines()))
    assert [int(row["row"]) for row in rows] == list(range(len(everyone)))
    assert {row["prediction"] for row in rows} <= {person["works"] for person in everyone}
    assert all(abs(sum(float(row[name]) for name in row if name.startswith("probability_")) - 1) < 1e-5 for row in rows)


def test_each_of_several_targets_has_a_line_and_what_beats_it_is_named(folder, tmp_path) -> None:
    given = ("--target", "works,town", "--drop", "group", "--class-weight", "works=balanced,town:Ulm=2", "--folds", "2")
    ran = chainrule("train", folder / "people.csv", *given, "--out", "run", *SMALL, cwd=tmp_path)
    assert ran.status == 0, ran.err
    lines = ran.err.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("accuracy of"))
    assert lines[head].split() == ["accuracy", "of", "train", "valid", "2", "folds", "constant", "linear"]
    assert [line.split()[0] for line in lines[head + 2 : head + 4]] == ["works", "town"]
    beaten = [line.split() for line in lines[head + 2 : head + 4] if max(map(float, line.split()[4:])) >= float(line.split()[3])]
    said = next(line for line in lines if line.startswith(("A baseline is at least as good", "The network is better than all")))
    assert all(f"{words[0]} (" in said for words in beaten) == (said[0] == "A")
    assert sum(f"{target} (" in said for target in ("works", "town")) == len(beaten)


def test_trees_that_win_are_named_in_one_line(tmp_path) -> None:
    lines = ["x,y"] + [f"{i / 50},{(i // 40) % 2}.5" for i in range(400)]  # steps, which a network of two units cannot follow
    (tmp_path / "steps.csv").write_text("\n".join(lines))
    ran = chainrule("train", "steps.csv", "--target", "y", "--task", "regression", "--hidden", "2", "--epochs", "2", cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert "A model of gradient-boosted trees is better than this network on the test rows" in " ".join(ran.err.split())


def test_the_metric_that_is_asked_for_is_what_is_told(folder, tmp_path) -> None:
    given = ("--target", "income", "--loss", "mae", "--metric", "pinball", "--folds", "2", *SMALL)
    ran = chainrule("train", folder / "people.csv", *given, "--out", "run", cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert all("  pinball " in line for line in ran.err.splitlines() if line.startswith("fold "))
    assert any(line.startswith("pinball ") for line in ran.err.splitlines())  # of the table
    quiet = chainrule("train", folder / "people.csv", *given, "--out", "quiet", "--quiet", cwd=tmp_path)
    assert quiet.err.startswith("pinball ")


def test_large_measures_are_not_cut_off(tmp_path) -> None:
    lines = ["x,y"] + [f"{i},{(i * 37 % 60) * 1e9 + 3e12}" for i in range(60)]
    (tmp_path / "large.csv").write_text("\n".join(lines))
    ran = chainrule("train", "large.csv", "--target", "y", "--folds", "2", *SMALL, cwd=tmp_path)
    assert ran.status == 0, ran.err
    shown = [line for line in ran.err.splitlines() if line.startswith(("rmse ", "mae "))]
    assert len(shown) == 2
    assert all(len(line) <= 80 and "…" not in line and line.count("e+") == 6 for line in shown)
