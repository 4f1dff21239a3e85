"""Names of files that are code somewhere, or no text, in everything that is written of them."""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from malformed import good
from malformed.case import Case, Content, Outcome
from malformed.stock import STATED

SCRIPT = "</script><script>window.hit=1</script>"
NAMES: dict[str, str] = {
    "image": "a<img src=x onerror=window.hit=1>",
    "javascript": "javascript:window.hit=1",
    "javascript-space": "\tjavascript:window.hit=1",
    "data": "data:text",
    "template": "{{title}}{{data}}$title${title}%(title)s",
    "quotes": "a\"'`b",
    "comment": "<!--<script>",
    "newline": "a\nb\rc",
    "escape": "a\x1b[31mb\x1b]0;c\x07",
    "bytes": os.fsdecode(b"a\xff\xfe\xe9b"),
    "long": "n" * 240,
    "long-letters": "ä" * 120,
    "dash": "-rf",
    "option": "--json",
    "glob": "[a-z]*?",
    "hash": "a#0-3",
    "colon": "a.h5:/b",
    "spaces": "  a  b  ",
    "dots": "..a..",
    "rich": "[bold red]a[/bold red][link=http://x]b[/link]",
    "separator": "a\u2028b\u2029c",
    "right-to-left": "a\u202egpj.x",
}
"""What is dangerous about them, and the names without their endings."""
ASKED = {
    "geometry": (".npy", ("geometry", "predict", "X", *STATED, "--out", "out"), lambda: good.images()["npy"]),
    "patterson": (
        ".npy",
        ("patterson", "predict", "X", "--time-limit", "0.3", "--out", "out"),
        lambda: good.array(good.cube()),
    ),
    "crystals": (
        ".cif",
        ("crystals", "reconstruct", "X", "--restarts", "0", "--processes", "1", "--out", "out"),
        good.cif,
    ),
    "molmnist": (
        ".npy",
        ("molmnist", "predict", "X", "--network", "ten", "--out", "out"),
        lambda: good.array(good.pattern()),
    ),
}
_RUNS = re.compile(
    r"(?i)</script><script>window|<img src=x onerror|(?:href|src)\s*=\s*[\"']?\s*javascript:|<!--<script>"
)
_POLICY = re.compile(r"(?i)<meta[^>]+http-equiv=[\"']?Content-Security-Policy")


def cases() -> Iterator[Case]:
    """Each name under the verb of each system that writes a page, and in the folder's own name."""
    for system, (ending, argv, content) in ASKED.items():
        for kind, name in NAMES.items():
            file = f"./{name}{ending}"
            asked = tuple(file if word == "X" else word for word in argv)
            files = partial(_file, file, content)
            yield Case(f"name-{system}-{kind}", "name", system, asked, files, checks=(page_is_safe,))
        # A slash stands between folders: so a closing tag is a path.
        for kind, file in (
            ("closing", f"a{SCRIPT}/good{ending}"),
            ("folder", f"a<img src=x onerror=window.hit=1>/good{ending}"),
        ):
            asked = tuple(file if word == "X" else word for word in argv)
            yield Case(
                f"name-{system}-{kind}",
                "name",
                system,
                asked,
                partial(_file, file, content),
                checks=(page_is_safe,),
            )
        for kind, environment in _ENVIRONMENTS.items():
            asked = tuple(f"./ä{os.fsdecode(bytes([255]))}{ending}" if word == "X" else word for word in argv)
            files = partial(_file, f"ä{os.fsdecode(bytes([255]))}{ending}", content)
            yield Case(f"environment-{system}-{kind}", "name", system, asked, files, environment=environment)
    tags = f"\ndata_{SCRIPT}\n_chemical_name '{SCRIPT}'\n"
    argv = tuple("a.cif" if word == "X" else word for word in ASKED["crystals"][1])
    yield Case(
        "name-crystals-block",
        "name",
        "crystals",
        argv,
        lambda rng: {"a.cif": good.cif().replace(b"\ndata_", tags.encode(), 1) + b"\n"},
        checks=(page_is_safe,),
    )
    yield Case(
        "name-crystals-row",
        "name",
        "crystals",
        tuple("a.parquet" if word == "X" else word for word in ASKED["crystals"][1]),
        _rows,
        checks=(page_is_safe,),
    )


_ENVIRONMENTS = {
    "ascii": {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
    "no-home": {
        "HOME": "/proc/none",
        "XDG_CACHE_HOME": "/proc/none",
        "MPLCONFIGDIR": "/proc/none",
        "TMPDIR": "/proc/none",
    },
}
"""Surroundings in which text, caches and temporary files have no usual place."""


def _file(name: str, content, rng: np.random.Generator) -> dict[str, Content]:
    return {name: content()}


def _rows(rng: np.random.Generator) -> dict[str, Content]:
    return {
        "a.parquet": lambda path: good.parquet(
            path, name=[f"{SCRIPT}{{{{title}}}}", "javascript:window.hit=1"]
        )
    }


def page_is_safe(folder: Path, outcome: Outcome) -> str | None:
    """No page holds a name where a browser would run it, and each forbids script from elsewhere."""
    for page in folder.rglob("*.html"):
        text = page.read_text(errors="replace")
        found = _RUNS.search(text)
        if found:
            place = max(found.start() - 60, 0)
            return f"{page.name} runs a name: {' '.join(text[place : found.end() + 40].split())}"
        if not _POLICY.search(text):
            return f"{page.name} has no Content-Security-Policy"
    return None
