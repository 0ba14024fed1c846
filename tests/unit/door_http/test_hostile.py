"""Ids, bodies and files that mean harm: a clear 4xx each time, and nothing that was not there before."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from compositing.state import MAX_BYTES
from tests.support.door import Door, exchange, served
from tests.unit.door_http.test_seed import STATE

pytestmark = pytest.mark.anyio

BAD_IDS = ["..", "%2e%2e", "..%2f..%2fetc", "a%2fb", "a\\b", "%00", "a%0ab", "%ff", "x" * 300, "%F0%9F%92%A5", "a b",
           "*", "latest.json", "....", "%252e%252e", "'; DROP TABLE jobs", "${jndi:ldap}", "\u202e"]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_IDS)
async def test_ids_that_are_none_name_nothing(door: Door, bad: str) -> None:
    host = door.user("host")
    for method, url in [
        ("GET", f"/recordings/{bad}"),
        ("POST", f"/recordings/{bad}/composition/token"),
        ("GET", f"/recordings/{bad}/composition"),
        ("POST", f"/recordings/{bad}/plan"),
        ("GET", f"/jobs/{bad}"),
        ("GET", f"/jobs/{bad}/events"),
        ("DELETE", f"/jobs/{bad}"),
        ("GET", f"{door.path}/labels/{bad}.png"),
    ]:
        answer = await door.client.request(method, url, headers=host)
        assert answer.status_code in (404, 405, 422), (method, url, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    token = await door.token()
    for name in ("preview", "export"):
        answer = await door.client.post(f"/recordings/{bad}/{name}", headers=token, json={})
        assert answer.status_code in (401, 403, 404, 422)
        part = await door.client.post(f"/recordings/{bad}/export", headers=door.service(), json={})
        assert part.status_code in (404, 422)


def objects(door: Door) -> dict[str, str]:
    return {info.key: info.etag for info in door.services.store.list("rooms/")}


ELSEWHERE = [
    "policy.json", "metadata.json", "tracks/x-000001.rtp", "quick_access/../policy.json", "/etc/passwd",
    "../other/quick_access/a.mp4", "quick_access/a.mp4/../../policy.json", "quick_access\\a.mp4",
    "quick_access/%2e%2e/policy.mp4", "processed/exports/a.mp4", "processed/exports/part-/../a.mp4",
    "quick_access/.mp4", "quick_access/a.mp4\n", "rooms/other/recording/quick_access/a.mp4", "quick_access/a\0.mp4",
    "", "x" * 2000, "cache/chunks/part-1.mp4", "jobs/part-1.mp4", "composition/latest.json",
]  # fmt: skip


@pytest.mark.parametrize("output_key", ELSEWHERE)
async def test_output_keys_elsewhere_are_refused(door: Door, output_key: str) -> None:
    before = objects(door)
    part = {"job_type": "late_composite", "format": "mp4", "start_time_sec": 0, "end_time_sec": 5, "layout": "grid"}
    answer = await door.client.post(
        f"{door.path}/export", headers=door.service(), json=part | {"output_key": output_key}
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/output_key")
    assert objects(door) == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"start_time_sec": 5, "end_time_sec": 5}, ""),
        ({"end_time_sec": 1e30}, "/end_time_sec"),
        ({"start_time_sec": -1}, "/start_time_sec"),
        ({"layout": "../grid"}, "/layout"),
        ({"job_type": "export"}, "/job_type"),
        ({"format": "avi"}, "/format"),
        ({"tiles": [{}]}, "/tiles"),
        ({"spotlight_key": "a"}, "/spotlight_key"),
        ({"audio_source_key": "a"}, "/audio_source_key"),
        ({"webhook": "http://169.254.169.254/"}, "/webhook"),
    ],
)
async def test_parts_that_make_no_sense_are_refused(door: Door, change: dict[str, Any], pointer: str) -> None:
    part = {"job_type": "quick_access", "format": "mp4", "start_time_sec": 0, "end_time_sec": 5, "layout": "grid",
            "output_key": "quick_access/a.mp4"}  # fmt: skip
    answer = await door.client.post(f"{door.path}/export", headers=door.service(), json=part | change)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"timeline": [{"t": NaN, "type": "unpin"}]}', ""),
        (b'{"tracks": [{"peer_id": "p", "volume_db": Infinity}]}', ""),
        (b'{"tracks": [{"peer_id": "p", "volume_db": 1e999}]}', ""),
        (b"[" * 100_000, ""),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, ""),
        (b"\xff\xfe\x00", ""),
        (b"", ""),
        (b"null", ""),
        (b'"text"', ""),
        (b'{"layout": "\\ud800"}', ""),
        (b'{"export": {"fps": 100000}}', "/export/fps"),
        (b'{"export": {"fps": 1e400}}', ""),
        (b'{"export": {"resolution": "99999x99999"}}', "/export/resolution"),
        (b'{"export": {"resolution": "1920x1080 -vf"}}', "/export/resolution"),
        (b'{"export": {"resolution": [1920, 1080]}}', "/export/resolution"),
        (b'{"layout": {"$ref": "#"}}', "/layout"),
        (b'{"recording_id": "another"}', "/recording_id"),
        (b'{"room_id": "another"}', "/room_id"),
        (b'{"style": {"image": {"asset": "../policy.json", "rect": {"x":0,"y":0,"w":1,"h":1}}}}', "/style/image/asset"),
        (b'{"style": {"image": {"asset": "a/b.png", "rect": {"x":0,"y":0,"w":1,"h":1}}}}', "/style/image/asset"),
        (b'{"timeline": [' + b",".join([b'{"t":0,"type":"unpin"}'] * 501) + b"]}", "/timeline"),
        (b'{"__proto__": {}}', "/__proto__"),
    ],
)
async def test_compositions_that_make_no_sense_are_refused(door: Door, body: bytes, pointer: str) -> None:
    answer = await door.client.put(f"{door.path}/composition", headers=await door.token(), content=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    named = [entry["pointer"] for entry in answer.json()["errors"]]
    assert any(entry.startswith(pointer) for entry in named), named


@pytest.mark.parametrize(
    "change",
    [{"preset": "ultra"}, {"preset": ["standard"]}, {"segment_seconds": 1e9}, {"segment_seconds": "4"}, {"audio": 1},
     {"mux_per_peer": 0}, {"output": "/etc"}, {"segment_seconds": True}],
)  # fmt: skip
async def test_previews_that_make_no_sense_are_refused(door: Door, change: dict[str, Any]) -> None:
    answer = await door.client.post(f"{door.path}/preview", headers=await door.token(), json=change)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(change))}")


async def test_bodies_that_are_too_long_are_refused_unread(door: Door) -> None:
    large = json.dumps({"timeline": [], "pad": "x" * 10_000_000}).encode()
    for url in (f"{door.path}/composition", f"{door.path}/plan", f"{door.path}/export", "/nowhere"):
        method = "PUT" if url.endswith("composition") else "POST"
        answer = await door.client.request(method, url, headers=door.user(), content=large)
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:recording-farm:problem:too-large")


async def test_a_body_of_unknown_length_is_counted(door: Door) -> None:
    async with served(door.app) as address:
        token = (await door.token())["Authorization"]
        head = (
            f"PUT {door.path}/composition HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {token}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        body = b"%x\r\n" % (MAX_BYTES + 1) + b" " * (MAX_BYTES + 1) + b"\r\n"
        status, answer = await exchange(address, head.encode() + body)   # and nothing more: it need not end
        assert status == 413
        assert b"application/problem+json" in answer


def png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = data or zlib.compress((b"\0" + b"\x40" * 3 * width) * min(height, 2000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "data", "statuses"),
    [
        ("bomb.png", png(40_000, 40_000), {413}),
        ("bomb.png", png(4000, 3999, zlib.compress(b"\0" * 1000)), {415}),
        ("text.png", b"not an image", {415}),
        ("page.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", {415}),
        ("empty.png", b"", {415}),
        ("big.png", png(2, 2) + b"\0" * 6_000_000, {413}),
        ("../policy.json", png(2, 2), {422}),
        ("policy.json", png(2, 2), {422}),
        ("..", png(2, 2), {422}),
        ("a" * 300 + ".png", png(2, 2), {422}),
        (".hidden.png", png(2, 2), {422}),
    ],
)
async def test_images_that_mean_harm_are_refused(
    drawing_door: Door, name: str, data: bytes, statuses: set[int]
) -> None:
    door, before = drawing_door, objects(drawing_door)
    answer = await door.client.post(
        f"{door.path}/assets", headers=door.user(), files={"file": ("x.png", io.BytesIO(data))}, data={"name": name}
    )
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert objects(door) == before


async def test_a_good_image_is_kept_and_its_link_opens(drawing_door: Door) -> None:
    door, image = drawing_door, png(6, 4)
    answer = await door.client.post(f"{door.path}/assets", headers=door.user(), files={"file": ("logo.png", image)})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["asset"], told["width"], told["height"]) == ("logo.png", 6, 4)
    assert (await door.client.get(told["url"])).content == image


async def test_plan_and_still_of_a_real_recording(drawing_door: Door) -> None:
    door = drawing_door
    planned = await door.client.post(f"{door.path}/plan", headers=door.user("participant"), json=STATE)
    assert planned.status_code == 200
    assert planned.json()["scenes"][0]["layout"] == "grid"
    part = await door.client.post(f"{door.path}/plan?from_ms=1000&to_ms=2000", headers=door.user(), json=STATE)
    assert (part.json()["start_ms"], part.json()["end_ms"]) == (1000, 2000)
    for url, parameter in [("plan?from_ms=5&to_ms=5", "to_ms"), ("plan?from_ms=-1", "from_ms"), ("still", "t"),
                           ("still?t=NaN", "t"), ("still?t=1e9", "t"), ("still?t=99999999", "t"),
                           ("still?t=0&format=gif", "format")]:  # fmt: skip
        refused = await door.client.post(f"{door.path}/{url}", headers=door.user(), json=STATE)
        assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, parameter), url
    small = STATE | {"export": {"resolution": "320x180"}}
    cost = await door.client.post(f"{door.path}/forecast?preset=draft", headers=door.user("participant"), json=small)
    assert cost.json()["chunks"] == {"total": 3, "cached": 0}
    assert cost.json()["spans_ms"] == [[0, 20000]]
    png_still = await door.client.post(f"{door.path}/still?t=3000", headers=door.user(), json=small)
    jpeg_still = await door.client.post(f"{door.path}/still?t=3000&format=jpeg", headers=door.user(), json=small)
    assert (png_still.headers["content-type"], png_still.content[:4]) == ("image/png", b"\x89PNG")
    assert (jpeg_still.headers["content-type"], jpeg_still.content[:2]) == ("image/jpeg", b"\xff\xd8")


async def test_a_metadata_that_points_elsewhere_harms_nobody(drawing_door: Door) -> None:
    door = drawing_door
    metadata = json.loads(door.services.store.get(door.keys.metadata))
    for track in metadata["tracks"]:
        track["file_name"] = "../../../../etc/passwd"
        for segment in track["segments"]:
            segment["file_name"] = "../policy.json"
    door.services.store.put(door.keys.metadata, json.dumps(metadata).encode())
    for url, body in [("plan", {}), ("still?t=0", {})]:
        answer = await door.client.post(f"{door.path}/{url}", headers=door.user(), json=body)
        assert answer.status_code in (200, 422), answer.text
    assert (await door.client.get(door.path, headers=door.user())).status_code == 200


async def test_unknown_paths_and_methods_are_problems(door: Door) -> None:
    for method, url, status in [("GET", "/nowhere", 404), ("PATCH", door.path, 405), ("GET", "/", 404)]:
        answer = await door.client.request(method, url)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_store_stays_a_secret(door: Door, tmp_path: Path) -> None:
    """What goes wrong below is told without the names of our machines and folders."""
    job = await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})
    record = Path(door.services.store.url) / door.keys.job(job.json()["job_id"])
    await door.services.redis.flushall()
    record.write_bytes(b"{")
    answer = await door.client.get(f"/jobs/{job.json()['job_id']}", headers=door.user())
    assert answer.status_code in (422, 500, 503)
    assert str(tmp_path) not in answer.text


async def test_a_form_that_is_broken_is_the_callers_fault(door: Door) -> None:
    headers = door.user() | {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"--x\r\nno header\r\n\r\n", b"nothing of a form", b"--x\r\n\r\n\r\n--x--"):
        answer = await door.client.post(f"{door.path}/assets", headers=headers, content=body)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), body
