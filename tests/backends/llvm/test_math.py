"""The elementary functions in IR: their errors in units of the last place, special values, and the same bits for any number of lanes."""

from __future__ import annotations

import ctypes
import functools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mpmath  # comes with torch
import numpy as np
import pytest
from llvmlite import binding, ir
from scipy import special  # comes with scikit-learn

from chainrule import ops
from chainrule.backends.llvm import Executable
from chainrule.backends.llvm.code import text
from chainrule.backends.llvm.math import ERRORS, FUNCTIONS, emit, quarters
from chainrule.ops import OPERATIONS

WIDTHS = (1, 4, 8, 16)
DTYPES = ("float32", "float64")
ARITY = {"power": 2}

_kept: list[Any] = []  # machine code lives as long as its engine


@functools.cache
def _machine() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    return lambda: binding.Target.from_default_triple().create_target_machine(cpu=binding.get_host_cpu_name(), features=features, opt=3)


def _module(name: str, dtype: str, width: int) -> str:
    """A function (arguments …, results, count): `count` numbers in steps of `width` lanes."""
    element = ir.FloatType() if dtype == "float32" else ir.DoubleType()
    size = ir.IntType(64)
    vector = element if width == 1 else ir.VectorType(element, width)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [element.as_pointer()] * (ARITY.get(name, 1) + 1) + [size]), "f")
    *sources, target, count = function.args
    target.add_attribute("noalias")
    entry, loop, done = (function.append_basic_block(label) for label in ("entry", "loop", "done"))
    b = ir.IRBuilder(entry)
    b.branch(loop)
    b.position_at_end(loop)
    i = b.phi(size)
    i.add_incoming(size(0), entry)
    at = lambda pointer: b.bitcast(b.gep(pointer, [i]), vector.as_pointer())  # noqa: E731
    b.store(emit(b, name, *(b.load(at(s), align=4) for s in sources)), at(target), align=4)
    following = b.add(i, size(width))
    i.add_incoming(following, b.block)
    b.cbranch(b.icmp_unsigned("<", following, count), loop, done)
    b.position_at_end(done)
    b.ret_void()
    return text(module)


@functools.cache
def native(name: str, dtype: str, width: int) -> Any:
    machine = _machine()()
    module = binding.parse_assembly(_module(name, dtype, width))
    module.verify()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    engine = binding.create_mcjit_compiler(module, _machine()())
    engine.finalize_object()
    _kept.append(engine)
    pointers = [ctypes.c_void_p] * (ARITY.get(name, 1) + 1)
    return ctypes.CFUNCTYPE(None, *pointers, ctypes.c_int64)(engine.get_function_address("f"))


def compiled(name: str, dtype: str, width: int) -> Callable[..., np.ndarray]:
    """A function of arrays; their length is a multiple of 16."""

    def call(*arguments: np.ndarray) -> np.ndarray:
        assert all(a.dtype == dtype and a.flags.c_contiguous and a.size % 16 == 0 for a in arguments)
        result = np.empty_like(arguments[0])
        native(name, dtype, width)(*(a.ctypes.data for a in (*arguments, result)), result.size)
        return result

    return call


# what the functions should give, in float64 and in any precision

NUMPY: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "cos": np.cos,
    "erf": special.erf,
    "exp": np.exp,
    "expm1": np.expm1,
    "floor": np.floor,
    "gelu": lambda x, out=None: np.multiply(x, special.ndtr(x), out),
    "log": np.log,
    "log1p": np.log1p,
    "normal_cdf": lambda x, out=None: special.ndtr(x, out),
    "normal_pdf": lambda x, out=None: np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi),
    "power": np.power,
    "sigmoid": special.expit,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
EXACT: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "normal_cdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "normal_pdf": mpmath.npdf,
    "power": lambda x, y: x**y,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
} | {name: getattr(mpmath, name) for name in ("cos", "erf", "exp", "expm1", "floor", "log", "log1p", "sin", "sqrt", "tanh")}
UNARY = sorted(set(FUNCTIONS) - set(ARITY))


