"""The machine that code is made for: its vector width and registers, and LLVM's target for it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Target:
    """A processor, by what the generator wants to know of it.

    Attributes:
        cpu, features: LLVM's names for the processor and for what it can do.
        vector_bytes: the width of a vector register.
        registers: the number of vector registers.
    """

    cpu: str
    features: str
    vector_bytes: int
    registers: int

    @classmethod
    def of_features(cls, cpu: str, features: dict[str, bool], machine: str) -> Target:
        """Return the target of a processor with these features."""
        names = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))
        if machine in ("x86_64", "amd64", "i386", "i686"):
            if features.get("avx512f") and features.get("avx512vl") and features.get("avx512bw") and features.get("avx512dq"):
                return cls(cpu, names, 64, 32)
            if features.get("avx"):
                return cls(cpu, names, 32, 16)
            return cls(cpu, names, 16, 16)
        return cls(cpu, names, 16, 32)

    @classmethod
    def host(cls) -> Target:
        """Return this machine's target; ``CHAINRULE_CPU`` names another processor of its family (``x86-64`` has no AVX)."""
        from llvmlite import binding

        initialize()
        machine = platform.machine().lower()
        named = os.environ.get("CHAINRULE_CPU", "")
        if named:
            wide = {"x86-64-v4": ("avx", "avx512f", "avx512vl", "avx512bw", "avx512dq"), "x86-64-v3": ("avx",)}.get(named, ())
            found = cls.of_features(named, dict.fromkeys(wide, True), machine)
            return cls(named, "", found.vector_bytes, found.registers)
        return cls.of_features(binding.get_host_cpu_name(), dict(binding.get_host_cpu_features()), machine)

    def lanes(self, size: int) -> int:
        """Return how many numbers of so many bytes a vector register holds."""
        return max(self.vector_bytes // size, 1)

    @cached_property
    def tile(self) -> tuple[int, int]:
        """The microkernel's tile: rows, and vectors in a row; its accumulators leave registers for a row of B and a number of A."""
        return (8, 3) if self.registers >= 32 else (4, 3)

    def machine(self, level: int = 2) -> Any:
        """Return LLVM's target machine."""
        from llvmlite import binding

        initialize()
        triple = binding.Target.from_triple(binding.get_process_triple())
        return triple.create_target_machine(cpu=self.cpu, features=self.features, opt=level, codemodel="jitdefault", jit=True)

    def __str__(self) -> str:
        return f"{self.cpu}, vectors of {self.vector_bytes} bytes, {self.registers} registers"


def initialize() -> None:
    """Make LLVM ready for this machine."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
