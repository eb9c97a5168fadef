"""The elementary functions in IR: their errors in units of the last place, special values, and the same bits for any number of lanes."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from llvmlite import binding, ir

from chainrule.backends.llvm.math import emit

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
    i.add_incoming(following, loop)
    b.cbranch(b.icmp_unsigned("<", following, count), loop, done)
    b.position_at_end(done)
    b.ret_void()
    return str(module)


@functools.cache
def compiled(name: str, dtype: str, width: int) -> Any:
    machine = _machine()()
    module = binding.parse_assembly(_module(name, dtype, width))
    module.verify()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    engine = binding.create_mcjit_compiler(module, _machine()())
    engine.finalize_object()
    _kept.append(engine)
    arity = ARITY.get(name, 1) + 1
    native = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arity, ctypes.c_int64)(engine.get_function_address("f"))

    def call(*arguments: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The arrays' length is a multiple of 16."""
        assert all(a.dtype == dtype and a.flags.c_contiguous and a.size % 16 == 0 for a in arguments)
        result = np.empty_like(arguments[0]) if out is None else out
        native(*(a.ctypes.data for a in (*arguments, result)), result.size)
        return result

    return call
