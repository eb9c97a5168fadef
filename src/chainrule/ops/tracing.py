"""From a Python function to a Program: traced values, the operators on them, and where each equation comes from."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Equation, Origin, Port, Program, Shape, Type, Value, bind_axes
from chainrule.ir.program import Operation
from chainrule.ir.types import FLOATS
from chainrule.ir.verify import verify
from chainrule.ops.tree import leaves, rebuild

OPERATIONS: dict[str, Callable[..., Any]] = {}  # every primitive by name; ops.primitive fills it

_equations: ContextVar[list[Equation] | None] = ContextVar("equations", default=None)
_origins: ContextVar[tuple[Origin, ...]] = ContextVar("origins", default=(Origin(),))


def _operators(name: str) -> tuple[Callable[[Any, Any], Traced], Callable[[Any, Any], Traced]]:
    """Return the method of an operator and that of the operator with its operands exchanged."""
    return lambda x, y: cast(Traced, OPERATIONS[name](x, y)), lambda x, y: cast(Traced, OPERATIONS[name](y, x))


class Traced(Value):
    """A value that is being traced: it has a type and no number yet, and operators that write equations."""

    __slots__ = ("trace",)

    def __init__(self, type: Type, name: str = "", trace: list[Equation] | None = None) -> None:
        super().__init__(type, name)
        self.trace = trace  # the equations among which it is defined

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
        return cast(Traced, OPERATIONS["transpose"](self))

    __add__, __radd__ = _operators("add")
    __sub__, __rsub__ = _operators("subtract")
    __mul__, __rmul__ = _operators("multiply")
    __truediv__, __rtruediv__ = _operators("divide")
    __pow__, __rpow__ = _operators("power")
    __matmul__, __rmatmul__ = _operators("matmul")
    __lt__, __gt__ = _operators("less")
    __le__, __ge__ = _operators("less_equal")

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Traced:
        """NumPy's functions of one element at a time, and `array + traced`, are our operations of the same name."""
        name = "abs" if ufunc.__name__ == "absolute" else ufunc.__name__
        if method != "__call__" or options or name not in OPERATIONS:
            what = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            raise TypeRuleError(f"{what} cannot be traced{' with options' if options else ''}; write it with chainrule.ops.")
        return cast(Traced, OPERATIONS[name](*operands))

    def __array_function__(self, function: Any, *_: Any) -> Traced:
        raise TypeRuleError(f"np.{function.__name__} cannot be traced; write it with chainrule.ops.")

    def __neg__(self) -> Traced:
        return cast(Traced, OPERATIONS["negative"](self))

    def __abs__(self) -> Traced:
        return cast(Traced, OPERATIONS["abs"](self))

    def __eq__(self, other: object) -> bool:
        if self is other or _equations.get() is None:
            return self is other
        raise TypeRuleError(f"{self!r} cannot be compared by == while it is traced; use ops.equal or ops.not_equal.")

    __hash__ = Value.__hash__  # == is identity, and while tracing nothing: `x == 0` would be silently false

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
    with at(Origin(phase or outer.phase, path, outer.source if source is None else source)):
        yield


@contextmanager
def at(*origins: Origin) -> Iterator[None]:
    """Give the equations traced inside these origins, whatever is around."""
    with _set(_origins, origins):
        yield


@contextmanager
def untraced() -> Iterator[None]:
    """Compute at once what is applied to arrays inside, ``iota`` and its like too; infinities and NaN are results like others."""
    with _set(_equations, None), np.errstate(all="ignore"):
        yield


