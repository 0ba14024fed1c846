"""Opening a recording: whole, running, crashed, damaged; always with the reason told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.brtp import HEADER_BYTES, RecordBatch, SegmentHeader, SegmentWriter, pack_header, scan
from storage.counting import CountingStore
from storage.errors import InvalidKey, RecordingNotFound
from storage.keys import RecordingKeys
from storage.manifest import TrackRef
from storage.memory import MemoryStore
from storage.objects import StoreSpec, open_store
from storage.recordings import Recording, list_recordings, open_recording, read_blocks, split_source
from tests.support.recordings import KICKOFF, recording_dir

ZERO_MS = 1_777_972_500_000  # 2026-05-05T09:15:00Z
KEYS = RecordingKeys("room", "rec")
SPEC = StoreSpec("memory")
CAMERA = "ada-video-p1"
VOICE = "ada-audio-p2"


def time(ms: float) -> str:
    return f"2026-05-05T09:15:{ms / 1000:06.3f}Z"


def segment(start_ms: int = 0, packets: int = 3, codec: str = "video/VP8") -> bytes:
    writer = SegmentWriter(SegmentHeader(96, 77, codec, ZERO_MS + start_ms))
    for n in range(packets):
        writer.add(ZERO_MS + start_ms + 20 * n, bytes([0x80, 96, 0, n, 0, 0, 0, n, 0, 0, 0, 77]) + b"payload")
    return writer.getvalue()


def file(track_id: str, number: int) -> str:
    return f"{track_id}-{number:06d}.rtp"


def listed(name: str, start_ms: int, size: int | None, packets: int = 3) -> dict[str, Any]:
    return {"file_name": name, "start_time": time(start_ms), "bytes": size, "packet_count": packets}


def track(track_id: str, segments: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    peer, kind, producer = track_id.split("-")
    fields = {"track_id": track_id, "peer_id": peer, "type": kind, "producer_id": producer, "codec": "video/VP8"}
    return fields | {"start_time": time(0), "segments": segments} | more


def metadata(tracks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    ada = {"peer_id": "ada", "display_name": "Ada", "joined_at": time(0)}
    return {"start_time": time(0), "status": "completed", "participants": [ada], "tracks": tracks} | more


class Shelf:
    """A store with one recording in it, filled object by object."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def add(self, name: str, data: bytes = b"") -> Shelf:
        self.store.put(f"{KEYS.prefix}/{name}", data)
        return self

    def document(self, name: str, value: object) -> Shelf:
        return self.add(name, json.dumps(value).encode())

    def segment(self, track_id: str, number: int, data: bytes) -> Shelf:
        return self.add(f"tracks/{file(track_id, number)}", data)

    def open(self) -> Recording:
        return open_recording(SPEC, "room", "rec", self.store)


def codes(recording: Recording) -> list[str]:
    return [notice.code for notice in recording.manifest.notices]


def whole() -> Shelf:
    first, second = segment(0), segment(5000)
    segments = [listed(file(CAMERA, 1), 0, len(first)), listed(file(CAMERA, 2), 5000, len(second))]
    shelf = Shelf().segment(CAMERA, 1, first).segment(CAMERA, 2, second).add(".completed")
    shelf.document("metadata.json", metadata([track(CAMERA, segments)], end_time=time(10_000)))
    return shelf.document("timeline.json", {"events": []}).document("policy.json", {"enabled": True})


def names(recording: Recording, at: TrackRef) -> list[str]:
    return [s.file_name for s in recording.segments(at)]


def test_a_whole_recording_has_nothing_to_tell() -> None:
    recording = whole().open()
    manifest = recording.manifest
    assert codes(recording) == []
    assert (manifest.room_id, manifest.recording_id, manifest.status) == ("room", "rec", "completed")
    assert (manifest.zero_unix_ms, manifest.duration_ms, recording.completed) == (ZERO_MS, 10_000.0, True)
    assert manifest.policy is not None
    (camera,) = manifest.tracks
    assert names(recording, camera) == [file(CAMERA, 1), file(CAMERA, 2)]
    assert recording.url == "memory://store/rooms/room/rec"


