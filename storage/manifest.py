"""What is known about a recording before a packet is read: values and the parsers of its three documents.
Pure.

Takes parsed JSON (untrusted), gives frozen values. A document that cannot be used at all raises
MalformedDocument with the JSON path; where the rest can still be used, the bad part is left out and told as
a Notice. All times are milliseconds of recording time, relative to the recording's zero, unless a name says
Unix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from storage.errors import InvalidKey, MalformedDocument
from storage.fields import NS_PER_MS, Fields
from storage.keys import check_bare_name, parse_segment_name
from storage.notices import Notice

METADATA = "metadata.json"
TIMELINE = "timeline.json"
POLICY = "policy.json"

TrackKind = Literal["audio", "video", "screenshare"]
Accessors = Literal["all", "host", "logged_in", "selected", "unspecified"]

_KINDS: dict[str, TrackKind] = {"audio": "audio", "video": "video", "screenshare": "screenshare"}
_ACCESSORS: dict[str, Accessors] = {
    "all": "all",
    "host": "host",
    "logged_in": "logged_in",
    "selected": "selected",
    "unspecified": "unspecified",
}
_CODECS = {"opus": "opus", "op": "opus", "vp8": "vp8", "vp9": "vp9", "av1": "av1", "av": "av1"}
_CODECS |= {"h264": "h264", "h2": "h264"}  # cut to 8 bytes in a segment's header; "vp" alone is ambiguous
_U32 = (1 << 32) - 1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A segment file as metadata.json lists it; `bytes` is the whole file's size."""

    file_name: str
    start_ms: float
    end_ms: float | None
    bytes: int | None
    packet_count: int | None


@dataclass(frozen=True, slots=True)
class TrackRef:
    """One producer's media. `codec` is opus, vp8, vp9, h264, av1, or "" where only the packets can tell."""

    track_id: str
    producer_id: str
    peer_id: str
    kind: TrackKind
    codec: str
    ssrc: int | None
    payload_type: int | None
    start_ms: float
    end_ms: float | None
    segments: tuple[SegmentRef, ...]


@dataclass(frozen=True, slots=True)
class Participant:
    """One stay of a peer; who rejoins has two. The name is the peer id where none is known."""

    peer_id: str
    display_name: str
    joined_ms: float
    left_ms: float | None


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of timeline.json; types unknown here are kept."""

    t_ms: float
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """policy.json, the room's rules when recording began; what is absent there is its most careful value."""

    enabled: bool
    who_can_record: str
    auto_record: bool
    auto_record_quick_access: bool
    auto_record_late_composite: bool
    record_audio: bool
    record_video: bool
    record_screenshare: bool
    who_can_access_recordings: Accessors
    allowed_accessor_ids: tuple[str, ...]
    quick_access_layout: str
    quick_access_part_duration_sec: int | None
    late_composite_part_duration_sec: int | None
    snapshot_unix_ns: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known; `events` are sorted by time; `status` is recording, completed or failed."""

    recording_id: str
    room_id: str
    zero_unix_ms: float
    duration_ms: float | None
    finished: bool
    status: str
    participants: tuple[Participant, ...]
    tracks: tuple[TrackRef, ...]
    events: tuple[TimelineEvent, ...]
    policy: Policy | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """metadata.json alone."""

    zero_unix_ns: int
    duration_ms: float | None
    status: str
    participants: tuple[Participant, ...]
    tracks: tuple[TrackRef, ...]
    notices: tuple[Notice, ...] = field(default=())


def codec_name(text: str) -> str:
    """opus, vp8, vp9, h264 or av1 from `video/VP8`, `audio/op`, `vp8`, ...; "" for anything else."""
    return _CODECS.get(text.strip().lower().rpartition("/")[2], "")


def parse_metadata(document: object) -> Metadata:
    """Raises MalformedDocument if it is no object, or without a usable start_time: zero must be known."""
    top = Fields(METADATA, document)
    zero = top.time_ns("start_time")
    notices: list[Notice] = []
    participants = _kept(notices, top, "participants", lambda f: _participant(f, zero, notices))
    tracks = _kept(notices, top, "tracks", lambda f: _track(f, zero, notices))
    duration_ms = _tolerant(notices, lambda: _duration_ms(top, zero), None)
    status = _tolerant(notices, lambda: _status(top), "")
    return Metadata(zero, duration_ms, status, participants, _distinct(tracks, notices), tuple(notices))


def parse_timeline(
    document: object, zero_unix_ns: int
) -> tuple[tuple[TimelineEvent, ...], tuple[Notice, ...]]:
    """Events by time, equal times in the document's order. Raises MalformedDocument if it is no object."""
    notices: list[Notice] = []
    events = _kept(notices, Fields(TIMELINE, document), "events", lambda f: _event(f, zero_unix_ns))
    return tuple(sorted(events, key=lambda event: event.t_ms)), tuple(notices)


