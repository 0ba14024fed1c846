"""Compositions: saved with a composition token; loaded, planned and looked at by users while they drag a tile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile
from starlette.responses import Response

from compositing.errors import InvalidRange
from compositing.state import MAX_TIME_MS, CompositionState
from compositing.times import Span
from farm.job import rfc3339
from renderer.profiles import PresetName
from scheduler_api.admission import TokenUse
from scheduler_api.deps import RawBody, RecordingId, Seen, Shared
from scheduler_api.errors import Unprocessable
from scheduler_api.logs import note
from scheduler_api.openapi import STATE_EXAMPLE, json_body, problems
from scheduler_api.problems import bad_parameter
from scheduler_api.ranges import matches
from scheduler_api.routes.credentials import CompositionToken
from scheduler_api.routes.links import links_for
from scheduler_api.schemas import AssetSaved, CompositionSaved, Forecast
from storage.keys import RecordingKeys

router = APIRouter(prefix="/recordings/{recording_id}", tags=["compositions"])
writing = APIRouter(prefix="/recordings/{recording_id}", tags=["compositions"])
"""What composition tokens open."""

_STATE_BODY = json_body(CompositionState, required=True, example=STATE_EXAMPLE)
_IMAGES = {"png": "image/png", "jpeg": "image/jpeg"}
_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}
Time = Annotated[int, Query(ge=0, le=MAX_TIME_MS)]


@writing.put(
    "/composition",
    operation_id="saveComposition",
    openapi_extra=_STATE_BODY,
    responses={200: {"model": CompositionSaved}, **problems(401, 403, 404, 409, 412, 413, 422, 503)},
)
async def save(
    recording_id: RecordingId,
    token: CompositionToken,
    shared: Shared,
    body: RawBody,
    if_match: Annotated[str | None, Header(max_length=200)] = None,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> JSONResponse:
    """Saves a Composition State, which is `latest` from now on.

    If-Match guards against overwriting another's, `If-None-Match: *` where nothing is saved yet. What is the latest
    already is taken whatever they say: a save whose answer was lost can be repeated.
    """
    note(recording_id=recording_id)
    async with TokenUse(shared.desk, token, "composition:write", recording_id) as use:
        holder = await use.unburned() or await use.burn()
        keys = RecordingKeys(holder.room_id, recording_id)
        state = shared.compositions.checked(keys, body)
        await use.burn()
        saved = await shared.compositions.save(keys, state, if_match, if_none_match)
        use.keep()
    answer = {"status": "ok", "updated_at": rfc3339(saved.updated_at), "composition_id": saved.composition_id}
    return JSONResponse(answer, headers={"ETag": saved.etag})


@router.get(
    "/composition",
    operation_id="composition",
    responses={
        200: {"model": CompositionState},
        304: {"description": "It has not changed."},
        **problems(401, 404, 422, 503),
    },
)
async def load(
    seen: Seen, shared: Shared, if_none_match: Annotated[str | None, Header(max_length=1000)] = None
) -> Response:
    """The composition that was saved last, with its ETag."""
    found = await shared.compositions.load(seen.keys, "latest")
    headers = {"ETag": found.etag, "Cache-Control": "no-cache"}
    if matches(if_none_match, found.etag):
        return Response(status_code=304, headers=headers)
    return Response(found.data, media_type="application/json", headers=headers)


@router.post(
    "/plan",
    operation_id="plan",
    openapi_extra=_STATE_BODY,
    responses={
        200: {"description": "The plan that the export renders.", "content": {"application/json": {}}},
        **problems(401, 404, 413, 422, 503),
    },
)
async def plan(
    seen: Seen, shared: Shared, body: RawBody, from_ms: Time | None = None, to_ms: Time | None = None
) -> Response:
    """Who is where when, for a state that need not be saved; `from_ms` and `to_ms` ask for a window of it."""
    window = _window(from_ms, to_ms)
    with _naming("from_ms" if window else None):
        made = await shared.studio.plan(shared.spec, seen.keys.room_id, seen.keys.recording_id, body, window)
    return Response(made, media_type="application/json")


@router.post(
    "/still",
    operation_id="still",
    openapi_extra=_STATE_BODY,
    responses={
        200: {"description": "The picture.", "content": {"image/png": {}, "image/jpeg": {}}},
        **problems(401, 404, 413, 422, 503),
    },
)
async def still(
    seen: Seen,
    shared: Shared,
    body: RawBody,
    t: Annotated[int, Query(ge=0, le=MAX_TIME_MS, description="Recording time in ms.")],
    format: Literal["png", "jpeg"] = "png",  # noqa: A002 (the word of the interface)
) -> Response:
    """The composed picture at one instant, by the export's own engine."""
    with _naming("t"):
        made = await shared.studio.still(shared.spec, seen.keys.room_id, seen.keys.recording_id, body, t / 1000, format)
    return Response(made, media_type=_IMAGES[format])


