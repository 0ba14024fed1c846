"""The seed's five endpoints, to the letter: bodies, field names, statuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from farm.job import Job, Progress, moment
from scheduler_api.routes.links import STEADY_S
from tests.support.door import Door

pytestmark = pytest.mark.anyio

STATE: dict[str, Any] = {
    "layout": "speaker",
    "timeline": [{"t": 0, "type": "layout", "layout": "grid"}],
    "tracks": [],
    "export": {"resolution": "1920x1080", "fps": 30},
}


async def finish(door: Door, job_id: str, **changes: Any) -> Job:
    """What a dispatcher does with a job, without the work."""
    job = await door.services.jobs.find(job_id)
    assert job is not None
    at = moment(door.clock())
    job = job.moved("processing", at, epoch=1).moved("ready", at, **changes)
    assert await door.services.board.put(job)
    return job


async def test_a_token_says_what_it_is_for(door: Door) -> None:
    answer = await door.client.post(f"{door.path}/composition/token", headers=door.user("host"))
    assert answer.status_code == 200
    issued = answer.json()
    assert set(issued) == {"token", "expires_at", "scope", "recording_id", "room_id"}
    assert issued["scope"] == ["preview:read", "composition:write", "export:create"]
    assert (issued["recording_id"], issued["room_id"]) == (door.keys.recording_id, door.keys.room_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", issued["expires_at"])
    assert answer.headers["cache-control"] == "no-store"


async def test_a_token_can_be_narrowed_but_not_widened(door: Door) -> None:
    path = f"{door.path}/composition/token"
    narrow = await door.client.post(path, headers=door.user("host"), json={"scope": ["preview:read"]})
    assert narrow.json()["scope"] == ["preview:read"]
    viewer = await door.client.post(path, headers=door.user("participant"))
    assert viewer.json()["scope"] == ["preview:read"]
    wide = await door.client.post(path, headers=door.user("participant"), json={"scope": ["export:create"]})
    assert wide.status_code == 403
    unknown = await door.client.post(path, headers=door.user("host"), json={"scope": ["everything"]})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/scope/0")


async def test_preview_composition_and_export_take_the_seeds_bodies(door: Door) -> None:
    preview = await door.client.post(
        f"{door.path}/preview",
        headers=await door.token(),
        json={"preset": "standard", "segment_seconds": 4, "mux_per_peer": True},
    )
    assert (preview.status_code, set(preview.json()), preview.json()["status"]) == (202, {"job_id", "status"}, "queued")
    saved = await door.client.put(f"{door.path}/composition", headers=await door.token(), json=STATE)
    assert saved.status_code == 200
    assert (saved.json()["status"], set(saved.json())) == ("ok", {"status", "updated_at", "composition_id"})
    assert saved.headers["etag"].startswith('"')
    export = await door.client.post(
        f"{door.path}/export",
        headers=await door.token(),
        json={"composition_id": "latest", "preset": "high", "format": "mp4"},
    )
    assert (export.status_code, set(export.json()), export.json()["status"]) == (202, {"job_id", "status"}, "queued")
    job = await door.services.jobs.find(export.json()["job_id"])
    assert job is not None
    assert job.request["composition_id"] == saved.json()["composition_id"]   # not `latest`, which may change


async def test_a_recording_before_any_job_has_no_status(door: Door) -> None:
    answer = await door.client.get(door.path, headers=door.user("participant"))
    assert answer.status_code == 200
    assert answer.json() == {
        "recording_id": door.keys.recording_id,
        "room_id": door.keys.room_id,
        "preview_status": None,
        "export_status": None,
        "preview": {"peers": {}, "screenshare": {}, "job_id": None},
        "export": {"url": None, "job_id": None},
        "exports": [],
    }


async def test_a_recordings_status_follows_its_jobs_and_its_links_open(door: Door) -> None:
    keys, store = door.keys, door.services.store
    preview = (await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})).json()
    await door.client.put(f"{door.path}/composition", headers=await door.token(), json=STATE)
    export = (await door.client.post(f"{door.path}/export", headers=await door.token(), json={})).json()
    queued = (await door.client.get(door.path, headers=door.user())).json()
    assert (queued["preview_status"], queued["export_status"]) == ("queued", "queued")
    assert (queued["preview"]["job_id"], queued["export"]) == (
        preview["job_id"],
        {"url": None, "job_id": export["job_id"]},
    )

    for name in ("av", "av_low"):
        store.put(keys.preview.stream("a peer.1", "camera", name).playlist, b"#EXTM3U\n" + name.encode())
    store.put(keys.preview.stream("a peer.1", "camera", "av").segment(1), b"a segment")
    store.put(keys.preview.stream("a peer.1", "screenshare", "video").playlist, b"#EXTM3U\nvideo")
    store.put(keys.preview.manifest, b"{}")
    output, thumbnail = keys.export(export["job_id"]), keys.thumbnail(export["job_id"], 1)
    store.put(output, b"a film")
    store.put(thumbnail, b"a picture")
    await finish(door, preview["job_id"], result={})
    await finish(door, export["job_id"], result={"output": output, "thumbnails": [thumbnail]})

    ready = (await door.client.get(door.path, headers=door.user("participant"))).json()
    assert (ready["preview_status"], ready["export_status"]) == ("ready", "ready")
    peer = ready["preview"]["peers"]["a peer.1"]
    assert set(peer) == {"av", "low"}
    assert (await door.client.get(peer["av"])).content == b"#EXTM3U\nav"
    assert (await door.client.get(peer["low"])).content == b"#EXTM3U\nav_low"
    assert (await door.client.get(peer["av"].replace("av.m3u8", "av_0001.m4s"))).content == b"a segment"
    assert (await door.client.get(ready["preview"]["screenshare"]["a peer.1"]["video"])).content == b"#EXTM3U\nvideo"
    assert (await door.client.get(ready["export"]["url"])).content == b"a film"
    (listed,) = ready["exports"]
    assert set(listed) == {"export_id", "status", "composition_id", "url", "thumbnails", "created_at"}
    assert listed["export_id"] == export["job_id"]
    assert (await door.client.get(listed["thumbnails"][0])).content == b"a picture"
    assert str(store.url) not in str(ready)


async def test_links_stay_the_same_for_a_while_and_live_long_enough(door: Door) -> None:
    door.services.store.put(door.keys.preview.stream("ada", "camera", "av").playlist, b"#EXTM3U\n")

    async def link() -> str:
        told = (await door.client.get(door.path, headers=door.user())).json()
        return str(told["preview"]["peers"]["ada"]["av"])

    seen = []
    for _ in range(3 * STEADY_S):
        seen.append(await link())
        door.clock.now_s += 1
    assert 3 <= len(set(seen)) <= 4
    assert [seen.count(one) for one in dict.fromkeys(seen)][1:-1] == [STEADY_S] * (len(set(seen)) - 2)
    door.clock.now_s += door.services.settings.media_ttl_s - STEADY_S - 1   # since the last one was given
    assert (await door.client.get(seen[-1])).status_code == 200
    door.clock.now_s += STEADY_S + 1
    assert (await door.client.get(seen[-1])).status_code == 403


async def test_a_jobs_state_tells_progress_and_no_keys(door: Door) -> None:
    preview = (await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})).json()
    job = await door.services.jobs.find(preview["job_id"])
    assert job is not None
    progress = Progress(done=3, total=12, unit="segments", fraction=0.25, eta_s=9.0)
    await door.services.board.put(job.moved("processing", moment(door.clock()), epoch=1, progress=progress))
    told = (await door.client.get(f"/jobs/{preview['job_id']}", headers=door.user("participant"))).json()
    assert (told["status"], told["kind"], told["recording_id"]) == ("processing", "preview", door.keys.recording_id)
    assert told["progress"] == {"done": 3, "total": 12, "unit": "segments", "fraction": 0.25, "eta_s": 9.0}
    assert not {"request", "created_by", "idempotency", "result"} & set(told)


async def test_cancel_is_passed_on_and_needs_a_host(door: Door) -> None:
    preview = (await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})).json()
    path = f"/jobs/{preview['job_id']}"
    assert (await door.client.delete(path, headers=door.user("participant"))).status_code == 403
    assert not await door.services.board.cancel_requested(preview["job_id"])
    assert (await door.client.delete(path, headers=door.user("co_host"))).status_code == 202
    assert await door.services.board.cancel_requested(preview["job_id"])


async def test_status_survives_a_redis_that_forgot_everything(door: Door) -> None:
    preview = (await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})).json()
    await door.services.redis.flushall()
    told = (await door.client.get(door.path, headers=door.user())).json()
    assert (told["preview_status"], told["preview"]["job_id"]) == ("queued", preview["job_id"])
    assert (await door.client.get(f"/jobs/{preview['job_id']}", headers=door.user())).json()["status"] == "queued"