def test_segments_are_read_by_ranges() -> None:
    recording = whole().open()
    first, second = recording.segments(recording.manifest.tracks[0])
    assert recording.read(first, 0, 4) == b"BRTP"
    assert recording.read(second, 0, 1 << 30) == segment(5000)
    assert (first.size, first.key) == (len(segment(0)), KEYS.segment(first.file_name))
    blocks = list(read_blocks(recording.store, first.key, HEADER_BYTES, 1 << 40, 16))
    assert b"".join(blocks) == segment(0)[HEADER_BYTES:]
    assert max(map(len, blocks)) == 16


def test_opening_costs_a_handful_of_requests() -> None:
    store = CountingStore(whole().store)
    open_recording(SPEC, "room", "rec", store)
    assert store.requests <= 5


def test_segments_come_in_index_order_whatever_the_list_says() -> None:
    shelf = Shelf()
    numbers = [3, 1, 1_000_000, 2]
    for number in numbers:
        shelf.segment(CAMERA, number, segment(number))
    listing = [listed(file(CAMERA, n), 0, None) for n in numbers]
    recording = shelf.document("metadata.json", metadata([track(CAMERA, listing)])).open()
    assert names(recording, recording.manifest.tracks[0]) == [file(CAMERA, n) for n in sorted(numbers)]


@pytest.mark.parametrize(
    ("data", "stated", "packets", "expected"),
    [
        (None, 500, 3, ["segment-missing"]),
        (None, 500, 0, []),
        (b"", 500, 3, ["segment-empty"]),
        (pack_header(SegmentHeader(96, 77, "vp8", ZERO_MS)), 32, 3, ["segment-empty"]),
        (pack_header(SegmentHeader(96, 77, "vp8", ZERO_MS)), 32, 0, []),
        (segment(0)[:-5], len(segment(0)), 3, ["segment-size"]),
        (segment(0), None, 3, []),
    ],
    ids=["absent", "absent and empty", "0 bytes", "header", "header and empty", "cut", "size not stated"],
)
def test_what_a_listed_segment_may_lack(
    data: bytes | None, stated: int | None, packets: int, expected: list[str]
) -> None:
    shelf = Shelf().document("metadata.json", metadata([track(CAMERA, [listed(file(CAMERA, 1), 0, stated, packets)])]))
    if data is not None:
        shelf.segment(CAMERA, 1, data)
    recording = shelf.document("timeline.json", {}).open()
    assert codes(recording) == expected
    assert all(notice.track_id == CAMERA for notice in recording.manifest.notices)
    usable = data is not None and len(data) > HEADER_BYTES
    assert len(recording.segments(recording.manifest.tracks[0])) == usable


def test_files_that_are_not_listed_are_used() -> None:
    shelf = whole().segment(CAMERA, 3, segment(9000)).segment(VOICE, 1, segment(9000, codec="audio/op"))
    recording = shelf.add("tracks/notes.txt", b"?").add("tracks/sub/x-audio-y-000001.rtp", segment()).open()
    camera, voice = recording.manifest.tracks
    assert names(recording, camera) == [file(CAMERA, n) for n in (1, 2, 3)]
    assert (voice.track_id, voice.peer_id, voice.kind, voice.codec) == (VOICE, "ada", "audio", "opus")
    assert (voice.ssrc, voice.payload_type, voice.start_ms, voice.end_ms) == (77, 96, 9000.0, None)
    assert sorted(codes(recording)) == ["file-unknown", "file-unknown", "segment-unlisted", "track-unlisted"]


