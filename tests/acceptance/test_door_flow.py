"""The seed's flow, end to end: over real HTTP, a real S3 server and a real Valkey, on a recording that tells the truth.

Gateway, composition service and dispatcher are processes of their own; the composition service has tokens verified over
gRPC. The recording is `standup` where the shared ones are present, else a generated meeting. What comes out is judged
by software that is not ours: playlists by m3u8, segments and MP4 by their boxes, pictures by their barcodes, sound by
its beeps. The tests of this file are steps of one story, in this order.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import grpc
import httpx
import m3u8  # type: ignore[import-untyped]
import pytest

from farm.run import ExportReport
from scheduler_api.grpc.pb import recording_shelf_pb2 as shelf_pb
from scheduler_api.grpc.pb import recording_shelf_pb2_grpc as shelf_grpc
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store
from tests.support.browser import Browser
from tests.support.buckets import upload
from tests.support.exports import Made, composed_of, watch
from tests.support.hls_check import check_stream, pictures, read_stream
from tests.support.judging import check_file, check_order, check_sound, check_sync, figures
from tests.support.mp4_check import check_mp4
from tests.support.playing import check_played, check_untroubled
from tests.support.preview_truth import check_told_times, look
from tests.support.previews import Preview, Recorded, recorded
from tests.support.recordings import SHARED
from tests.support.s3 import S3Server, free_port
from tests.support.serving import Person, Serving
from tests.support.valkey import Valkey
from tests.support.webhooks import Webhooks

pytestmark = [pytest.mark.s3, pytest.mark.browser]

NAME = "standup" if SHARED else "meeting"
SERVICE_KEY = "what-the-recording-service-shows-3141592653"
WEBHOOK_KEY = "what-the-receiver-of-webhooks-knows-2718281"
SPAN_MS = (10_000, 34_000) if SHARED else (3_000, 19_000)
"""What is exported: over joints, over somebody's coming and a camera's pause."""
STATE: dict[str, Any] = {
    "layout": "grid",
    "timeline": [{"t": SPAN_MS[0] + 8_000, "type": "layout", "layout": "speaker"}],
    "style": {"labels": True, "screenshare": "off"},
    "export": {"resolution": "1280x720", "fps": 30},
}
NAMES = {"av": "av", "av_low": "low", "video": "video"}
"""What the API calls the streams of the manifest."""
CANCEL_S = 1.5
"""A second, as promised, and what a busy machine takes to tell it."""


@dataclass
class Scene:
    """Everything that runs, and who uses it."""

    gateway: Serving
    composition: Serving
    store: ObjectStore
    keys: RecordingKeys
    recording: Recorded
    """The same in a folder, for comparison."""
    webhooks: Webhooks
    shelf_port: int
    person: Person
    viewer: Person
    """Knows nobody in the room."""

    @property
    def path(self) -> str:
        return f"/recordings/{self.keys.recording_id}"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server, valkey_server: Valkey) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("flow")
    recording = recorded(NAME, folder)
    open_to_all(recording.source)
    keys = RecordingKeys(recording.source.parent.name, recording.source.name)
    tokens_port, shelf_port = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in s3_server.env.items():
            patch.setenv(name, value)
        spec = StoreSpec(f"s3://{s3_server.new_bucket()}", endpoint=s3_server.endpoint)
        upload(recording.source, spec)
        webhooks = stack.enter_context(Webhooks(WEBHOOK_KEY))
        settings = {
            "gateway": {"FARM_TOKENS_PORT": tokens_port, "FARM_SHELF_PORT": shelf_port, "FARM_CORS_ORIGINS": "*"},
            "composition": {"FARM_TOKENS_ADDRESS": f"127.0.0.1:{tokens_port}", "FARM_SERVICE_KEY": SERVICE_KEY},
            "dispatcher": {"FARM_WEBHOOK_URL": webhooks.url, "FARM_WEBHOOK_KEY": WEBHOOK_KEY, "FARM_WORKERS": 2},
        }
        common = ("--storage", spec.url, "--redis", valkey_server.url, "--role")
        running = {
            role: Serving(folder, *common, role, keys=keys,
                          env={"FARM_S3_ENDPOINT": s3_server.endpoint, **{k: str(v) for k, v in own.items()}})
            for role, own in settings.items()
        }  # fmt: skip
        for serving in running.values():
            stack.enter_context(serving)
        gateway, composition = running["gateway"], running["composition"]
        people = [gateway.person(), gateway.person("grace", host=False)]
        for person in people:
            person.composition_address = composition.address
        yield Scene(gateway, composition, open_store(spec), keys, recording, webhooks, shelf_port, *people)


def open_to_all(source: Path) -> None:
    """A policy by which all who have a user token may see the recording."""
    path = source / "policy.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"who_can_access_recordings": "all"}))


def finished(scene: Scene, job_id: str) -> dict[str, Any]:
    """The job once it is ready, its events listened to."""
    job = scene.person.outcome(job_id)
    assert job["status"] == "ready", job
    return job


# ---- the recording becomes known ---------------------------------------------------------------------------


def test_a_recording_is_found_once_it_is_registered(scene: Scene) -> None:
    """The viewer's token names no room, so nobody could know where to look; the policy lets all see it."""
    assert scene.viewer.ask("GET", scene.path).status_code == 404
    call = shelf_pb.UpsertRoomRecordingRequest(
        room_id=scene.keys.room_id,
        recording_id=scene.keys.recording_id,
        status=shelf_pb.RECORDING_STATUS_COMPLETED,
        s3_prefix="rooms/elsewhere/another",
        quick_access_parts=[{"index": 1, "key": "quick_access/part-0001.mp4", "end_offset_ms": 6000}],
    )
    with grpc.insecure_channel(f"127.0.0.1:{scene.shelf_port}") as channel:
        answer = shelf_grpc.RecordingShelfBridgeStub(channel).UpsertRoomRecording(call, timeout=10)
    assert (answer.success, answer.room_id, answer.recording_id) == (True, scene.keys.room_id, scene.keys.recording_id)
    told = scene.viewer.recording()
    assert (told["room_id"], told["preview_status"], told["export_status"]) == (scene.keys.room_id, None, None)


