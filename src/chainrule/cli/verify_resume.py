"""``chainrule verify-resume RUN``: the proof that a run that is killed goes on with the same bits."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.failure import DONE, FAILED
from chainrule.cli.models import JsonFlag
from chainrule.cli.output import messages, results, write_json


def verify_resume(
    run: Annotated[str, typer.Argument(help="The folder of a run that is done.", metavar="RUN", show_default=False)],
    json: JsonFlag = False,
) -> int:
    """Prove that a run goes on with the same bits: repeat it, kill it halfway, go on, and compare with the run itself.

    It takes about as long as the run did, and leaves its folder alone. The exit status is 0 if all bits are the same, and 1 if not.
    """
    from chainrule.training.verify_resume import verify_resume as verified

    messages().print(f"Repeating {run} in a process that is killed halfway, and going on …", style="dim", soft_wrap=True, markup=False)
    found = verified(run)
    if json:
        write_json(found.to_json())
        return DONE if found.ok else FAILED
    console = results()
    killed = f"Killed in epoch {found.checkpoint + 1} of {found.epochs}, gone on after epoch {found.checkpoint}"
    if found.ok:
        compared = f"{found.arrays} arrays of the model, {found.epochs} epochs of the history, {found.samples} sampled steps"
        console.print(f"{killed}: the same bits as without a break ({compared}).", soft_wrap=True, markup=False)
    else:
        first = ", ".join(found.differs[:3])
        console.print(f"{killed}: {len(found.differs)} of what was compared differ, first {first}.", soft_wrap=True, markup=False)
    if not found.repeats:
        text = f"{found.run} itself has other bits, of another machine or version; the run without a break was made here."
        console.print(text, soft_wrap=True, markup=False)
    return DONE if found.ok else FAILED
