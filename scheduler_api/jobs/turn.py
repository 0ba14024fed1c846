"""One turn of a job: from its taking to the moment when everybody knows how it ended, or who has it now.

A turn reads the record, marks the job as processing, runs it in a thread, and writes down what came of it. Whatever it
writes goes through two fences: it holds the lease, and no later epoch has written. Three things end a turn early:

- `cancelled`: somebody wants the job to stop. It ends as failed, `cancelled`, within a second, even if its thread takes
  longer to notice: what that thread still does cannot pass the fence.
- `lost`: the lease went to another dispatcher, or Redis has lost it. Nothing more is written.
- `stopping`: this process is to end. The job goes back to the queue, as if it had not been begun.

While Redis is away the job goes on, and waits before its final names. While the cluster is away, or being replaced, it
waits and goes on from what is stored (`Patience`). An error outside of the run lets the lease run out: then the job is
taken again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from redis.exceptions import RedisError

from farm.errors import Cancelled, StaleEpoch
from farm.executors.base import CancelToken
from farm.job import Job, Progress, moment
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.failures import ABANDONED, CANCELLED, Failure, failure_of
from scheduler_api.jobs.messages import progress_event, status_event
from scheduler_api.jobs.patience import Patience, cluster_pauses
from scheduler_api.jobs.queue import Claim, JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.running import Outcome, Reporter, RunJob, fence_of, in_thread
from storage.errors import MalformedDocument

MAX_ATTEMPTS = 5
"""A job that was begun this often, and whose process died each time, is given up."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
Early = Literal["cancelled", "lost", "stopping"]


@dataclass(frozen=True, slots=True)
class House:
    """What a turn works with."""

    queue: JobQueue
    board: JobBoard
    records: JobRecords
    run_job: RunJob
    notify: Callable[[Job], Awaitable[None]]
    """Tells the outside that a job has ended; may take long, raises nothing."""
    now: Callable[[], float]
    """Unix time in seconds."""
    store_url: str
    """Left out of what is said of errors."""
    retry_pauses_s: tuple[float, ...] = (5.0, 15.0)
    """Between the tries of a job whose error is worth one."""
    cluster_pauses_s: tuple[float, ...] = cluster_pauses(300.0)
    """Between the tries of a job that finds no cluster, or one of another build."""
    cancel_grace_s: float = 0.5
    """How long a cancelled run may take to end by itself."""
    progress_every_s: float = 1.0
    redis_pause_s: float = 0.5
    """Between two questions to a Redis that does not answer."""

    def moment(self) -> datetime:
        return moment(self.now())


