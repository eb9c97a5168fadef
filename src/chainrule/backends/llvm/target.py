"""The machine that code is made for: its vector width and registers, and LLVM's target for it."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from chainrule.errors import OptionError, nearest

_X86 = ("x86_64", "amd64", "i386", "i686")
_V2 = ("cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
_LEVELS = {"x86-64": (), "x86-64-v2": _V2, "x86-64-v3": _V3, "x86-64-v4": _V4}  # the names of x86's psABI, and what they can do
_OTHERS = {"generic": ()}


@dataclass(frozen=True)
class Target:
    """A processor, by what the generator wants to know of it.

    Attributes:
        cpu, features: LLVM's names for the processor and for what it can do.
        vector_bytes: the width of a vector register.
        registers: the number of vector registers.
        triple: LLVM's name for the machine and system, where it is another than this one: its code can be read and not run.
    """

    cpu: str
    features: str
    vector_bytes: int
    registers: int
    triple: str = ""

    @classmethod
    def of_features(cls, cpu: str, features: dict[str, bool], machine: str) -> Target:
        """Return the target of a processor with these features."""
        names = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))
        if machine in _X86:
            if features.get("avx512f") and features.get("avx512vl") and features.get("avx512bw") and features.get("avx512dq"):
                return cls(cpu, names, 64, 32)
            if features.get("avx"):
                return cls(cpu, names, 32, 16)
            return cls(cpu, names, 16, 16)
        return cls(cpu, names, 16, 32)

    @classmethod
    def host(cls) -> Target:
        """Return this machine's target; ``CHAINRULE_CPU`` names a plainer processor of its family (``x86-64`` has no AVX).

        Raises:
            OptionError: there is no such name, or this processor can do less.
        """
        from llvmlite import binding

        initialize()
        machine = platform.machine().lower()
        features = dict(binding.get_host_cpu_features())
        named = os.environ.get("CHAINRULE_CPU", "")
        if named:
            features = _named(named, features, _LEVELS if machine in _X86 else _OTHERS)
            found = cls.of_features(named, features, machine)
            found = cls(named, "", found.vector_bytes, found.registers)
        else:
            found = cls.of_features(binding.get_host_cpu_name(), features, machine)
        if machine in _X86 and not features.get("fma"):
            _say_slow(found.cpu)
        return found

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

        if self.triple:
            binding.initialize_all_targets()
            binding.initialize_all_asmprinters()
            other = binding.Target.from_triple(self.triple)
            return other.create_target_machine(cpu=self.cpu, features=self.features, opt=level)
        initialize()
        own = binding.Target.from_triple(binding.get_process_triple())
        return own.create_target_machine(cpu=self.cpu, features=self.features, opt=level, codemodel="jitdefault", jit=True)

    def __str__(self) -> str:
        return f"{self.cpu}, vectors of {self.vector_bytes} bytes, {self.registers} registers"


def initialize() -> None:
    """Make LLVM ready for this machine."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


def _named(name: str, own: Mapping[str, bool], known: Mapping[str, Sequence[str]]) -> dict[str, bool]:
    """Return what a processor of a name can do, if this one can."""
    if name not in known:
        raise OptionError(f"CHAINRULE_CPU is '{name}' and must be one of {', '.join(known)}.{nearest(name, known)}")
    missing = [feature for feature in known[name] if not own.get(feature)]
    if missing:
        raise OptionError(f"CHAINRULE_CPU is '{name}', and this processor has no {', '.join(missing)}; name a plainer one, or none.")
    return dict.fromkeys(known[name], True)


@lru_cache(4)
def _say_slow(cpu: str) -> None:
    warnings.warn(
        f"the processor ({cpu}) has no fused multiply-add (AVX2 and FMA), so compiled programs give the same results but are much slower.",
        stacklevel=5,
    )
