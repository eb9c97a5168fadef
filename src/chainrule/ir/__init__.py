"""What a program is: types, values, equations, and the checks, the listing and the JSON of them. Imports NumPy only."""

from chainrule.ir.program import PHASES, Equation, Origin, Port, Program, Value
from chainrule.ir.types import B, Batch, Shape, Type, bind_axes

__all__ = ["PHASES", "B", "Batch", "Equation", "Origin", "Port", "Program", "Shape", "Type", "Value", "bind_axes"]
