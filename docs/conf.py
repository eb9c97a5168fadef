"""How Sphinx makes the site of docs/: pages in Markdown, and the reference from the docstrings. Built by ``python docs/make.py site``."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

from chainrule import __version__

project = "Chainrule"
author = "The Chainrule developers"
copyright = "The Chainrule developers, Apache License 2.0"
version = release = __version__

sys.path.insert(0, str(Path(__file__).parent))
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
extensions += ["making.formula", "making.accessible", "making.player"]
html_static_path = ["_static"]
html_theme = "furo"
html_title = f"Chainrule {version}"
html_copy_source = False
exclude_patterns = ["site"]
root_doc = "index"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = False  # types in signatures are NumPy's and Python's own, whose pages are elsewhere

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True


def setup(app: Sphinx) -> None:
    """Leave out what the estimators inherit from scikit-learn: its own site describes that."""
    app.connect("autodoc-skip-member", lambda app, what, name, member, skip, options: skip or _is_sklearn(member))


def _is_sklearn(member: object) -> bool:
    return str(getattr(member, "__module__", "")).startswith("sklearn.")
