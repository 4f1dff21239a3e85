"""The long description for a package index: README.md with links and pictures that work there.

All other metadata are in pyproject.toml. An index shows the README without the files beside it. Where
pyproject.toml has `[project.urls]` with `Repository`, links and pictures lead to the files of this version
there; where it has none, pictures are left out and links are plain text.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?!https?:)(?P<path>[^)\s]+)\)")
PICTURE = re.compile(r'(?P<begin><img src=")(?!https?:)(?P<path>[^"]+)(?P<end>"[^>]*>)')
ROW = re.compile(r"^\|[ |]*\|\n", re.MULTILINE)
"""A row of a table that had pictures alone."""


def long_description(readme: str, repository: str | None, version: str) -> str:
    """The README with absolute links and pictures, or without them where no address is known."""
    if repository is None:
        return ROW.sub("", PICTURE.sub("", LINK.sub(r"\g<text>", readme)))
    address = repository.rstrip("/")
    linked = LINK.sub(rf"[\g<text>]({address}/blob/v{version}/\g<path>)", readme)
    return PICTURE.sub(rf"\g<begin>{address}/raw/v{version}/\g<path>\g<end>", linked)


def version_of(text: str) -> str:
    """The version that `src/argand/__init__.py` states."""
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("src/argand/__init__.py states no __version__")
    return found[1]


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=long_description(
            (ROOT / "README.md").read_text(encoding="utf-8"),
            project.get("urls", {}).get("Repository"),
            version_of((ROOT / "src/argand/__init__.py").read_text(encoding="utf-8")),
        ),
        long_description_content_type="text/markdown",
    )
