"""From a Python function to a Program: traced values, the operators on them, and where each equation comes from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Equation, Origin, Port, Program, Shape, Type, Value, bind_axes
from chainrule.ir.program import Operation
from chainrule.ir.verify import verify
from chainrule.ops.tree import leaves, rebuild

OPERATIONS: dict[str, Callable[..., Any]] = {}  # every primitive by name; ops.primitive fills it

_equations: ContextVar[list[Equation] | None] = ContextVar("equations", default=None)
_origins: ContextVar[tuple[Origin, ...]] = ContextVar("origins", default=(Origin(),))


class Traced(Value):
    """A value that is being traced: it has a type and no number yet, and operators that write equations."""

    __slots__ = ()
    __array_ufunc__ = None  # so that `array + traced` is left to us by NumPy

    @property
    def shape(self) -> Shape:
        """The shape, with symbolic axes."""
        return self.type.shape

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.type.shape)

    @property
    def T(self) -> Traced:  # noqa: N802 - NumPy's name for it
        """The transpose."""
        return self._op("transpose", self)

    def _op(self, name: str, *operands: Any, **attributes: Any) -> Traced:
        return cast(Traced, OPERATIONS[name](*operands, **attributes))

    def __add__(self, other: Any) -> Traced:
        return self._op("add", self, other)

    def __radd__(self, other: Any) -> Traced:
        return self._op("add", other, self)

    def __sub__(self, other: Any) -> Traced:
        return self._op("subtract", self, other)

    def __rsub__(self, other: Any) -> Traced:
        return self._op("subtract", other, self)

    def __mul__(self, other: Any) -> Traced:
        return self._op("multiply", self, other)

    def __rmul__(self, other: Any) -> Traced:
        return self._op("multiply", other, self)

    def __truediv__(self, other: Any) -> Traced:
        return self._op("divide", self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self._op("divide", other, self)

    def __pow__(self, other: Any) -> Traced:
        return self._op("power", self, other)

    def __rpow__(self, other: Any) -> Traced:
        return self._op("power", other, self)

    def __matmul__(self, other: Any) -> Traced:
        return self._op("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Traced:
        return self._op("matmul", other, self)

    def __neg__(self) -> Traced:
        return self._op("negative", self)

    def __abs__(self) -> Traced:
        return self._op("abs", self)

    def __lt__(self, other: Any) -> Traced:
        return self._op("less", self, other)

    def __le__(self, other: Any) -> Traced:
        return self._op("less_equal", self, other)

    def __gt__(self, other: Any) -> Traced:
        return self._op("less", other, self)

    def __ge__(self, other: Any) -> Traced:
        return self._op("less_equal", other, self)

    def __getitem__(self, key: Any) -> Traced:
        from chainrule.ops.structure import take_slices  # structure is written with traced values

        return cast(Traced, take_slices(self, key))

    def __bool__(self) -> bool:
        raise TypeRuleError(f"{self!r} has no truth value while it is traced; choose with ops.where(condition, a, b).")

    def __iter__(self) -> Iterator[Traced]:
        raise TypeRuleError(f"{self!r} cannot be iterated while it is traced; slice it or use an operation on the whole array.")


@contextmanager
def scope(*, phase: str | None = None, layer: str | None = None, source: Value | None = None) -> Iterator[None]:
    """Give the equations traced inside an origin: a phase, a layer (paths nest: ``encoder.hidden_1``), a source."""
    outer = _origins.get()[0]
    path = outer.layer if layer is None else f"{outer.layer}.{layer}".lstrip(".")
    with _at((Origin(phase or outer.phase, path, outer.source if source is None else source),)):
        yield


@contextmanager
def _at(origins: tuple[Origin, ...]) -> Iterator[None]:
    token = _origins.set(origins)
    try:
        yield
    finally:
        _origins.reset(token)


def named(value: Any, name: str) -> Any:
    """Give a traced value the name that listings show, under the path of the layer: ``hidden_1.sum``. Arrays pass through."""
    if isinstance(value, Traced):
        value.name = f"{_origins.get()[0].layer}.{name}".strip(".")
    return value


def apply(op: Operation, operands: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    """Apply an operation: write an equation if an operand is traced, otherwise compute it at once on arrays.

    A Python number takes the dtype of the first operand that has one (booleans last).

    Raises:
        TypeRuleError: naming the layer, the operation and the types.
    """
    equations = _equations.get()
    tracing = any(isinstance(operand, Value) for operand in operands) or (not operands and equations is not None)
    values = _lift(operands, tracing)
    types = [value.type if isinstance(value, Value) else Type.of(value) for value in values]
    try:
        result = op.type_rule(*types, **attributes)
    except TypeRuleError as error:
        layer = _origins.get()[0].layer
        raise TypeRuleError(f"{f'layer {layer}: ' if layer else ''}{op.name}: {error}") from None
    if not tracing:
        return op.meaning(*values, **attributes)
    if equations is None:
        raise TypeRuleError(f"{op.name} was applied to a traced value outside of the trace that it belongs to.")
    outputs = tuple(map(Traced, (result,) if isinstance(result, Type) else result))
    equations.append(Equation(op, tuple(values), outputs, dict(attributes), _origins.get()))
    return outputs[0] if isinstance(result, Type) else outputs


def _lift(operands: Sequence[Any], tracing: bool) -> list[Any]:
    dtypes = [operand.type.dtype if isinstance(operand, Value) else operand.dtype.name for operand in operands if hasattr(operand, "dtype")]
    number_dtype = next((dtype for dtype in dtypes if dtype != "bool"), None)
    return [operand if isinstance(operand, Value) else _lift_one(operand, number_dtype, tracing) for operand in operands]


def _lift_one(operand: Any, number_dtype: str | None, tracing: bool) -> Any:
    is_number = isinstance(operand, (int, float, complex)) and not isinstance(operand, (bool, np.generic))
    array = np.asarray(operand, dtype=number_dtype if is_number else None)
    if is_number and isinstance(operand, float) and number_dtype is not None and array.dtype.kind in "iub":
        raise TypeRuleError(f"{operand} is not a whole number and meets values of {number_dtype}; cast them first.")
    if not tracing:
        return array
    value = array.item() if array.ndim == 0 else array
    return OPERATIONS["constant"](value=value, dtype=array.dtype.name)


def trace(function: Callable[..., Any], *inputs: Any) -> Program:
    """Trace a function of arrays into a verified Program.

    Args:
        function: any function written with ``chainrule.ops`` and the operators of Python.
        inputs: for each argument its type: a :class:`~chainrule.ir.Type`, a text such as ``"f32[B,4]"``, an array (its type is taken),
            or a dict or tuple of these. Inputs of the program are named after the arguments, or after the keys of a dict.

    Raises:
        TypeRuleError: the function applies an operation to types that do not fit; the message names the layer and the types.
    """
    return trace_with_structure(function, *inputs)[0]


def trace_with_structure(function: Callable[..., Any], *inputs: Any) -> tuple[Program, Any]:
    """Like :func:`trace`, and also return what the function returned, so that a caller can rebuild its structure."""
    ports: list[Port] = []
    arguments = []
    for argument, tree in zip(_argument_names(function, len(inputs)), inputs, strict=True):
        prefix = "" if isinstance(tree, dict) else argument
        new = [Port(path, argument, Traced(_as_type(leaf), path)) for path, leaf in leaves(tree, prefix)]
        ports += new
        arguments.append(rebuild(tree, (port.value for port in new)))
    equations: list[Equation] = []
    token = _equations.set(equations)
    try:
        result = function(*arguments)
        lifted = [(path, leaf if isinstance(leaf, Value) else _lift_one(leaf, None, True)) for path, leaf in leaves(result)]
    finally:
        _equations.reset(token)
    outputs = tuple(Port(path or "out", "output", value) for path, value in lifted)
    return verify(Program(tuple(ports), tuple(equations), outputs)), result


def _argument_names(function: Callable[..., Any], number: int) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:number]
    return names + [f"x{index}" for index in range(len(names), number)]


def _as_type(leaf: Any) -> Type:
    if isinstance(leaf, Type):
        return leaf
    if isinstance(leaf, Value):
        return leaf.type
    return Type.parse(leaf) if isinstance(leaf, str) else Type.of(leaf)


def inline(program: Program, arguments: Sequence[Any], env: dict[Value, Any] | None = None) -> tuple[Any, ...]:
    """Apply a program to arguments, traced values or arrays, and return its outputs.

    Each equation keeps its own origins and each value its name. ``env`` collects what every value of the program became.
    """
    env = {} if env is None else env
    env.update(zip((port.value for port in program.inputs), arguments, strict=True))
    concrete = not any(isinstance(argument, Value) for argument in arguments)
    if concrete:
        rows = program.bind({port.name: np.asarray(a) for port, a in zip(program.inputs, arguments, strict=True)})
    for equation in program.equations:
        attributes = equation.attributes
        if concrete:
            attributes = {name: bind_axes(value, rows) for name, value in attributes.items()}
        moved = tuple(
            Origin(origin.phase, origin.layer, env.get(origin.source) if origin.source is not None else None)
            for origin in equation.origins
        )
        with _at(moved):
            result = apply(equation.op, [env[value] for value in equation.inputs], attributes)
        for value, new in zip(equation.outputs, result if len(equation.outputs) > 1 else (result,), strict=True):
            env[value] = new
            if isinstance(new, Value):
                new.name = value.name
    return tuple(env[port.value] for port in program.outputs)