@pytest.mark.parametrize("damage", [None, b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"start_time": "x"}'])
def test_a_recording_without_metadata_is_rebuilt(damage: bytes | None) -> None:
    shelf = (
        Shelf()
        .segment(CAMERA, 2, segment(7000, codec="video/VP9"))
        .segment(CAMERA, 1, segment(4000, codec="video/VP9"))
    )
    shelf.segment(VOICE, 1, segment(4500, codec="audio/op"))
    if damage is not None:
        shelf.add("metadata.json", damage)
    recording = shelf.open()
    manifest = recording.manifest
    assert manifest.zero_unix_ms == ZERO_MS + 4000
    assert [(t.track_id, t.codec, t.start_ms) for t in manifest.tracks] == [(VOICE, "opus", 500.0), (CAMERA, "", 0.0)]
    assert [p.peer_id for p in manifest.participants] == ["ada"]
    assert (manifest.finished, manifest.status) == (False, "recording")
    assert names(recording, manifest.tracks[1]) == [file(CAMERA, 1), file(CAMERA, 2)]
    assert {"metadata-missing", "document-malformed"} & set(codes(recording))
    assert "timeline-missing" in codes(recording)


def test_zero_of_a_rebuilt_recording_is_the_policys_snapshot() -> None:
    shelf = Shelf().segment(CAMERA, 1, segment(4000)).document("policy.json", {"snapshot_time": time(1000)})
    manifest = shelf.add(".completed").open().manifest
    assert (manifest.zero_unix_ms, manifest.tracks[0].start_ms) == (ZERO_MS + 1000, 3000.0)
    assert (manifest.finished, manifest.status) == (True, "completed")


def test_the_timeline_tells_what_headers_cannot() -> None:
    added = {"track_id": CAMERA, "codec": "video/VP9", "peer_id": "ada"}
    events = [
        {"timestamp": time(4100), "type": "peer_joined", "data": {"peer_id": "ada", "display_name": "Ada L."}},
        {"timestamp": time(4200), "type": "track_added", "data": added},
        {"timestamp": time(9000), "type": "recording_stopped", "data": {}},
    ]
    shelf = Shelf().segment(CAMERA, 1, segment(4000, codec="video/VP9"))
    manifest = shelf.document("timeline.json", {"events": events}).open().manifest
    assert manifest.tracks[0].codec == "vp9"
    assert [(p.peer_id, p.display_name) for p in manifest.participants] == [("ada", "Ada L.")]
    assert manifest.duration_ms == 5000.0


def test_a_file_without_a_header_is_still_a_segment_of_its_track() -> None:
    recording = Shelf().segment(CAMERA, 1, b"").segment(CAMERA, 2, segment(100)).open()
    (camera,) = recording.manifest.tracks
    assert names(recording, camera) == [file(CAMERA, 2)]
    assert camera.ssrc == 77
    assert "segment-empty" in codes(recording)


@pytest.mark.parametrize("status", ["recording", "completed", "failed"])
@pytest.mark.parametrize("marker", [True, False])
def test_when_a_recording_is_finished(status: str, marker: bool) -> None:
    shelf = Shelf().document("metadata.json", metadata([], status=status))
    shelf.add(".completed" if marker else ".recording")
    recording = shelf.open()
    assert recording.completed == (marker or status != "recording")
    assert recording.manifest.status == status


def test_nothing_stored_is_no_recording() -> None:
    with pytest.raises(RecordingNotFound, match="rooms/room/rec"):
        Shelf().open()
    assert Shelf().add(".recording").open().manifest.tracks == ()
    with pytest.raises(InvalidKey):
        open_recording(SPEC, "..", "rec", MemoryStore())


def test_a_policy_that_cannot_be_read_is_none() -> None:
    recording = whole().document("policy.json", {"allowed_accessor_ids": 3}).open()
    assert recording.manifest.policy is None
    assert codes(recording) == ["document-malformed"]


def shared_screen(owner_is_known: bool) -> Recording:
    alias = "sharescreen_ada"
    tracks = [track(f"{alias}-video-s1", [], peer_id=alias)]
    if owner_is_known:
        tracks.append(track(CAMERA, []))
    events = [
        {"timestamp": time(100), "type": "peer_joined", "data": {"peer_id": alias}},
        {"timestamp": time(200), "type": "producer_paused", "data": {"peer_id": alias, "producer_id": "s1"}},
        {"timestamp": time(300), "type": "peer_left", "data": {"peer_id": alias}},
    ]
    shelf = Shelf().document("timeline.json", {"events": events})
    return shelf.document("metadata.json", metadata(tracks, participants=[{"peer_id": alias}])).open()


def test_a_shared_screen_belongs_to_its_peer() -> None:
    manifest = shared_screen(owner_is_known=True).manifest
    assert [(t.peer_id, t.kind) for t in manifest.tracks] == [("ada", "screenshare"), ("ada", "video")]
    assert [(e.type, e.data["peer_id"]) for e in manifest.events] == [("producer_paused", "ada")]
    assert [p.peer_id for p in manifest.participants] == ["ada"]


def test_a_shared_screen_without_its_peer_is_a_peer() -> None:
    manifest = shared_screen(owner_is_known=False).manifest
    assert [(t.peer_id, t.kind) for t in manifest.tracks] == [("sharescreen_ada", "video")]
    assert len(manifest.events) == 3
    assert [p.peer_id for p in manifest.participants] == ["sharescreen_ada"]


def test_a_peer_who_was_there_before_is_found_by_its_tracks() -> None:
    early = track("bob-audio-b1", [], start_time=time(250))
    manifest = Shelf().document("metadata.json", metadata([early])).open().manifest
    assert [(p.peer_id, p.display_name, p.joined_ms) for p in manifest.participants] == [
        ("ada", "Ada", 0.0),
        ("bob", "bob", 250.0),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/data/rooms/r/i", ("/data", "r", "i")),
        ("/data/rooms/r/i/", ("/data", "r", "i")),
        ("/rooms/r/i", ("/", "r", "i")),
        ("/data/x/../rooms/r/i", ("/data", "r", "i")),
        ("file:///data/a%20b/rooms/r/i", ("/data/a b", "r", "i")),
        ("s3://bucket/rooms/r/i", ("s3://bucket", "r", "i")),
        ("s3://bucket/some/prefix/rooms/r/i/", ("s3://bucket/some/prefix", "r", "i")),
    ],
)
def test_sources(source: str, expected: tuple[str, str, str]) -> None:
    assert split_source(source) == expected


