"""Events of jobs for any number of listeners: one reader for each process, however many listen.

What is followed is kept here as a copy of the job's stream in Redis; a listener is a position in that copy. So five
hundred listeners on one job cost one connection that reads and nothing else, and one that comes again with the id of
the last event it saw goes on from there. Listening ends after the job's final event. Should that have got lost with
Redis, the job itself tells (`find`): nobody waits for ever. While Redis is away listeners wait.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from farm.job import Job
from scheduler_api.jobs.board import events_key
from scheduler_api.jobs.messages import Event, is_final, status_event
from scheduler_api.jobs.replies import text
from storage.errors import StorageError

Position = tuple[int, int]

BLOCK_MS = 500
"""How long a read waits for news; also how long a newly followed job's first news may take."""

CATCH_UPS = 4
"""How many streams are read from their beginning at the same time."""

CHECK_S = 10.0
"""How often a job without news is looked up."""

PAUSE_S = 0.5
"""How long the reader waits when Redis is away."""

START: Position = (0, 0)

_log = logging.getLogger(__name__)
_EVENT_ID = re.compile(r"(\d{1,19})-(\d{1,19})")


class EventHub:
    """Follows the jobs that somebody listens to. `find` looks a job up; `aclose` ends all listening."""

    def __init__(self, redis: Redis, find: Callable[[str], Awaitable[Job | None]]) -> None:
        self._redis = redis
        self._find = find
        self._channels: dict[str, _Channel] = {}
        self._reader: asyncio.Task[None] | None = None
        self._catching_up = asyncio.Semaphore(CATCH_UPS)
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return sum(channel.listeners for channel in self._channels.values())

    async def listen(self, job_id: str, last_event_id: str | None = None) -> AsyncIterator[tuple[str, Event]]:
        """The job's events after `last_event_id` with their ids, from the first one where that is no id of ours.

        Ends after the final event; at once for a job that does not exist. Raises RedisError when it begins while
        Redis is away.
        """
        channel = self._channels.setdefault(job_id, _Channel(job_id))
        channel.listeners += 1
        try:
            await self._begin(channel)
            n = channel.after(_position(last_event_id))
            while not self._closed:
                if n < len(channel.events):
                    n += 1
                    yield channel.events[n - 1]
                elif channel.ended:
                    return
                else:
                    await channel.changed.wait()
        finally:
            self._leave(channel)

    async def aclose(self) -> None:
        """Ends all listening and the reader."""
        self._closed = True
        for channel in self._channels.values():
            channel.wake()
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _leave(self, channel: _Channel) -> None:
        channel.listeners -= 1
        if not channel.listeners and self._channels.get(channel.job_id) is channel:
            del self._channels[channel.job_id]

    async def _begin(self, channel: _Channel) -> None:
        """Fills a new channel; all that come meanwhile wait for the one that does it."""
        async with channel.filling:
            if channel.filled:
                return
            async with self._catching_up:
                channel.add(await self._redis.xrange(events_key(channel.job_id)) or ())
                await self._check(channel)
            channel.filled = True
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())

    async def _check(self, channel: _Channel) -> None:
        """Ends a channel whose job is over, or is none, though no event says so."""
        if not channel.ended:
            job = await self._find(channel.job_id)
            channel.end(status_event(job) if job and job.finished else None, known=job is not None)

    # ---- the one reader ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        checked_s = asyncio.get_running_loop().time()
        while following := [channel for channel in self._channels.values() if channel.filled and not channel.ended]:
            try:
                await self._read_once(following)
                if asyncio.get_running_loop().time() - checked_s > CHECK_S:
                    checked_s = asyncio.get_running_loop().time()
                    await self._check_silent(following)
            except (RedisError, StorageError) as error:
                _log.warning("events cannot be read: %s", error)
                await asyncio.sleep(PAUSE_S)
            except Exception:   # whatever it is: all who listen depend on this one reader
                _log.exception("events cannot be read")
                await asyncio.sleep(PAUSE_S)

    async def _read_once(self, following: Iterable[_Channel]) -> None:
        streams: dict[Any, Any] = {events_key(channel.job_id): channel.last_id for channel in following}
        news: Any = await self._redis.xread(streams, count=1000, block=BLOCK_MS)
        by_key = {events_key(channel.job_id): channel for channel in following}
        for key, entries in news:
            by_key[text(key)].add(entries)

    async def _check_silent(self, following: Iterable[_Channel]) -> None:
        for channel in following:
            if not channel.had_news():
                await self._check(channel)


class _Channel:
    """The events of one job so far."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.events: list[tuple[str, Event]] = []
        self.changed = asyncio.Event()
        """Set, and replaced by another, whenever something has changed."""
        self.filling = asyncio.Lock()
        self.filled = False
        self.ended = False
        self.listeners = 0
        self._positions: list[Position] = []
        self._looked_at = 0

    @property
    def last_id(self) -> str:
        return self.events[-1][0] if self.events else "0-0"

    def after(self, position: Position) -> int:
        """The index of the first event behind `position`."""
        return bisect_right(self._positions, position)

    def add(self, entries: Iterable[Any]) -> None:
        """Appends what is new of a stream's entries."""
        for raw_id, fields in entries:
            event_id = text(raw_id)
            position = _position(event_id)
            if not self.ended and position > (self._positions[-1] if self._positions else START):
                event = json.loads({text(name): value for name, value in fields.items()}["event"])
                self._append(event_id, position, event)
        self.wake()

    def end(self, event: Event | None, known: bool) -> None:
        """Appends a final event that no stream has, or just ends where there is no such job."""
        if event and not self.ended:
            time, count = self._positions[-1] if self._positions else START
            self._append(f"{time}-{count + 1}", (time, count + 1), event)
        self.ended = self.ended or not known
        self.wake()

    def had_news(self) -> bool:
        """Whether something came since this was last asked."""
        before, self._looked_at = self._looked_at, len(self.events)
        return self._looked_at > before

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def _append(self, event_id: str, position: Position, event: Event) -> None:
        self.events.append((event_id, event))
        self._positions.append(position)
        self.ended = is_final(event)


def _position(event_id: str | None) -> Position:
    match = _EVENT_ID.fullmatch(event_id or "")
    return (int(match[1]), int(match[2])) if match else START
