"""What the machine can do: fused multiply-adds a second, by generated code, and bytes of memory a second."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import pinning

_ACCUMULATORS = 12  # independent sums: more than latency × units of today's cores, and fit into 16 registers
_ITERATIONS = 400_000
_BYTES = 1 << 27
_REPEATS = 7
_PACKAGES = ("chainrule", "numpy", "llvmlite", "torch", "jax", "jaxlib", "scikit-learn", "onnxruntime")


def describe() -> dict[str, Any]:
    """Return the processor, the system, the versions, and how busy the machine is already."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": f"{models[0] if models else platform.processor() or platform.machine()} ({_target()})",
        "cores": len(pinning.available()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "load_before": load,
    }


def _target() -> str:
    try:
        from chainrule.backends.llvm.target import Target
    except ImportError:
        return "llvmlite is missing"
    return str(Target.host())


def _version(package: str) -> str | None:
    if package == "chainrule":
        import chainrule

        return chainrule.__version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def measure(cores: Sequence[int]) -> dict[str, Any]:
    """Measure in a process on these cores: GFLOP/s in float32 and float64, GB/s of a copy; or the reason why not."""
    with tempfile.TemporaryDirectory() as caches:
        command = [sys.executable, "-m", "benchmarks.machine", *map(str, cores)]
        done = subprocess.run(command, capture_output=True, text=True, env=pinning.environment(len(cores), Path(caches)), check=False)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _best(work: Callable[[], object], threads: int) -> float:
    """Return the shortest time in which as many threads each do the work once, seconds."""
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_REPEATS):
            start = time.perf_counter()
            list(pool.map(lambda _: work(), range(threads)))
            best = min(best, time.perf_counter() - start)
    return best


def _kernel(element: str, bytes_a_vector: int) -> tuple[str, int]:
    """Return LLVM IR for a loop of nothing but fused multiply-adds, and its operations an iteration."""
    lanes = bytes_a_vector // (4 if element == "float" else 8)
    vector, intrinsic = f"<{lanes} x {element}>", f"@llvm.fma.v{lanes}{'f32' if element == 'float' else 'f64'}"
    numbers = range(_ACCUMULATORS)
    phis = "\n".join(f"  %a{i} = phi {vector} [ %x, %entry ], [ %b{i}, %loop ]" for i in numbers)
    steps = "\n".join(f"  %b{i} = call {vector} {intrinsic}({vector} %a{i}, {vector} %x, {vector} %y)" for i in numbers)
    stores = "\n".join(
        f"  %p{i} = getelementptr {vector}, ptr %out, i64 {i}\n  store {vector} %b{i}, ptr %p{i}, align {bytes_a_vector}" for i in numbers
    )
    text = f"""
declare {vector} {intrinsic}({vector}, {vector}, {vector})
define void @kernel(i64 %n, ptr %out) {{
entry:
  %x = load {vector}, ptr %out, align {bytes_a_vector}
  %second = getelementptr {vector}, ptr %out, i64 1
  %y = load {vector}, ptr %second, align {bytes_a_vector}
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{phis}
{steps}
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %exit, label %loop
exit:
{stores}
  ret void
}}"""
    return text, 2 * lanes * _ACCUMULATORS


def fma_rate(element: str, threads: int) -> float:
    """Return fused multiply-adds, counted as two operations, in GFLOP/s; ``element`` is LLVM's ``float`` or ``double``."""
    import llvmlite.binding as llvm
    import numpy as np

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    bytes_a_vector = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    text, flops = _kernel(element, bytes_a_vector)
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2)
    with llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine) as engine:
        engine.finalize_object()
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(engine.get_function_address("kernel"))

        def work() -> None:
            memory = np.full((_ACCUMULATORS + 1) * bytes_a_vector, 0, np.uint8)  # zeros: no denormals, nothing overflows
            function(_ITERATIONS, memory.ctypes.data + -memory.ctypes.data % bytes_a_vector)

        work()
        return threads * _ITERATIONS * flops / _best(work, threads) / 1e9


def copy_rate(threads: int) -> float:
    """Return the bytes read and written by copies between arrays too large for any cache, GB/s."""
    import queue

    import numpy as np

    pairs: queue.SimpleQueue[tuple[np.ndarray, np.ndarray]] = queue.SimpleQueue()
    for _ in range(threads):
        pairs.put((np.ones(_BYTES, np.uint8), np.zeros(_BYTES, np.uint8)))

    def work() -> None:
        source, target = pairs.get()
        np.copyto(target, source)
        pairs.put((source, target))

    return threads * 2 * _BYTES / _best(work, threads) / 1e9


def main() -> None:
    """Measure on the cores that the command line names, and print JSON."""
    cores = [int(core) for core in sys.argv[1:]]
    pinning.pin(cores)
    result: dict[str, Any] = {"copy_gb_s": copy_rate(len(cores))}
    try:
        result |= {f"fma_{name}_gflop_s": fma_rate(kind, len(cores)) for name, kind in (("float32", "float"), ("float64", "double"))}
    except ImportError:
        result["without"] = "llvmlite is missing: multiply-adds were not measured"
    print(json.dumps(result))


if __name__ == "__main__":
    main()