class Turn:
    """One claim on a job, and what is done with it."""

    def __init__(self, claim: Claim, house: House) -> None:
        self.claim = claim
        self._house = house
        self._token = CancelToken()
        self._over = asyncio.Event()
        """Set when the run is to end early; the token has the reason."""
        self._thread: asyncio.Future[Outcome] | None = None
        self._progress: Progress | None = None
        self._running = True

    @property
    def occupied(self) -> bool:
        """Whether it takes a slot: it runs, or its thread has not ended yet."""
        return self._running or (self._thread is not None and not self._thread.done())

    def end_early(self, why: Early) -> None:
        """The run is not wanted any more; the first reason counts."""
        self._token.cancel(why)
        self._over.set()

    async def play(self) -> None:
        """The whole turn. Raises StaleEpoch when the job is somebody else's, RedisError and StorageError when what is
        to be known or written cannot be; then the lease is left to run out."""
        try:
            job = await self._read()
            if job is not None and not job.finished:
                job = await self._run_to_end(job)
        finally:
            self._running = False
        if job is None:
            await self._house.queue.finish(self.claim)
        elif job.finished:
            await self._conclude(job)

    async def _read(self) -> Job | None:
        """The record; None for a job that never came into being, or that cannot be read."""
        try:
            return await asyncio.to_thread(self._house.records.find, self.claim.job_id)
        except MalformedDocument as error:
            _log.error("job %s cannot be run: %s", self.claim.job_id, error)
            return None

    # ---- to the end of the run ---------------------------------------------------------------------------

    async def _run_to_end(self, job: Job) -> Job:
        """The job as it is after this turn: finished, or back in the queue."""
        if await self._house.board.cancel_requested(job.job_id):
            return await self._fail(job, CANCELLED)
        if job.attempts >= MAX_ATTEMPTS:
            return await self._fail(job, ABANDONED)
        job = await self._begin(job)
        try:
            outcome = await self._tries(job)
        except StaleEpoch:
            raise
        except Exception as error:
            if self._over.is_set():
                return await self._ended_early(job)
            _log.exception("job %s failed", job.job_id)
            return await self._fail(job, failure_of(error, self._house.store_url))
        return await self._succeed(job, outcome)

    async def _tries(self, job: Job) -> Outcome:
        """The outcome of the first try that has one; an error that is worth it is followed by another try."""
        patience = Patience(self._house.retry_pauses_s, self._house.cluster_pauses_s)
        while True:
            try:
                return await self._one_try(job)
            except Exception as error:
                pause_s = None if self._over.is_set() else patience.pause_after(error)
                if pause_s is None:
                    raise
                _log.warning("job %s is tried again in %s s: %s", job.job_id, pause_s, error)
            await self._pause(pause_s)

    async def _one_try(self, job: Job) -> Outcome:
        """Raises Cancelled soon after the turn is to end early, whatever the thread does then."""
        reporter = Reporter(job, lambda p: self._show(job, p), self._house.now, self._house.progress_every_s)
        fence = fence_of(self._own, self._token)
        thread = in_thread(
            lambda: self._house.run_job(job, reporter.observe, self._token, fence), f"job {job.job_id}"
        )
        self._thread = thread
        try:
            await self._wait_for(thread)
        finally:
            await reporter.close()
            self._progress = reporter.progress
        if thread.done():
            return thread.result()
        raise Cancelled(self._token.reason)

    async def _wait_for(self, thread: asyncio.Future[Outcome]) -> None:
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait([thread, over], return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
            if not thread.done():
                await asyncio.wait([thread], timeout=self._house.cancel_grace_s)
        finally:
            over.cancel()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return
        raise Cancelled(self._token.reason)

    async def _show(self, job: Job, progress: Progress) -> None:
        try:
            if await self._house.board.put(job.changed(self._house.moment(), progress=progress)):
                await self._house.board.publish(job.job_id, progress_event(job.job_id, progress))
        except RedisError as error:
            _log.warning("progress of job %s is not shown: %s", job.job_id, error)

    # ---- changes of status -------------------------------------------------------------------------------

    async def _begin(self, job: Job) -> Job:
        at = self._house.moment()
        begun = {"epoch": self.claim.epoch, "attempts": job.attempts + 1}
        return await self._write(job.moved("processing", at, started_at=job.started_at or at, progress=None, **begun))

    async def _succeed(self, job: Job, outcome: Outcome) -> Job:
        whole = self._progress and self._progress.model_copy(update={"fraction": 1.0, "eta_s": 0.0})
        changes = {"result": outcome.result, "warnings": outcome.warnings, "progress": whole}
        return await self._write(job.moved("ready", self._house.moment(), **changes))

    async def _fail(self, job: Job, why: Failure) -> Job:
        changes = {"epoch": self.claim.epoch, "progress": self._progress, **why._asdict()}
        return await self._write(job.moved("failed", self._house.moment(), **changes))

    async def _ended_early(self, job: Job) -> Job:
        match self._token.reason:
            case "cancelled":
                return await self._fail(job, CANCELLED)
            case "stopping":
                back = job.moved("queued", self._house.moment(), attempts=job.attempts - 1)
                await self._write(back)
                await self._house.queue.give_back(self.claim)
                return back
        raise StaleEpoch(self.claim.job_id, self.claim.epoch)

    async def _conclude(self, job: Job) -> None:
        """Tells everybody that the job has ended; then nothing is left to do for it."""
        board = self._house.board
        shown = await board.get(job.job_id)
        if (shown is None or not shown.finished) and await board.put(job):
            await board.publish(job.job_id, status_event(job))
        await self._house.queue.worked(self.claim)   # who is told may take long to listen
        await self._house.notify(job)
        await asyncio.to_thread(self._house.records.close, job.job_id)
        await board.forget_cancels([job.job_id])
        await self._house.queue.finish(self.claim)

    # ---- through the fences ------------------------------------------------------------------------------

    async def _write(self, job: Job) -> Job:
        """Writes a change of status: record, board, event. Raises StaleEpoch when the job is somebody else's."""
        await self._own()
        await asyncio.to_thread(self._house.records.put, job)
        if not await self._asked(lambda: self._house.board.put(job)):
            await self._put_right(job)
            raise StaleEpoch(job.job_id, job.epoch)
        await self._asked(lambda: self._house.board.publish(job.job_id, status_event(job)))
        return job

    async def _put_right(self, job: Job) -> None:
        """This process was stopped, for long, just before it wrote: the newer record goes back to its place."""
        newer = await self._house.board.get(job.job_id)
        if newer is not None and newer.epoch > job.epoch:
            await asyncio.to_thread(self._house.records.put, newer)

    async def _own(self) -> None:
        """Returns if the claim is valid, else raises StaleEpoch. Waits while Redis is away."""
        if not await self._asked(lambda: self._house.queue.renew(self.claim)):
            raise StaleEpoch(self.claim.job_id, self.claim.epoch)

    async def _asked(self, question: Callable[[], Awaitable[T]]) -> T:
        """Redis's answer, as soon as it gives one. Raises RedisError when it gives none and the process is to end."""
        while True:
            try:
                return await question()
            except RedisError as error:
                if self._token.cancelled and self._token.reason != "cancelled":
                    raise
                _log.warning("job %s waits for Redis: %s", self.claim.job_id, error)
            await asyncio.sleep(self._house.redis_pause_s)