# ---- preview -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def preview(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Preview:
    """The preview, made by a job and fetched through the signed addresses, no other credential shown."""
    person = scene.person
    asked = {"preset": "standard", "segment_seconds": 4, "mux_per_peer": True}
    answer = person.ask("POST", f"{scene.path}/preview", person.composition_token("preview:read"), json=asked)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    check_growing(scene, job_id)
    finished(scene, job_id)
    told = person.recording()
    assert (told["preview_status"], told["preview"]["job_id"]) == ("ready", job_id)
    assert scene.webhooks.of(job_id)["type"] == "job.ready"
    folder = tmp_path_factory.mktemp("fetched")
    (folder / "manifest.json").write_bytes(fetch(told["preview"]["manifest"]).content)
    found = Preview(NAME, scene.recording.source, folder, scene.recording.truths)
    for stream in found.streams:
        download(address_of(told, stream), folder / stream.playlist)
    return found


def check_growing(scene: Scene, job_id: str) -> None:
    """While it is made, what there is of it plays: playlists that grow, and name only what is there."""
    growing = 0
    for event in scene.person.listen(job_id):
        told = scene.person.recording()
        if event["type"] == "progress" and told["preview_status"] == "processing" and told["preview"]["peers"]:
            peer = next(iter(told["preview"]["peers"].values()))
            playlist = fetch(peer["av"])
            parsed = m3u8.loads(playlist.text)
            if not parsed.is_endlist:
                assert parsed.playlist_type == "event"
                assert playlist.headers["cache-control"] == "no-cache"
                assert all(httpx.head(urljoin(peer["av"], s.uri)).status_code == 200 for s in parsed.segments)
                growing += 1
    assert growing > 0


def address_of(told: dict[str, Any], stream: Any) -> str:
    group = told["preview"]["screenshare" if stream.source == "screenshare" else "peers"]
    return str(group[stream.peer_id][NAMES[stream.name]])


def fetch(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=30).raise_for_status()


def download(url: str, to: Path) -> None:
    """A playlist and all that it names, as its relative addresses lead there."""
    to.parent.mkdir(parents=True, exist_ok=True)
    told = fetch(url).text
    to.write_text(told)
    parsed = m3u8.loads(told)
    with httpx.Client(timeout=30) as client:
        for name in {parsed.segments[0].init_section.uri, *(segment.uri for segment in parsed.segments)}:
            (to.parent / name).write_bytes(client.get(urljoin(url, name)).raise_for_status().content)