def first_event_ns(document: object) -> int | None:
    """Unix time of the earliest event of a timeline.json; None if it has none."""
    events, _ = parse_timeline(document, 0)
    return int(events[0].t_ms * NS_PER_MS) if events else None


def parse_policy(document: object) -> Policy:
    """Raises MalformedDocument if a field has the wrong type: rules that decide access are not guessed."""
    top = Fields(POLICY, document)
    return Policy(
        enabled=top.flag("enabled", False),
        who_can_record=top.text("who_can_record", "host_only"),
        auto_record=top.flag("auto_record", False),
        auto_record_quick_access=top.flag("auto_record_quick_access", False),
        auto_record_late_composite=top.flag("auto_record_late_composite", False),
        record_audio=top.flag("record_audio", True),
        record_video=top.flag("record_video", True),
        record_screenshare=top.flag("record_screenshare", True),
        who_can_access_recordings=_ACCESSORS.get(top.text("who_can_access_recordings", ""), "unspecified"),
        allowed_accessor_ids=top.texts("allowed_accessor_ids"),
        quick_access_layout=top.text("quick_access_layout", "grid"),
        quick_access_part_duration_sec=top.integer("quick_access_part_duration_sec", 0, _U32),
        late_composite_part_duration_sec=top.integer("late_composite_part_duration_sec", 0, _U32),
        snapshot_unix_ns=top.time_ns_or_none("snapshot_time"),
    )


def _participant(f: Fields, zero: int, notices: list[Notice]) -> Participant:
    peer_id = f.identifier("peer_id")
    name = _tolerant(notices, lambda: f.text("display_name", ""), "")
    joined_ms = _tolerant(notices, lambda: _ms(f, "joined_at", zero), None)
    left_ms = _tolerant(notices, lambda: _ms(f, "left_at", zero), None)
    return Participant(peer_id, name or peer_id, joined_ms or 0.0, left_ms)


def _track(f: Fields, zero: int, notices: list[Notice]) -> TrackRef:
    track_id = f.identifier("track_id")
    named = parse_segment_name(f"{track_id}-000001.rtp")
    kind = _KINDS.get(f.text("type", named.kind if named else ""))
    if kind is None:
        raise f.fault("type", "audio, video or screenshare is needed")
    start_ms = _tolerant(notices, lambda: _ms(f, "start_time", zero), None, track_id) or 0.0
    return TrackRef(
        track_id=track_id,
        producer_id=f.text("producer_id", named.producer_id if named else ""),
        peer_id=f.text("peer_id", "") or (named.peer_id if named else f.identifier("peer_id")),
        kind=kind,
        codec=codec_name(_tolerant(notices, lambda: f.text("codec", ""), "", track_id)),
        ssrc=_tolerant(notices, lambda: f.integer("ssrc", 0, _U32), None, track_id),
        payload_type=_tolerant(notices, lambda: f.integer("payload_type", 0, 127), None, track_id),
        start_ms=start_ms,
        end_ms=_tolerant(notices, lambda: _ms(f, "end_time", zero), None, track_id),
        segments=_segments(f, zero, start_ms, notices, track_id),
    )


