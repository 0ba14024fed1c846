"""`POST /recordings/{id}/preview`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from scheduler_api.admission import Admission, Asked
from scheduler_api.deps import RawBody, RecordingId
from scheduler_api.desk import Holder
from scheduler_api.logs import note
from scheduler_api.openapi import json_body, problems
from scheduler_api.routes.credentials import CompositionToken, IdempotencyKey
from scheduler_api.schemas import JobAccepted, PreviewRequest, read_body

router = APIRouter(tags=["jobs"])


@router.post(
    "/recordings/{recording_id}/preview",
    operation_id="createPreview",
    status_code=202,
    openapi_extra=json_body(PreviewRequest),
    responses={202: {"model": JobAccepted}, **problems(401, 403, 409, 413, 422, 503)},
)
async def create_preview(
    request: Request, recording_id: RecordingId, token: CompositionToken, body: RawBody, key: IdempotencyKey = None
) -> JSONResponse:
    """Queues the making of previews: for each peer a stream that can be sought, all on one grid of time."""
    note(recording_id=recording_id)
    admission: Admission = request.app.state.admission

    async def prepare(_holder: Holder) -> Mapping[str, Any]:
        return read_body(PreviewRequest, body).model_dump(exclude={"mux_per_peer"})

    asked = Asked("preview", recording_id, "preview", key, body)
    job = await admission.by_token(token, "preview:read", asked, prepare)
    return JSONResponse({"job_id": job.job_id, "status": job.status}, 202)