def test_the_preview_that_was_fetched_is_whole_and_on_the_grid(preview: Preview) -> None:
    assert {(s.peer_id, s.source) for s in preview.streams} >= set(preview.truths)
    for stream in preview.streams:
        check_stream(read_stream(preview.folder / stream.playlist), seconds=4, duration_ms=preview.duration_ms)


def test_its_pictures_tell_the_time_at_which_they_are_shown(preview: Preview) -> None:
    looked = 0
    for stream in preview.streams_of("av_low"):
        data = read_stream(preview.folder / stream.playlist).data
        seen = look(preview, stream, ((tick / 90, luma) for tick, luma in pictures(data)))
        if seen.asked:
            check_told_times(preview, stream, seen)
            looked += 1
    assert looked


def test_ranges_are_the_objects_bytes_and_no_link_opens_more(scene: Scene, preview: Preview) -> None:
    told = scene.person.recording()
    first, *others = [stream for stream in preview.streams if stream.name == "av"]
    url = urljoin(address_of(told, first), "av_0001.m4s")
    whole = fetch(url)
    key = unquote(urlsplit(url).path.split("/", 3)[3])
    assert whole.content == scene.store.get(key)
    part = fetch(url, Range="bytes=100-2099")
    assert (part.status_code, part.content) == (206, whole.content[100:2100])
    assert fetch(url, **{"If-None-Match": "x", "If-Range": whole.headers["etag"], "Range": "bytes=-7"}).content == (
        whole.content[-7:]
    )
    assert httpx.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    for other in others:
        elsewhere = url.replace(first.playlist.rpartition("/")[0], other.playlist.rpartition("/")[0])
        assert elsewhere != url
        assert httpx.get(elsewhere).status_code == 403
    assert scene.store.url not in str(told)


def test_a_browser_plays_it_from_another_origin(scene: Scene, preview: Preview, browser: Browser) -> None:
    """Chromium and hls.js, from signed addresses alone; every frame that is shown is read."""
    told = scene.person.recording()
    streams = preview.streams_of("av_low")[:4]
    with browser.open([address_of(told, stream) for stream in streams]) as stage:
        stage.watch([stream.rects for stream in streams])
        stage.play_until(3.0, rate=2)
        for stream, frames in zip(streams, stage.watched(), strict=True):
            check_played(preview, stream, frames, 0.0, 3.0)
        check_untroubled(stage, streams)


# ---- export ------------------------------------------------------------------------------------------------


@dataclass
class Exported:
    """An export's job, what was told while it ran, and its file."""

    job_id: str
    composition_id: str
    events: list[dict[str, Any]]
    path: Path


