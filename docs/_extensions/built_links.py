"""Check the links of the built site: files, anchors, and that nothing is fetched from elsewhere.

python docs/_extensions/built_links.py build/docs
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINK = re.compile(r"""<(?P<tag>\w+)\b[^>]*?\s(?:href|src)=(["'])(?P<address>.*?)\2""", re.DOTALL)
ANCHOR = re.compile(r"""\s(?:id|name)=["'](.*?)["']""")
EMBEDDED = {"script", "img", "link", "iframe", "source", "video", "audio"}
"""Elements that a browser fetches by itself."""


@cache
def anchors(path: Path) -> frozenset[str]:
    """Everything in a page that a link can lead to."""
    return frozenset(unescape(name) for name in ANCHOR.findall(path.read_text(encoding="utf-8")))


def faults(site: Path) -> Iterator[str]:
    """One line for each link of the site that leads nowhere, or makes a browser fetch from elsewhere."""
    known: dict[tuple[Path, str], str] = {}
    for page in sorted(set(site.rglob("*.html")) - set(site.glob("_static/*"))):
        for found in LINK.finditer(page.read_text(encoding="utf-8")):
            address = unescape(found["address"])
            base = page.parent if urlsplit(address).path else page
            key = (base, f"{found['tag']} {address}")
            if key not in known:
                known[key] = fault(page, found["tag"], address)
                if known[key]:
                    yield f"{page.relative_to(site)}: {address}: {known[key]}"


def fault(page: Path, tag: str, address: str) -> str:
    """What is wrong with one link of a page; nothing where it is right."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        fetched = tag.lower() in EMBEDDED and parts.scheme not in {"data"}
        return "fetched from elsewhere" if fetched else ""
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    lost = parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in anchors(target)
    return f"no such anchor: #{parts.fragment}" if lost else ""


if __name__ == "__main__":
    wrong = list(faults(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(wrong) if wrong else 0)
