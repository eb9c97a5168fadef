"""Make what the docs take from the code: the table of flags, and the pictures of the terminal.

    python docs/make.py            writes docs/options.md and docs/pictures/*.svg
    python docs/make.py options    writes docs/options.md alone
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from chainrule.cli import COMMANDS, command_named

HERE = Path(__file__).parent

PICTURES = {
    "train": "chainrule train penguins",
    "step": "chainrule step runs/penguins-1 penguins --row 0",
    "program": """python -c "
import chainrule as cr
net = cr.nn.mlp(2, [3], 1, activation='tanh')
step = cr.training_step(net, loss=cr.losses.mse, optimizer=cr.optim.sgd(lr=0.1))
print(step.program)
" """,
}


def options() -> str:
    """Return docs/options.md: every flag of every command, in the order of its help."""
    made = "Made from the code by `python docs/make.py options`. In Python and in a `--config` file the words are the same."
    lines = ["# All options", "", made, ""]
    for name, what in COMMANDS.items():
        lines += [f"## chainrule {name}", "", what, "", "| flag | what it does |", "|---|---|"]
        for parameter in command_named(name).params:
            names = parameter.metavar or parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
            metavar = "" if parameter.param_type_name == "argument" or parameter.is_flag else f" {parameter.metavar or ''}"
            text = (parameter.help or "").replace("|", "\\|")
            lines.append(f"| `{names}{metavar}` | {text} |")
        lines.append("")
    return "\n".join(lines)


def picture(command: str, folder: Path) -> str:
    """Run a command in a folder as if in a terminal of 100 columns, and return what it printed as SVG."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": "100", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    printed = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout
    console = Console(record=True, width=100, file=open(os.devnull, "w", encoding="utf-8"), force_terminal=True)  # noqa: SIM115
    if "\n" not in command.strip():
        console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(printed))
    return console.export_svg(title="chainrule", theme=MONOKAI)


def main(what: list[str]) -> None:
    """Write the files."""
    (HERE / "options.md").write_text(options(), encoding="utf-8")
    if what == ["options"]:
        return
    (HERE / "pictures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, command in PICTURES.items():
            (HERE / "pictures" / f"{name}.svg").write_text(picture(command, Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
