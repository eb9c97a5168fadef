"""The kinds of exercises, by name, in the order of the course's chapters."""

from chainrule.learn.practice.templates import backward, chain, curves, events, forward, loss, update
from chainrule.learn.practice.templates.template import Template

_MODULES = (forward, loss, backward, chain, update, curves, events)
TEMPLATES: dict[str, Template] = {t.name: t for t in sorted((t for m in _MODULES for t in m.TEMPLATES), key=lambda t: t.chapter)}
