"""Errors as problem details (RFC 9457): the one table from error type to status, over the errors of all rooms.

Takes an exception, gives a response of type application/problem+json: `type`, `title`, `status`, `detail`, and
`errors`, where each entry names what it is about: a JSON `pointer` into the body, a `parameter` of the URL, or a
`header`. What a store or Redis says of itself is for the log: addresses and paths of ours never leave the house.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from compositing import errors as compositing
from farm import errors as farm
from renderer import errors as renderer
from scheduler_api.errors import DoorError, KeyReused, PreconditionFailed, Unprocessable
from storage import errors as storage

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "urn:recording-farm:problem:"

_log = logging.getLogger(__name__)
FieldProblem = dict[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """How an error is answered; `told` replaces the error's own words where those are for the log only."""

    status: int
    slug: str
    told: str | None = None


_STORE_DOWN = Kind(503, "storage-unavailable", "the recordings cannot be reached at the moment; try again shortly")
_OUR_FAULT = Kind(500, "internal", "something went wrong on our side; the log has the details")

KINDS: Mapping[type[Exception], Kind] = {
    compositing.CompositingError: Kind(422, "composition-invalid"),
    compositing.AssetTooLarge: Kind(413, "asset-too-large"),
    compositing.AssetNotAnImage: Kind(415, "asset-not-an-image"),
    storage.StorageError: _STORE_DOWN,
    storage.InvalidKey: Kind(422, "invalid-name"),
    storage.MalformedDocument: Kind(422, "recording-malformed"),
    storage.MalformedSegment: Kind(422, "recording-malformed"),
    storage.ObjectNotFound: Kind(404, "not-found", "there is no such object"),
    storage.RecordingNotFound: Kind(404, "not-found", "there is no such recording that you may see"),
    farm.FarmError: _OUR_FAULT,
    renderer.RendererError: _OUR_FAULT,
    RedisError: Kind(
        503, "queue-unavailable", "the job queue and token store cannot be reached at the moment; try again shortly"
    ),
}
"""The most specific class of an error counts; the door's own errors carry their status and slug themselves."""

_POINTERS = {compositing.AssetUnknown: "/style/image/asset", compositing.InvalidRange: "/export"}


def kind_of(error: BaseException) -> Kind:
    """The entry of the error's nearest class."""
    if isinstance(error, DoorError):
        return Kind(error.status, error.slug)
    if getattr(error, "blame", None) == "input" and isinstance(error, farm.FarmError | renderer.RendererError):
        return Kind(422, "unprocessable")
    return next((KINDS[base] for base in type(error).__mro__ if base in KINDS), _OUR_FAULT)


def problem(
    status: int, slug: str, detail: str, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem details response."""
    body: dict[str, Any] = {
        "type": TYPE_BASE + slug,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, headers=_headers(status) | dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(error: BaseException) -> JSONResponse:
    """The response to any error of the house."""
    kind = kind_of(error)
    if kind.status >= 500:
        _log.error("%r", error, exc_info=error if kind is _OUR_FAULT else None)
    return problem(kind.status, kind.slug, kind.told or str(error), field_problems(error), _own_headers(error))


def bad_parameter(name: str, message: str) -> RequestValidationError:
    """The error of a query parameter that cannot be used."""
    return RequestValidationError([{"loc": ("query", name), "msg": message}])


def field_problems(error: BaseException) -> list[FieldProblem]:
    """What the error says about single fields."""
    if isinstance(error, Unprocessable | compositing.InvalidState):
        return [{"pointer": pointer, "detail": message} for pointer, message in error.problems]
    if isinstance(error, compositing.UnknownPeer | compositing.WrongRecording):
        return [{"pointer": error.path, "detail": str(error).removeprefix(f"{error.path}: ")}]
    if pointer := _POINTERS.get(type(error)):
        return [{"pointer": pointer, "detail": str(error)}]
    if isinstance(error, PreconditionFailed):
        return [{"header": error.header, "detail": str(error)}]
    if isinstance(error, KeyReused):
        return [{"header": "Idempotency-Key", "detail": str(error)}]
    return []


def add_problem_handlers(app: FastAPI) -> None:
    """Makes every error of `app` a problem details response."""
    own: type[Exception] = DoorError
    for base in (own, *KINDS):
        app.add_exception_handler(base, _answer)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _parameters)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    return problem_of(error)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: unknown paths, methods."""
    assert isinstance(error, HTTPException)
    slug = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(error.status_code, slug, str(error.detail), headers=error.headers)


async def _parameters(_request: Request, error: Exception) -> JSONResponse:
    """Parameters of the URL or headers that cannot be used."""
    assert isinstance(error, RequestValidationError)
    found = [_parameter(detail) for detail in error.errors()]
    told = "; ".join(f"{next(iter(entry.values()))}: {entry['detail']}" for entry in found)
    return problem(422, "unprocessable", told, found)


def _parameter(detail: Mapping[str, Any]) -> FieldProblem:
    where, *rest = detail["loc"]
    name = {"header": "header", "body": "pointer"}.get(where, "parameter")
    steps = "".join(f"/{step}" for step in rest) if name == "pointer" else ".".join(map(str, rest))
    return {name: steps, "detail": str(detail["msg"]).replace("Input should", "should", 1)}


class LastResort:
    """An ASGI middleware: what nobody else caught is logged and answered as our fault, inside CORS and the request log.

    Once an answer has begun there is no other: the error goes on, and the server ends the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await problem_of(error)(scope, receive, send)


def _headers(status: int) -> dict[str, str]:
    return {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}.get(status, {})


def _own_headers(error: BaseException) -> dict[str, str]:
    if isinstance(error, PreconditionFailed) and error.current:
        return {"ETag": error.current}
    return {}
