"""Texts under docs/ link to files of the repository; the site has pages for most of them.

A link that leaves docs/, such as `../../examples/crystals.py`, leads in the site to

- the gallery, where it names an example,
- the page of the module, where it names Python source,
- the page that includes the file, for those in PAGES,
- the repository, where `repository_files` of conf.py says where that is; else its text stays without a link.

A link to a file that is not there is left alone, so that Sphinx complains about it.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
"""A link of Markdown to a file; pictures are left alone."""
PAGES = {
    "README.md": "/index",
    "CHANGELOG.md": "/changelog.md",
    "CITATION.cff": "/citing.md",
    "LICENSE": "/licence.md",
    "CONTRIBUTING.md": "/contributing.md",
    "benchmarks/README.md": "/benchmarks.md",
    "examples": "/gallery/index.rst",
    "examples/": "/gallery/index.rst",
    "examples/data": "/example_data.md",
    "examples/data/README.md": "/example_data.md",
}
"""Files of the repository that a page of the site includes or replaces."""
INCLUDE = re.compile(r"^```\{include\} (\S+)", re.MULTILINE)
"""A file that a page includes: its links start from where it is."""


def setup(app: Any) -> dict[str, bool]:
    """Connect the hooks with Sphinx."""
    app.add_config_value("repository_files", "", "env")
    app.connect("source-read", rewrite)
    app.connect("include-read", rewrite_included)
    return {"parallel_read_safe": True}


def rewrite(app: Any, docname: str, source: list[str]) -> None:
    """Rewrite the links of one Markdown page in place."""
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        source[0] = linked(source[0], path, Path(app.srcdir), app.config.repository_files)


def rewrite_included(app: Any, path: Path, docname: str, content: list[str]) -> None:
    """Rewrite the links of a Markdown file that a page includes, in place."""
    source = Path(app.srcdir)
    if Path(path).suffix == ".md":
        content[0] = linked(content[0], (source / path).resolve(), source, app.config.repository_files)


def linked(text: str, path: Path, docs: Path, repository: str) -> str:
    """Text of a Markdown file at `path` with the links that leave the folder `docs` led into the site."""
    root = docs.parent

    def replace(found: re.Match[str]) -> str:
        absolute = (path.parent / found["path"]).resolve()
        if not absolute.exists() or not absolute.is_relative_to(root):
            return found[0]
        if absolute.is_relative_to(docs):
            inside = f"/{absolute.relative_to(docs).as_posix()}{found['anchor'] or ''}"
            return found[0] if path.is_relative_to(docs) else f"[{found['text']}]({inside})"
        target = page_of(absolute.relative_to(root).as_posix(), repository)
        return f"[{found['text']}]({target})" if target else found["text"]

    return LINK.sub(replace, text)


def page_of(name: str, repository: str = "") -> str | None:
    """Page of the site, or address, of a file of the repository; None where there is neither."""
    stem, suffix = posixpath.splitext(name)
    if name in PAGES:
        return PAGES[name]
    if name.startswith("examples/") and suffix == ".py" and name.count("/") == 1:
        return f"/gallery/{posixpath.basename(stem)}.rst"
    if name.startswith("src/argand") and suffix in {".py", ""}:
        module = stem.removeprefix("src/").removesuffix("/__init__").replace("/", ".")
        return f"/reference/api/{module}.rst"
    return f"{repository.rstrip('/')}/{name}" if repository else None
