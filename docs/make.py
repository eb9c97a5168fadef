"""Make what the docs take from the code: the table of flags, the pictures of the terminal, and the site with its reference.

python docs/make.py            writes docs/options.md, docs/reference/words.md, docs/course/ and docs/pictures/*.svg
python docs/make.py options    writes docs/options.md alone
python docs/make.py words      writes docs/reference/words.md alone
python docs/make.py course     writes docs/course/, the pages of the course
python docs/make.py site DIR   builds the site from docs/ with Sphinx (the extra `docs`); a warning is an error. Where espeak-ng
                               and opusenc are installed the course is spoken, too; `silent` after DIR leaves that out
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from chainrule.cli import COMMANDS, command_named

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for what is made by modules beside this one

PICTURES = {  # what is run, and before it in the same folder, unseen
    "train": ("chainrule train penguins", "true"),
    "step": (
        "chainrule step runs/penguins-1 penguins --row 0 --weight 'hidden_1.weight[bill_length_mm,1]'",
        "chainrule train penguins --hidden 4 --epochs 5",
    ),
    "program": (
        "python readme.py",
        """cat > readme.py <<END
import chainrule as cr
net = cr.nn.mlp(2, [3], 1, activation='tanh')
step = cr.training_step(net, loss=cr.losses.mse, optimizer=cr.optim.sgd(lr=0.1))
print(step.program)
END""",
    ),
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
            flag, text = (cell.replace("|", "\\|") for cell in (f"`{names}{metavar}`", parameter.help or ""))
            lines.append(f"| {flag} | {text} |")
        lines.append("")
    return "\n".join(lines)


def picture(command: str, before: str) -> str:
    """Run a command as if in a terminal of 100 columns, and return what it printed as SVG."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "COLUMNS": "100", "PATH": path}
    with tempfile.TemporaryDirectory() as folder:
        run = partial(subprocess.run, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        run(before)
        printed = run(f"{command} 2>&1").stdout
    console = Console(record=True, width=100, file=StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(printed))
    svg = console.export_svg(title="chainrule", theme=MONOKAI, unique_id="terminal")
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)  # a picture asks no other server for a font


def site(folder: Path, *, spoken: bool = True) -> int:
    """Build the site in a folder; return Sphinx's exit status, which a warning makes 1."""
    from making.player import FOLDER
    from sphinx.cmd.build import build_main

    if spoken and all(map(shutil.which, ("espeak-ng", "opusenc"))):
        subprocess.run([sys.executable, str(HERE.parent / "tools" / "course_audio.py"), str(folder / FOLDER)], check=True)
    with tempfile.TemporaryDirectory() as cache:
        return build_main(["-W", "--keep-going", "-q", "-d", cache, str(HERE), str(folder)])


def main(what: list[str]) -> None:
    """Write the files."""
    if what[:1] == ["site"]:
        sys.exit(site(Path(what[1]) if what[1:] else HERE / "site", spoken="silent" not in what))
    if what in ([], ["options"]):
        (HERE / "options.md").write_text(options(), encoding="utf-8")
    if what in ([], ["words"]):
        from making import words

        (HERE / "reference" / "words.md").write_text(words.page(), encoding="utf-8")
    if what in ([], ["course"]):
        from making.course import write_course

        write_course(HERE / "course")
    if what:
        return
    (HERE / "pictures").mkdir(exist_ok=True)
    for name, (command, before) in PICTURES.items():
        (HERE / "pictures" / f"{name}.svg").write_text(picture(command, before), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
