"""Escaping of names, values and scripts in a page, so that no name from a file becomes markup or code.

Text and attributes go through `text`, links through `address`, values for scripts through `script_json`;
`policy` states which scripts a browser may run.
"""

import base64
import json
import math
import os
import re
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import quote

from argand.errors import InputError

_SURROGATES = re.compile("[\ud800-\udfff]")
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates other than those that stand for undecodable bytes of a file name (PEP 383)."""
_IN_SCRIPTS = {sign: f"\\u{ord(sign):04x}" for sign in "<>&"}
"""JSON escapes of characters that could end a script or start a comment in one (RFC 8259, section 7)."""


def text(value: object) -> str:
    """A value escaped as text or as a quoted attribute; `�` for undecodable bytes."""
    return escape(_SURROGATES.sub("\ufffd", str(value)))


def address(name: str) -> str:
    """URL of a file next to the page: whatever its name, without scheme, host or folder.

    All bytes except letters, digits and `_.-~` are percent-encoded. Raises InputError for an empty name, `.`
    and `..`.
    """
    if name in ("", ".", ".."):
        raise InputError(f"{name!r} is not a file name; write the page again from a complete run")
    return quote(os.fsencode(_NO_BYTES.sub("\ufffd", name)), safe="")


def link(name: str, shown: object | None = None, download: bool = False) -> str:
    """A link to the file next to the page, with the text `shown` or its name."""
    kept = " download" if download else ""
    return f'<a href="{address(name)}"{kept}>{text(name if shown is None else shown)}</a>'


def best_guess(html: str) -> str:
    """Grey HTML for an answer that is not trusted, labelled as a best guess."""
    return f'<span class="best-guess" title="best guess: this answer is not trusted">{html}</span>'


def script_json(value: Any) -> str:
    """A value as JSON that is safe inside a script element; non-finite numbers become null."""
    whole = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))
    # json escapes all non-ASCII characters, including U+2028 and U+2029, which used to end lines.
    return re.sub("[<>&]", lambda found: _IN_SCRIPTS[found[0]], whole)


def policy(scripts: Iterable[str], *, trusts_loaded: bool = False) -> str:
    """The Content-Security-Policy element of a page: only these scripts may run.

    With `trusts_loaded` they may load others (files beside the page), which no element of the page can do
    ('strict-dynamic'). Nothing is fetched, sent or framed; pictures are embedded. Inline styles are allowed,
    since views have heights of their own. See https://www.w3.org/TR/CSP3/.
    """
    sums = (base64.b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in sums) or "'none'"
    allowed += " 'strict-dynamic'" if trusts_loaded else ""
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