@pytest.mark.parametrize(
    "source", ["", "/data", "/data/rooms/r", "s3://bucket/r/i", "s3://rooms/r/i", "/data/rooms/r/i/tracks"]
)
def test_what_is_no_source(source: str) -> None:
    with pytest.raises(RecordingNotFound, match="rooms/ROOM_ID/RECORDING_ID"):
        split_source(source)


def test_a_relative_folder_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "rooms" / "r" / "i"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert split_source(".") == (str(tmp_path), "r", "i")


def test_recordings_are_listed() -> None:
    store = MemoryStore()
    for key in ("rooms/r1/i1/metadata.json", "rooms/r1/i2/tracks/x", "rooms/r2/i3/.recording", "rooms/r3", "x/y/z"):
        store.put(key, b"")
    assert list(list_recordings(store)) == [("r1", "i1"), ("r1", "i2"), ("r2", "i3")]


@pytest.mark.parametrize("name", ["kickoff", "standup", "codecs", "lossy", "bigroom"])
def test_real_recordings(name: str) -> None:
    url, room_id, recording_id = split_source(str(recording_dir(name)))
    recording = open_recording(StoreSpec(url), room_id, recording_id)
    truth = json.loads((Path(url) / "truth.json").read_text())
    manifest = recording.manifest
    assert manifest.notices == ()
    assert len(manifest.participants) == len(truth["peers"])
    assert len(manifest.tracks) == len(truth["tracks"])
    for at in manifest.tracks:
        assert at.codec
        counts = {s.file_name: s.packet_count for s in at.segments}
        for found in recording.segments(at):
            blocks = read_blocks(recording.store, found.key, HEADER_BYTES, found.size)
            batches = [b for b in scan(blocks, at.ssrc or 0) if isinstance(b, RecordBatch)]
            assert sum(map(len, batches)) == counts[found.file_name]


def test_a_real_recording_rebuilt_from_its_files_has_the_same_tracks() -> None:
    url, room_id, recording_id = split_source(str(recording_dir("kickoff")))
    full = open_recording(StoreSpec(url), room_id, recording_id)
    source, bare = open_store(StoreSpec(str(KICKOFF))), MemoryStore()
    for info in source.list(full.keys.tracks):
        bare.put(info.key, source.get(info.key))
    rebuilt = open_recording(SPEC, room_id, recording_id, bare).manifest
    facts = {(t.track_id, t.peer_id, t.kind, t.ssrc, t.payload_type) for t in full.manifest.tracks}
    assert {(t.track_id, t.peer_id, t.kind, t.ssrc, t.payload_type) for t in rebuilt.tracks} == facts
    assert rebuilt.zero_unix_ms == full.manifest.zero_unix_ms
