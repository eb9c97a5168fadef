from __future__ import annotations

import polars as pl
import pytest

from chainrule.data.bundled import bundled, bundled_names, find_bundled
from chainrule.errors import OptionError

SHAPES = {"concrete": (1030, 9), "digits": (1797, 65), "penguins": (344, 8), "xor": (4, 3)}


def test_the_names_are_sorted_and_all_described() -> None:
    assert bundled_names() == tuple(sorted(SHAPES))


@pytest.mark.parametrize("name", SHAPES)
def test_a_data_set_has_its_rows_its_target_and_its_source(name: str) -> None:
    data = bundled(name)
    frame = pl.read_csv(data.path, null_values="NA", infer_schema_length=None)
    assert frame.shape == SHAPES[name]
    assert data.target in frame.columns
    assert data.title and data.license and data.source
    assert f"## {data.path.name}: {SHAPES[name][0]:,} rows" in (data.path.parent / "SOURCES.md").read_text()


def test_the_penguins_keep_their_missing_values() -> None:
    frame = pl.read_csv(bundled("penguins").path, null_values="NA")
    assert frame.null_count().row(0) == (0, 0, 2, 2, 2, 2, 11, 0)


def test_the_digits_are_scikit_learns() -> None:
    from sklearn import datasets  # takes a second

    digits = datasets.load_digits()
    frame = pl.read_csv(bundled("digits").path)
    assert (frame.drop("digit").to_numpy() == digits.data).all()
    assert (frame["digit"].to_numpy() == digits.target).all()


def test_xor_is_the_truth_table_and_trains_on_all_rows() -> None:
    data = bundled("xor")
    frame = pl.read_csv(data.path)
    assert (frame["xor"] == frame["a"] ^ frame["b"]).all()
    assert data.split == "100"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no bundled data set is called 'pengins'; there are .*\. Did you mean 'penguins'\?"):
        bundled("pengins")


def test_a_file_of_that_name_comes_before_a_bundled_data_set(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_bundled("xor") is bundled("xor")
    assert find_bundled("people.csv") is None
    (tmp_path / "xor").write_text("a,b\n1,2\n")
    assert find_bundled("xor") is None
