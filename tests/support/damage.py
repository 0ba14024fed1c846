"""What crashes and malice leave behind: changes a written recording in place, one kind at a time.

    hurt = damage(truth.path, "cut_mid_record")

Give it copies and synthetic recordings only. The same folder and kind are changed in the same way each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from tests.support.store import Json, write_json

Kind = Literal[
    "no_metadata",
    "no_timeline",
    "no_documents",
    "absent_segment",
    "cut_mid_record",
    "header_only",
    "empty_file",
    "garbage_inserted",
    "bytes_flipped",
    "hostile_file_name",
    "unknown_events",
    "sharescreen_peer",
    "participant_missing",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMED_AS: dict[Kind, set[str]] = {
    "no_metadata": {"metadata-missing"},
    "no_timeline": {"timeline-missing"},
    "no_documents": {"metadata-missing", "timeline-missing"},
    "absent_segment": {"segment-missing"},
    "cut_mid_record": {"segment-damaged"},
    "header_only": {"segment-empty"},
    "empty_file": {"segment-empty"},
    "garbage_inserted": {"segment-damaged"},
    "bytes_flipped": {"segment-damaged"},
    "hostile_file_name": {"document-field"},
    "unknown_events": set(),
    "participant_missing": set(),
}
"""The codes of the warnings by which a report names each kind, of those that every command has to name."""

_HEADER_BYTES = 32
_GARBAGE_BYTES = 700
_FLIPS = 12
HOSTILE_NAME = "../../../../../../etc/passwd"


@dataclass(frozen=True, slots=True)
class Damage:
    """What was done: to which file, and which bytes of it (as it is now) are not as they were."""

    kind: Kind
    path: Path
    offsets: tuple[int, ...] = ()


def damage(recording: Path, kind: Kind) -> Damage:
    """Does `kind` to the recording in that folder (`rooms/R/ID`); ValueError if it has nothing to hurt so."""
    return _ACTIONS[kind](recording)


def largest_segment(recording: Path) -> Path:
    """The segment file that is hurt, where one is."""
    files = sorted((recording / "tracks").glob("*.rtp"))
    return max(files, key=lambda path: path.stat().st_size)


def _no_metadata(recording: Path) -> Damage:
    path = recording / "metadata.json"
    path.unlink()
    return Damage("no_metadata", path)


def _no_timeline(recording: Path) -> Damage:
    path = recording / "timeline.json"
    path.unlink()
    return Damage("no_timeline", path)


def _no_documents(recording: Path) -> Damage:
    """The recorder died in the first minutes: tracks, the policy, and the marker that it is running."""
    for name in ("metadata.json", "timeline.json", ".completed"):
        (recording / name).unlink(missing_ok=True)
    (recording / ".recording").touch()
    return Damage("no_documents", recording)


def _absent_segment(recording: Path) -> Damage:
    path = largest_segment(recording)
    path.unlink()
    return Damage("absent_segment", path)


def _cut_mid_record(recording: Path) -> Damage:
    path = largest_segment(recording)
    data = path.read_bytes()
    starts = _record_starts(data)
    end = starts[len(starts) * 2 // 3] + 10 + 5
    path.write_bytes(data[:end])
    return Damage("cut_mid_record", path, (end,))


def _header_only(recording: Path) -> Damage:
    path = largest_segment(recording)
    path.write_bytes(path.read_bytes()[:_HEADER_BYTES])
    return Damage("header_only", path, (_HEADER_BYTES,))


def _empty_file(recording: Path) -> Damage:
    path = largest_segment(recording)
    path.write_bytes(b"")
    return Damage("empty_file", path, (0,))


def _garbage_inserted(recording: Path) -> Damage:
    """Random bytes between two records, a third of the way in."""
    path = largest_segment(recording)
    data = path.read_bytes()
    starts = _record_starts(data)
    at = starts[len(starts) // 3]
    path.write_bytes(data[:at] + np.random.default_rng(1).bytes(_GARBAGE_BYTES) + data[at:])
    return Damage("garbage_inserted", path, tuple(range(at, at + _GARBAGE_BYTES)))


def _bytes_flipped(recording: Path) -> Damage:
    """Single bytes turned over all through the file: in lengths, times, RTP headers and payloads alike."""
    path = largest_segment(recording)
    data = bytearray(path.read_bytes())
    starts = _record_starts(bytes(data))
    rng = np.random.default_rng(2)
    records = rng.choice(starts[1:-1], _FLIPS, replace=False)
    offsets = sorted(int(start) + place * 3 % 40 for place, start in enumerate(records))
    for offset in offsets:
        data[offset] ^= 0xFF
    path.write_bytes(data)
    return Damage("bytes_flipped", path, tuple(offsets))


def _hostile_file_name(recording: Path) -> Damage:
    def edit(metadata: Json) -> None:
        track = metadata["tracks"][0]
        track["file_name"] = track["segments"][0]["file_name"] = HOSTILE_NAME

    return Damage("hostile_file_name", _edited(recording / "metadata.json", edit))


def _unknown_events(recording: Path) -> Damage:
    """Types nobody knows, data of other shapes, one pair out of order."""

    def edit(timeline: Json) -> None:
        events = timeline["events"]
        at = events[len(events) // 2]["timestamp"]
        strange = [
            {"timestamp": at, "type": "hand_raised", "data": {"peer_id": "peer-1"}},
            {"timestamp": at, "type": "breakout_opened", "data": {"rooms": [1, [2, {}]]}},
            {"timestamp": at, "type": "ping", "data": None},
            {"timestamp": at, "type": "pong"},
        ]
        events[1:1] = strange
        events[-2:] = events[-2:][::-1]

    return Damage("unknown_events", _edited(recording / "timeline.json", edit))


def _sharescreen_peer(recording: Path) -> Damage:
    """The first screenshare's peer becomes `sharescreen_{peer}`, in ids, file names and events."""
    path = recording / "metadata.json"
    tracks = json.loads(path.read_text("utf-8"))["tracks"]
    track = next((track for track in tracks if track["type"] == "screenshare"), None)
    if track is None:
        raise ValueError("the recording has no screenshare")
    old, peer = track["track_id"], track["peer_id"]
    new = f"sharescreen_{old}"
    for name in ("metadata.json", "timeline.json"):
        _edited(recording / name, lambda document: _rename(document, old, new, f"sharescreen_{peer}"))
    for file in (recording / "tracks").glob(f"{old}-*.rtp"):
        file.rename(file.with_name(f"sharescreen_{file.name}"))
    return Damage("sharescreen_peer", path)


