"""What a layer is told besides its parameters and input: training or inference, random bits, running statistics."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chainrule import ops
from chainrule.errors import OptionError
from chainrule.ir import Shape


@dataclass(frozen=True)
class Context:
    """The context of one call of a network.

    Attributes:
        training: whether this is the training program; the inference program is another one.
        key: (seed, epoch, step), uint32 scalars or Python numbers, from which random bits are made; needed in training by layers that draw.
        path: the path of the layer that is called: ``hidden_1``.
        buffers: arrays that the loss does not train, such as running statistics, by full path, as they come in.
        new_buffers: those that the call replaces, by full path.
    """

    training: bool = False
    key: tuple[Any, Any, Any] | None = None
    path: str = ""
    buffers: Mapping[str, Any] = field(default_factory=dict)
    new_buffers: dict[str, Any] = field(default_factory=dict)

    def at(self, name: str) -> Context:
        """Return the context of a layer inside this one."""
        return replace(self, path=f"{self.path}.{name}".strip("."))

    def buffer(self, name: str) -> Any:
        """Return a buffer of the layer that is called.

        Raises:
            OptionError: the context has no such buffer.
        """
        path = f"{self.path}.{name}".strip(".")
        if path not in self.buffers:
            raise OptionError(f"layer {self.path} has a buffer and needs its value: Context(buffers={{{path!r}: …}}).")
        return self.buffers[path]

    def random_bits(self, shape: Shape) -> Any:
        """Return uint32 [rows, columns], different for each layer, epoch, step, row and column.

        Raises:
            OptionError: the context has no key.
        """
        if self.key is None:
            raise OptionError(f"layer {self.path} draws random numbers in training and needs a key: Context(training=True, key=…).")
        seed, epoch, step = (ops.constant(value=number, dtype="uint32") if isinstance(number, int) else number for number in self.key)
        return ops.random_bits(seed, epoch, step, purpose=purpose(self.path), shape=shape)


def purpose(path: str) -> int:
    """Return the 32-bit number that sets one use of random bits apart from every other."""
    return zlib.crc32(path.encode())
