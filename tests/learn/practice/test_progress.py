"""Progress: spaced repetition, one file that is whole at any moment, and a damaged one that is kept aside."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from chainrule.errors import OptionError
from chainrule.learn.practice.progress import open_progress, progress_path

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = ("exercise:loss", "exercise:update", "card:delta")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "progress.json"


def test_wrong_is_again_with_a_hint_is_hard_right_is_good(path):
    progress, warning = open_progress(path)
    assert warning == ""
    again = progress.record("exercise:loss", right=False, hints=1, now=NOW)
    hard = progress.record("exercise:update", right=True, hints=1, now=NOW)
    good = progress.record("card:delta", right=True, now=NOW)
    assert NOW < again < hard < good
    stability = {name: item.card.stability for name, item in progress.items.items()}
    assert stability["exercise:loss"] < stability["exercise:update"] < stability["card:delta"]


def test_what_is_right_again_and_again_comes_back_ever_later(path):
    progress, now, waits = open_progress(path)[0], NOW, []
    for _ in range(6):
        due = progress.record("card:delta", right=True, now=now)
        waits.append(due - now)
        now = due
    assert waits == sorted(waits)
    assert waits[-1] > timedelta(days=20)
    assert progress.record("card:delta", right=False, now=now) - now < timedelta(hours=1)


def test_what_is_due_comes_first_then_what_is_new(path):
    progress, _ = open_progress(path)
    progress.record("card:delta", right=True, now=NOW)
    progress.record("exercise:update", right=False, now=NOW)
    assert progress.due(NAMES, NOW) == ["exercise:loss"]
    assert progress.due(NAMES, NOW + timedelta(days=1)) == ["exercise:update", "card:delta", "exercise:loss"]
    assert progress.next_due(NAMES) == progress.items["exercise:update"].card.due


def test_the_file_is_read_again_as_it_was_written(path):
    progress, _ = open_progress(path)
    progress.record("exercise:loss", right=False, slip="missing_mean", now=NOW)
    progress.record("exercise:loss", right=True, now=NOW)
    again, warning = open_progress(path)
    assert (again, warning) == (progress, "")
    assert again.slips == {"loss missing_mean": 1}
    assert (again.items["exercise:loss"].reviews, again.items["exercise:loss"].right) == (2, 1)
    assert json.loads(path.read_text())["format"] == 1


def test_two_windows_do_not_undo_each_other(path):
    one, _ = open_progress(path)
    other, _ = open_progress(path)
    one.record("exercise:loss", right=True, now=NOW)
    other.record("exercise:update", right=True, now=NOW)
    assert set(open_progress(path)[0].items) == {"exercise:loss", "exercise:update"}


DAMAGED = [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"format": 1}', b'{"format": 1, "items": {"x": {}}, "slips": {}}']


@pytest.mark.parametrize("content", [*DAMAGED, b'{"format": 1, "items": {"x": {"card": {"card_id": "a"}}}, "slips": {}}'])
def test_a_damaged_file_is_kept_aside_and_said(content, path):
    path.parent.mkdir()
    path.write_bytes(content)
    progress, warning = open_progress(path)
    assert "damaged" in warning
    assert "progress.damaged-1.json" in warning
    assert progress.items == {}
    assert path.with_name("progress.damaged-1.json").read_bytes() == content
    progress.record("exercise:loss", right=True)
    path.write_bytes(b"once more")
    assert "progress.damaged-2.json" in open_progress(path)[1]
    assert path.with_name("progress.damaged-1.json").read_bytes() == content


def test_a_cut_file_of_any_length_is_damaged_or_whole(path):
    progress, _ = open_progress(path)
    progress.record("exercise:loss", right=True, now=NOW)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:length])
        assert open_progress(path)[1]


def test_a_file_of_a_newer_version_is_left_alone(path):
    path.parent.mkdir()
    path.write_text('{"format": 2, "deck": []}')
    with pytest.raises(OptionError, match="newer"):
        open_progress(path)
    assert path.read_text() == '{"format": 2, "deck": []}'


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    progress, _ = open_progress(tmp_path / "other" / "progress.json")
    progress.path = tmp_path / "file" / "progress.json"
    with pytest.raises(OptionError, match="cannot be"):
        progress.record("exercise:loss", right=True)


def test_deleting_and_exporting(path, tmp_path):
    progress, _ = open_progress(path)
    assert progress.delete() is False
    progress.record("exercise:loss", right=True, now=NOW)
    progress.save(tmp_path / "copy.json")
    assert open_progress(tmp_path / "copy.json")[0].items == progress.items
    assert progress.delete() is True
    assert not path.exists()


def test_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path))
    assert progress_path() == tmp_path / "progress.json"
    monkeypatch.delenv("CHAINRULE_DATA")
    if os.name == "posix":
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert progress_path().parent.name == "chainrule"
