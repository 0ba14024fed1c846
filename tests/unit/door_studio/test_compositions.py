"""Saved compositions: named by content, guarded against lost updates, refused with the place of what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from compositing.errors import InvalidState, UnknownPeer, WrongRecording
from compositing.state import CompositionState, composition_id, parse_state
from farm.executors.local import LocalExecutor
from farm.run import Surroundings, read
from farm.settings import FarmSettings
from scheduler_api.compositions import Compositions, SavedComposition
from scheduler_api.errors import (
    Conflict,
    NotFound,
    PreconditionFailed,
    QueueUnavailable,
    TooLarge,
    Unprocessable,
)
from scheduler_api.image_header import ImageHeader, check_header
from storage.errors import InvalidKey, RecordingNotFound
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store
from storage.recordings import open_recording
from tests.support.buckets import upload
from tests.support.images import archive, encoded
from tests.support.recordings import recording_dir
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio

RECT = {"x": 0, "y": 0, "w": 1, "h": 1}
NOW = 1_770_000_000.25


def state(**fields: Any) -> CompositionState:
    return parse_state(fields)


class Desk:
    """Compositions of one recording, in two processes."""

    def __init__(self, store: ObjectStore, keys: RecordingKeys, *redis: Any) -> None:
        self.store, self.keys = store, keys
        self.both = tuple(Compositions(store, client, lambda: NOW) for client in redis)
        self.compositions = self.both[0]

    async def save(self, if_match: str | None = None, **fields: Any) -> SavedComposition:
        return await self.compositions.save(self.keys, state(**fields), if_match)

    def stored(self) -> list[str]:
        prefix = f"{self.keys.prefix}/composition/"
        return [info.key.removeprefix(prefix) for info in self.store.list(prefix)]


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.s3)])
def placed(request: pytest.FixtureRequest) -> tuple[StoreSpec, RecordingKeys]:
    """The small real recording in a folder, and in a bucket of a real S3 server."""
    if request.param == "folder":
        found: tuple[StoreSpec, RecordingKeys] = request.getfixturevalue("kickoff")
        return found
    spec, source = request.getfixturevalue("s3_spec"), recording_dir("kickoff")
    upload(source, spec)
    return spec, RecordingKeys(source.parent.name, source.name)


@pytest.fixture
async def desk(valkey: Valkey, placed: tuple[StoreSpec, RecordingKeys], anyio_backend: str) -> AsyncIterator[Desk]:
    async with valkey.client() as first, valkey.client() as second:
        yield Desk(open_store(placed[0]), placed[1], first, second)


@pytest.fixture
async def local(valkey: Valkey, kickoff: tuple[StoreSpec, RecordingKeys], anyio_backend: str) -> AsyncIterator[Desk]:
    async with valkey.client() as first, valkey.client() as second:
        yield Desk(open_store(kickoff[0]), kickoff[1], first, second)


# ---- saving and loading --------------------------------------------------------------------------------------


async def test_what_is_saved_is_loaded_by_its_id_and_as_the_latest(desk: Desk) -> None:
    first = await desk.save(layout="speaker")
    second = await desk.save(layout="pip")
    assert first.updated_at == datetime.fromtimestamp(NOW, UTC)
    assert first.composition_id == composition_id(state(layout="speaker"))
    latest = await desk.compositions.load(desk.keys)
    assert (latest.composition_id, latest.state.layout) == (second.composition_id, "pip")
    assert latest.etag == second.etag == f'"{second.composition_id}"'
    older = await desk.compositions.load(desk.keys, first.composition_id)
    assert parse_state(older.data) == older.state == state(layout="speaker")
    assert sorted(desk.stored()) == sorted(
        [f"{first.composition_id}.json", f"{second.composition_id}.json", "latest.json"]
    )


async def test_two_ways_to_say_the_same_are_one_composition(local: Desk) -> None:
    spelled_out = await local.save(layout="grid", timeline=[], export={"fps": 30})
    assert await local.save() == spelled_out
    assert len(local.stored()) == 2


async def test_before_the_first_save_there_is_nothing(local: Desk) -> None:
    with pytest.raises(NotFound):
        await local.compositions.load(local.keys)


@pytest.mark.parametrize("wanted", ["0" * 32, "", "latest.json", "../policy", "..", "A" * 32, "0" * 31 + "\n"])
async def test_an_id_that_nothing_has_is_not_found(local: Desk, wanted: str) -> None:
    await local.save()
    with pytest.raises(NotFound):
        await local.compositions.load(local.keys, wanted)


async def test_peers_are_those_that_the_plan_knows(local: Desk) -> None:
    keys = local.keys
    recording = open_recording(StoreSpec(local.store.url), keys.room_id, keys.recording_id)
    prepared = read(recording, Surroundings(FarmSettings(font_dirs=()), LocalExecutor(), lambda event: None))
    peers = [peer.peer_id for peer in prepared.meeting.facts.peers]
    saved = await local.save(tracks=[{"peer_id": peer_id} for peer_id in peers])
    assert saved.composition_id
    with pytest.raises(UnknownPeer) as caught:
        await local.save(timeline=[{"t": 0, "type": "pin", "peer_id": "stranger"}])
    assert caught.value.path == "/timeline/0/peer_id"
    assert (await local.compositions.load(keys)).composition_id == saved.composition_id


async def test_a_recording_that_is_not_there_takes_no_composition(local: Desk) -> None:
    with pytest.raises(RecordingNotFound):
        await local.compositions.save(RecordingKeys("room", "nothing"), state())


# ---- what is refused before it is saved ----------------------------------------------------------------------


def checked(local: Desk, body: bytes) -> CompositionState:
    return local.compositions.checked(local.keys, body)


async def test_a_body_is_refused_with_the_place_of_every_problem(local: Desk) -> None:
    events = [{"t": -1, "type": "layout", "layout": "grid"}, {"t": 0, "type": "explode"}]
    body = {"timeline": events, "export": {"fps": 10**9, "resolution": "99999x99999"}, "a/b": 1}
    with pytest.raises(InvalidState) as caught:
        checked(local, json.dumps(body).encode())
    pointers = {pointer for pointer, _ in caught.value.problems}
    assert pointers == {"/timeline/0/t", "/timeline/1/type", "/export/fps", "/export/resolution", "/a~1b"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff", b'{"style": {"gap": NaN}}', b'{"style": {"gap": 1e999}}',
        b'{"x":' * 100_000, b"[" * 900_000, b'{"layout": "\\ud800"}',
        json.dumps({"timeline": [{"t": 0, "type": "unpin"}] * 501}).encode(),
        json.dumps({"style": {"image": {"asset": "../policy.json", "rect": RECT}}}).encode(),
    ],
)  # fmt: skip
async def test_a_hostile_body_is_refused(local: Desk, body: bytes) -> None:
    with pytest.raises(InvalidState):
        checked(local, body)


async def test_ten_megabytes_are_too_many(local: Desk) -> None:
    with pytest.raises(TooLarge):
        checked(local, b"{" + b" " * 10_000_000 + b"}")


async def test_the_state_of_another_recording_is_refused(local: Desk) -> None:
    for field in ("recording_id", "room_id"):
        with pytest.raises(WrongRecording):
            checked(local, json.dumps({field: "another"}).encode())
    own = {"recording_id": local.keys.recording_id, "room_id": local.keys.room_id}
    assert checked(local, json.dumps(own).encode()).room_id == local.keys.room_id


# ---- lost updates --------------------------------------------------------------------------------------------


async def test_if_match_saves_over_the_version_that_it_names(desk: Desk) -> None:
    first = await desk.save(layout="speaker")
    second = await desk.save(first.etag, layout="pip")
    with pytest.raises(PreconditionFailed) as caught:
        await desk.save(first.etag, layout="split")
    assert caught.value.current == second.etag
    assert (await desk.compositions.load(desk.keys)).state.layout == "pip"


@pytest.mark.parametrize("header", ['W/"{}"', "{}", '"x{}"', '""', "W/*", ""])
async def test_if_match_that_names_no_strong_tag_of_it_fails(local: Desk, header: str) -> None:
    saved = await local.save()
    with pytest.raises(PreconditionFailed):
        await local.save(header.format(saved.composition_id), layout="pip")


@pytest.mark.parametrize("header", ["*", ' "{}" ', '"0", "{}"', '"0","{}",W/"1"'])
async def test_if_match_may_be_any_or_one_of_several(local: Desk, header: str) -> None:
    saved = await local.save()
    assert await local.save(header.format(saved.composition_id), layout="pip")


@pytest.mark.parametrize("header", ["*", '"0"'])
async def test_if_match_fails_where_nothing_is_saved(local: Desk, header: str) -> None:
    with pytest.raises(PreconditionFailed) as caught:
        await local.save(header)
    assert caught.value.current is None
    assert local.stored() == []


async def test_if_none_match_saves_only_where_nothing_is_saved(desk: Desk) -> None:
    first = await desk.compositions.save(desk.keys, state(layout="speaker"), if_none_match="*")
    with pytest.raises(PreconditionFailed) as caught:
        await desk.compositions.save(desk.keys, state(layout="pip"), if_none_match="*")
    assert (caught.value.current, caught.value.header) == (first.etag, "If-None-Match")
    assert (await desk.compositions.load(desk.keys)).composition_id == first.composition_id


async def test_if_none_match_may_name_other_versions(local: Desk) -> None:
    first = await local.save()
    with pytest.raises(PreconditionFailed):
        await local.compositions.save(local.keys, state(layout="pip"), if_none_match=f'"0", {first.etag}')
    assert await local.compositions.save(local.keys, state(layout="pip"), if_none_match='"0"')


@pytest.mark.parametrize("conditions", [{"if_match": '"0"'}, {"if_none_match": "*"}])
async def test_what_is_stored_already_can_be_saved_again_after_a_lost_answer(
    desk: Desk, conditions: dict[str, str]
) -> None:
    saved = await desk.save(layout="pip")
    assert await desk.compositions.save(desk.keys, state(layout="pip"), **conditions) == saved


async def test_of_many_who_change_one_version_one_wins(desk: Desk) -> None:
    first = await desk.save()
    attempts = [
        desk.both[i % 2].save(desk.keys, state(layout="speaker", style={"gap": i}), first.etag) for i in range(20)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, SavedComposition)]
    assert all(isinstance(result, PreconditionFailed) for result in results if result is not won)
    assert (await desk.compositions.load(desk.keys)).composition_id == won.composition_id


async def test_a_lock_that_a_dead_process_left_holds_nobody_up_for_long(local: Desk, valkey: Valkey) -> None:
    async with valkey.client() as redis:
        name = f"farm:lock:composition:{local.keys.room_id}/{local.keys.recording_id}"
        await redis.set(name, "someone", px=300)
        assert await local.save()
        assert await redis.get(name) is None


async def test_who_cannot_have_the_lock_is_told_so(
    local: Desk, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_api.compositions.LOCK_WAIT_S", 0.1)
    async with valkey.client() as redis:
        name = f"farm:lock:composition:{local.keys.room_id}/{local.keys.recording_id}"
        await redis.set(name, "someone", px=60_000)
        with pytest.raises(Conflict):
            await local.save()
        assert await redis.get(name) == b"someone"


async def test_who_lost_the_lock_while_saving_does_not_become_the_latest(local: Desk, valkey: Valkey) -> None:
    async with valkey.client() as redis:
        name = f"farm:lock:composition:{local.keys.room_id}/{local.keys.recording_id}"
        async with local.compositions._locked(local.keys) as still_held:
            await still_held()
            await redis.set(name, "someone else", px=60_000)
            with pytest.raises(Conflict):
                await still_held()
        assert await redis.get(name) == b"someone else"


async def test_without_redis_nothing_is_saved(local: Desk, valkey: Valkey) -> None:
    valkey.kill()
    with pytest.raises(QueueUnavailable):
        await local.save()
    assert local.stored() == []
    valkey.start()
    assert await local.save()


# ---- images --------------------------------------------------------------------------------------------------


async def by_header(name: str, data: bytes) -> ImageHeader:
    return check_header(name, data)


PNG, JPEG = encoded((30, 20), "PNG"), encoded((30, 20), "JPEG")


async def test_an_image_is_stored_as_far_as_it_is_one(desk: Desk) -> None:
    assert await desk.compositions.put_asset(desk.keys, "logo.png", PNG + archive(), by_header) == (30, 20)
    assert await desk.compositions.put_asset(desk.keys, "photo.JPG", JPEG, by_header) == (30, 20)
    assert desk.store.get(desk.keys.asset("logo.png")) == PNG
    assert desk.store.get(desk.keys.asset("photo.JPG")) == JPEG


async def test_a_name_stands_for_one_image(desk: Desk) -> None:
    for _ in range(2):
        await desk.compositions.put_asset(desk.keys, "logo.png", PNG, by_header)
    with pytest.raises(Conflict, match=r"logo\.png"):
        await desk.compositions.put_asset(desk.keys, "logo.png", encoded((31, 20), "PNG"), by_header)
    assert desk.store.get(desk.keys.asset("logo.png")) == PNG


@pytest.mark.parametrize(
    "name",
    ["", ".png", "../policy.json", "..", "a/b.png", "a\\b.png", "a..png", "a b.png", "ä.png", "a" * 125 + ".png",
     "policy.json", "logo.jpg", "logo", "logo.png\n", "logo.png\0", "%2e%2e.png"],
)  # fmt: skip
async def test_a_name_that_cannot_be_used_is_refused(local: Desk, name: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        await local.compositions.put_asset(local.keys, name, PNG, by_header)
    assert caught.value.problems[0][0] == "/name"
    assert list(local.store.list(local.keys.assets)) == []


async def test_there_is_an_end_to_images(local: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler_api.compositions.MAX_ASSETS", 3)
    for n in range(3):
        await local.compositions.put_asset(local.keys, f"{n}.png", PNG, by_header)
    assert await local.compositions.put_asset(local.keys, "0.png", PNG, by_header)
    with pytest.raises(Conflict):
        await local.compositions.put_asset(local.keys, "3.png", PNG, by_header)


def test_ids_are_checked_before_any_of_this() -> None:
    with pytest.raises(InvalidKey):
        RecordingKeys("room", "../other")