@contextmanager
def _set(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


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
    if not any(isinstance(operand, Value) for operand in operands) and (operands or equations is None):
        with untraced():
            arrays = _lift(operands, np.asarray)
            _result_type(op, map(Type.of, arrays), attributes)
            return op.meaning(*arrays, **attributes)
    values = _lift(operands, _constant)
    result = _result_type(op, (value.type for value in values), attributes)
    assert equations is not None  # or _owned would have raised
    outputs = tuple(Traced(type, "", equations) for type in ((result,) if isinstance(result, Type) else result))
    equations.append(Equation(op, tuple(values), outputs, dict(attributes), _origins.get()))
    return outputs[0] if isinstance(result, Type) else outputs


def _result_type(op: Operation, types: Iterable[Type], attributes: Mapping[str, Any]) -> Type | tuple[Type, ...]:
    try:
        return op.type_rule(*types, **attributes)
    except TypeError as error:  # a TypeRuleError, or a rule that was called with operands or attributes that it does not take
        layer = _origins.get()[0].layer
        raise TypeRuleError(f"{f'layer {layer}: ' if layer else ''}{op.name}: {error}") from None


def _lift(operands: Sequence[Any], lift_array: Callable[[Any], Any]) -> list[Any]:
    values: list[Any] = []
    for operand in operands:
        if isinstance(operand, Value):
            values.append(_owned(operand))
        elif isinstance(operand, (int, float, complex)) and not isinstance(operand, (bool, np.generic)):
            dtypes = (getattr(other.dtype, "name", other.dtype) for other in operands if hasattr(other, "dtype"))
            dtype = next((name for name in dtypes if name != "bool"), None) or np.asarray(operand).dtype.name
            number = float(operand) if dtype in FLOATS and isinstance(operand, int) else operand
            values.append(OPERATIONS["constant"](value=number, dtype=dtype))
        else:
            values.append(lift_array(operand))
    return values


def _owned(value: Value) -> Value:
    if not isinstance(value, Traced) or value.trace is not _equations.get():
        raise TypeRuleError(f"{value!r} belongs to another trace, or to one that has ended; hand it to the traced function as an argument.")
    return value


def known_number(value: Traced) -> Any:
    """Return the number of a value that is a scalar constant, and ``None`` for what is known only when the program runs."""
    equation = next((e for e in reversed(value.trace or ()) if e.outputs[0] is value), None)
    return equation.attributes["value"] if equation is not None and equation.op.name == "constant" and not value.shape else None


def _constant(array: Any) -> Any:
    array = np.array(array)  # a copy: what happens to the array later is no concern of the program's
    return OPERATIONS["constant"](value=array if array.ndim else array.item(), dtype=array.dtype.name)


def trace(function: Callable[..., Any], *inputs: Any) -> Program:
    """Trace a function of arrays into a verified Program.

    Args:
        function: any function written with ``chainrule.ops`` and the operators of Python.
        inputs: for each argument its type: a :class:`~chainrule.ir.Type`, a text such as ``"f32[B,4]"``, an array (its type is taken),
            or a dict or tuple of these. Inputs of the program are named after the arguments, or after the keys of a dict (after both
            where the keys alone are taken).

    Raises:
        TypeRuleError: the function applies an operation to types that do not fit; the message names the layer and the types.
    """
    return trace_with_structure(function, *inputs)[0]


def trace_with_structure(function: Callable[..., Any], *inputs: Any) -> tuple[Program, Any]:
    """Like :func:`trace`, and also return what the function returned, so that a caller can rebuild its structure."""
    equations: list[Equation] = []
    ports: list[Port] = []
    arguments = []
    trees = list(zip(_argument_names(function, len(inputs)), inputs, strict=True))
    uses = Counter(path for argument, tree in trees for path, _ in leaves(tree, "" if isinstance(tree, dict) else argument))
    for argument, tree in trees:
        prefix = "" if isinstance(tree, dict) and all(uses[path] == 1 for path, _ in leaves(tree)) else argument
        new = [Port(path, argument, Traced(_as_type(leaf), path, equations)) for path, leaf in leaves(tree, prefix)]
        ports += new
        arguments.append(rebuild(tree, (port.value for port in new)))
    with _set(_equations, equations):
        result = function(*arguments)
        outputs = tuple(Port(path or "out", "output", _lift([leaf], _constant)[0]) for path, leaf in leaves(result))
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
    if not any(isinstance(argument, Value) for argument in arguments):
        arrays = [np.asarray(argument) for argument in arguments]
        rows = program.bind({port.name: array for port, array in zip(program.inputs, arrays, strict=True)})
        with untraced():
            return _inlined(program, arrays, env, lambda attribute: bind_axes(attribute, rows))
    values, equations = _lift(arguments, _constant), _equations.get()
    assert equations is not None  # or _owned would have raised
    start = len(equations)
    outputs = _inlined(program, values, env, lambda attribute: attribute)
    for number, equation in enumerate(equations[start:], start):  # at the end, since a source may stand after what it is the source of
        origins = tuple(origin.moved(env.get) for origin in equation.origins)
        equations[number] = Equation(equation.op, equation.inputs, equation.outputs, equation.attributes, origins)
    return outputs


def _inlined(program: Program, arguments: Sequence[Any], env: dict[Value, Any], bind: Callable[[Any], Any]) -> tuple[Any, ...]:
    env.update(zip((port.value for port in program.inputs), arguments, strict=True))
    for equation in program.equations:
        with at(*equation.origins):
            operands = [env[value] for value in equation.inputs]
            result = apply(equation.op, operands, {name: bind(value) for name, value in equation.attributes.items()})
        for value, new in zip(equation.outputs, result if len(equation.outputs) > 1 else (result,), strict=True):
            env[value] = new
            if isinstance(new, Value):
                new.name = value.name
    return tuple(env[port.value] for port in program.outputs)
