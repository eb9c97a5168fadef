"""From a module to machine code that can be called."""

from __future__ import annotations

import itertools
from typing import Any

from chainrule.backends.llvm.target import Target, initialize

_engines: list[Any] = []  # machine code stays where it is until the process ends
_numbers = itertools.count()


_SHORT = 4500  # lines, up to which all of LLVM's ordinary passes are worth their time


def optimized(text: str, target: Target) -> Any:
    """Parse IR, check it, and run LLVM's passes on it: for long modules a few only, since the loops are written as they should run."""
    from llvmlite import binding

    initialize()
    module = binding.parse_assembly(text)
    module.triple = binding.get_process_triple()
    machine = target.machine()
    module.data_layout = str(machine.target_data)
    module.verify()
    if text.count("\n") > _SHORT:
        builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=1))
        passes = binding.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.add_loop_rotate_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.run(module, builder)
        return module
    options = binding.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = options.loop_interleaving = False
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def object_code(text: str, target: Target) -> bytes:
    """Return the object code of a module in IR."""
    return bytes(target.machine().emit_object(optimized(text, target)))


def assembly(text: str, target: Target) -> str:
    """Return the assembly of a module in IR, for people."""
    return str(target.machine().emit_assembly(optimized(text, target)))


def load(code: bytes, target: Target, name: str = "run") -> int:
    """Load object code and return the address of a function in it.

    Raises:
        RuntimeError: it is not object code of this machine.
    """
    from llvmlite import binding

    initialize()
    empty = binding.parse_assembly("")
    empty.name = f"empty.{next(_numbers)}"
    engine = binding.create_mcjit_compiler(empty, target.machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = int(engine.get_function_address(name))
    if not address:
        raise RuntimeError(f"the object code has no function '{name}'")
    _engines.append(engine)
    return address
