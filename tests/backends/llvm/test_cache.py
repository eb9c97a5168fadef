"""Object code on disk: found again, never trusted blindly, and never in the way where it cannot be kept."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.backends.llvm import Executable, cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def program():
    return cr.ops.trace(lambda x: x * 2.0 + cr.ops.constant(value=np.arange(40.0), dtype="float64"), "f64[B,40]")


def run():
    x = np.ones((3, 40))
    np.testing.assert_array_equal(Executable(program())({"x": x})["out"], x * 2.0 + np.arange(40.0))


def test_what_was_compiled_is_loaded_again(folder, monkeypatch):
    run()
    (entry,) = folder.glob("*.object")
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr("chainrule.backends.llvm.compile.object_code", None)
    run()
    entry.unlink()
    with pytest.raises(TypeError):
        run()


FOUND = """
import sys
import numpy as np
from chainrule.backends.llvm import Executable, permutation
from chainrule.ops import trace
Executable(trace(lambda x: x * 2.0, "f64[B,40]"))({"x": np.ones((3, 40))})
permutation(0, 0, 10)
loaded = {name.removeprefix("chainrule.backends.llvm.") for name in sys.modules}
print(sorted({"emit", "module", "groups", "plan", "shuffle"} & loaded))
"""


def test_what_writes_code_is_not_loaded_where_it_is_kept(folder):
    written = [subprocess.run([sys.executable, "-c", FOUND], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert "'module'" in written[0]
    assert "'shuffle'" in written[0]
    assert written[1] == "[]\n"


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:100] + bytes([b[100] ^ 1]) + b[101:], lambda b: b"", lambda b: b"x" * 50]
)
def test_a_damaged_entry_is_made_anew(folder, damage):
    run()
    (entry,) = folder.glob("*.object")
    good = entry.read_bytes()
    entry.write_bytes(damage(good))
    run()
    assert entry.read_bytes() == good


def test_an_entry_under_anothers_name_is_made_anew(folder):
    run()
    (entry,) = folder.glob("*.object")
    good = entry.read_bytes()
    other = Executable(cr.ops.trace(lambda x: x - 1.0, "f64[B,40]"))
    other({"x": np.ones((3, 40))})
    (second,) = set(folder.glob("*.object")) - {entry}
    entry.write_bytes(second.read_bytes())
    run()
    assert entry.read_bytes() == good


def test_a_folder_that_others_write_to_is_not_used(folder):
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    cache._usable.cache_clear()
    cache._say.cache_clear()
    with pytest.warns(UserWarning, match="others may write to it"):
        run()
    assert not list(folder.iterdir())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file" / "inside"))
    with pytest.warns(UserWarning, match="cannot be kept"):
        run()


def test_the_cache_can_be_off_and_is_bounded(folder, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", "off")
    run()
    assert not folder.exists()
    monkeypatch.setenv("CHAINRULE_CACHE", str(folder))
    folder.mkdir(mode=0o700)
    cache._usable.cache_clear()
    for number in range(3):
        (folder / f"{number}.object").write_bytes(b"0" * 100)
        os.utime(folder / f"{number}.object", (number, number))
    monkeypatch.setattr(cache, "MOST_BYTES", 200)
    run()
    assert not (folder / "0.object").exists()


def test_a_read_only_folder_is_said_and_nothing_else_happens(folder, monkeypatch):
    def refuse(*args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    cache._say.cache_clear()
    with pytest.warns(UserWarning, match="Read-only file system. They are compiled again each time"):
        run()
    assert not list(folder.iterdir())


def test_another_persons_folder_is_not_used(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    cache._usable.cache_clear()
    cache._say.cache_clear()
    with pytest.warns(UserWarning, match="it belongs to someone else"):
        run()
    assert not list(folder.iterdir())


PROGRAM = """
import sys
import numpy as np
import chainrule as cr
from chainrule.backends.llvm import Executable
for number in range(int(sys.argv[1])):
    program = cr.ops.trace(lambda x: x * float(number + 2) + cr.ops.exp(x), "f64[B,5]")
    x = np.ones((3, 5))
    np.testing.assert_allclose(Executable(program)({"x": x})["out"], x * (number + 2) + np.exp(x))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it limits the size of files as POSIX does")
def test_a_full_disk_is_said_and_nothing_else_happens(folder):
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    ran = subprocess.run([sys.executable, "-c", limit + PROGRAM, "2"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("compiled programs cannot be kept in") == 1
    assert not list(folder.iterdir())  # no half of a file is left


def test_many_processes_may_write_at_once(folder):
    running = [subprocess.Popen([sys.executable, "-W", "error", "-c", PROGRAM, "6"], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in running:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    entries = list(folder.iterdir())
    assert len(entries) == 6 and all(entry.suffix == ".object" for entry in entries)
    for entry in entries:
        assert cache.load(entry.stem) is not None
