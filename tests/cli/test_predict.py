import csv
import io
import json
import subprocess

import polars as pl
import pytest

import chainrule as cr
from cli.running import SMALL, chainrule, command, environment, people


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_one_line_for_each_row_in_its_order(folder, classified, regressed):
    model = cr.load(folder / "income")
    ran = chainrule("predict", "income", "people.csv", cwd=folder)
    assert [float(row["prediction"]) for row in rows_of(ran.out)] == model.predict(folder / "people.csv").tolist()
    labels = chainrule("predict", "works", "people.csv", cwd=folder)
    assert [row["prediction"] for row in rows_of(labels.out)] == cr.load(folder / "works").predict(folder / "people.csv").tolist()


def test_probabilities_and_kept_columns(folder, classified):
    ran = chainrule("predict", "works", "people.csv", "--proba", "--keep", "id,age", cwd=folder)
    rows = rows_of(ran.out)
    assert list(rows[0]) == ["id", "age", "prediction", "probability_No", "probability_Yes"]
    assert [row["id"] for row in rows] == [f"P{i:03}" for i in range(60)]
    for row in rows:
        assert float(row["probability_No"]) + float(row["probability_Yes"]) == pytest.approx(1, abs=1e-6)
        assert row[f"probability_{row['prediction']}"] == max(row["probability_No"], row["probability_Yes"], key=float)


def test_a_column_that_is_kept_twice_is_written_once(folder, classified):
    ran = chainrule("predict", "works", "people.csv", "--keep", "id,id", "--keep", "id", cwd=folder)
    assert ran.out.startswith("id,prediction\n"), ran


def test_a_kept_column_of_words_is_text_as_it_was(folder, classified, tmp_path):
    ran = chainrule("predict", "works", "people.csv", "--keep", "town", "--out", tmp_path / "kept.parquet", cwd=folder)
    assert ran.status == 0, ran
    assert pl.read_parquet(tmp_path / "kept.parquet")["town"].dtype == pl.String


def test_flags_say_how_new_rows_are_read(folder, classified, regressed):
    rows = people().replace(",", ";").replace(".", ",").replace(";26;", ";?;")
    flags = ("--delimiter", ";", "--decimal", ",", "--encoding", "utf-16", "--missing", "?")
    for name, shown in (("predict", "prediction"), ("evaluate", "accuracy"), ("step", "One training step"), ("explain", "row 0")):
        more = ("--row", "0") if name in ("step", "explain") else ()
        ran = chainrule(name, "works", "-", *flags, *more, cwd=folder, stdin=rows.encode("utf-16"))
        assert ran.status == 0, ran
        assert shown in ran.out
    plain = chainrule("predict", "income", "people.csv", cwd=folder)
    told = chainrule("predict", "income", "-", *flags, cwd=folder, stdin=people().replace(",", ";").replace(".", ",").encode("utf-16"))
    assert told.out == plain.out
    headless = "\n".join(people().splitlines()[1:])
    assert "'age'" in chainrule("predict", "works", "-", "--no-header", cwd=folder, stdin=headless.encode()).sentence