def errors_of_singles(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Errors in units of the last place of float32 results; infinite where an infinity, NaN or sign is wrong."""
    with np.errstate(all="ignore"):
        right = exact.astype(np.float32)
        unit = np.spacing(np.minimum(np.abs(right), np.finfo(np.float32).max)).astype(np.float64)
        errors = np.where(
            (got == right) & np.isinf(right) | np.isnan(got) & np.isnan(right), 0.0, np.abs(got.astype(np.float64) - exact) / unit
        )
    errors = np.where(np.isnan(errors), np.inf, errors)
    return np.where((got == 0) & (right == 0) & (np.signbit(got) != np.signbit(right)), np.inf, errors)


def error_of_double(got: float, exact: Any) -> float:
    """The error in units of the last place of a float64 result; an infinity counts as 2^1024."""
    if exact == 0:
        return 0.0 if got == 0 else np.inf
    exponent = min(max(mpmath.frexp(exact)[1] - 1, -1022), 1023)
    if np.isinf(got):
        got = mpmath.sign(got) * mpmath.mpf(2) ** 1024
        exact = mpmath.sign(exact) * min(abs(exact), mpmath.mpf(2) ** 1024)
    return float(abs(mpmath.mpf(got) - exact) / mpmath.mpf(2) ** (exponent - 52))


def same(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where the bits are equal, all NaN being one."""
    bits = f"u{x.itemsize}"
    return (x.view(bits) == y.view(bits)) | np.isnan(x) & np.isnan(y)


def every_101st_single() -> Iterator[np.ndarray]:
    block = 2**20 * 16
    patterns = np.arange(0, 2**32, 101, dtype=np.uint64).astype(np.uint32)
    patterns = np.resize(patterns, -(-patterns.size // 16) * 16)
    for start in range(0, patterns.size, block):
        yield patterns[start : start + block].view(np.float32)


@pytest.mark.parametrize("name", UNARY)
def test_every_101st_float32_is_within_its_error(name: str) -> None:
    for x in every_101st_single():
        with np.errstate(all="ignore"):
            errors = errors_of_singles(compiled(name, "float32", 16)(x), NUMPY[name](x.astype(np.float64)))
        worst = int(errors.argmax())
        assert errors[worst] <= ERRORS[name, "float32"], (x[worst], errors[worst])


def hard_points(name: str, count: int) -> np.ndarray:
    """Random float64 arguments of every size, more of them where the function is hard."""
    rng = np.random.default_rng(len(name))
    signs = rng.choice([-1.0, 1.0], count)
    parts = [10 ** rng.uniform(-3, 1, count) * signs, 10 ** rng.uniform(-320, -3, count) * signs, rng.uniform(-1, 1, count)]
    if name in ("exp", "expm1", "sigmoid"):
        parts += [
            rng.uniform(-750, 750, count),
            rng.uniform(-745.2, -708, count),
            rng.uniform(700, 710, count),
            rng.uniform(-45, 45, count),
        ]
    if name in ("tanh", "erf"):
        parts += [rng.uniform(-22, 22, count), rng.uniform(-3, 3, count)]
    if name in ("gelu", "normal_cdf", "normal_pdf"):
        parts += [rng.uniform(-39, 9, count), rng.uniform(-38.6, -37, count), rng.uniform(-3, 3, count)]
    if name in ("log", "log1p"):
        parts += [10 ** rng.uniform(-3, 308, count), rng.uniform(0.5, 2, count), 1 + 10 ** rng.uniform(-17, -1, count) * signs]
    if name in ("sin", "cos"):
        near = rng.integers(1, 10**9, count) * (np.pi / 2)
        parts += [near, np.nextafter(np.arange(count) * (np.pi / 2), 0), rng.uniform(-1e9, 1e9, count), 10 ** rng.uniform(9, 308, count)]
    x = np.concatenate(parts)
    if name in ("log", "sqrt"):
        x = np.abs(x)
    if name == "log1p":
        x = x[x > -1]
    return x[: x.size // 16 * 16].copy()


@pytest.mark.parametrize("name", UNARY)
def test_float64_is_within_its_error(name: str) -> None:
    x = hard_points(name, 3_000)
    with mpmath.workprec(1200 if name in ("sin", "cos") else 160):
        errors = [
            error_of_double(float(g), EXACT[name](mpmath.mpf(float(v)))) for g, v in zip(compiled(name, "float64", 8)(x), x, strict=True)
        ]
    worst = int(np.argmax(errors))
    assert errors[worst] <= ERRORS[name, "float64"], (x[worst], errors[worst])


def bases_and_exponents(count: int, least: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Positive bases of every size, with exponents that give results of every size."""
    rng = np.random.default_rng(0)
    near_1 = 1 + 10 ** rng.uniform(-15, -1, count) * rng.choice([-1, 1], count)
    x = np.concatenate([2 ** rng.uniform(least, most, count), rng.uniform(0.3, 3, count), near_1])
    y = rng.uniform(least - 1, most + 1, x.size) / np.log2(x)
    return x, np.where(rng.random(x.size) < 0.3, rng.uniform(-5, 5, x.size), y)


def test_float32_powers_are_within_their_error() -> None:
    x, y = (v.astype(np.float32) for v in bases_and_exponents(1_600_000, -149, 127))
    with np.errstate(all="ignore"):
        errors = errors_of_singles(compiled("power", "float32", 8)(x, y), np.power(x.astype(np.float64), y.astype(np.float64)))
    worst = int(errors.argmax())
    assert errors[worst] <= ERRORS["power", "float32"], (x[worst], y[worst], errors[worst])


def test_float64_powers_are_within_their_error() -> None:
    x, y = bases_and_exponents(6_400, -1074, 1023)
    got = compiled("power", "float64", 8)(x, y)
    with mpmath.workprec(200):
        exact = [mpmath.mpf(float(a)) ** mpmath.mpf(float(b)) for a, b in zip(x, y, strict=True)]
        errors = [error_of_double(float(g), e) for g, e in zip(got, exact, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= ERRORS["power", "float64"], (x[worst], y[worst], errors[worst])


def special_values(dtype: str) -> np.ndarray:
    """Zeros, infinities, NaN, denormals, the smallest, the largest, whole, odd and half numbers, of both signs."""
    f = np.finfo(dtype)  # type: ignore[arg-type]  # a dtype's name
    odd = 2.0 ** (f.nmant + 1) - 1  # the largest odd number
    ends = [0.0, f.smallest_subnormal, f.tiny * 0.7, f.tiny, f.eps, f.max, np.inf, np.nan]
    sizes = np.array([*ends, 0.3, 0.5, 1 - f.eps / 2, 1.0, 1 + f.eps, 2.0, 2.5, 3.0, odd, odd + 1, 1e10, 1e30], dtype)
    return np.resize(np.concatenate([sizes, -sizes]), 48)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_special_values(name: str, dtype: str) -> None:
    x = special_values(dtype)
    got = compiled(name, dtype, 16)(x)
    with np.errstate(all="ignore"):
        right = NUMPY[name](x.astype(np.float64)).astype(dtype)
        if name in ("gelu", "normal_cdf"):  # of which SciPy's last digit is not right
            medium = (np.abs(x) < 100) & (x != 0)
            with mpmath.workprec(160):
                right[medium] = [float(EXACT[name](mpmath.mpf(float(v)))) for v in x[medium]]
        near = np.abs(got - right) <= 3 * np.spacing(np.abs(right))
    plain = np.isfinite(right) & ((right != 0) | (got != 0))
    assert np.all(np.where(plain, near, same(got, right))), [(a, g, r) for a, g, r in zip(x, got, right, strict=True)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_powers(dtype: str) -> None:
    x, y = (np.ascontiguousarray(v.ravel()) for v in np.meshgrid(special_values(dtype), special_values(dtype)))
    got = compiled("power", dtype, 16)(x, y)
    with np.errstate(all="ignore"):
        right = np.power(x, y)
        near = np.abs(got - right) <= 2 * np.spacing(np.abs(right))
    plain = np.isfinite(right) & (right != 0)
    wrong = ~np.where(plain, near, same(got, right))
    assert not wrong.any(), list(zip(x[wrong], y[wrong], got[wrong], right[wrong], strict=True))


def nearest_to_multiples(bits: int, least: int, most: int) -> np.ndarray:
    """The numbers of so many bits, one of each exponent, that are nearest to multiples of π/2, by continued fractions (Kahan 1983)."""
    found = []
    with mpmath.workprec(1400):
        for exponent in range(least, most + 1):
            rest, (before, last) = 2 / mpmath.pi * mpmath.mpf(2) ** exponent, (1, 0)
            while True:  # m · rest is nearest to a whole number where m is the denominator of a convergent
                whole = int(mpmath.floor(rest))
                if whole * last + before >= 2**bits:
                    break
                before, last = last, whole * last + before
                rest = 1 / (rest - whole)
            found += [float(last) * 2.0**exponent, float((2**bits - 1) // last * last) * 2.0**exponent]
    return np.array(found)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_are_exact_where_they_are_nearest_to_0(name: str, dtype: str) -> None:
    x = nearest_to_multiples(*{"float32": (24, -23, 103), "float64": (53, -52, 970)}[dtype]).astype(dtype)
    x = np.resize(np.concatenate([x, -x]), -(-2 * x.size // 16) * 16)
    got = compiled(name, dtype, 8)(x)
    unit = 1 if dtype == "float64" else 2**-29
    with mpmath.workprec(1300):
        errors = [error_of_double(float(g), EXACT[name](mpmath.mpf(float(v)))) * unit for g, v in zip(got, x, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= ERRORS[name, dtype], (x[worst], errors[worst])


def test_the_bits_of_2_over_pi() -> None:
    digits = quarters._TWO_OVER_PI
    with mpmath.workprec(1400):
        assert digits == int(mpmath.floor(2 / mpmath.pi * mpmath.mpf(2) ** digits.bit_length()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_bits_are_the_same_for_any_number_of_lanes(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2**32 if dtype == "float32" else 2**64, (2, 16_000), dtype=f"u{np.dtype(dtype).itemsize}")
    arguments = np.concatenate(
        [patterns.view(dtype), rng.normal(0, 3, (2, 16_000)).astype(dtype), np.stack([special_values(dtype)] * 2)], axis=1
    )
    arguments = [np.ascontiguousarray(a) for a in arguments[: ARITY.get(name, 1)]]
    scalar = compiled(name, dtype, 1)(*arguments)
    for width in WIDTHS[1:]:
        assert np.all(same(scalar, compiled(name, dtype, width)(*arguments))), width


# the largest errors of activations that are made of others, in units of the last place of the correct result, where no factor is denormal
ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, float]]] = {
    "silu": (lambda x: x / (1 + mpmath.exp(-x)), lambda x: x * special.expit(x), {"float32": 2.6, "float64": 1.6}),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), lambda x: np.logaddexp(0, x), {"float32": 1.8, "float64": 1.8}),
    "mish": (
        lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
        lambda x: x * np.tanh(np.logaddexp(0, x)),
        {"float32": 4.0, "float64": 3.5},
    ),
}


def activation(name: str, dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    program = Executable(ops.trace(lambda x: OPERATIONS[name](x), f"{'f32' if dtype == 'float32' else 'f64'}[B]"))
    return lambda x: program({"x": x})["out"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_every_1009th_float32_are_within_their_errors(name: str) -> None:
    patterns = np.arange(0, 2**32, 1009, dtype=np.uint64).astype(np.uint32)
    x = np.concatenate([patterns.view(np.float32), np.linspace(-20, 20, 2_000_000, dtype=np.float32)])
    x = x[(x > -85) & (x < np.inf)]
    errors = errors_of_singles(activation(name, "float32")(x), ACTIVATIONS[name][1](x.astype(np.float64)))
    worst = int(errors.argmax())
    assert errors[worst] <= ACTIVATIONS[name][2]["float32"], (x[worst], errors[worst])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_float64_are_exact_in_their_tails_too(name: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.uniform(-700, 0, 2000), rng.uniform(-10, 20, 2000), *(sign * 10 ** rng.uniform(-30, 0, 500) for sign in (1, -1))]
    )
    exact, _, stated = ACTIVATIONS[name]
    with mpmath.workprec(1100):
        errors = [error_of_double(float(g), exact(mpmath.mpf(float(v)))) for g, v in zip(activation(name, "float64")(x), x, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= stated["float64"], (x[worst], errors[worst])


@pytest.mark.parametrize("dtype", DTYPES)
def test_programs_use_the_function_gelu(dtype: str) -> None:
    x = np.concatenate([special_values(dtype), np.random.default_rng(0).normal(0, 6, 4000).astype(dtype)])
    assert np.all(same(activation("gelu", dtype)(x), compiled("gelu", dtype, 8)(x)))


def test_the_table_of_errors_in_the_docs() -> None:
    stated = ERRORS | {(name, dtype): errors[dtype] for name, (_, _, errors) in ACTIVATIONS.items() for dtype in DTYPES}
    text = (Path(__file__).parents[3] / "docs" / "engine.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*`) \| ([\d.]+) \| ([\d.]+) \|$", text, re.M)
    table = {
        (name, d): float(v) for names, *row in rows for name in re.findall(r"`(\w+)`", names) for d, v in zip(DTYPES, row, strict=True)
    }
    assert table == stated


def test_every_function_states_its_error() -> None:
    assert set(ERRORS) == {(name, dtype) for name in FUNCTIONS for dtype in DTYPES}


def test_what_is_no_float_is_refused() -> None:
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.IntType(32)]), "f")
    with pytest.raises(TypeError, match="i32"):
        emit(ir.IRBuilder(function.append_basic_block()), "exp", function.args[0])


def nanoseconds(call: Callable[[], Any], count: int, seconds: float = 0.2) -> float:
    """The least time per element of repeated calls."""
    best, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(10):
            call()
        best = min(best, (time.perf_counter() - start) / 10)
    return best / count * 1e9


def benchmark() -> None:
    """Print each function's time per element at 8 and 16 lanes, and NumPy's, on 16,384 numbers in cache."""
    count = 16_384
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        print(f"{dtype:10} {'8 lanes':>9} {'16 lanes':>9} {'NumPy':>9}   ns per element")
        for name in sorted(FUNCTIONS):
            x = [rng.uniform(0.1, 3, count).astype(dtype) for _ in range(ARITY.get(name, 1))]
            out = np.empty_like(x[0])
            addresses = [a.ctypes.data for a in (*x, out)]
            ours = [nanoseconds(functools.partial(native(name, dtype, width), *addresses, count), count) for width in (8, 16)]
            theirs = nanoseconds(functools.partial(NUMPY[name], *x, out=out), count)
            print(f"{name:10} {ours[0]:9.3f} {ours[1]:9.3f} {theirs:9.3f}")


if __name__ == "__main__":
    benchmark()