@pytest.fixture(scope="module")
def exported(scene: Scene, preview: Preview, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A fresh token saves the composition, a fresh token asks for its export, the link gives the file."""
    person = scene.person
    composition_id = person.save(STATE)
    asked = {
        "composition_id": "latest",
        "preset": "draft",
        "format": "mp4",
        "range": dict(zip(("start_ms", "end_ms"), SPAN_MS, strict=True)),
        "thumbnails_every_s": 10,
    }
    token = person.composition_token("export:create")
    answer = person.ask("POST", f"{scene.path}/export", token, json=asked)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert person.ask("POST", f"{scene.path}/export", token, json=asked).status_code == 401   # it was for one request
    job_id = answer.json()["job_id"]
    person.events.clear()
    finished(scene, job_id)
    path = person.download(job_id, tmp_path_factory.mktemp("export") / "meeting.mp4")
    return Exported(job_id, composition_id, list(person.events), path)


def test_events_tell_progress_and_the_time_left(exported: Exported) -> None:
    statuses = [event["status"] for event in exported.events if event["type"] == "status"]
    assert statuses == ["queued", "processing", "ready"]
    progress = [event for event in exported.events if event["type"] == "progress"]
    fractions = [event["fraction"] for event in progress]
    assert len(progress) > 2
    assert fractions == sorted(fractions)
    assert any(event["eta_s"] is not None and event["eta_s"] > 0 for event in progress)


def test_the_file_is_what_the_state_asks_for(scene: Scene, exported: Exported) -> None:
    record = json.loads(scene.store.get(scene.keys.job(exported.job_id)))
    assert (record["status"], record["request"]["composition_id"]) == ("ready", exported.composition_id)
    source, (start_ms, end_ms) = scene.recording.source, SPAN_MS
    document = STATE | {"export": STATE["export"] | {"start_ms": start_ms, "end_ms": end_ms}}
    made = Made(source, composed_of(source, document), report_of(record), exported.path)
    check_file(made)
    watches = [
        replace(w, beeps_ms=tuple(b for b in w.beeps_ms if start_ms + 300 <= b <= end_ms - 300))
        for w in scene.recording.watches
    ]
    seen = watch(made, watches)
    print(figures(made, seen))
    check_sync(watches, seen)
    check_order(seen)
    check_sound(watches, seen)


def report_of(record: dict[str, Any]) -> ExportReport:
    """The report in a job's record, which lacks what is the machine's affair."""
    unsaid = {"warnings": (), "rendered_frames": (), "stages": {}, "decoded_units": 0, "lead_in_units": 0}
    return ExportReport(**unsaid, **record["result"])


def test_the_links_of_the_export_open_it_and_its_thumbnails(scene: Scene, exported: Exported) -> None:
    told = scene.viewer.recording()
    assert (told["export_status"], told["export"]["job_id"]) == ("ready", exported.job_id)
    (listed,) = told["exports"]
    assert listed["composition_id"] == exported.composition_id
    assert len(listed["thumbnails"]) == (3 if SHARED else 2)
    assert all(fetch(url).content[:3] == b"\xff\xd8\xff" for url in listed["thumbnails"])
    assert scene.webhooks.of(exported.job_id)["data"]["status"] == "ready"


# ---- the Recording Service's own call, and cancel --------------------------------------------------------------


def test_the_recording_service_gets_the_part_that_it_asks_for(scene: Scene, tmp_path: Path) -> None:
    key = f"{scene.keys.prefix}/quick_access/part-0001.mp4"
    body = {"job_type": "quick_access", "format": "mp4", "start_time_sec": 2, "end_time_sec": 7.5, "layout": "grid",
            "output_key": key, "tiles": [], "spotlight_key": "", "audio_source_key": ""}  # fmt: skip
    url = f"{scene.composition.address}{scene.path}/export"
    headers = {"X-Compositer-Service-Key": SERVICE_KEY, "X-Compositer-Room-Id": scene.keys.room_id}
    assert httpx.post(url, json=body, headers=headers | {"X-Compositer-Service-Key": "a guess"}).status_code == 401
    answer = httpx.post(url, json=body, headers=headers, timeout=30)
    assert answer.status_code == 202, answer.text
    finished(scene, answer.json()["job_id"])
    (tmp_path / "part.mp4").write_bytes(scene.store.get(key))
    facts = check_mp4(tmp_path / "part.mp4")
    assert facts.problems == []
    assert facts.video_s == 5.5
    assert scene.webhooks.of(answer.json()["job_id"])["data"]["kind"] == "export"
    assert answer.json()["job_id"] not in str(scene.viewer.recording())   # it is no user's export


def test_a_cancelled_export_ends_within_a_second_and_leaves_no_file(scene: Scene, exported: Exported) -> None:
    person = scene.person
    job_id = person.export(STATE | {"export": {"resolution": "1920x1080", "fps": 30}}, preset="high")
    events = person.listen(job_id)
    next(event for event in events if event["type"] == "progress")
    assert scene.viewer.ask("DELETE", f"/jobs/{job_id}").status_code == 403
    began = time.monotonic()
    assert person.ask("DELETE", f"/jobs/{job_id}").status_code == 202
    *_, last = events
    took_s = time.monotonic() - began
    print(f"cancelled in {took_s:.2f} s")
    assert (last["status"], last["reason"]) == ("failed", "cancelled")
    assert took_s < CANCEL_S
    assert scene.webhooks.of(job_id)["data"]["reason"] == "cancelled"
    assert not scene.store.exists(scene.keys.export(job_id))
    listed = {export["export_id"]: export for export in person.recording()["exports"]}
    assert (listed[job_id]["status"], listed[job_id]["url"]) == ("failed", None)
    assert listed[exported.job_id]["status"] == "ready"
