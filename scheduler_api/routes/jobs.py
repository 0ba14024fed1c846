"""Jobs: their state, their events, and the wish that they stop."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse

from farm.job import Job
from scheduler_api.deps import JobId, Shared, User
from scheduler_api.errors import NotFound
from scheduler_api.logs import note
from scheduler_api.openapi import problems
from scheduler_api.progress import event_stream
from scheduler_api.schemas import JobStatus
from scheduler_api.shelf import Sighting
from storage.errors import InvalidKey
from storage.keys import RecordingKeys

router = APIRouter(prefix="/jobs/{job_id}", tags=["jobs"])


async def _seen_job(job_id: JobId, user: User, shared: Shared) -> tuple[Job, Sighting]:
    """The job, if the recording in its room may be seen: else it is as one that does not exist."""
    try:
        job = await shared.jobs.find(job_id)
        if job is None:
            raise NotFound("job", job_id)
        note(job_id=job_id, recording_id=job.recording_id)
        return job, await shared.shelf.seen_in(user, RecordingKeys(job.room_id, job.recording_id))
    except (InvalidKey, NotFound):
        raise NotFound("job", job_id) from None


SeenJob = Annotated[tuple[Job, Sighting], Depends(_seen_job)]


@router.get("", operation_id="job", responses={200: {"model": JobStatus}, **problems(401, 404, 422, 503)})
async def job_status(found: SeenJob) -> JSONResponse:
    """The job's state: its progress, and how it ended."""
    return JSONResponse(job_document(found[0]), headers={"Cache-Control": "no-store"})


@router.get(
    "/events",
    operation_id="jobEvents",
    response_class=EventSourceResponse,
    responses={
        200: {"description": "Server-Sent Events, until the job has ended.", "content": {"text/event-stream": {}}},
        **problems(401, 404, 422, 503),
    },
)
async def job_events(
    request: Request,
    found: SeenJob,
    shared: Shared,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)] = None,
) -> EventSourceResponse:
    """What happens, as it happens. With `Last-Event-ID` also all that happened since that event."""
    return event_stream(shared.hub, request.app.state.metrics, found[0], last_event_id)


@router.delete(
    "",
    operation_id="cancelJob",
    status_code=202,
    responses={202: {"model": JobStatus}, **problems(401, 403, 404, 422, 503)},
)
async def cancel(found: SeenJob, shared: Shared) -> JSONResponse:
    """Asks the job to stop: it ends as `failed`, reason `cancelled`. One that has ended stays as it is."""
    job, sighting = found
    sighting.require("export:create")
    if not job.finished:
        await shared.jobs.cancel(job.job_id)
    return JSONResponse(job_document(job), 202)


def job_document(job: Job) -> dict[str, Any]:
    """A job as callers see it: without keys of the store, and without who asked."""
    return job.model_dump(mode="json", include=set(JobStatus.model_fields))