@router.post(
    "/forecast",
    operation_id="forecast",
    openapi_extra=_STATE_BODY,
    responses={200: {"model": Forecast}, **problems(401, 404, 413, 422, 503)},
)
async def forecast(
    seen: Seen,
    shared: Shared,
    body: RawBody,
    preset: PresetName = "standard",
    format: Literal["mp4", "m4a"] = "mp4",  # noqa: A002 (the word of the interface)
) -> Response:
    """What an export of a state, saved or not, would have to render, and about how long that takes."""
    made = await shared.studio.forecast(
        shared.spec, seen.keys.room_id, seen.keys.recording_id, body, preset, format
    )
    return Response(made, media_type="application/json")


@router.get(
    "/labels/{key}.png",
    operation_id="label",
    responses={200: {"description": "The image.", "content": {"image/png": {}}}, **problems(401, 404, 422, 503)},
)
async def label(
    seen: Seen, shared: Shared, key: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
) -> Response:
    """A label, avatar or text as the export draws it, by the key that a plan names."""
    image = await shared.studio.label(shared.spec, seen.keys.room_id, seen.keys.recording_id, key)
    return Response(image, media_type="image/png", headers=_KEEP)


@router.post(
    "/assets",
    operation_id="uploadAsset",
    status_code=201,
    responses={201: {"model": AssetSaved}, **problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": {"type": "string", "format": "binary", "description": "PNG or JPEG"},
                            "name": {"type": "string", "description": "Instead of the file's own name."},
                        },
                    }
                }
            },
        }
    },
)
async def upload(request: Request, seen: Seen, shared: Shared) -> JSONResponse:
    """An image for `style.image`: PNG or JPEG, at most 5 MB and 16 megapixels."""
    seen.require("composition:write")
    name, data = await _uploaded(request)
    width, height = await shared.compositions.put_asset(seen.keys, name, data, shared.studio.check_image)
    url = links_for(request, shared, seen.keys).to_object(seen.keys.asset(name))
    return JSONResponse({"asset": name, "width": width, "height": height, "url": url}, 201)


def _window(from_ms: int | None, to_ms: int | None) -> Span | None:
    """The part of a plan that is asked for; None for all of it."""
    if from_ms is None and to_ms is None:
        return None
    start_ms, end_ms = from_ms or 0, MAX_TIME_MS if to_ms is None else to_ms
    if end_ms <= start_ms:
        raise bad_parameter("to_ms", f"must be after from_ms, got {start_ms} to {end_ms}")
    return Span(start_ms, end_ms)


@contextmanager
def _naming(parameter: str | None) -> Iterator[None]:
    """A time outside the recording is the fault of this parameter; of none, the state's own."""
    try:
        yield
    except InvalidRange as error:
        if parameter is None:
            raise
        raise bad_parameter(parameter, str(error)) from None


async def _uploaded(request: Request) -> tuple[str, bytes]:
    """Name and bytes of the one file of a form. Raises Unprocessable; HTTPException (400) for a form that is broken."""
    async with request.form(max_files=1, max_fields=1) as form:
        file, name = form.get("file"), form.get("name")
        if not isinstance(file, UploadFile):
            raise Unprocessable((("/file", "a file is needed, as multipart/form-data"),))
        return str(name or file.filename or ""), await file.read()
