"""`GET /media/{token}/{key}`: objects by signed address. The signature is all the credential there is."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from scheduler_api.deps import Shared
from scheduler_api.errors import Forbidden
from scheduler_api.media import MediaSender
from scheduler_api.openapi import problems

router = APIRouter(tags=["media"])

_PREFIX = "/media/"


@router.head("/media/{token}/{key:path}", include_in_schema=False)
@router.get(
    "/media/{token}/{key:path}",
    operation_id="media",
    response_class=Response,
    responses={
        200: {"description": "The object.", "content": {"application/octet-stream": {}}},
        206: {"description": "The range of it that was asked for.", "content": {"application/octet-stream": {}}},
        304: {"description": "It is what If-None-Match names."},
        **problems(403, 404, 416, 503),
    },
)
async def media(request: Request, token: str, key: str, shared: Shared) -> Response:
    """An object, whole or a range of it. Anything outside what was signed is 403, whatever its spelling."""
    token, raw_key = _as_sent(request)
    sender: MediaSender = request.app.state.media
    return await sender.respond(request, shared.signer.check(token, raw_key))


def _as_sent(request: Request) -> tuple[str, str]:
    """Token and key as they stood in the request line: what was signed is compared before anything is decoded."""
    raw: bytes = request.scope.get("raw_path") or b""
    path = raw.decode("latin-1").removeprefix(request.scope.get("root_path", ""))
    token, slash, key = path.removeprefix(_PREFIX).partition("/")
    if not (path.startswith(_PREFIX) and slash):
        raise Forbidden("this link does not open that, or has expired; ask for a new one")
    return token, key
