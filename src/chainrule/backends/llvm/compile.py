"""From a module to machine code that can be called."""

from __future__ import annotations

import itertools
from typing import Any

from chainrule.backends.llvm.target import Target, initialize

_engines: list[Any] = []  # machine code stays where it is until the process ends
_numbers = itertools.count()


def optimized(text: str, target: Target, level: int = 1) -> Any:
    """Parse IR, check it, and run LLVM's passes on it."""
    from llvmlite import binding

    initialize()
    module = binding.parse_assembly(text)
    module.triple = binding.get_process_triple()
    machine = target.machine()
    module.data_layout = str(machine.target_data)
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=level)
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