def _participant_missing(recording: Path) -> Damage:
    """The first participant joined before the recording began: no entry, no event."""
    path = recording / "metadata.json"
    gone = json.loads(path.read_text("utf-8"))["participants"][0]["peer_id"]

    def edit(metadata: Json) -> None:
        metadata["participants"] = [p for p in metadata["participants"] if p["peer_id"] != gone]

    def edit_timeline(timeline: Json) -> None:
        timeline["events"] = [
            event
            for event in timeline["events"]
            if (event["type"], event["data"].get("peer_id")) != ("peer_joined", gone)
        ]

    _edited(recording / "timeline.json", edit_timeline)
    return Damage("participant_missing", _edited(path, edit))


def _rename(document: Json, old: str, new: str, peer_id: str) -> None:
    """Gives everything in `document` that is of the track `old` its new id, peer and file names."""
    for entry in document.get("tracks", []):
        if entry["track_id"] == old:
            entry["file_name"] = entry["file_name"].replace(old, new)
            for segment in entry["segments"]:
                segment["file_name"] = segment["file_name"].replace(old, new)
    told = [event["data"] for event in document.get("events", [])]
    for entry in [*document.get("tracks", []), *told]:
        if entry.get("track_id") == old:
            entry |= {"track_id": new, "peer_id": peer_id}


def _edited(path: Path, edit: Callable[[Json], None]) -> Path:
    document = json.loads(path.read_text("utf-8"))
    edit(document)
    write_json(path, document)
    return path


def _record_starts(data: bytes) -> list[int]:
    """Offsets of the records of an intact segment file; ValueError if they are too few to be hurt."""
    starts, at = [], _HEADER_BYTES
    while at < len(data):
        starts.append(at)
        at += 10 + int.from_bytes(data[at + 8 : at + 10], "big")
    if len(starts) < _FLIPS + 2:
        raise ValueError(f"a file of {len(starts)} records is too short to be hurt")
    return starts


_ACTIONS: dict[Kind, Callable[[Path], Damage]] = {
    "no_metadata": _no_metadata,
    "no_timeline": _no_timeline,
    "no_documents": _no_documents,
    "absent_segment": _absent_segment,
    "cut_mid_record": _cut_mid_record,
    "header_only": _header_only,
    "empty_file": _empty_file,
    "garbage_inserted": _garbage_inserted,
    "bytes_flipped": _bytes_flipped,
    "hostile_file_name": _hostile_file_name,
    "unknown_events": _unknown_events,
    "sharescreen_peer": _sharescreen_peer,
    "participant_missing": _participant_missing,
}
