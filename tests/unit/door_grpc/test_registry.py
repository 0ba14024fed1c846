"""Registrations: kept in the store, found without Redis, never moved to another room."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from scheduler_api.errors import Conflict
from scheduler_api.registry import RegisteredPart, Registration, StoredRegistry
from storage.errors import InvalidKey
from storage.memory import MemoryStore
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio

PART = RegisteredPart(
    index=1, key="quick_access/part-0001.mp4", start_offset_ms=0, end_offset_ms=60_000, duration_ms=60_000, label=""
)


def seen(**changes: object) -> Registration:
    return Registration.model_validate({"room_id": "room-1", "recording_id": "rec-1", **changes})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def registry(store: MemoryStore, valkey: Valkey) -> AsyncIterator[StoredRegistry]:
    async with valkey.client() as client:
        yield StoredRegistry(store, client)


async def test_a_registered_recording_is_found(registry: StoredRegistry) -> None:
    assert await registry.room_of("rec-1") is None
    await registry.register(seen())
    assert await registry.room_of("rec-1") == "room-1"


async def test_it_is_found_after_redis_lost_everything(registry: StoredRegistry, valkey: Valkey) -> None:
    await registry.register(seen())
    valkey.clear()
    assert await registry.room_of("rec-1") == "room-1"


async def test_redis_is_not_needed(registry: StoredRegistry, valkey: Valkey) -> None:
    valkey.kill()
    await registry.register(seen())
    assert await registry.room_of("rec-1") == "room-1"


async def test_known_recordings_are_not_looked_up_in_the_store_again(
    registry: StoredRegistry, store: MemoryStore
) -> None:
    await registry.register(seen())
    store.delete("farm/recordings/rec-1.json")
    assert await registry.room_of("rec-1") == "room-1"


async def test_what_is_told_later_is_added(registry: StoredRegistry) -> None:
    await registry.register(seen(status="recording", started_at_ms=5, service_id="sfu-1"))
    known = await registry.register(seen(status="completed", completed_at_ms=9, quick_access_parts=(PART,)))
    assert known == seen(
        status="completed", started_at_ms=5, completed_at_ms=9, service_id="sfu-1", quick_access_parts=(PART,)
    )


@pytest.mark.parametrize("late", ["recording", None])
async def test_a_call_that_was_overtaken_does_not_open_a_recording_again(
    registry: StoredRegistry, late: str | None
) -> None:
    await registry.register(seen(status="completed"))
    assert (await registry.register(seen(status=late))).status == "completed"


async def test_a_recording_keeps_its_room(registry: StoredRegistry) -> None:
    await registry.register(seen())
    with pytest.raises(Conflict):
        await registry.register(seen(room_id="room-of-somebody-else"))
    assert await registry.room_of("rec-1") == "room-1"


@pytest.mark.parametrize("ids", [{"room_id": "../up"}, {"recording_id": "a/b"}, {"room_id": ""}])
async def test_ids_that_are_none_are_refused(
    registry: StoredRegistry, store: MemoryStore, ids: dict[str, str]
) -> None:
    with pytest.raises(InvalidKey):
        await registry.register(seen(**ids))
    assert list(store.list("")) == []


async def test_a_spoilt_record_counts_as_none_and_is_replaced(registry: StoredRegistry, store: MemoryStore) -> None:
    store.put("farm/recordings/rec-1.json", b'{"room_id": 7')
    assert await registry.room_of("rec-1") is None
    await registry.register(seen())
    assert await registry.room_of("rec-1") == "room-1"
