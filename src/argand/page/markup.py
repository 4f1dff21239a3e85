"""What becomes of names, values and scripts in a page, so that no name from a file is markup or runs.

Each has one way in: text and attributes through `text`, links through `address`, values for scripts through
`script_json`, templates through `filled`; `policy` says which scripts a browser may run.
"""

import base64
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import quote

from argand.errors import InputError

_SURROGATES = re.compile("[\ud800-\udfff]")
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates but those that stand for the bytes of a name that is not UTF-8 (PEP 383)."""
_IN_SCRIPTS = {sign: f"\\u{ord(sign):04x}" for sign in "<>&"}
"""Signs that could end a script or begin a comment in one, as JSON may write them (RFC 8259, section 7)."""
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def text(value: object) -> str:
    """A value as text of a page, or within the quotes of an attribute; `�` for bytes that are no letters."""
    return escape(_SURROGATES.sub("\ufffd", str(value)))


def address(name: str) -> str:
    """The address of a file that lies beside the page: whatever its name, no scheme, host or folder.

    All but letters, digits and `_.-~` is percent-encoded, bytes as the file system has them. Raises
    InputError for what no file is called: nothing, `.`, and `..`.
    """
    if name in ("", ".", ".."):
        raise InputError(f"{name!r}: no name of a file; write the page again from a whole run")
    return quote(os.fsencode(_NO_BYTES.sub("\ufffd", name)), safe="")


def link(name: str, shown: object | None = None, download: bool = False) -> str:
    """A link to the file of this name beside the page, as `shown` or by its name."""
    kept = " download" if download else ""
    return f'<a href="{address(name)}"{kept}>{text(name if shown is None else shown)}</a>'


def best_guess(html: str) -> str:
    """HTML of an answer that is not trusted, as a page shows it: grey, and said to be a best guess."""
    return f'<span class="best-guess" title="best guess: this answer is not trusted">{html}</span>'


def script_json(value: Any) -> str:
    """A value as JSON to stand in a script of a page: it ends none; what is not finite is null."""
    whole = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))
    # All beyond ASCII is written as \u by json: U+2028 and U+2029, which once ended lines, too.
    return re.sub("[<>&]", lambda found: _IN_SCRIPTS[found[0]], whole)


def filled(template: str, parts: Mapping[str, str]) -> str:
    """The template with its `{{name}}` replaced by HTML, each once: what is put in is not looked at again."""
    return _PLACE.sub(lambda found: parts[found[1]], template)


def policy(scripts: Iterable[str]) -> str:
    """The Content-Security-Policy of a page, as its head has it: of scripts these alone run.

    Nothing is fetched, sent or framed; pictures are within the page. Styles stand in it and plotly adds its
    own, so that these are free. See https://www.w3.org/TR/CSP3/.
    """
    sums = (base64.b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in sums) or "'none'"
    rules = (
        "default-src 'none'",
        f"script-src {allowed}",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "connect-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