def test_a_warning_is_a_sentence(folder, classified, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file"))
    ran = chainrule("predict", "works", "people.csv", cwd=folder)
    assert ran.status == 0
    assert f"warning: compiled programs cannot be kept in {tmp_path / 'file'}: File exists. They are compiled again" in ran.err
    assert ".py" not in ran.err
    assert "UserWarning" in chainrule("predict", "works", "people.csv", "--traceback", cwd=folder).err


def test_columns_of_one_name_are_told_apart_in_json(tmp_path):
    (tmp_path / "t.csv").write_text("x,t,t_1\n" + "".join(f"{i},{('1_b', 'c')[i % 2]},{('b', 'd')[i % 3 > 0]}\n" for i in range(60)))
    assert chainrule("train", "t.csv", "--target", "t,t_1", "--out", "run", *SMALL, cwd=tmp_path).status == 0
    words = ("predict", "run", "t.csv", "--proba")
    assert "'probability_t_1_b'; write the answers with --json" in chainrule(*words, cwd=tmp_path).sentence
    assert set(chainrule(*words, "--json", cwd=tmp_path).json["predictions"][0]["probabilities"]) == {"t", "t_1"}


def test_json(folder, classified, regressed):
    report = chainrule("predict", "works", "people.csv", "--proba", "--json", cwd=folder).json
    assert (report["format"], report["model"], report["rows"]) == (1, "works", 60)
    assert set(report["predictions"][0]) == {"prediction", "probabilities"}
    assert set(report["predictions"][0]["probabilities"]) == {"No", "Yes"}
    numbers = chainrule("predict", "income", "people.csv", "--json", cwd=folder).json
    assert all(set(row) == {"prediction"} and isinstance(row["prediction"], float) for row in numbers["predictions"])
    measured = chainrule("evaluate", "works", "people.csv", "--json", cwd=folder).json
    assert (measured["format"], measured["rows"]) == (1, 60)
    assert {"accuracy", "log_loss"} <= set(measured["metrics"])


@pytest.mark.parametrize(("spelled", "known"), [(("TRUE", "FALSE"), str), (("3", "7"), int), (("Ja", "Nein"), str)])
def test_labels_have_the_targets_type_and_spelling(spelled, known, tmp_path):
    yes, no = spelled
    (tmp_path / "x.csv").write_text(people().replace("Yes", yes).replace("No", no))
    chainrule("train", "x.csv", "--target", "works", *SMALL, "--out", "run", cwd=tmp_path)
    assert {row["prediction"] for row in rows_of(chainrule("predict", "run", "x.csv", cwd=tmp_path).out)} <= set(spelled)
    predictions = chainrule("predict", "run", "x.csv", "--json", cwd=tmp_path).json["predictions"]
    assert {row["prediction"] for row in predictions} <= {known(label) for label in spelled}


def test_new_rows_may_lack_the_target_and_bring_columns_categories_and_gaps(folder, classified):
    text = "extra,town,age,group,income\nfoo,Paris,30,1,1200\nbar,,,2,1000.5\nbaz,Ulm,NA,,NA\n"
    ran = chainrule("predict", "works", "-", cwd=folder, stdin=text.encode())
    assert ran.status == 0
    assert len(rows_of(ran.out)) == 3
    assert "'extra'" in ran.err
    assert "1 cell of column 'town' with values that training did not know: 'Paris'." in ran.err
    assert "2 cells of column 'age' missing, where none was in training." in ran.err
    assert "1 cell of column 'income' missing" in ran.err
    absent = chainrule("predict", "works", "-", cwd=folder, stdin=b"town,group,income\nUlm,1,1000\n")
    assert (absent.status, absent.out) == (2, "")
    assert "'age'" in absent.sentence


def test_files_by_their_ending(folder, classified, tmp_path):
    expected = [row["prediction"] for row in rows_of(chainrule("predict", "works", "people.csv", cwd=folder).out)]
    readers = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet, "tsv": lambda p: pl.read_csv(p, separator="\t")}
    for ending, read in readers.items():
        out = tmp_path / f"answers.{ending}"
        ran = chainrule("predict", "works", "people.csv", "--out", out, cwd=folder)
        assert (ran.status, ran.out) == (0, "")
        assert read(out)["prediction"].to_list() == expected


def test_evaluate_leaves_out_rows_without_an_answer(folder, classified):
    ran = chainrule("evaluate", "works", "-", "--json", cwd=folder, stdin=people().replace("Yes", "", 5).encode())
    assert ran.json["rows"] == 55
    assert "5 rows without 'works' are left out" in ran.err
    shown = chainrule("evaluate", "works", "people.csv", cwd=folder)
    assert "accuracy" in shown.out


def test_probabilities_of_a_quantity_are_refused(folder, regressed):
    ran = chainrule("predict", "income", "people.csv", "--proba", cwd=folder)
    assert (ran.status, ran.out) == (2, "")
    assert "no classes" in ran.sentence


def test_a_reader_that_goes_away_is_no_traceback(folder, classified, tmp_path):
    (tmp_path / "many.csv").write_text(people(20_000))
    process = subprocess.Popen(
        command("predict", folder / "works", "many.csv", "--proba"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as stream:
        err = stream.read().decode()
    assert process.wait(30) == 141
    assert "error" not in err
    assert "Traceback" not in err


def test_show_prints_the_program_that_trained(folder, classified):
    ran = chainrule("show", "works", cwd=folder)
    assert ran.status == 0
    assert ran.out.startswith("# One training step of works (classification of 'works')")
    assert str(cr.load(folder / "works").training) in ran.out
    alone = chainrule("show", "works", "--phase", "loss", cwd=folder).out
    assert "\nloss\n" in alone
    assert "\nforward\n" not in alone
    program = chainrule("show", "works", "--json", cwd=folder).json
    assert {"format", "inputs", "equations", "outputs"} <= set(program)
    assert json.dumps(program)


def test_evaluate_tells_how_many_rows_are_below_each_quantile(folder, tmp_path):
    given = ("--loss", "pinball", "--quantile", "0.1,0.9", "--out", "run", *SMALL, "--quiet")
    assert chainrule("train", folder / "people.csv", "--target", "income", *given, cwd=tmp_path).status == 0
    model = cr.load(tmp_path / "run")
    true = pl.Series([float(row["income"]) for row in rows_of(people())]).to_numpy()
    expected = (true[:, None] <= model.predict_quantiles(folder / "people.csv")).mean(axis=0).tolist()
    found = chainrule("evaluate", "run", folder / "people.csv", "--json", cwd=tmp_path).json["calibration"]
    assert list(found) == ["0.1", "0.9"]
    assert list(found.values()) == pytest.approx(expected)
    lines = chainrule("evaluate", "run", folder / "people.csv", cwd=tmp_path).out.splitlines()
    assert [line.split() for line in lines[-2:]] == [[word, f"{share:.3f}"] for word, share in found.items()]
