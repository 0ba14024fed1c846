"""Requests for jobs: the order of checks, repeated requests, tokens that come back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from scheduler_api.auth.access import Scope
from scheduler_api.desk import Burned, Holder, TokenDesk
from storage.objects import StoreSpec
from tests.support.door import Door, copy_recording, open_door
from tests.support.valkey import Valkey
from tests.unit.door_http.test_seed import STATE

pytestmark = pytest.mark.anyio


class FarDesk:
    """A desk at the other end of a wire: only burning tells whose a token is."""

    def __init__(self, near: TokenDesk) -> None:
        self._near = near

    async def check(self, token: str, action: Scope, recording_id: str) -> Holder | None:
        return None

    async def check_and_burn(self, token: str, action: Scope, recording_id: str) -> Burned:
        return await self._near.check_and_burn(token, action, recording_id)

    async def give_back(self, receipt: str) -> bool:
        return await self._near.give_back(receipt)


@pytest.fixture(params=["near", "far"])
async def either(request: pytest.FixtureRequest, tmp_path: Path, valkey: Valkey) -> Any:
    """A door whose token desk is in this process, or elsewhere: nobody can tell the difference."""
    keys, redis = copy_recording(tmp_path), valkey.client()
    async with open_door(StoreSpec(str(tmp_path)), keys, redis) as near:
        if request.param == "near":
            yield near
        else:
            async with open_door(StoreSpec(str(tmp_path)), keys, redis, desk=FarDesk(near.services.desk)) as far:
                yield far
    await redis.aclose()


async def open_jobs(door: Door) -> int:
    return len(await door.services.jobs.of_recording(door.keys.room_id, door.keys.recording_id))


async def test_the_same_key_makes_one_job(either: Door) -> None:
    door, path, key = either, f"{either.path}/preview", {"Idempotency-Key": "one"}
    token = await door.token()
    first = await door.client.post(path, headers=token | key, json={})
    again_with_the_used_token = await door.client.post(path, headers=token | key, json={})
    fresh = await door.token()
    again = await door.client.post(path, headers=fresh | key, json={})
    assert [a.status_code for a in (first, again_with_the_used_token, again)] == [202, 202, 202]
    assert first.json() == again_with_the_used_token.json() == again.json()
    assert await open_jobs(door) == 1
    unused = await door.client.post(path, headers=fresh, json={})   # the repeated request did not use it up
    assert unused.status_code == 202
    assert await open_jobs(door) == 2


async def test_a_key_is_bound_to_subject_recording_and_route(either: Door) -> None:
    door, key = either, {"Idempotency-Key": "one"}
    await door.client.put(f"{door.path}/composition", headers=await door.token(), json=STATE)
    answers = [
        await door.client.post(f"{door.path}/preview", headers=await door.token() | key, json={}),
        await door.client.post(
            f"{door.path}/preview", headers=await door.token(headers=door.user(sub="grace")) | key, json={}
        ),
        await door.client.post(f"{door.path}/export", headers=await door.token() | key, json={}),
    ]
    assert len({answer.json()["job_id"] for answer in answers}) == 3


async def test_a_key_that_came_with_another_body_is_refused(either: Door) -> None:
    door, path, key = either, f"{either.path}/preview", {"Idempotency-Key": "one"}
    first = await door.client.post(path, headers=await door.token() | key, json={})
    token = await door.token()
    other = await door.client.post(path, headers=token | key, json={"segment_seconds": 2})
    assert (other.status_code, other.json()["errors"][0]["header"]) == (422, "Idempotency-Key")
    nothing_is_an_empty_object = await door.client.post(path, headers=token | key)
    assert nothing_is_an_empty_object.json() == first.json()
    assert (await door.client.post(path, headers=token, json={"segment_seconds": 2})).status_code == 202   # given back
    assert await open_jobs(door) == 2


async def test_of_two_bodies_at_once_with_one_key_one_is_refused(either: Door) -> None:
    door, key = either, {"Idempotency-Key": "both"}
    tokens = [await door.token() for _ in range(8)]
    bodies = [{"segment_seconds": 2 + 2 * (n % 2)} for n in range(8)]
    answers = await asyncio.gather(
        *(door.client.post(f"{door.path}/preview", headers=token | key, json=body)
          for token, body in zip(tokens, bodies, strict=True))
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [202] * 4 + [422] * 4
    assert await open_jobs(door) == 1


async def test_many_at_once_with_one_key_make_one_job(either: Door) -> None:
    door, key = either, {"Idempotency-Key": "crowd"}
    tokens = [await door.token() for _ in range(12)]
    answers = await asyncio.gather(
        *(door.client.post(f"{door.path}/preview", headers=token | key, json={}) for token in tokens)
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    assert await open_jobs(door) == 1
    left = [await door.client.post(f"{door.path}/preview", headers=token, json={}) for token in tokens]
    assert [answer.status_code for answer in left].count(202) == 11   # one was used up, the others came back


async def test_one_token_used_by_many_at_once_makes_one_job(either: Door) -> None:
    door, token = either, await either.token()
    answers = await asyncio.gather(
        *(door.client.post(f"{door.path}/preview", headers=token, json={}) for _ in range(50))
    )
    assert sorted(answer.status_code for answer in answers) == [202] + [401] * 49
    assert await open_jobs(door) == 1


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("preview", {"mux_per_peer": False}, "/mux_per_peer"),
        ("preview", {"segment_seconds": 3}, "/segment_seconds"),
        ("export", {"composition_id": "latest"}, "/composition_id"),   # nothing is saved yet
        ("export", {"composition_id": "../policy"}, "/composition_id"),
        ("export", {"range": {"start_ms": 9, "end_ms": 3}}, "/range"),
        ("composition", {"layout": "nonsense"}, "/layout"),
    ],
)
async def test_a_refused_request_gives_its_token_back(either: Door, name: str, body: Any, pointer: str) -> None:
    door, url = either, f"{either.path}/{name}"
    method = "PUT" if name == "composition" else "POST"
    token = await door.token()
    for _ in range(3):
        refused = await door.client.request(method, url, headers=token, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    good: Any = {"composition": STATE}.get(name, {})
    if name == "export":
        await door.client.put(f"{door.path}/composition", headers=await door.token(), json=STATE)
    assert (await door.client.request(method, url, headers=token, json=good)).status_code in (200, 202)
    assert (await door.client.request(method, url, headers=token, json=good)).status_code == 401


async def test_a_store_that_fails_gives_the_token_back(either: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door, token, key = either, await either.token(), {"Idempotency-Key": "k"}
    rooms = Path(door.services.store.url) / "farm"
    rooms.write_bytes(b"")   # where the job's records should go
    failed = await door.client.post(f"{door.path}/preview", headers=token | key, json={})
    assert failed.status_code >= 422
    assert await open_jobs(door) == 0
    rooms.unlink()
    assert (await door.client.post(f"{door.path}/preview", headers=token | key, json={})).status_code == 202


async def test_a_saved_composition_that_was_overtaken_gives_the_token_back(either: Door) -> None:
    door, url = either, f"{either.path}/composition"
    first = await door.client.put(url, headers=await door.token(), json=STATE)
    token = await door.token()
    other = STATE | {"layout": "grid"}
    stale = await door.client.put(url, headers=token | {"If-Match": '"another"'}, json=other)
    assert (stale.status_code, stale.json()["errors"][0]["header"]) == (412, "If-Match")
    good = await door.client.put(url, headers=token | {"If-Match": first.headers["etag"]}, json=other)
    assert good.status_code == 200
    late = await door.client.put(url, headers=await door.token() | {"If-None-Match": "*"}, json=STATE)
    assert (late.status_code, late.json()["errors"][0]["header"]) == (412, "If-None-Match")


async def test_a_bad_token_is_refused_before_its_body_is_looked_at(door: Door) -> None:
    for token in ("", "Bearer nonsense", "Basic YTpi", (await door.token(["preview:read"]))["Authorization"]):
        answer = await door.client.post(f"{door.path}/export", headers={"Authorization": token}, content=b"{nonsense")
        assert answer.status_code in (401, 403)


async def test_redis_down_refuses_everything_that_needs_it(door: Door, valkey: Valkey) -> None:
    token = await door.token()
    valkey.kill()
    try:
        for url, headers in (
            (f"{door.path}/preview", token),
            (f"{door.path}/composition/token", door.user()),
        ):
            answer = await door.client.post(url, headers=headers, json={})
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert "127.0.0.1" not in answer.text
        ready = await door.client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["storage"]) == (503, "ok")
        assert ready.json()["checks"]["redis"] != "ok"
        assert (await door.client.get("/healthz")).status_code == 200
    finally:
        valkey.start()
