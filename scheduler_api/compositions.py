"""Saved compositions and the images in them: named by what they hold, so that what was exported can be found again.

A Composition State is stored under the id of its content and again as `latest`; its ETag is that id. Saving reads,
compares with If-Match and If-None-Match, and writes under a short lock in Redis, so of two who change the same version
one is told.
An image keeps its name and bytes for good: a composition looks the same whenever it is exported.
Raises the errors of compositing and storage, and the door's own; QueueUnavailable while Redis is away.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from compositing.state import (
    MAX_BYTES,
    CompositionState,
    canonical_json,
    check_peers,
    check_recording,
    composition_id,
    parse_state,
)
from scheduler_api.errors import Conflict, NotFound, PreconditionFailed, QueueUnavailable, TooLarge, Unprocessable
from scheduler_api.image_header import ImageHeader
from scheduler_api.ranges import matches
from storage.errors import ObjectNotFound
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec
from storage.recordings import open_recording

LATEST = "latest"
MAX_ASSETS = 100
"""Images of one recording."""

LOCK_MS: Final = 20_000
"""How long a save may hold the lock; a process that dies with it holds others up no longer."""
LOCK_WAIT_S: Final = 5.0

ImageCheck = Callable[[str, bytes], Awaitable[ImageHeader]]
"""Says what an uploaded file is, or raises."""

# KEYS: lock.   ARGV: whose, lifetime in ms.   Gives 1 to the one who has it. A client may repeat it.
_TAKE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
# KEYS: lock.   ARGV: whose, lifetime in ms.   Gives 1 if it was held all the while; 0 ms gives it back.
_HOLD: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

_ID = re.compile(r"[0-9a-f]{32}")
_STRONG_TAG = re.compile(r'(?<!W/)"([^"]*)"')
_ASSET_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_SUFFIXES = {"png": (".png",), "jpeg": (".jpg", ".jpeg")}


@dataclass(frozen=True, slots=True)
class SavedComposition:
    """A composition that was just stored."""

    composition_id: str
    etag: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredComposition:
    """A composition as it lies in the store; `data` is its one form as JSON."""

    composition_id: str
    state: CompositionState

    @property
    def etag(self) -> str:
        return _etag(self.composition_id)

    @property
    def data(self) -> bytes:
        return canonical_json(self.state)


class Compositions:
    """All compositions of all recordings in a store."""

    def __init__(self, store: ObjectStore, redis: Redis, now: Callable[[], float] = time.time) -> None:
        """`now` gives Unix seconds."""
        self._store, self._redis, self._now = store, redis, now
        self._take = redis.register_script(_TAKE)
        self._hold = redis.register_script(_HOLD)

    def checked(self, keys: RecordingKeys, body: bytes) -> CompositionState:
        """The state in a body. Raises TooLarge, InvalidState with every problem, WrongRecording."""
        if len(body) > MAX_BYTES:
            raise TooLarge("a composition", MAX_BYTES)
        state = parse_state(body)
        check_recording(state, keys.room_id, keys.recording_id)
        return state

    async def save(
        self,
        keys: RecordingKeys,
        state: CompositionState,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> SavedComposition:
        """Stores `state`, which is `latest` from then on. The conditions are the headers If-Match and If-None-Match.

        What is `latest` already is stored under any condition: its answer may have been lost.
        Raises UnknownPeer, RecordingNotFound, PreconditionFailed, Conflict.
        """
        await asyncio.to_thread(self._check_peers, keys, state)
        named, data = composition_id(state), canonical_json(state)
        async with self._locked(keys) as still_held:
            if if_match is not None or if_none_match is not None:
                await self._compare(keys, named, if_match, if_none_match)
            await asyncio.to_thread(self._store.put, keys.composition(named), data)
            await still_held()
            await asyncio.to_thread(self._store.put, keys.latest_composition, data)
        return SavedComposition(named, _etag(named), datetime.fromtimestamp(self._now(), UTC))

    async def load(self, keys: RecordingKeys, wanted: str = LATEST) -> StoredComposition:
        """The composition with the id `wanted`, or the one saved last. Raises NotFound."""
        if wanted != LATEST and not _ID.fullmatch(wanted):
            raise NotFound("composition", wanted[:80])
        found = await asyncio.to_thread(self._read, keys, wanted)
        if found is None:
            raise NotFound("composition", wanted)
        return found

    async def put_asset(self, keys: RecordingKeys, name: str, data: bytes, check: ImageCheck) -> tuple[int, int]:
        """Stores an image under `name`; its width and height, upright. `check` decodes it elsewhere.

        Raises what `check` raises, Unprocessable for a name that cannot be used, and Conflict where another image
        has the name. The same image twice is one.
        """
        if not _ASSET_NAME.fullmatch(name) or ".." in name:
            raise _bad_name("is 1 to 128 of the characters A-Z a-z 0-9 _ . - and begins with no dot")
        header = await check(name, data)
        if not name.lower().endswith(_SUFFIXES[header.form]):
            raise _bad_name(f"must end in {' or '.join(_SUFFIXES[header.form])}: the file is a {header.form.upper()}")
        await asyncio.to_thread(self._put_asset, keys, name, data[: header.end])
        return header.width, header.height

    # ---- in a thread: the store is synchronous ---------------------------------------------------------------

    def _check_peers(self, keys: RecordingKeys, state: CompositionState) -> None:
        recording = open_recording(StoreSpec(self._store.url), keys.room_id, keys.recording_id, self._store)
        check_peers(state, [person.peer_id for person in recording.manifest.participants])

    def _read(self, keys: RecordingKeys, wanted: str) -> StoredComposition | None:
        key = keys.latest_composition if wanted == LATEST else keys.composition(wanted)
        try:
            state = parse_state(self._store.get(key))
        except ObjectNotFound:
            return None
        return StoredComposition(composition_id(state), state)

    def _put_asset(self, keys: RecordingKeys, name: str, data: bytes) -> None:
        key = keys.asset(name)
        others = [info.key for info in islice(self._store.list(keys.assets), MAX_ASSETS) if info.key != key]
        if len(others) == MAX_ASSETS:
            raise Conflict(f"the recording has {MAX_ASSETS} images, and no more are kept; use one of those")
        if not self._store.put_if_absent(key, data) and self._store.get(key) != data:
            raise Conflict(f"another image is called {name!r}, and compositions may show it; choose another name")

    # ---- the lock ----------------------------------------------------------------------------------------------

    async def _compare(
        self, keys: RecordingKeys, named: str, if_match: str | None, if_none_match: str | None
    ) -> None:
        found = await asyncio.to_thread(self._read, keys, LATEST)
        current = found.etag if found else None
        if current == _etag(named):
            return
        if if_match is not None and not _is_named(current, if_match):
            raise PreconditionFailed("the composition", current, "If-Match")
        if current is not None and matches(if_none_match, current):
            raise PreconditionFailed("the composition", current, "If-None-Match")

    @asynccontextmanager
    async def _locked(self, keys: RecordingKeys) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Inside, no other process saves this recording's composition. Gives what raises Conflict if that is over."""
        name, whose = f"farm:lock:composition:{keys.room_id}/{keys.recording_id}", secrets.token_hex(16)

        async def still_held() -> None:
            if not await _asked(self._hold(keys=[name], args=[whose, LOCK_MS])):
                raise Conflict("saving took too long, and someone else may save meanwhile; send it again")

        await self._take_lock(name, whose)
        try:
            yield still_held
        finally:
            await _asked(self._hold(keys=[name], args=[whose, 0]))

    async def _take_lock(self, name: str, whose: str) -> None:
        try:
            async with asyncio.timeout(LOCK_WAIT_S):
                while not await _asked(self._take(keys=[name], args=[whose, LOCK_MS])):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise Conflict("the composition is being saved by someone else; try again shortly") from None


async def _asked(answer: Awaitable[object]) -> bool:
    try:
        return bool(await answer)
    except (RedisError, OSError) as error:
        raise QueueUnavailable(f"{type(error).__name__}: {error}") from error


def _is_named(current: str | None, if_match: str) -> bool:
    """Whether an If-Match names the tag of what is stored, by strong comparison."""
    wanted = {_etag(tag) for tag in _STRONG_TAG.findall(if_match)}
    return current is not None and (if_match.strip() == "*" or current in wanted)


def _etag(named: str) -> str:
    return f'"{named}"'


def _bad_name(message: str) -> Unprocessable:
    return Unprocessable((("/name", message),))
