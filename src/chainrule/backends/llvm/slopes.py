"""Which values, such as an activation's slope, are kept in place of what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from chainrule.backends.llvm.index import ELEMENTWISE, is_scalar_constant
from chainrule.ir import Equation, Program, Value


@dataclass(frozen=True)
class Slopes:
    """The choice, among the values of a program whose stored ones are known.

    Attributes:
        definitions, uses: the equation of each value, and those that read it.
        roots: the stored values that are computed; ``leaf`` tells what is read from memory.
        fixed: what is returned.
    """

    definitions: Mapping[Value, Equation]
    uses: Mapping[Value, list[Equation]]
    roots: set[Value]
    leaf: Callable[[Value], bool]
    fixed: frozenset[Value]
    hearts: dict[Value, Value | None] = field(default_factory=dict)

    def chosen(self, program: Program) -> Iterator[Value]:
        """Yield each value to store; it is stored before the next is asked for. What it replaces no group reads, and so none stores."""
        for e in reversed(program.equations):
            if self.replaces_what_it_reads(e.outputs[0]):
                yield e.outputs[0]

    def replaces_what_it_reads(self, value: Value) -> bool:
        """Whether an unstored value, such as an activation's slope, is made of several stored ones that only their group needs else."""
        heart = None if self.leaf(value) else self._heart(value)
        if heart is None or all(self._heart(user.outputs[0]) == heart for user in self.uses.get(value, [])):
            return False
        inside: set[Value] = {value}
        read: set[Value] = set()
        waiting = [value]
        while waiting:
            for operand in self.definitions[waiting.pop()].inputs:
                if is_scalar_constant(self.definitions.get(operand)):
                    continue
                if operand.type.shape != value.type.shape:
                    return False
                if self.leaf(operand):
                    read.add(operand)
                elif operand not in inside:
                    inside.add(operand)
                    waiting.append(operand)
        return len(read) > 1 and not read & self.fixed and all(self._stays(v, heart, inside) for v in read)

    def _stays(self, value: Value, heart: Value, inside: set[Value]) -> bool:
        """Whether all uses of a value are inside of a set, or end in stored values of the same product."""

        def ends(out: Value) -> bool:
            if out in inside:
                return True
            return self._heart(out) == heart and (out in self.roots or self._stays(out, heart, inside))

        return all(ends(e.outputs[0]) for e in self.uses.get(value, []))

    def _heart(self, value: Value) -> Value | None:
        """Return the product that an elementwise value of its shape is made of; ``None`` if there is none, or more than one."""
        if value not in self.hearts:
            e = self.definitions.get(value)
            found: set[Value | None] = set()
            if e is not None and e.op.name == "matmul":
                found = {value}
            elif e is not None and e.op.name in ELEMENTWISE:
                found = {self._heart(v) for v in e.inputs if v.type.shape == value.type.shape and v not in self.fixed} - {None}
            self.hearts[value] = found.pop() if len(found) == 1 else None
        return self.hearts[value]
