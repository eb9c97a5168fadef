"""Object code kept on disk: what was compiled once is loaded the next time, by any process of the same person on the same machine.

An entry is found by a hash of the program, the processor, LLVM's version and the compiler's own source files. ``CHAINRULE_CACHE`` is
``off`` or a folder. A folder that others could write to is not used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.backends.llvm.layout import Place, Plan
from chainrule.backends.llvm.target import Target
from chainrule.ir import Program, Type
from chainrule.ir.serialize import to_json

MOST_BYTES = 256 << 20
_SOURCES = ("backends/llvm", "ops", "transforms", "ir")
_OLD = 7 * 86_400  # seconds after which what a process left half written is removed


def key(program: Program, target: Target, training: bool) -> str:
    """Return the name of a program's entry."""
    data, tensors = to_json(program)
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, allow_nan=False).encode())
    for constant, tensor in sorted(tensors.items()):
        digest.update(f"{constant} {tensor.dtype} {tensor.shape}".encode())
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return name(f"{digest.hexdigest()} {training}", target)


def name(what: str, target: Target) -> str:
    """Return the name of the entry for what is compiled, by whatever tells it from all else."""
    return hashlib.sha256(f"{what} {target!r} {sys.platform} {_compiler()}".encode()).hexdigest()


@lru_cache(1)
def _compiler() -> str:
    """Return a hash of what makes the code: LLVM's and llvmlite's versions, and the content of the compiler's files."""
    import llvmlite
    from llvmlite import binding

    import chainrule

    digest = hashlib.sha256(f"{llvmlite.__version__} {binding.llvm_version_info}".encode())
    root = Path(chainrule.__file__).parent
    for folder in _SOURCES:
        for name, path in sorted(_files(str(root / folder), folder)):
            content = Path(path).read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(folder: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each file of Python in a folder."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir():
                yield from _files(entry.path, f"{name}/{entry.name}")
            elif entry.name.endswith(".py"):
                yield f"{name}/{entry.name}", entry.path


def load(entry: str) -> tuple[Plan, bytes] | None:
    """Return an entry, or ``None`` if there is none or it is damaged."""
    folder = _folder()
    if folder is None:
        return None
    try:
        content = (folder / f"{entry}.object").read_bytes()
        if _digest(entry, content[32:]) != content[:32]:
            return None
        size = int.from_bytes(content[32:40], "little")
        return _plan(json.loads(content[40 : 40 + size])), content[40 + size :]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(entry: str, content: bytes) -> bytes:
    """Return what an entry begins with: it tells of damage, and of an entry that has another's name."""
    return hashlib.sha256(entry.encode() + content).digest()


def store(entry: str, plan: Plan, code: bytes) -> None:
    """Keep an entry; where that is not possible it is said once and nothing else happens."""
    folder = _folder()
    if folder is None:
        return
    text = json.dumps(_data(plan)).encode()
    content = len(text).to_bytes(8, "little") + text + code
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(entry, content) + content)
        Path(temporary).replace(folder / f"{entry}.object")
        _bound(folder)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        _say(f"compiled programs cannot be kept in {folder}: {error.strerror or error}.")


def _bound(folder: Path) -> None:
    """Remove the entries that were written first until the others fit."""
    entries = []
    for path in folder.iterdir():
        try:
            entries.append((path.stat().st_mtime, path.stat().st_size, path))
        except OSError:
            continue  # another process has removed it
    newest = max((time for time, _, _ in entries), default=0.0)
    kept = 0
    for time, size, path in sorted(entries, reverse=True):
        kept += size
        if (path.suffix == ".object" and kept > MOST_BYTES) or (path.suffix == ".part" and newest - time > _OLD):
            path.unlink(missing_ok=True)


def _folder() -> Path | None:
    named = os.environ.get("CHAINRULE_CACHE", "")
    if named.lower() == "off":
        return None
    return _usable(named or _own())


def _own() -> str:
    from platformdirs import user_cache_path

    return str(user_cache_path("chainrule", appauthor=False))


@lru_cache(16)
def _usable(name: str) -> Path | None:
    """Return a folder that is our own, made if need be; otherwise say why it is not used."""
    folder = Path(name).expanduser()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        _say(f"compiled programs cannot be kept in {folder}: {error.strerror or error}.")
        return None
    if hasattr(os, "getuid") and found.st_uid != os.getuid():
        _say(f"compiled programs are not kept in {folder}: it belongs to someone else.")
        return None
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o022:
        _say(f"compiled programs are not kept in {folder}: others may write to it (chmod 700 mends that).")
        return None
    return folder


@lru_cache(16)
def _say(text: str) -> None:
    warnings.warn(f"{text} They are compiled again each time; CHAINRULE_CACHE names another folder, or 'off'.", stacklevel=6)


def _data(plan: Plan) -> dict[str, Any]:
    data = asdict(plan)
    data["places"] = [{**asdict(place), "type": str(place.type)} for place in plan.places]
    data["outputs"] = {name: (number, str(type), source) for name, (number, type, source) in plan.outputs.items()}
    data["constants"] = [(str(Type.of(array)), base64.b64encode(array.tobytes()).decode()) for array in plan.constants]
    return data


def _plan(data: dict[str, Any]) -> Plan:
    data["places"] = [Place(**{**place, "type": Type.parse(place["type"])}) for place in data["places"]]
    data["outputs"] = {name: (number, Type.parse(type), source) for name, (number, type, source) in data["outputs"].items()}
    data["commits"] = [(source, to) for source, to in data["commits"]]
    constants = []
    for text, content in data["constants"]:
        type = Type.parse(text)
        constants.append(np.frombuffer(base64.b64decode(content), type.dtype).reshape([int(str(axis)) for axis in type.shape]))
    data["constants"] = constants
    return Plan(**data)
