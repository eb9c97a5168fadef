"""The chain rule: from a Program to the Program that also computes the gradients of one of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.errors import DerivativeError
from chainrule.ir import Equation, Origin, Program, Shape, Value
from chainrule.ir.program import Port
from chainrule.ops.primitive import Primitive
from chainrule.ops.reductions import sum
from chainrule.ops.structure import constant, reshape, zeros_like
from chainrule.ops.tracing import at, inline, trace
from chainrule.transforms.simplify import simplify


def reverse(program: Program, wrt: Sequence[str], of: str = "loss", cotangent: str | None = None) -> Program:
    """Return a program with the outputs of ``program`` followed by the gradient ``d_NAME`` of output ``of`` by each input in ``wrt``
    (``d_d_NAME`` if the program has an output of that name already: a gradient of a gradient).

    Reverse accumulation (Linnainmaa 1970; Griewank and Walther 2008, chapter 3): each equation, last one first, hands the cotangent of
    its output on to its operands by its primitive's rule.

    Args:
        program: any program.
        wrt: names of float inputs.
        of: the name of an output.
        cotangent: if given, the program gets one more input of that name, the cotangent of ``of`` (the result is then the
            vector-Jacobian product); otherwise ``of`` is a scalar and its cotangent is 1.

    Raises:
        DerivativeError: ``of`` is not a float scalar, an input is not a float, or a needed rule is missing.
    """
    target = program.output(of)
    sources = [program.input(name) for name in wrt]
    _check(target, sources, cotangent)
    active = _active(program, [port.value for port in sources])
    grads: list[Any] = []

    def body(*arguments: Any) -> tuple[Any, ...]:
        env: dict[Value, Any] = {}
        outputs = inline(program, arguments[: len(program.inputs)], env)
        with at(Origin("backward")):
            seed = arguments[-1] if cotangent else constant(value=1.0, dtype=target.type.dtype)
            cotangents = _propagate(program, env, {target.value: seed}, active)
            for port in sources:
                grads.append(cotangents[port.value] if port.value in cotangents else zeros_like(env[port.value]))
                _check_type(grads[-1], env[port.value], port.name)
        return (*outputs, *grads)

    types = [port.type for port in program.inputs] + ([target.type] if cotangent else [])
    traced = trace(body, *types)
    names = [(port.name, port.role) for port in program.inputs] + [(cotangent or "", "cotangent")]
    inputs = tuple(Port(name, role, port.value) for (name, role), port in zip(names, traced.inputs, strict=False))
    for port in inputs:
        port.value.name = port.name
    labels = [(port.name, port.role) for port in program.outputs]
    for name in wrt:
        d_name = f"d_{name}"
        while any(d_name == taken for taken, _ in labels):
            d_name = f"d_{d_name}"
        labels.append((d_name, "gradient"))
    outputs = tuple(Port(name, role, port.value) for (name, role), port in zip(labels, traced.outputs, strict=True))
    return simplify(Program(inputs, traced.equations, outputs))


def _propagate(program: Program, env: dict[Value, Any], cotangents: dict[Value, Any], active: set[Value]) -> dict[Value, Any]:
    """Walk the equations backward and return the cotangent of every active value that the target depends on."""
    for equation in reversed(program.equations):
        if not any(value in cotangents for value in equation.outputs) or not any(value in active for value in equation.inputs):
            continue
        with at(Origin("backward", equation.layer, env[equation.outputs[0]])):
            for value, ct in zip(equation.inputs, _apply_rule(equation, env, cotangents), strict=True):
                if ct is not None and value in active:
                    _accumulate(cotangents, value, _unbroadcast(ct, value.type.shape))
    return cotangents


def _apply_rule(equation: Equation, env: dict[Value, Any], cotangents: dict[Value, Any]) -> tuple[Any, ...]:
    outs = tuple(env[value] for value in equation.outputs)
    cts = tuple(cotangents[value] if value in cotangents else zeros_like(env[value]) for value in equation.outputs)
    single = len(outs) == 1
    operands = [env[value] for value in equation.inputs]
    assert isinstance(equation.op, Primitive)
    result = equation.op.vjp(cts[0] if single else cts, outs[0] if single else outs, *operands, **equation.attributes)
    if len(result) != len(operands):
        raise DerivativeError(f"the rule of '{equation.op.name}' returned {len(result)} cotangents for {len(operands)} operands.")
    return result


def _unbroadcast(ct: Any, shape: Shape) -> Any:
    """Sum a cotangent over the axes along which its value was broadcast: the one place where broadcasting is undone."""
    if ct.shape == shape:
        return ct
    added = ct.ndim - len(shape)
    axes = tuple(range(added)) + tuple(i + added for i, n in enumerate(shape) if n == 1 and ct.shape[i + added] != 1)
    return reshape(sum(ct, axes), shape=shape)


def _accumulate(cotangents: dict[Value, Any], value: Value, ct: Any) -> None:
    name = f"d_{value.name}" if value.name else ""
    if value in cotangents:
        part, ct = cotangents[value], cotangents[value] + ct
        part.name = "" if part.name == name else part.name  # the whole is to have the name
    cotangents[value] = ct
    ct.name = ct.name or name


def _active(program: Program, sources: list[Value]) -> set[Value]:
    """Return the float values that depend on the sources."""
    active = set(sources)
    for equation in program.equations:
        if any(value in active for value in equation.inputs):
            active.update(value for value in equation.outputs if value.type.is_float)
    return active


def _check(target: Port, sources: list[Port], cotangent: str | None) -> None:
    for port in (*sources, target):
        if not port.type.is_float:
            raise DerivativeError(f"'{port.name}' has type {port.type}; only floats have gradients.")
    if cotangent is None and target.type.shape:
        raise DerivativeError(f"'{target.name}' has type {target.type}; a gradient belongs to a scalar, so take a sum or mean.")


def _check_type(gradient: Any, value: Value, name: str) -> None:
    if gradient.type != value.type:
        raise DerivativeError(f"the gradient of '{name}' came out as {gradient.type} and should have the type {value.type}.")
