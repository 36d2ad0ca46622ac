"""Sphinx configuration."""

import os
from importlib.metadata import version as installed_version

project = "convadjoint"
author = "convadjoint developers"
copyright = "2026, convadjoint developers"
version = release = installed_version("convadjoint")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]

# `name` in single backticks is a name of the library, here and in docstrings.
default_role = "py:obj"

html_theme = "pydata_sphinx_theme"
html_title = "convadjoint"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_sidebars = {
    page: [] for page in ("index", "changelog", "speed", "*/explanations/*")
}
html_theme_options = {
    "github_url": "https://github.com/convadjoint/convadjoint",
    "show_toc_level": 2,
}
html_show_sourcelink = False

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

# The API pages follow `convadjoint.__all__`; no second list of names is kept.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

# Inventories come from the network, which a local build does without.
online = "READTHEDOCS" in os.environ
intersphinx_mapping = {
    "numpy": ("https://numpy.org/doc/stable", None),
    "pylops": ("https://pylops.readthedocs.io/en/stable", None),
    "python": ("https://docs.python.org/3", None),
    "scipy": ("https://docs.scipy.org/doc/scipy", None),
}
if not online:
    intersphinx_mapping = {}

# Every script runs while the documentation builds: its numbers and figures are computed.
sphinx_gallery_conf = {
    "examples_dirs": ["explanations", "../examples"],
    "gallery_dirs": ["gallery/explanations", "gallery/examples"],
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"(__init__|pictures)\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "within_subsection_order": "FileNameSortKey",
    "min_reported_time": 60,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}


def skip_foreign(_app, what, _name, member, skip, _options):
    """Leave members that PyLops defines to PyLops' own documentation."""
    if what != "class":
        return skip
    function = getattr(member, "fget", None) or getattr(member, "func", None) or member
    home = getattr(function, "__module__", None) or "convadjoint"
    return skip or home.partition(".")[0] != "convadjoint"


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign)
