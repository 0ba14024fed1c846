"""Which recordings there are, and in which rooms: what the Recording Service has told, kept for later.

Takes registrations, gives the room of a recording. `farm/recordings/{recording_id}.json` in the store is the record
that lasts; a key in Redis saves a look into the store and may be lost at any time. A recording never changes its room,
and one that has ended does not run again. Nothing in here says who may see a recording.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from scheduler_api.errors import Conflict
from storage.errors import ObjectNotFound
from storage.keys import RecordingKeys, check_id
from storage.objects import ObjectStore

RegisteredStatus = Literal["recording", "completed", "failed"]

REMEMBERED_S = 24 * 3600
"""How long Redis answers for the store."""

_log = logging.getLogger(__name__)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RegisteredPart(_Frozen):
    """A part that the Recording Service asks for, in milliseconds of recording time."""

    index: int
    key: str
    start_offset_ms: int
    end_offset_ms: int
    duration_ms: int
    label: str


class Registration(_Frozen):
    """What is known of one recording; times are Unix milliseconds. Raises InvalidKey for ids that are none."""

    room_id: str
    recording_id: str
    status: RegisteredStatus | None = None
    started_at_ms: int | None = None
    completed_at_ms: int | None = None
    service_id: str = ""
    quick_access_parts: tuple[RegisteredPart, ...] = ()
    late_composite_parts: tuple[RegisteredPart, ...] = ()

    @property
    def keys(self) -> RecordingKeys:
        """Where the recording lies: derived from its ids alone."""
        return RecordingKeys(self.room_id, self.recording_id)

    def after(self, earlier: Registration) -> Registration:
        """This one, with what only `earlier` tells; an end that `earlier` tells of stays."""
        told = {name: value for name, value in self if value not in (None, "", ())}
        if earlier.status in ("completed", "failed") and self.status in (None, "recording"):
            told["status"] = earlier.status
        return earlier.model_copy(update=told)


class Registry(Protocol):
    """Where recordings are made known and found."""

    async def register(self, registration: Registration) -> Registration:
        """Keeps it, merged with what was known, and gives the whole. Raises InvalidKey, Conflict, StorageError."""
        ...

    async def room_of(self, recording_id: str) -> str | None:
        """The room of a registered recording. Raises InvalidKey, StorageError."""
        ...


class StoredRegistry:
    """The registry in an object store, with Redis in front of it. Works, more slowly, while Redis does not."""

    def __init__(self, store: ObjectStore, redis: Redis) -> None:
        self._store = store
        self._redis = redis
        self._writing = asyncio.Lock()

    async def register(self, registration: Registration) -> Registration:
        _ = registration.keys   # refuses ids that are none
        async with self._writing:
            known = await asyncio.to_thread(self._write, registration)
        await self._remember(known)
        return known

    async def room_of(self, recording_id: str) -> str | None:
        try:
            if found := await self._redis.get(_redis_key(recording_id)):
                return found.decode() if isinstance(found, bytes) else str(found)
        except RedisError as error:
            _log.warning("registrations are read from the store: %s", error)
        known = await asyncio.to_thread(self._read, recording_id)
        if known is None:
            return None
        await self._remember(known)
        return known.room_id

    def _write(self, registration: Registration) -> Registration:
        key = _store_key(registration.recording_id)
        if self._store.put_if_absent(key, _document(registration)):
            return registration
        earlier = self._read(registration.recording_id)
        if earlier is not None and earlier.room_id != registration.room_id:
            raise Conflict(f"recording {earlier.recording_id} is registered in another room; recordings do not move")
        merged = registration if earlier is None else registration.after(earlier)
        if merged != earlier:
            self._store.put(key, _document(merged))
        return merged

    def _read(self, recording_id: str) -> Registration | None:
        try:
            data = self._store.get(_store_key(recording_id))
        except ObjectNotFound:
            return None
        try:
            return Registration.model_validate_json(data)
        except ValidationError:
            _log.warning("the registration of %s is no such document and does not count", recording_id)
            return None

    async def _remember(self, known: Registration) -> None:
        try:
            await self._redis.set(_redis_key(known.recording_id), known.room_id, ex=REMEMBERED_S)
        except RedisError as error:
            _log.warning("a registration is in the store alone: %s", error)


def _document(registration: Registration) -> bytes:
    return registration.model_dump_json(exclude_none=True).encode()


def _store_key(recording_id: str) -> str:
    return f"farm/recordings/{check_id(recording_id)}.json"


def _redis_key(recording_id: str) -> str:
    return f"farm:recording:{check_id(recording_id)}"
