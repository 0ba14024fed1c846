"""Jobs as the door sees them: submit, find, list, cancel. Joins the records that last with the board that is quick.

A job exists from the moment its record is written. The board is asked first; what it does not know is read from the
records and put up again, so the status of every job survives the loss of Redis. Raises RedisError and StorageError.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from redis.exceptions import RedisError

from farm.job import Job
from scheduler_api.errors import Conflict
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.messages import status_event
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from storage.errors import StorageError

RESERVED_S = 30
"""How long an Idempotency-Key is kept for a job that is being made, should its maker die."""

IN_THE_MAKING_S = 10.0
"""How long a request waits for another with the same key."""

_log = logging.getLogger(__name__)


class Jobs:
    """All jobs of one storage and one Redis."""

    def __init__(self, records: JobRecords, board: JobBoard, queue: JobQueue) -> None:
        self._records = records
        self._board = board
        self._queue = queue

    async def submit(self, job: Job) -> Job:
        """Queues a new job and gives it; where its Idempotency-Key made one before, that one, and nothing is queued.

        When it raises, the job does not exist: it was taken back. Raises Conflict while that one is in the making.
        """
        if job.idempotency and (earlier := await self._made_before(job.idempotency, job.job_id)):
            return earlier
        creating = asyncio.ensure_future(asyncio.to_thread(self._records.create, job))
        try:
            await asyncio.shield(creating)
            await self._board.put(job)
            await self._board.publish(job.job_id, status_event(job))
            await self._queue.enqueue(job)
            if job.idempotency:
                await self._board.keep_key(job.idempotency)
        except BaseException:
            await asyncio.shield(self._take_back(job, creating))
            raise
        return job

    async def find(self, job_id: str) -> Job | None:
        """The job with this id, None if there is none."""
        if job := await self._board.get(job_id):
            return job
        job = await asyncio.to_thread(self._records.find, job_id)
        if job is not None:
            await self._board.put(job)
        return job

    async def made_by(self, key_hash: str) -> Job | None:
        """The job that this Idempotency-Key made, if it made one."""
        job_id = await self._board.recall(key_hash)
        return await self.find(job_id) if job_id else None

    async def of_recording(self, room_id: str, recording_id: str) -> list[Job]:
        """All jobs of a recording that can be read, the oldest first."""
        jobs = await self._board.of_recording(room_id, recording_id)
        if jobs is not None:
            return jobs
        found = await asyncio.to_thread(self._records.of_recording, room_id, recording_id)
        for job in found:
            await self._board.put(job)
        await self._board.list_is_complete(room_id, recording_id)
        shown = await self._board.of_recording(room_id, recording_id)
        return found if shown is None else shown

    async def cancel(self, job_id: str) -> None:
        """Asks for the job to stop. A dispatcher ends it as `failed`, reason `cancelled`, unless it is finished."""
        await self._board.request_cancel(job_id)

    async def _made_before(self, key_hash: str, job_id: str) -> Job | None:
        """The job of an earlier request with this key, also one that is just being made; None if this is the first."""
        deadline_s = asyncio.get_running_loop().time() + IN_THE_MAKING_S
        while earlier := await self._board.remember(key_hash, job_id, RESERVED_S):
            if job := await self.find(earlier):
                return job
            if asyncio.get_running_loop().time() > deadline_s:
                raise Conflict("a request with this Idempotency-Key is still being worked on; send it again shortly")
            await asyncio.sleep(0.05)
        return None

    async def _take_back(self, job: Job, creating: asyncio.Future[None]) -> None:
        """Undoes what was done, once its thread does nothing more: who is cancelled does not end that."""
        await asyncio.gather(creating, return_exceptions=True)
        with suppress(RedisError):
            await self._board.drop(job)
            if job.idempotency:
                await self._board.forget(job.idempotency)
        try:
            await asyncio.to_thread(self._records.discard, job)
        except StorageError as error:
            _log.error("job %s was refused but its record could not be deleted: %s", job.job_id, error)
