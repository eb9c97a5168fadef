"""From a module to machine code that can be called."""

from __future__ import annotations

import atexit
import ctypes
import gc
import itertools
import threading
from typing import Any

from chainrule.backends.llvm import cache
from chainrule.backends.llvm.layout import Plan
from chainrule.backends.llvm.target import Target, initialize
from chainrule.ir import Program

_numbers = itertools.count()
_compiling = threading.RLock()
atexit.register(_compiling.acquire, timeout=10)  # LLVM's memory does not go while another thread is in it


def compiled(program: Program, target: Target, training: bool) -> tuple[Plan, Any]:
    """Return a program's plan and its native function, from the cache if it is there."""
    name = cache.key(program, target, training)
    kept = cache.load(name)
    if kept is not None:
        try:
            return kept[0], load(kept[1], target)
        except RuntimeError:
            pass  # not this machine's code: it is made anew
    plan, text = _written(program, target, training)
    code = object_code(text, target)
    cache.store(name, plan, code)
    return plan, load(code, target)


def _written(program: Program, target: Target, training: bool) -> tuple[Plan, str]:
    """Return a program's plan and its module in IR. Garbage is not looked for meanwhile: what is made is kept until the text stands."""
    from chainrule.backends.llvm.module import build  # what writes code loads where there is code to write

    collects = gc.isenabled()
    gc.disable()
    try:
        built = build(program, target, training)
        return built.plan, built.text
    finally:
        if collects:
            gc.enable()


def optimized(text: str, target: Target) -> Any:
    """Parse IR, check it, and run LLVM's passes on it: a few only, since the loops are written as they should run."""
    from llvmlite import binding

    initialize()
    module = binding.parse_assembly(text)
    module.triple = target.triple or binding.get_process_triple()
    machine = target.machine()
    module.data_layout = str(machine.target_data)
    module.verify()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=1))
    passes = binding.create_new_module_pass_manager()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    return module


def object_code(text: str, target: Target) -> bytes:
    """Return the object code of a module in IR."""
    with _compiling:
        return bytes(target.machine().emit_object(optimized(text, target)))


def assembly(text: str, target: Target) -> str:
    """Return the assembly of a module in IR, for people."""
    return str(target.machine().emit_assembly(optimized(text, target)))


def load(code: bytes, target: Target, name: str = "run", arguments: int = 2) -> Any:
    """Load object code and return a function in it, which takes so many int64; the code goes when the function does.

    Raises:
        RuntimeError: it is not object code of this machine.
    """
    from llvmlite import binding

    with _compiling:
        initialize()
        empty = binding.parse_assembly("")
        empty.name = f"empty.{next(_numbers)}"
        engine = binding.create_mcjit_compiler(empty, target.machine())
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
        address = int(engine.get_function_address(name))
    if not address:
        raise RuntimeError(f"the object code has no function '{name}'")
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(address)
    function.engine = engine  # type: ignore[attr-defined] # it lives as long
    return function
