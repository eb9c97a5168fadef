from pathlib import Path

import pytest

from cli.running import SMALL, Ran, chainrule, people


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with people.csv, and with the runs of two trainings on it."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "people.csv").write_text(people())
    return folder


@pytest.fixture(scope="session")
def classified(folder: Path) -> Ran:
    ran = chainrule("train", "people.csv", "--target", "works", "--out", "works", *SMALL, "--json", cwd=folder)
    assert ran.status == 0, ran.err
    return ran


@pytest.fixture(scope="session")
def regressed(folder: Path) -> Ran:
    ran = chainrule("train", "people.csv", "--target", "income", "--out", "income", *SMALL, "--json", cwd=folder)
    assert ran.status == 0, ran.err
    return ran
