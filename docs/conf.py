"""The documentation site: `make docs` builds it into build/docs, without a network.

Generated while it builds, from the code, and kept out of the repository: the pages of the API
(docs/reference/api), of the command line (docs/reference/commands) and of the JSON schemas
(docs/reference/schema), and the gallery (docs/gallery).
"""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT / "src"), str(DOCS / "_extensions")]

from staging import quiet_kernel, stage_examples  # noqa: E402

import argand  # noqa: E402 (the source beside this file, whatever is installed)

BUILD = ROOT / "build"

project = "argand"
author = "the argand developers"
project_copyright = f"2026, {author}. Text and pictures: BSD-3-Clause"
version = release = argand.__version__

repository_files = ""
"""Address of the repository's files, to which their paths are added, once it is public. Links to files that
are not pages of the site lead there; while this is empty they become plain text."""

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "myst_nb",
    "command_pages",
    "plain_docstrings",
    "repository_links",
    "schema_pages",
]
exclude_patterns = ["_*", "schema/*", "**sg_execution_times.rst", "gallery/*.[ijpz]*"]
templates_path = ["_templates"]
nitpicky = False
smartquotes = False  # --out is no dash

# Texts and executed tutorials
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_merge_streams = True
nb_execution_cache_path = str(BUILD / "docs-cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 120
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
os.environ["COLUMNS"] = "100"
os.environ["IPYTHONDIR"] = str(quiet_kernel(BUILD / "docs-ipython"))

# Examples: run in a folder of their own, since some write files where they run
sphinx_gallery_conf = {
    "examples_dirs": [os.path.relpath(stage_examples(ROOT / "examples", BUILD / "docs-examples"), DOCS)],
    "gallery_dirs": ["gallery"],
    # Gradio's own server would not end.
    "filename_pattern": r"/(?!gradio_demo)\w+\.py$",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib", "staging.name_script"),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "within_subsection_order": "FileNameSortKey",
}

# References to code
autosummary_generate = True
autosummary_ignore_module_all = True
autodoc_member_order = "groupwise"
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "ignore-module-all": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"

# Annotations that cannot be evaluated name a type without its module; two modules may have one of that name.
# Figures and schemas may be fewer than the pages that list them are made for.
suppress_warnings = ["ref.python", "toc.empty_glob"]

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"

html_theme = "pydata_sphinx_theme"
html_title = f"argand {release}"
html_static_path = ["_static"]
html_css_files = ["argand.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "light"}
html_theme_options = {
    "navbar_end": [],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_depth": 3,
    "show_prev_next": False,
    "header_links_before_dropdown": 8,
}
html_sidebars = {"index": [], "reference/api/*": ["api-modules"]}
copybutton_prompt_text = r"^\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
