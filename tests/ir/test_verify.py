"""Each kind of broken program, and the equation that is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chainrule import ops
from chainrule.errors import InputError, ProgramError
from chainrule.ir import B, Equation, Origin, Port, Program, Type, Value
from chainrule.ir.verify import verify


def program():
    def function(x, w):
        with ops.scope(layer="hidden_1"):
            return ops.tanh(x @ w)

    return ops.trace(function, "f32[B,4]", "f32[4,3]")


def with_equation(number, **changes):
    p = program()
    equations = list(p.equations)
    equations[number] = replace(equations[number], **changes)
    return replace(p, equations=tuple(equations))


def swapped():
    p = program()
    return replace(p, equations=p.equations[::-1])


def defined_twice():
    p = program()
    return replace(p, equations=(*p.equations, p.equations[1]))


def one_output_twice():
    value = Value(Type("float32"))
    return Program((), (Equation(ops.OPERATIONS["exp"], (), (value, value)),), ())


BROKEN = {
    "used before defined": (swapped, r"equation 0, tanh\(f32\[B,3\]\) in hidden_1: operand .* is used before it is defined"),
    "defined twice": (defined_twice, r"equation 2, tanh\(f32\[B,3\]\) in hidden_1: .* is defined twice"),
    "one output twice": (one_output_twice, r"equation 0, exp\(\): .* is defined twice"),
    "wrong output type": (
        lambda: with_equation(1, outputs=(Value(Type("float32", (B, 4))),)),
        r"equation 1, tanh\(f32\[B,3\]\) in hidden_1: the type rule gives f32\[B,3\], the equation says f32\[B,4\]",
    ),
    "too many outputs": (
        lambda: with_equation(1, outputs=(Value(Type("float32", (B, 3))), Value(Type("float32")))),
        r"equation 1, .*: the type rule gives f32\[B,3\], the equation says f32\[B,3\], f32\[\]",
    ),
    "wrong operation": (lambda: with_equation(1, op=ops.OPERATIONS["bitwise_not"]), r"equation 1, bitwise_not.*: not defined for float32"),
    "too few operands": (lambda: with_equation(0, inputs=()), r"equation 0, matmul\(\) in hidden_1: .*missing 2 required"),
    "unknown attribute": (lambda: with_equation(1, attributes={"axis": 1}), r"equation 1, tanh.*unexpected keyword"),
    "unknown phase": (lambda: with_equation(1, origins=(Origin("later"),)), r"equation 1, .*its phase is not one of forward, loss"),
    "no origin": (lambda: with_equation(1, origins=()), r"equation 1, .*its phase is not one of"),
    "undefined source": (
        lambda: with_equation(1, origins=(Origin("backward", "", Value(Type("float32"), "ghost")),)),
        r"equation 1, .*: it is the derivative of ghost: f32\[\], which is not defined",
    ),
    "undefined output": (
        lambda: replace(program(), outputs=(Port("out", "output", Value(Type("float32"))),)),
        r"output 'out' is never defined",
    ),
    "the same input twice": (
        lambda: replace(program(), inputs=(*program().inputs, *(2 * (Port("z", "z", Value(Type("float32"), "z")),)))),
        r"input 'z' is the same value as an earlier input",
    ),
    "two inputs of one name": (
        lambda: Program(tuple(Port("x", "x", Value(Type("float32"))) for _ in range(2)), (), ()),
        r"two inputs are named 'x'",
    ),
    "two outputs of one name": (
        lambda: replace(program(), inputs=(p := program()).inputs, equations=p.equations, outputs=p.outputs * 2),
        r"two outputs are named 'out'",
    ),
    "B from nowhere": (
        lambda: Program((), (Equation(ops.OPERATIONS["iota"], (), (Value(Type("int64", (B,))),), {"size": B, "dtype": "int64"}),), ()),
        r"equation 0, iota\(\): it depends on B, which no input of the program binds",
    ),
    "B as a number from nowhere": (
        lambda: Program((), (Equation(ops.OPERATIONS["dimension"], (), (Value(Type("int64")),), {"size": B, "dtype": "int64"}),), ()),
        r"equation 0, dimension\(\): it depends on B",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_program_is_refused_and_its_equation_named(kind):
    make, message = BROKEN[kind]
    broken = make()
    with pytest.raises(ProgramError, match=message):
        verify(broken)


def test_a_sound_program_is_returned():
    sound = program()
    assert verify(sound) is sound


def test_the_name_of_a_port_that_is_not_there():
    with pytest.raises(InputError, match="no input or output named 'y'"):
        program().input("y")
    with pytest.raises(InputError, match="no input or output named 'loss'"):
        program().output("loss")
    assert [port.name for port in program().by_role("w")] == ["w"]
