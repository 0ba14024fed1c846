"""Brings Redis to what the records say: at the start, after Redis has lost data, and every now and then.

- A job that is not finished and that the queue does not know is queued again.
- A job that the board shows as unfinished though it has ended is shown as it ended, and its listeners are told.
- The marker of a job that never came into being is removed, if it is there at two looks in a row: the first may fall
  into the middle of its making.
- Wishes to cancel jobs that have ended are forgotten.

Any number of processes may do this at the same time: each step may be done twice. Raises RedisError, StorageError.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.messages import status_event
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from storage.errors import MalformedDocument

_log = logging.getLogger(__name__)


class Recovery:
    """Looks after the jobs of one storage and one Redis."""

    def __init__(self, records: JobRecords, board: JobBoard, queue: JobQueue) -> None:
        self._records = records
        self._board = board
        self._queue = queue
        self._unmade: set[str] = set()
        """Markers without a record at the last look."""

    async def sweep(self) -> list[str]:
        """One look at everything; gives the jobs that were queued again."""
        shown = await self._board.open_ids()   # before the markers: what ends meanwhile is in the one and not the other
        marked = await asyncio.to_thread(lambda: list(self._records.open_ids()))
        queued = await self._queue_again(await self._queue.unknown(marked))
        for job_id in shown.difference(marked):
            await self._show_end(job_id)
        await self._forget_cancels(marked)
        return queued

    async def _queue_again(self, lost: Iterable[str]) -> list[str]:
        queued, unmade = [], set()
        for job_id in lost:
            try:
                job = await asyncio.to_thread(self._records.find_open, job_id)
            except MalformedDocument as error:
                _log.error("job %s cannot be run: %s", job_id, error)
                continue
            if job is None:
                unmade.add(job_id)
                continue
            await self._board.put(job)
            if job.idempotency:
                await self._board.remember(job.idempotency, job_id)
            if await self._queue.enqueue(job):
                queued.append(job_id)
                _log.info("job %s was not in the queue and is queued again", job_id)
        await self._unmake(unmade)
        return queued

    async def _unmake(self, unmade: set[str]) -> None:
        for job_id in unmade & self._unmade:
            await asyncio.to_thread(self._records.close, job_id)
        self._unmade = unmade - self._unmade

    async def _show_end(self, job_id: str) -> None:
        shown = await self._board.get(job_id)
        job = await asyncio.to_thread(self._records.find, job_id)
        if job is None and shown is not None:
            await self._board.drop(shown)
        elif job is not None and job.finished and await self._board.put(job):
            await self._board.publish(job_id, status_event(job))

    async def _forget_cancels(self, marked: Iterable[str]) -> None:
        """A job without a marker that the queue does not know either has ended."""
        await self._board.forget_cancels(await self._queue.unknown(await self._board.cancels() - set(marked)))
