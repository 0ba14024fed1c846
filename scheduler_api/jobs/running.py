"""One run of a job's work in a thread, seen from the event loop: its outcome, its progress, its fence.

The work is synchronous and may be slow to notice that it is not wanted any more, so nobody has to wait for it: the
thread does not keep the process alive, and what it still says after its time is not heard.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from farm.events import Event
from farm.executors.base import CancelToken, Observer
from farm.job import Job, Progress
from scheduler_api.jobs.meter import ProgressMeter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: its `result` and what there is to say of it."""

    result: dict[str, Any]
    warnings: tuple[dict[str, str], ...] = ()


class RunJob(Protocol):
    """Does what a job asks for, in the thread that calls it.

    Tells `observer` what happens, looks at `cancel` often, and calls `fence` before anything gets its final name; the
    fence raises StaleEpoch or Cancelled where that is not to be.
    """

    def __call__(
        self, job: Job, observer: Observer, cancel: CancelToken, fence: Callable[[], None], /
    ) -> Outcome: ...


def fence_of(own: Callable[[], Awaitable[None]], cancel: CancelToken) -> Callable[[], None]:
    """A fence for another thread that asks `own` in this loop, which raises where the job is somebody else's."""
    loop = asyncio.get_running_loop()

    async def ask() -> None:
        await own()

    def fence() -> None:
        cancel.check()
        asyncio.run_coroutine_threadsafe(ask(), loop).result()
        cancel.check()

    return fence


class Reporter:
    """Turns what a run tells in its thread into progress that is shown in the loop, every now and then."""

    def __init__(
        self, job: Job, show: Callable[[Progress], Awaitable[None]], now: Callable[[], float], every_s: float
    ) -> None:
        self.progress: Progress | None = None
        """The last that was known."""
        self._show = show
        self._now = now
        self._every_s = every_s
        self._next_s = float("-inf")
        self._meter = ProgressMeter(job.kind)
        self._loop = asyncio.get_running_loop()
        self._showing: asyncio.Task[None] | None = None
        self._closed = False

    def observe(self, event: Event) -> None:
        """Called in the run's thread."""
        now_s = self._now()
        self._meter.add(event, now_s)
        if now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            self._in_loop(self._meter.read(now_s))

    async def close(self) -> None:
        """Nothing is shown after this."""
        self._closed = True
        if self._showing is not None:
            self._showing.cancel()
            await asyncio.gather(self._showing, return_exceptions=True)

    def _in_loop(self, progress: Progress) -> None:
        with suppress(RuntimeError):   # the loop has ended before the thread
            self._loop.call_soon_threadsafe(self._hear, progress)

    def _hear(self, progress: Progress) -> None:
        if self._closed:
            return
        self.progress = progress
        if self._showing is None or self._showing.done():
            self._showing = self._loop.create_task(self._told(progress))

    async def _told(self, progress: Progress) -> None:
        await self._show(progress)


def in_thread(function: Callable[[], T], name: str) -> asyncio.Future[T]:
    """What `function` returns or raises in a thread of its own, which does not keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())   # perhaps nobody waits any more
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(function)
        except BaseException as error:
            settle(future.set_exception, error)
        else:
            settle(future.set_result, result)

    def settle(step: Callable[[Any], None], value: Any) -> None:
        with suppress(RuntimeError):   # the loop has ended before the thread
            loop.call_soon_threadsafe(lambda: None if future.done() else step(value))

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
