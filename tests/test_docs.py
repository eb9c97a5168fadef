"""The docs say what is so: every example runs, what is made from the code is up to date, every link leads somewhere."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")] + sorted((ROOT / "docs").glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)\n```", page.read_text(encoding="utf-8"), re.S)


SHELL = "__import__('subprocess').run({!r}, shell=True, check=True)"


def examples(page: Path) -> str:
    """Return a page's examples as one script: its blocks of Python and, in docs/, those of the shell, in their order."""
    languages = "python|sh" if page.parent.name == "docs" else "python"
    found = re.findall(rf"```({languages})\n(.*?)\n```", page.read_text(encoding="utf-8"), re.S)
    return "\n\n".join(code if language == "python" else SHELL.format(f"set -e\n{code}") for language, code in found)


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.name)
def test_the_examples_of_a_page_run_from_top_to_bottom(page, tmp_path):
    script = tmp_path / "examples.py"
    script.write_text(examples(page), encoding="utf-8")
    own = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-W", "error", str(script)], cwd=tmp_path, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, str(ROOT / "docs" / "make.py"), "site", str(tmp_path), "silent"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "NeuralNetworkClassifier" in (tmp_path / "reference" / "estimators.html").read_text(encoding="utf-8")


def test_the_textbook_example_of_the_docs_is_one(tmp_path):
    from chainrule.training.textbook.loading import load_example

    (text,) = blocks(ROOT / "docs" / "examples.md", "toml")
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    assert load_example(tmp_path / "own.toml").step.program


def test_the_table_of_flags_is_made_from_the_code():
    made = runpy.run_path(str(ROOT / "docs" / "make.py"))["options"]()
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == made, "run: python docs/make.py options"


def test_the_words_of_the_reference_are_those_of_the_code():
    made = "import sys; sys.path.insert(0, 'docs'); from making.words import page; sys.stdout.buffer.write(page().encode())"
    page = subprocess.run([sys.executable, "-c", made], cwd=ROOT, capture_output=True, check=True).stdout.decode()  # which knows no others
    assert (ROOT / "docs" / "reference" / "words.md").read_text(encoding="utf-8") == page, "run: python docs/make.py words"


def test_the_commands_of_the_readme_exist(tmp_path):
    from chainrule.cli import COMMANDS

    (listing,) = blocks(ROOT / "README.md", "text")
    commands = re.findall(r"^chainrule ([\w-]+)", listing, re.M)
    assert commands
    assert set(commands) <= set(COMMANDS)


def test_the_readme_begins_and_starts_as_promised():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "Chainrule trains neural networks on your tables by backpropagation, and shows every number of it."
    start = text.split("## Start", 1)[1].split("\n## ", 1)[0]
    commands = re.findall(r"```sh\n(.*?)\n```", start, re.S)
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link