def _segments(
    f: Fields, zero: int, start_ms: float, notices: list[Notice], track_id: str
) -> tuple[SegmentRef, ...]:
    """The listed segments; where none are listed, the file that the track itself names."""
    if f.value.get("segments"):
        return _kept(
            notices, f, "segments", lambda s: _segment(s, zero, start_ms, notices, track_id), track_id
        )
    if not f.value.get("file_name"):
        return ()
    only = _tolerant(notices, lambda: _segment_name(f), None, track_id)
    return (SegmentRef(only, start_ms, None, None, None),) if only else ()


def _segment(f: Fields, zero: int, start_ms: float, notices: list[Notice], track_id: str) -> SegmentRef:
    own_start_ms = _tolerant(notices, lambda: _ms(f, "start_time", zero), None, track_id)
    return SegmentRef(
        file_name=_segment_name(f),
        start_ms=start_ms if own_start_ms is None else own_start_ms,
        end_ms=_tolerant(notices, lambda: _ms(f, "end_time", zero), None, track_id),
        bytes=_tolerant(notices, lambda: f.integer("bytes", 0, 1 << 53), None, track_id),
        packet_count=_tolerant(notices, lambda: f.integer("packet_count", 0, 1 << 53), None, track_id),
    )


def _segment_name(f: Fields) -> str:
    try:
        return check_bare_name(f.identifier("file_name"))
    except InvalidKey as error:
        raise f.fault("file_name", error.reason) from None


def _event(f: Fields, zero: int) -> TimelineEvent:
    return TimelineEvent(
        (f.time_ns("timestamp") - zero) / NS_PER_MS, f.identifier("type"), f.child("data").value
    )


def _status(top: Fields) -> str:
    status = top.text("status", "")
    if status not in ("", "recording", "completed", "failed"):
        raise top.fault("status", "recording, completed or failed is needed")
    return status


def _duration_ms(top: Fields, zero: int) -> float | None:
    end_ns = top.time_ns_or_none("end_time")
    if end_ns is not None and end_ns > zero:
        return (end_ns - zero) / NS_PER_MS
    stated = top.child("stats").integer("duration_ms", 0, 1 << 53)
    return float(stated) if stated else None


def _distinct(tracks: tuple[TrackRef, ...], notices: list[Notice]) -> tuple[TrackRef, ...]:
    """Each track once: the first entry of an id counts."""
    distinct: dict[str, TrackRef] = {}
    for track in tracks:
        if distinct.setdefault(track.track_id, track) is not track:
            message = f"{METADATA} lists track {track.track_id} twice; the first entry is used"
            notices.append(Notice("track-listed-twice", message, track.track_id))
    return tuple(distinct.values())


def _ms(f: Fields, key: str, zero: int) -> float | None:
    unix_ns = f.time_ns_or_none(key)
    return None if unix_ns is None else (unix_ns - zero) / NS_PER_MS


def _kept(
    notices: list[Notice], f: Fields, key: str, parse: Callable[[Fields], _T], track_id: str | None = None
) -> tuple[_T, ...]:
    """The items of a list that can be used; a Notice for each that cannot."""

    def parsed() -> Iterator[_T]:
        for path, item in f.items(key):
            try:
                yield parse(Fields(f.name, item, path))
            except MalformedDocument as error:
                notices.append(_bad_field(error, "this entry is left out", track_id))

    try:
        return tuple(parsed())
    except MalformedDocument as error:  # the list itself
        notices.append(_bad_field(error, "it counts as empty", track_id))
        return ()


def _tolerant(notices: list[Notice], read: Callable[[], _T], default: _T, track_id: str | None = None) -> _T:
    """What `read` gives; where the field is bad, `default` and a Notice."""
    try:
        return read()
    except MalformedDocument as error:
        notices.append(_bad_field(error, "the field is ignored", track_id))
        return default


def _bad_field(error: MalformedDocument, outcome: str, track_id: str | None) -> Notice:
    return Notice("document-field", f"{error}; {outcome}", track_id)
