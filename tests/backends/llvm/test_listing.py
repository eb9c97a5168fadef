"""The printed forms: every equation is found again in each stage of the compilation, with its phase and layer."""

from __future__ import annotations

import re

import pytest

import chainrule as cr
from chainrule.backends.llvm.groups import is_scalar_constant
from chainrule.backends.llvm.listing import STAGES, describe, listing
from chainrule.errors import OptionError
from chainrule.ir.listing import value_names
from chainrule.transforms import expand


@pytest.fixture(scope="module")
def step():
    net = cr.nn.mlp(7, [16, 9], 3, activation=["relu", "gelu"], dropout=0.1)
    return cr.training_step(net, loss=cr.losses.cross_entropy, optimizer=cr.optim.chain(cr.optim.clip_by_norm(1.0), cr.optim.adam()))


def test_every_equation_stands_in_a_group(step):
    shown = describe(step.program, "groups")
    groups = [group for stage in shown["stages"] for group in stage["groups"]]
    assert sorted(group["group"] for group in groups) == list(range(len(groups)))
    there = {value.split(":")[0] for group in groups for e in group["equations"] for value in e["values"]}
    program = expand(step.program)
    names = value_names(program)
    made = {names[value] for e in program.equations if not is_scalar_constant(e) for value in e.outputs}
    assert made - there == set()
    stored = [value for group in groups for e in group["equations"] if e["stored"] for value in e["values"]]
    assert len(stored) == len(set(stored))  # what is stored is computed once


def test_where_an_equation_comes_from_is_said(step):
    text = listing(step.program, "groups")
    assert re.search(r"→ hidden_1\.output: f32\[B,16\] += max\(0, hidden_1\.sum\) +# forward hidden_1\n", text)
    assert re.search(r"d_hidden_1\.weight: f32\[7,16\] += \w+ @ d_hidden_1\.sum +# backward hidden_1, of hidden_1\.product\n", text)
    assert "stage 2, behind a barrier" in text  # the norm of all gradients
    assert max(map(len, text.splitlines())) < 160


@pytest.mark.parametrize("stage", STAGES)
def test_a_phase_alone(step, stage):
    whole, part = (listing(step.program, stage, phases=phases) for phases in (("forward", "loss", "backward", "update"), ("forward",)))
    assert len(part) < len(whole) / 2 and "hidden_1.weight" in part
    if stage != "plan":
        assert "hidden_1.output" in part and "d_output" not in part.replace("d_output.output", "")


def test_the_plan_says_what_takes_whose_place(step):
    text = listing(step.program, "plan")
    assert re.search(r"state +f32\[7,16\] +hidden_1\.weight, then hidden_1\.weight\.new +# update hidden_1\.weight", text)
    assert re.search(r"temporary +f32\[B,16\] +0 to \d +dropout_1\.output +# forward dropout_1", text)
    places = describe(step.program, "plan")["places"]
    assert [place["place"] for place in places] == list(range(len(places)))


@pytest.mark.parametrize(("stage", "instruction"), [("llvm", "fma"), ("asm", "\n")])
def test_functions_say_what_they_compute(step, stage, instruction):
    functions = {f["name"]: f for f in describe(step.inference, stage)["functions"] if f["computes"]}
    assert {"run", "group.0"} <= functions.keys()
    assert "hidden_1.product: f32[B,16] = x @ hidden_1.weight  (forward hidden_1)" in functions["group.0"]["computes"]
    kernel = next(f for name, f in functions.items() if name.startswith("product."))
    assert kernel["computes"] == ["a microkernel: a tile of a product"] and instruction in kernel["text"]


def test_no_other_stage(step):
    with pytest.raises(OptionError, match="Did you mean 'groups'"):
        listing(step.program, "group")


def test_groups_of_equal_layers_share_their_functions():
    step = cr.training_step(cr.nn.mlp(8, [8, 8, 8], 8), loss=cr.losses.mse, optimizer=cr.optim.sgd(0.1), x="f32[B,8]", y="f32[B,8]")
    functions = describe(step.program, "llvm")["functions"]
    several = [what for what in (function["computes"] for function in functions) if sum(line.startswith("group") for line in what) > 1]
    assert any({"hidden_1", "hidden_2"} <= set(re.findall(r"hidden_\d", " ".join(what))) for what in several)
    shown = " ".join(line for function in functions for line in function["computes"])
    groups = [group["group"] for stage in describe(step.program, "groups")["stages"] for group in stage["groups"]]
    assert [number for number in groups if f"group {number}:" not in shown] == []
