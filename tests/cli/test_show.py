"""``chainrule show``: the step as it was traced, and what the compiler made of it."""

from __future__ import annotations

import pytest

from cli.running import chainrule


@pytest.mark.parametrize("stage", ["program", "groups", "plan", "llvm", "asm"])
def test_each_stage_can_be_read_and_parsed(folder, classified, stage):
    ran = chainrule("show", "works", "--stage", stage, "--phase", "forward", cwd=folder)
    assert ran.status == 0 and "\x1b" not in ran.out and "\\t" not in ran.out
    assert ran.out.startswith("# One training step of works") and "hidden_1.weight" in ran.out
    data = chainrule("show", "works", "--stage", stage, "--json", cwd=folder).json
    assert data["format"] == 1
    assert data.get("stage", "program") == stage


def test_the_program_of_prediction(folder, classified):
    ran = chainrule("show", "works", "--inference", "--stage", "groups", cwd=folder)
    assert "# Prediction by works" in ran.out and "stage 1" not in ran.out
    assert "probabilities" in chainrule("show", "works", "--inference", cwd=folder).out
    ran = chainrule("show", "works", "--inference", "--phase", "update", cwd=folder)
    assert (ran.status, ran.out) == (2, "") and "no such phase" in ran.sentence
