"""Other processors: narrower ones of this family compute the same, wider and foreign ones are compiled to assembly."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from backends.llvm.networks import draw, error
from chainrule.backends.llvm import Executable, Training
from chainrule.backends.llvm.listing import listing
from chainrule.backends.llvm.target import Target
from chainrule.backends.reference import Reference
from chainrule.errors import OptionError

X86 = platform.machine().lower() in ("x86_64", "amd64")
SSE = Target("x86-64", "", 16, 16)
AVX = Target("sandybridge", "", 32, 16)  # without fused multiply-add
AVX2 = Target("x86-64-v3", "", 32, 16)
AVX512 = Target("x86-64-v4", "", 64, 32)
NEON = Target("neoverse-n1", "", 16, 32, "aarch64-unknown-linux-gnu")


def narrower() -> list[Target]:
    """Those that this machine can run, none if it is of another family."""
    from llvmlite import binding

    features = binding.get_host_cpu_features() if X86 else {}
    return [SSE] * X86 + [AVX] * bool(features.get("avx")) + [AVX2] * bool(features.get("avx2") and features.get("fma"))


@pytest.mark.parametrize("seed", [0, 5, 9, 13])
@pytest.mark.parametrize("target", narrower(), ids=lambda target: target.cpu)
def test_a_narrower_processor_computes_the_same_bits(target, seed):
    net = draw(seed, "float64" if seed % 2 else "float32")
    order, meta = net.batches()
    here = Training(net.program).run(net.state.inputs({}), net.data, order, meta)
    there = Training(net.program, target).run(net.state.inputs({}), net.data, order, meta, 2)
    assert here.losses.tobytes() == there.losses.tobytes(), net.what
    for name, array in here.state.items():
        assert array.tobytes() == there.state[name].tobytes(), f"{name} of {net.what}"
    x = net.data["x"][:11]
    expected = Reference(net.step.inference)({**net.state.params, "x": x})["prediction"]
    assert error(Executable(net.step.inference, target)({**net.state.params, "x": x})["prediction"], expected) <= 2e-5


@pytest.mark.parametrize(
    ("target", "register", "multiply_add"),
    [(SSE, "%xmm", "fma"), (AVX2, "%ymm", "vfmadd"), (AVX512, "%zmm", "vfmadd"), (NEON, ".4s", "fmla")],
    ids=lambda value: getattr(value, "cpu", ""),
)
def test_any_processor_is_compiled_for(target, register, multiply_add):
    if target is not NEON and not X86:
        target = Target(target.cpu, target.features, target.vector_bytes, target.registers, "x86_64-unknown-linux-gnu")
    net = draw(7, "float32")
    for program in (net.program, net.step.inference):
        text = listing(program, "asm", target=target)
        assert register in text and multiply_add in text
        assert ("zmm" in text) == (target.vector_bytes == 64)


@pytest.mark.skipif(not X86, reason="it names a processor of this family")
def test_a_processor_without_multiply_add_says_that_it_is_slow():
    code = """
import warnings, numpy as np, chainrule as cr
step = cr.training_step(cr.nn.mlp(3, [5], 2), loss=cr.losses.mse, optimizer=cr.optim.sgd())
x = np.ones((4, 3), np.float32)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    state, losses = step.run(step.init(), (x, x[:, :2]), epochs=3, batch_size=2)
    step.predict(state, x)
print([str(w.message) for w in said])
print(losses.tobytes().hex())
"""

    def run(cpu: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "CHAINRULE_CPU": cpu}, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    slow, plain = run("x86-64"), run("")
    assert slow[0].count("has no fused multiply-add") == 1 and "much slower" in slow[0]
    assert slow[1] == plain[1]


@pytest.mark.parametrize(("name", "message"), [("x86_64", "Did you mean 'x86-64'"), ("x86-64-v4", "has no avx512bw, avx512cd")])
def test_a_processor_that_this_one_is_not_is_refused(monkeypatch, name, message):
    from llvmlite import binding

    own = {**binding.get_host_cpu_features(), "avx512bw": False, "avx512cd": False}
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: own)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("CHAINRULE_CPU", name)
    with pytest.raises(OptionError, match=f"CHAINRULE_CPU is '{name}'.*{message}"):
        Target.host()


def test_registers_follow_the_features():
    wide = dict.fromkeys(("avx", "avx2", "fma", "avx512f", "avx512vl", "avx512bw", "avx512dq"), True)
    assert Target.of_features("any", wide, "x86_64").vector_bytes == 64
    assert Target.of_features("any", {**wide, "avx512vl": False}, "x86_64").vector_bytes == 32
    assert Target.of_features("any", {**wide, "avx": False, "avx512f": False}, "x86_64").vector_bytes == 16
    assert Target.of_features("any", {}, "aarch64").registers == 32
    assert np.prod(Target.of_features("any", wide, "x86_64").tile) <= 32
