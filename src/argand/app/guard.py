"""Who may speak to the server: names of hosts, the token, pages of other sites; and the headers of answers.

Threats and what is done about each are in docs/guides/app.md.
"""

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import SplitResult, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "argand-app"
CSRF_HEADER = "x-csrf-token"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAFE = ("GET", "HEAD")
ENTER = "/enter"
"""Where the token is given; open to all, like the files that all pages share."""
STATIC, RUN_FILES = "/static/", "/files/"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of the app's own pages: nothing inline, nothing from elsewhere."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Access:
    """What opens the server: its own secrets, the token (none on loopback), and the names that it goes by."""

    host: str = "127.0.0.1"
    token: str | None = None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def knows_host(self, header: str) -> bool:
        """Whether a Host header names this machine.

        An address is no name that a foreign DNS server could point here, so any is fine.
        """
        name = (_parts(f"//{header}").hostname or "").rstrip(".").lower()
        if name in LOOPBACK or name == self.host.lower():
            return True
        if self.token is None:
            return False
        return _is_address(name) or name in (socket.gethostname().lower(), socket.getfqdn().lower())

    def opened_by(self, token: str | None) -> bool:
        """Whether this is the token; without one, everybody on this machine may use the app."""
        if self.token is None:
            return True
        return token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def is_csrf(self, given: str | None) -> bool:
        """Whether this is what only a page of this server can know."""
        return given is not None and hmac.compare_digest(given.encode(), self.csrf.encode())

    def key_of(self, run: str) -> str:
        """What opens the files of one run, and nothing else: part of their address."""
        return hmac.new(self._key, run.encode(errors="surrogateescape"), "sha256").hexdigest()[:32]

    def is_key(self, run: str, given: str) -> bool:
        """Whether this opens the files of a run."""
        return hmac.compare_digest(given.encode(), self.key_of(run).encode())


def _parts(address: str) -> SplitResult:
    """The parts of an address; none of one that is malformed, such as `//[::1`."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def refused(status: int, message: str) -> Response:
    """A refusal in one line."""
    return JSONResponse({"error": message}, status)


class Guard:
    """Lets requests through to the app only if `Access` allows them; puts the headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", POLICY)
            await send(message)

        answer = self._answer(scope)
        await (answer or self.app)(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """The refusal of a request; None if it may pass."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if not self.access.knows_host(headers.get("host", "")):
            return refused(421, "this server does not go by that name; use localhost or its address")
        if path.startswith(STATIC):
            return None
        if method not in _SAFE and not _same_origin(headers):
            return refused(403, "a page of another site may not change anything here")
        if path == ENTER or path.startswith(RUN_FILES):
            return None
        bearer = _bearer(headers)
        if not self.access.opened_by(bearer or _cookie(headers)):
            return _entrance(path, method)
        by_token = bearer is not None and self.access.token is not None
        if method not in _SAFE and not by_token and not self.access.is_csrf(headers.get(CSRF_HEADER)):
            return refused(403, f"the header {CSRF_HEADER} is missing or old; load the page again")
        return None


def _entrance(path: str, method: str) -> Response:
    """The answer to who has no token: pages lead to where it is given."""
    if path.startswith("/api/") or method not in _SAFE:
        return refused(401, "a token is required: open the link that argand app printed")
    return RedirectResponse(f"{ENTER}?to={quote(path)}", 303)


def _same_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this server, or from no page at all."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or _parts(origin).netloc.lower() == headers.get("host", "").lower()


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _cookie(headers: Headers) -> str | None:
    found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    return None if found is None else found.value
