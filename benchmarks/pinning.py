"""Processes that own some cores and no others, so that "1 core" means one core whatever a library believes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def available() -> list[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(cores: Sequence[int]) -> bool:
    """Let this process run on these cores only; return whether the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
        return True
    return False


def environment(cores: int, caches: Path) -> Mapping[str, str]:
    """Return the environment of a process with so many cores, whose compiled code is kept under ``caches`` and nowhere else."""
    own = {
        "CHAINRULE_CACHE": str(caches / "chainrule"),
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "TRITON_CACHE_DIR": str(caches / "triton"),
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
    }
    return {**os.environ, **dict.fromkeys(_THREADS, str(cores)), **own}


def memory() -> tuple[float, float]:
    """Return the resident memory of this process now and at its peak, MB; NaN where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan"), float("nan")
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def waited() -> dict[str, int]:
    """Return for each thread of this process how long it has waited for a core, nanoseconds; nothing where the system does not tell."""
    waits = {}
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread may end meanwhile
            waits[path.parent.name] = int(path.read_text().split()[1])
    return waits
