"""`POST /recordings/{id}/export`: a user's, with a composition token, or the Recording Service's, with its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from farm.job import Job
from scheduler_api.admission import Admission, Asked
from scheduler_api.deps import RawBody, RecordingId, Services, Shared
from scheduler_api.desk import Holder
from scheduler_api.errors import NotAuthenticated, NotFound, NotTheService, Unprocessable
from scheduler_api.logs import note
from scheduler_api.openapi import json_body, problems
from scheduler_api.routes.credentials import (
    BearerShown,
    IdempotencyKey,
    ServiceKeyShown,
    ServiceRoom,
    check_service_key,
)
from scheduler_api.schemas import ExportRequest, JobAccepted, PartRequest, read_body
from storage.errors import InvalidKey
from storage.keys import RecordingKeys

router = APIRouter(tags=["jobs"])

ROUTE = "export"


@router.post(
    "/recordings/{recording_id}/export",
    operation_id="createExport",
    status_code=202,
    openapi_extra=json_body(ExportRequest, PartRequest),
    responses={202: {"model": JobAccepted}, **problems(401, 403, 404, 409, 413, 422, 503)},
)
async def create_export(
    request: Request,
    recording_id: RecordingId,
    shared: Shared,
    bearer: BearerShown,
    service_key: ServiceKeyShown,
    body: RawBody,
    room_id: ServiceRoom = None,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Queues the rendering of a saved composition; for the Recording Service, of a part in a layout that it names."""
    note(recording_id=recording_id)
    admission: Admission = request.app.state.admission
    asked = Asked("export", recording_id, ROUTE, key, body)
    if service_key is not None:
        check_service_key(shared, service_key)
        job = await _part(shared, admission, asked, room_id)
    elif bearer is not None:
        job = await _export(shared, admission, asked, bearer.credentials)
    else:
        raise NotAuthenticated("a composition token")
    return JSONResponse({"job_id": job.job_id, "status": job.status}, 202)


async def _export(shared: Services, admission: Admission, asked: Asked, token: str) -> Job:
    async def prepare(holder: Holder) -> Mapping[str, Any]:
        wanted = read_body(ExportRequest, asked.body)
        keys = RecordingKeys(holder.room_id, asked.recording_id)
        saved = await _saved(shared, keys, wanted.composition_id)
        return wanted.model_dump(exclude={"composition_id"}) | {"composition_id": saved}

    return await admission.by_token(token, "export:create", asked, prepare)


async def _part(shared: Services, admission: Admission, asked: Asked, room_id: str | None) -> Job:
    if room_id is None:
        raise NotTheService
    keys = await shared.shelf.in_room(room_id, asked.recording_id)

    async def prepare(_holder: Holder) -> Mapping[str, Any]:
        part = read_body(PartRequest, asked.body)
        try:
            keys.requested_output(part.output_key)
        except InvalidKey as error:
            raise Unprocessable((("/output_key", error.reason),)) from None
        return part.model_dump(exclude={"tiles", "spotlight_key", "audio_source_key"})

    return await admission.by_service(keys, asked, prepare)


async def _saved(shared: Services, keys: RecordingKeys, composition_id: str) -> str:
    """The id of a composition that is stored: what `latest` is now stays, whatever is saved afterwards."""
    try:
        return (await shared.compositions.load(keys, composition_id)).composition_id
    except NotFound:
        missing = f"no composition {composition_id!r} is saved; save one first"
        raise Unprocessable((("/composition_id", missing),)) from None
