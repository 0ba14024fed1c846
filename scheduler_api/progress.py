"""A job's events as Server-Sent Events: what happened since the event that the caller saw last, then what happens.

Takes a job and a Last-Event-ID, gives the response. The stream ends after the final event; a job that had ended, and
whose events are gone, has its final state told from the record.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent

from farm.job import Job
from scheduler_api.jobs.hub import EventHub
from scheduler_api.metrics import Metrics

PING_S = 15
RETRY_MS = 2000
"""How soon a client whose connection broke comes back."""


def event_stream(hub: EventHub, metrics: Metrics, job: Job, last_event_id: str | None) -> EventSourceResponse:
    """The response. Caches and proxies are told to keep out of the way."""
    return EventSourceResponse(_events(hub, metrics, job, last_event_id), ping=PING_S, sep="\n")


async def _events(
    hub: EventHub, metrics: Metrics, job: Job, last_event_id: str | None
) -> AsyncIterator[ServerSentEvent]:
    with metrics.listeners.track_inprogress():
        yield ServerSentEvent(comment="events follow", retry=RETRY_MS)
        async for event_id, event in hub.listen(job.job_id, last_event_id):
            yield ServerSentEvent(json.dumps(event), id=event_id, event=event["type"])
