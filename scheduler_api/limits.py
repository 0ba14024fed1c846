"""How large a request's body may be: asked before it is read, and counted while it is.

An ASGI middleware. A body that says it is too long is refused unread; one that does not say ends with TooLarge where
it is read. Nothing is parsed here.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from compositing.assets import MAX_ASSET_BYTES
from compositing.state import MAX_BYTES as MAX_COMPOSITION_BYTES
from scheduler_api.errors import TooLarge
from scheduler_api.problems import problem_of

FORM_BYTES = 64 << 10
"""What a form may hold around the image that it carries."""


class BodyLimit:
    """Refuses bodies that are longer than what their path takes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated[:20]) > limit:
            await problem_of(TooLarge("the body", limit))(scope, receive, send)
        else:
            await self._app(scope, _counted(receive, limit), send)


def limit_of(path: str) -> int:
    """The most bytes that a request to `path` may carry."""
    return MAX_ASSET_BYTES + FORM_BYTES if path.endswith("/assets") else MAX_COMPOSITION_BYTES


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge("the body", limit)
        return message

    return counting
