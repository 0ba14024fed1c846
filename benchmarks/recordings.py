"""Long recordings made of short ones, for the benchmarks.

    path = looped(kickoff, scratch, minutes=60)                          # real packets, lap after lap
    path = looped(kickoff, scratch, minutes=60, keyframes="first", cache=scratch / "cache")

With `keyframes="all"` the packets of a real recording are repeated as they are; sequence numbers, RTP
timestamps and arrival times go on. Tracks whose first picture is no keyframe show damage at each lap's start.
With `"first"` each camera and screen is replaced by one generated VP8 track whose only keyframe is its first
picture: delta frames cannot be repeated. Pauses and speakers come again in each lap; peers stay once they
came. A lap is as long as the source. Memory is that of one lap of one track.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from tests.support import payloads, pictures, store
from tests.support.network import Packet, rtp_packet
from tests.support.store import Json

Keyframes = Literal["all", "first"]

SEGMENT_MS = 300_000
"""Segment files are cut at the first lap after so much time."""
_HEADER_BYTES = 32
_STILL_FPS, _STILL_SIZE, _STILL_BITRATE = 15, (320, 180), 60_000
_ABSENT_MS = 1500
"""A camera that sends nothing for that long from one lap to the next is told to be paused."""
_SHORT_NAMES = {name: short for short, name in store.CODEC_NAMES.items()}
_TICKS_PER_MS = {"audio": 48, "video": 90, "screenshare": 90}


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of a track: their bytes as in a segment file, and where each begins."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]

    @staticmethod
    def parse(data: bytes) -> Records:
        """Takes whole records, without a header."""
        starts, at = [], 0
        while at < len(data):
            starts.append(at)
            at += 10 + (data[at + 8] << 8 | data[at + 9])
        return Records(np.frombuffer(data, np.uint8), np.array(starts, np.int64))

    def field(self, offset: int, size: int) -> NDArray[np.int64]:
        """The big-endian integers at `offset` of each record; 10 is where its packet begins."""
        columns = self.data[self.starts[:, None] + np.arange(offset, offset + size)].astype(np.int64)
        values: NDArray[np.int64] = (columns << 8 * np.arange(size - 1, -1, -1)).sum(axis=1)
        return values

    @property
    def arrival_ms(self) -> NDArray[np.int64]:
        return self.field(0, 8)

    def moved(self, *, ms: int = 0, sequence: int = 0, ticks: int = 0, ssrc: int | None = None) -> Records:
        """A copy with that much added to arrival times, sequence numbers and RTP timestamps."""
        copy = self.data.copy()
        _put(copy, self.starts, self.arrival_ms + ms, 8)
        _put(copy, self.starts + 12, self.field(12, 2) + sequence, 2)
        _put(copy, self.starts + 14, self.field(14, 4) + ticks, 4)
        if ssrc is not None:
            _put(copy, self.starts + 18, np.full(len(self.starts), ssrc), 4)
        return Records(copy, self.starts)

    def before(self, unix_ms: int) -> Records:
        """The records up to the first that arrived at `unix_ms` or later."""
        late = np.flatnonzero(self.arrival_ms >= unix_ms)
        if not len(late):
            return self
        return Records(self.data[: self.starts[late[0]]], self.starts[: late[0]])


@dataclass(frozen=True, slots=True)
class _Source:
    """The short recording: its folder and documents, and the long one's length in its laps."""

    path: Path
    metadata: Json
    zero: int
    lap_ms: int
    duration_ms: int

    @property
    def laps(self) -> int:
        return -(-self.duration_ms // self.lap_ms)

    @property
    def end(self) -> int:
        return self.zero + self.duration_ms


def looped(
    src_dir: Path,
    out_dir: Path,
    minutes: float,
    keyframes: Keyframes = "all",
    *,
    cache: Path | None = None,
) -> Path:
    """Writes the recording in `src_dir` again, `minutes` long; gives the new `rooms/R/ID` in `out_dir`.

    `cache` keeps the generated track of `keyframes="first"`; making 60 minutes of it takes some 20 s.
    """
    source = _open(src_dir, round(minutes * 60_000))
    identity = str(uuid5(NAMESPACE_URL, f"{source.metadata['recording_id']}/{minutes}/{keyframes}"))
    path = out_dir / "rooms" / str(source.metadata["room_id"]) / identity
    path.mkdir(parents=True)
    tracks, events = [], list(_told_once(source))
    for track in source.metadata["tracks"]:
        if keyframes == "first" and track["type"] != "audio":
            still = _still_records(source.duration_ms, cache)
            written = _write_still(source, track, still, path / "tracks")
        else:
            lap = _load(source, track)
            written = _write_laps(source, track, lap, path / "tracks")
            events += _absences(source, track, lap)
            events += _told_each_lap(source, track["track_id"])
        tracks.append(written)
    events += _told_each_lap(source, None)
    metadata = _metadata(source, identity, tracks)
    store.write_documents(path, metadata, [e for e in events if e[0] <= source.end], running=False)
    return path


def _open(path: Path, duration_ms: int) -> _Source:
    metadata = json.loads((path / "metadata.json").read_text("utf-8"))
    zero, end = _unix_ms(metadata["start_time"]), _unix_ms(metadata["end_time"])
    return _Source(path, metadata, zero, end - zero, duration_ms)


def _load(source: _Source, track: Json) -> Records:
    files = [source.path / "tracks" / segment["file_name"] for segment in track["segments"]]
    return Records.parse(b"".join(path.read_bytes()[_HEADER_BYTES:] for path in files))


def _write_laps(source: _Source, track: Json, lap: Records, folder: Path) -> Json:
    sequences = lap.field(12, 2)
    unwrapped = np.cumsum(np.diff(sequences, prepend=sequences[:1]).astype(np.int16), dtype=np.int64)
    span = int(unwrapped.max() - unwrapped.min()) + 1
    ticks = source.lap_ms * _TICKS_PER_MS[track["type"]]

    def laps() -> Iterator[tuple[int, Records]]:
        for n in range(source.laps):
            moved = lap.moved(ms=n * source.lap_ms, sequence=n * span, ticks=n * ticks)
            yield source.zero + n * source.lap_ms, moved.before(source.end)

    return _write_track(source, track, laps(), folder)


def _write_still(source: _Source, track: Json, still: Records, folder: Path) -> Json:
    track = track | {"codec": store.CODEC_NAMES["vp8"], "start_time": source.metadata["start_time"]}
    moved = still.moved(ms=source.zero, ssrc=track["ssrc"])

    def pieces() -> Iterator[tuple[int, Records]]:
        cuts = [*range(source.zero, source.end, SEGMENT_MS), source.end]
        places = np.searchsorted(moved.arrival_ms, cuts).tolist()
        bounds = np.append(moved.starts, len(moved.data))
        for n, (a, b) in enumerate(pairwise(places)):
            own = moved.data[bounds[a] : bounds[b]]
            yield cuts[n], Records(own, moved.starts[a:b] - bounds[a])

    return _write_track(source, track, pieces(), folder)


def _write_track(source: _Source, track: Json, pieces: Iterator[tuple[int, Records]], folder: Path) -> Json:
    """Writes pieces, each with the Unix ms at which it begins, into segment files; the track's new entry."""
    folder.mkdir(exist_ok=True)
    segments: list[Json] = []
    start = _unix_ms(track["start_time"])
    opened = start - SEGMENT_MS
    for begin, piece in pieces:
        if begin - opened >= SEGMENT_MS or not segments:
            opened = begin
            segments.append(_new_segment(track, folder, len(segments) + 1, max(begin, start)))
        segment = segments[-1]
        with (folder / segment["file_name"]).open("ab") as file:
            file.write(piece.data)
        segment["bytes"] += len(piece.data)
        segment["packet_count"] += len(piece.starts)
    ends = [segment["start_time"] for segment in segments[1:]] + [store.rfc3339(source.end)]
    for segment, end in zip(segments, ends, strict=True):
        segment["end_time"] = end
    names = {"file_name": segments[0]["file_name"], "segments": segments}
    return track | {"end_time": store.rfc3339(source.end)} | names


def _new_segment(track: Json, folder: Path, number: int, start: int) -> Json:
    name = store.segment_name(track["track_id"], number)
    codec = _SHORT_NAMES[track["codec"]]
    header = store.segment_header(track["payload_type"], track["ssrc"], codec, start)
    (folder / name).write_bytes(header)
    return {"file_name": name, "start_time": store.rfc3339(start), "bytes": len(header), "packet_count": 0}


def _still_records(duration_ms: int, cache: Path | None) -> Records:
    """One VP8 track with one keyframe over a still background: the barcode runs, arrivals count from 0."""
    w, h = _STILL_SIZE
    path = cache and cache / f"still-vp8-{w}x{h}-{_STILL_FPS}-{duration_ms}.records"
    if path and path.exists():
        return Records.parse(path.read_bytes())
    data = b"".join(_encode_still(duration_ms))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(path)
    return Records.parse(data)


def _encode_still(duration_ms: int) -> Iterator[bytes]:
    w, h = _STILL_SIZE
    shots = (
        pictures.Shot(number * 1000 / _STILL_FPS, w, h, keyframe=number == 0)
        for number in range(duration_ms * _STILL_FPS // 1000)
    )
    sequence = 0
    coded = pictures.encode(shots, 1, "vp8", fps=_STILL_FPS, bitrate=_STILL_BITRATE, moving=False)
    for number, picture in enumerate(coded):
        at = picture.shot.content_ms
        parts = payloads.vp8(payloads.Frame(picture.data, picture.keyframe, number, w, h))
        for place, part in enumerate(parts):
            packet = Packet(at, round(at * 90), part, marker=place == len(parts) - 1, frame=number)
            yield store.record(int(at), rtp_packet(packet, sequence, ssrc=0, payload_type=96))
            sequence += 1


def _told_once(source: _Source) -> Iterator[tuple[float, str, Json]]:
    for event in _timeline(source):
        if event["type"] in ("recording_started", "peer_joined", "track_added"):
            yield _unix_ms(event["timestamp"]), event["type"], event["data"]
    yield source.end, "recording_stopped", {"stopped_by": source.metadata.get("stopped_by", "")}


def _told_each_lap(source: _Source, track_id: str | None) -> Iterator[tuple[float, str, Json]]:
    """Who speaks (`track_id` None), or the pauses of a track, lap by lap."""
    wanted = ("producer_paused", "producer_resumed") if track_id else ("active_speaker",)
    for event in _timeline(source):
        if event["type"] in wanted and event["data"].get("track_id") == track_id:
            at = _unix_ms(event["timestamp"])
            for n in range(source.laps):
                yield at + n * source.lap_ms, event["type"], event["data"]


def _absences(source: _Source, track: Json, lap: Records) -> Iterator[tuple[float, str, Json]]:
    """A camera that came late or left early in the source is paused from one lap into the next."""
    first, last = int(lap.arrival_ms.min()), int(lap.arrival_ms.max())
    if track["type"] == "audio" or source.lap_ms - (last - first) < _ABSENT_MS:
        return
    who = {key: track[key] for key in ("producer_id", "peer_id", "track_id")} | {"track_type": track["type"]}
    for n in range(source.laps):
        yield last + 1 + n * source.lap_ms, "producer_paused", who
        if n + 1 < source.laps:
            yield first + (n + 1) * source.lap_ms, "producer_resumed", who


def _metadata(source: _Source, identity: str, tracks: list[Json]) -> Json:
    told = source.metadata
    return told | {
        "recording_id": identity,
        "end_time": store.rfc3339(source.end),
        "status": "completed",
        "participants": [
            {key: value for key, value in peer.items() if key != "left_at"} for peer in told["participants"]
        ],
        "tracks": tracks,
        "stats": {
            "duration_ms": source.duration_ms,
            "total_bytes": sum(segment["bytes"] for track in tracks for segment in track["segments"]),
            "track_count": len(tracks),
            "peer_count": len(told["participants"]),
        },
    }


def _timeline(source: _Source) -> list[Json]:
    events: list[Json] = json.loads((source.path / "timeline.json").read_text("utf-8"))["events"]
    return events


def _unix_ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _put(data: NDArray[np.uint8], places: NDArray[np.int64], values: NDArray[np.int64], size: int) -> None:
    """Writes big-endian `values`, cut to `size` bytes, at `places`."""
    for byte in range(size):
        data[places + byte] = (values >> 8 * (size - 1 - byte)) & 0xFF
