"""An operation of the JSON API: what serves it, what it takes and answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import Route

from argand.app.schema import Schema


@dataclass(frozen=True)
class Operation:
    """One operation of the API; without a schema it answers with a file."""

    method: str
    path: str
    name: str
    does: str
    handler: Callable[..., Any]
    answer: Schema | None = None
    status: int = 200
    body: Schema | None = None
    refuses: dict[int, str] = field(default_factory=dict)
    """Status codes other than those of all operations, and what they say."""

    def route(self) -> Route:
        """The route that serves it."""
        return Route(self.path, self.handler, methods=[self.method], name=self.name)
