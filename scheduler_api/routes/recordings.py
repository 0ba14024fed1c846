"""`GET /recordings/{id}` and the composition tokens: what a user may see, and do next."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from farm.job import rfc3339
from scheduler_api.deps import RawBody, Seen, Shared, User
from scheduler_api.errors import Forbidden
from scheduler_api.openapi import json_body, problems
from scheduler_api.routes.links import links_for
from scheduler_api.schemas import RecordingStatus, TokenIssued, TokenRequest, read_body
from scheduler_api.status import StatusDesk

router = APIRouter(prefix="/recordings/{recording_id}", tags=["recordings"])


@router.get(
    "", operation_id="recording", responses={200: {"model": RecordingStatus}, **problems(401, 404, 422, 503)}
)
async def recording(request: Request, seen: Seen, shared: Shared) -> JSONResponse:
    """Statuses of preview and exports, and signed addresses of what can be played."""
    desk: StatusDesk = request.app.state.status
    found: dict[str, Any] = await desk.of(links_for(request, shared, seen.keys))
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


@router.post(
    "/composition/token",
    operation_id="issueToken",
    openapi_extra=json_body(TokenRequest),
    responses={200: {"model": TokenIssued}, **problems(401, 403, 404, 413, 422, 503)},
)
async def issue_token(user: User, seen: Seen, shared: Shared, body: RawBody) -> JSONResponse:
    """A composition token: for one request, within 30 minutes. The body may narrow what it permits."""
    asked = read_body(TokenRequest, body).scope
    if asked is not None and (lacking := sorted(set(asked) - seen.rights)):
        raise Forbidden(f"you may not have {', '.join(lacking)} for this recording; ask one of the room's hosts")
    scopes = seen.rights if asked is None else frozenset(asked)
    issued = await shared.tokens.issue(user.sub, seen.keys.recording_id, seen.keys.room_id, scopes)
    answer = {
        "token": issued.token,
        "expires_at": rfc3339(issued.expires_at),
        "scope": list(issued.scope),
        "recording_id": issued.recording_id,
        "room_id": issued.room_id,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})
