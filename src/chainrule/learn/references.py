"""The references: the papers that the course rests on."""

from __future__ import annotations

from chainrule.learn.content_files import read_toml


def references_as_markdown() -> str:
    """Return the list of references as Markdown, oldest first."""
    return "\n".join(
        f"- {entry['authors']} ({entry['year']}). *{entry['title']}*. {entry['venue']}. {entry['why']}"
        for entry in read_toml("references.toml")["reference"]
    )
