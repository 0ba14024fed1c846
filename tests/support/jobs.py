"""Jobs for tests of the door: made quickly, put where they belong, and watched until something holds."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio

from farm.job import Job, JobKind, moment, new_job
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.service import Jobs
from storage.objects import ObjectStore

_numbers = itertools.count(1)


def a_job(kind: JobKind = "export", recording: str = "rec-1", room: str = "room-1", **request: Any) -> Job:
    """A new job with an id of its own."""
    job_id = f"job-{next(_numbers):04d}"
    return new_job(job_id, kind, room, recording, request=request, created_by="ada", at=moment(time.time()))


class Office:
    """All that holds jobs, over one store and one Redis; close it by `redis.aclose()`."""

    def __init__(self, client: redis.asyncio.Redis, store: ObjectStore, lease_s: float = 15.0) -> None:
        self.redis = client
        self.store = store
        self.records = JobRecords(store)
        self.board = JobBoard(client)
        self.queue = JobQueue(client, lease_s=lease_s)
        self.jobs = Jobs(self.records, self.board, self.queue)

    async def submit(self, job: Job | None = None) -> Job:
        return await self.jobs.submit(job or a_job())

    async def seen(self, job: Job, *statuses: str, within_s: float = 10.0) -> Job:
        """The job as the board shows it, once it has one of these statuses."""

        async def look() -> Job | None:
            found = await self.board.get(job.job_id)
            return found if found and found.status in statuses else None

        found: Job = await until(look, within_s)
        return found

    async def events(self, job: Job) -> list[str]:
        """What the job's stream tells: statuses by their names, progress as `progress`."""
        raw = await self.redis.xrange(f"farm:events:{job.job_id}")
        found = [json.loads(fields[b"event"]) for _, fields in raw or ()]   # type: ignore[index]
        return [event["status"] if event["type"] == "status" else event["type"] for event in found]


async def until(look: Callable[[], Awaitable[Any]], within_s: float = 10.0) -> Any:
    """What `look` gives as soon as that is something. Fails after `within_s`; Redis may be away meanwhile."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            if found := await look():
                return found
        except redis.exceptions.RedisError:
            pass
        assert time.monotonic() < deadline_s, "waited in vain"
        await asyncio.sleep(0.02)
