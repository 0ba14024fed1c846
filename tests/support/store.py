"""Writes a recording's folder as the Recording Service stores it (`docs/reference/objects.md`).

BRTP segment files cut at the recorder's clock, metadata.json, timeline.json, policy.json and the marker.
Knows packets as bytes with times; takes no decision about what is in them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

_HEADER = struct.Struct(">4sBBHI8sq4x")
_RECORD = struct.Struct(">qH")
CODEC_NAMES = {
    "opus": "audio/opus",
    "vp8": "video/VP8",
    "vp9": "video/VP9",
    "h264": "video/H264",
    "av1": "video/AV1",
}

Json = dict[str, Any]


def segment_header(payload_type: int, ssrc: int, codec: str, start_unix_ms: int) -> bytes:
    """The 32 bytes that open a segment file; `codec` is a short name of `CODEC_NAMES`."""
    return _HEADER.pack(b"BRTP", 1, payload_type, 0, ssrc, CODEC_NAMES[codec].encode()[:8], start_unix_ms)


def record(arrival_unix_ms: int, packet: bytes) -> bytes:
    """One record of a segment file."""
    return _RECORD.pack(arrival_unix_ms, len(packet)) + packet


def segment_name(track_id: str, number: int) -> str:
    """The bare name of the segment file `number`, from 1."""
    return f"{track_id}-{number:06d}.rtp"


def rfc3339(unix_ms: float) -> str:
    """RFC 3339 in UTC with microseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_segments(
    tracks: Path,
    *,
    track_id: str,
    ssrc: int,
    payload_type: int,
    codec: str,
    packets: Sequence[tuple[int, bytes]],
    cuts_unix_ms: Sequence[int],
) -> list[Json]:
    """Writes the segment files of one track and gives its `segments` entry for metadata.json.

    `packets` are (arrival in Unix ms, bytes) in order of arrival; `cuts_unix_ms` are the bounds of the files:
    the track's start, the rotations within it, its end.
    """
    tracks.mkdir(parents=True, exist_ok=True)
    entries = []
    last = len(cuts_unix_ms) - 2
    for number, (start, end) in enumerate(pairwise(cuts_unix_ms)):
        own = [p for p in packets if (number == 0 or p[0] >= start) and (number == last or p[0] < end)]
        name = segment_name(track_id, number + 1)
        data = segment_header(payload_type, ssrc, codec, start) + b"".join(record(*p) for p in own)
        (tracks / name).write_bytes(data)
        entries.append(
            {
                "file_name": name,
                "start_time": rfc3339(start),
                "end_time": rfc3339(end),
                "bytes": len(data),
                "packet_count": len(own),
            }
        )
    return entries


def write_documents(
    folder: Path, metadata: Json, events: Iterable[tuple[float, str, Json]], *, running: bool
) -> None:
    """Writes the three documents and the marker. `events` are (Unix ms, type, data), in any order."""
    ids = {"recording_id": metadata["recording_id"], "room_id": metadata["room_id"]}
    told = [
        {"timestamp": rfc3339(at), "type": kind, "data": data}
        for at, kind, data in sorted(events, key=lambda event: event[0])
    ]
    write_json(folder / "metadata.json", metadata)
    write_json(folder / "timeline.json", {**ids, "events": told})
    write_json(folder / "policy.json", _policy(ids, metadata["start_time"]))
    (folder / (".recording" if running else ".completed")).write_bytes(b"")


def write_json(path: Path, document: Json) -> None:
    """Writes `document` as the service does: indented, UTF-8, letters as they are."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")


def _policy(ids: Json, snapshot_time: str) -> Json:
    return ids | {
        "enabled": True,
        "who_can_record": "host_only",
        "auto_record": False,
        "auto_record_quick_access": False,
        "auto_record_late_composite": False,
        "record_audio": True,
        "record_video": True,
        "record_screenshare": True,
        "who_can_access_recordings": "all",
        "allowed_accessor_ids": [],
        "quick_access_layout": "grid",
        "quick_access_part_duration_sec": 720,
        "late_composite_part_duration_sec": 720,
        "snapshot_time": snapshot_time,
    }
