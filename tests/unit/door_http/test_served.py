"""The app behind a real server on loopback: event streams, media, and what only a server shows."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from farm.job import Progress, moment
from scheduler_api.jobs.messages import progress_event, status_event
from scheduler_api.media import BLOCK_BYTES
from storage.objects import StoreSpec
from tests.support.door import Door, copy_recording, exchange, open_door, served
from tests.support.s3 import free_port
from tests.support.valkey import Valkey
from tests.unit.door_http.test_seed import finish

pytestmark = pytest.mark.anyio

FILM = random.Random(3).randbytes(2 * BLOCK_BYTES + 777)


async def events_of(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> AsyncIterator[tuple[str, Any]]:
    """(id, event) of each event of the stream, until it ends."""
    async with client.stream("GET", url, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        seen: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line == "" and "data" in seen:
                yield seen["id"], json.loads(seen["data"])
            seen = {} if line == "" else seen | {name: value}


async def queued(door: Door) -> str:
    answer = await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})
    return str(answer.json()["job_id"])


async def progress(door: Door, job_id: str, done: int) -> None:
    told = Progress(done=done, total=10, unit="segments", fraction=done / 10)
    await door.services.board.publish(job_id, progress_event(job_id, told))


async def end(door: Door, job_id: str) -> None:
    await door.services.board.publish(job_id, status_event(await finish(door, job_id)))


async def test_a_listener_who_comes_again_misses_nothing(door: Door) -> None:
    job_id = await queued(door)
    url, user = f"/jobs/{job_id}/events", door.user("participant")
    async with served(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        first: list[tuple[str, Any]] = []
        stream = events_of(client, url, user)
        for done in range(1, 4):
            await progress(door, job_id, done)
        async for told in stream:
            first.append(told)
            if told[1].get("done") == 2:
                break
        await stream.aclose()   # type: ignore[attr-defined]
        await progress(door, job_id, 4)
        await end(door, job_id)
        rest = [told async for told in events_of(client, url, user | {"Last-Event-ID": first[-1][0]})]
        everything = [told async for told in events_of(client, url, user)]
    assert first + rest == everything
    assert [event.get("done") for _, event in everything if event["type"] == "progress"] == [1, 2, 3, 4]
    assert everything[-1][1]["status"] == "ready"


async def test_many_listeners_hear_the_same(door: Door) -> None:
    job_id = await queued(door)
    async with served(door.app) as address:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, limits=limits) as client:

            async def listen() -> list[tuple[str, Any]]:
                return [told async for told in events_of(client, f"/jobs/{job_id}/events", door.user())]

            listening = [asyncio.create_task(listen()) for _ in range(60)]
            while door.services.hub.listeners < 60:
                await asyncio.sleep(0.01)
            await progress(door, job_id, 5)
            await end(door, job_id)
            heard = await asyncio.gather(*listening)
    assert all(told == heard[0] for told in heard)
    assert [event["type"] for _, event in heard[0]] == ["status", "progress", "status"]


async def test_events_of_an_ended_job_whose_events_are_gone(door: Door) -> None:
    job_id = await queued(door)
    job = await door.services.jobs.find(job_id)
    assert job is not None
    at = moment(door.clock())
    failed = job.moved("failed", at, reason="cancelled", message="stopped")
    door.services.store.put(door.keys.job(job_id), failed.to_json())
    await door.services.redis.flushall()
    async with served(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        told = [event async for _, event in events_of(client, f"/jobs/{job_id}/events", door.user())]
    assert (told[-1]["status"], told[-1]["reason"]) == ("failed", "cancelled")


def link(door: Door, key: str, folder: str | None = None) -> str:
    keys = door.keys
    token = door.services.signer.sign(keys.room_id, keys.recording_id, folder or key, folder is not None, 600)
    return f"/media/{token}/{key}"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
async def stored(request: pytest.FixtureRequest, tmp_path: Path, valkey: Valkey) -> AsyncIterator[Door]:
    """The door over each kind of store."""
    keys = copy_recording(tmp_path)
    spec = StoreSpec(str(tmp_path)) if request.param == "folder" else request.getfixturevalue("s3_spec")
    redis = valkey.client()
    async with open_door(spec, keys, redis) as opened:
        yield opened
    await redis.aclose()


async def test_media_by_signed_links_over_a_real_server(stored: Door) -> None:
    door, keys = stored, stored.keys
    export = keys.export("e1")
    door.services.store.put(export, FILM)
    async with served(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        url = link(door, export)
        whole = await client.get(url)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, FILM, "video/mp4")
        head = await client.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(FILM)))
        part = await client.get(url, headers={"Range": f"bytes={BLOCK_BYTES - 3}-{BLOCK_BYTES + 4}"})
        assert (part.status_code, part.content) == (206, FILM[BLOCK_BYTES - 3 : BLOCK_BYTES + 5])
        assert (await client.get(url, headers={"If-None-Match": whole.headers["etag"]})).status_code == 304
        assert (await client.get(link(door, keys.export("none")))).status_code == 404
        door.clock.now_s += 601
        assert (await client.get(url)).status_code == 403


async def test_nothing_outside_what_was_signed_opens_in_any_spelling(door: Door) -> None:
    keys, store = door.keys, door.services.store
    mine, other = keys.preview.folder("ada", "camera"), keys.preview.folder("bob", "camera")
    for key in (f"{mine}/av.m3u8", f"{other}/av.m3u8", keys.export("e1"), keys.export("e2")):
        store.put(key, b"content")
    folder_link = link(door, f"{mine}/av.m3u8", folder=mine)
    export_link = link(door, keys.export("e1"))
    head, tail = folder_link[: folder_link.index("/rooms")], "/policy.json"
    spellings = ["/../../../policy.json", "/%2e%2e/%2e%2e/%2e%2e/policy.json", "/..%2f..%2f..%2fpolicy.json",
                 "/..\\..\\policy.json", "/%252e%252e/policy.json", "/av.m3u8/../../bob/av.m3u8", "//av.m3u8", "/",
                 "/./av.m3u8", "/%61v.m3u8", "/av%2em3u8", "/av.m3u8%00", "/av.m3u8%0a", "/av.m3u8;x", "/sub/av.m3u8",
                 "/.hidden", "/av.m3u8/"]  # fmt: skip
    outside = [f"{head}/{mine}{spelling}" for spelling in spellings]
    outside += [f"{head}/{other}/av.m3u8", f"{head}/{keys.prefix}{tail}", f"{head}/{keys.metadata}"]
    outside += [export_link.replace("e1.mp4", "e2.mp4"), export_link.replace(".o", ".f"), f"{head}/"]
    no_links = [head, f"/media//{mine}/av.m3u8"]
    outside += [*no_links, f"/media/x/{mine}/av.m3u8", "/media/" + "a" * 3000 + "/x"]
    async with served(door.app) as address:
        assert (await exchange(address, raw_get(folder_link)))[0] == 200
        assert (await exchange(address, raw_get(export_link)))[0] == 200
        for path in outside:
            status, answer = await exchange(address, raw_get(path))
            assert status == 403 or (status == 404 and path in no_links), path
            assert b"who_can" not in answer
        assert (await exchange(address, raw_get(folder_link + "?x=/../y")))[0] == 200


def raw_get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n".encode()


async def test_roles_divide_the_endpoints(tmp_path: Path, valkey: Valkey) -> None:
    keys, redis = copy_recording(tmp_path), valkey.client()
    spec = StoreSpec(str(tmp_path))
    async with open_door(spec, keys, redis, role="gateway") as gateway, \
               open_door(spec, keys, redis, role="composition") as composition:  # fmt: skip
        token = await gateway.token()
        assert (await gateway.client.post(f"{gateway.path}/preview", headers=token, json={})).status_code == 404
        made = await composition.client.post(f"{gateway.path}/preview", headers=token, json={})
        assert made.status_code == 202
        assert (await composition.client.get(gateway.path, headers=gateway.user())).status_code == 404
        assert (await gateway.client.get(f"/jobs/{made.json()['job_id']}", headers=gateway.user())).status_code == 200
        for door in (gateway, composition):
            assert (await door.client.get("/readyz")).status_code == 200   # neither waits for a dispatcher
    await redis.aclose()


async def test_readiness_asks_for_a_dispatcher(door: Door) -> None:
    none = await door.client.get("/readyz")
    assert (none.status_code, none.json()["checks"]) == (503, {"storage": "ok", "redis": "ok", "dispatcher": "none"})
    await door.services.queue.attend()
    assert (await door.client.get("/readyz")).json() == {
        "status": "ok",
        "checks": {"storage": "ok", "redis": "ok", "dispatcher": "ok"},
    }


async def test_metrics_have_a_port_of_their_own(tmp_path: Path, valkey: Valkey) -> None:
    keys, redis, port = copy_recording(tmp_path), valkey.client(), free_port()
    async with open_door(StoreSpec(str(tmp_path)), keys, redis, metrics_port=port) as door:
        async with served(door.app) as address, httpx.AsyncClient() as client:
            await queued(door)
            assert (await client.get(f"{address}/recordings/none")).status_code == 401
            assert (await client.get(f"{address}/metrics")).status_code == 404
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        found = {family.name: family.samples for family in text_string_to_metric_families(text)}
        statuses = {(s.labels["route"], s.labels["status"]) for s in found["farm_http_requests"] if "route" in s.labels}
        assert ("/recordings/{recording_id}", "401") in statuses
        assert ("/recordings/{recording_id}/preview", "202") in statuses
        assert "farm_queue_waiting_jobs" in found
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient() as client:
                await client.get(f"http://127.0.0.1:{port}/metrics")
    await redis.aclose()


async def test_made_up_methods_are_one_series(door: Door) -> None:
    async with served(door.app) as address:
        for n in range(50):
            request = f"X{n} /nowhere HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n"
            assert (await exchange(address, request.encode()))[0] in (404, 405)
        await exchange(address, b"PUT /nowhere HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n")
    registry = door.app.state.metrics.registry
    for family in ("farm_http_requests", "farm_http_request_seconds"):
        (found,) = [one for one in registry.collect() if one.name == family]
        assert {sample.labels["method"] for sample in found.samples} == {"other", "PUT"}


async def test_only_known_origins_may_read_answers(tmp_path: Path, valkey: Valkey) -> None:
    keys, redis = copy_recording(tmp_path), valkey.client()
    origins = "https://app.test, https://b.test"
    async with open_door(StoreSpec(str(tmp_path)), keys, redis, cors_origins=origins) as door:
        for path, headers in [(door.path, door.user()), (door.path, {}), ("/nowhere", {})]:
            friend = await door.client.get(path, headers=headers | {"Origin": "https://b.test"})
            foe = await door.client.get(path, headers=headers | {"Origin": "https://evil.test"})
            assert friend.headers["access-control-allow-origin"] == "https://b.test"
            assert "access-control-allow-origin" not in foe.headers
        asked = {"Origin": "https://app.test", "Access-Control-Request-Method": "PUT",
                 "Access-Control-Request-Headers": "authorization, if-match, idempotency-key"}  # fmt: skip
        assert (await door.client.options(f"{door.path}/composition", headers=asked)).status_code == 200
    await redis.aclose()
