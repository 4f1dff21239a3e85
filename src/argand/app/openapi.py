"""The description of the JSON API (OpenAPI 3.1), made from its table of operations."""

import re
from collections.abc import Iterable
from typing import Any

from argand import __version__
from argand.app.guard import CSRF_HEADER
from argand.app.operation import Operation
from argand.app.schema import ERROR

_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_ALWAYS = {
    401: "A token is required (only where the app is not bound to loopback).",
    403: f"The request comes from another site, or {CSRF_HEADER} is missing.",
    421: "The Host header names another machine.",
}
_TOLD = (
    "The API under `argand app`. A program on the same machine reads `csrf` from /api/session and sends it "
    f"as {CSRF_HEADER} with each request that changes something; elsewhere it sends the token of the app as "
    "Authorization: Bearer, and needs nothing else."
)


def description(operations: Iterable[Operation]) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(plain_path(one.path), {})[one.method.lower()] = _operation(one)
    schemes = {
        "token": {"type": "http", "scheme": "bearer"},
        "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "argand app", "version": __version__, "description": _TOLD},
        "paths": paths,
        "components": {"securitySchemes": schemes},
    }


def plain_path(path: str) -> str:
    """A path as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", path)


def _operation(one: Operation) -> dict[str, Any]:
    changes = one.method != "GET"
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.does,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(one.path)
        ],
        "responses": {str(one.status): _answer(one)} | _refusals(one),
        "security": [{"token": []}, {"csrf": []}] if changes else [{}, {"token": []}],
    }
    if one.body is not None:
        told["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": one.body}}}
    return told


def _answer(one: Operation) -> dict[str, Any]:
    if one.answer is not None:
        return {"description": "The answer.", "content": {"application/json": {"schema": one.answer}}}
    kind = "application/zip" if one.path.endswith("/zip") else "application/octet-stream"
    return {"description": "The file.", "content": {kind: {}}}


def _refusals(one: Operation) -> dict[str, Any]:
    content = {"application/json": {"schema": ERROR}}
    told = sorted((_ALWAYS | one.refuses).items())
    return {str(status): {"description": text, "content": content} for status, text in told}
