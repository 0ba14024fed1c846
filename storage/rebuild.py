"""Completes a manifest from what else is known: segment files, their headers, the timeline. Pure.

Takes the parsed documents (any may be missing) and the segment files that exist, gives one Manifest. Files
that metadata.json does not list are added to their tracks, or as tracks of their own; peers that have
tracks but are not listed get an entry; a screen shared under `sharescreen_{peer_id}` goes to that peer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from storage.brtp import SegmentHeader
from storage.fields import NS_PER_MS
from storage.keys import SegmentName
from storage.manifest import (
    METADATA,
    Metadata,
    Participant,
    SegmentRef,
    TimelineEvent,
    TrackRef,
    codec_name,
)
from storage.notices import Notice

SCREEN_PREFIX = "sharescreen_"


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A segment file that exists; `header` is None where the file is too short or damaged to have one."""

    file_name: str
    size: int
    name: SegmentName
    header: SegmentHeader | None


def earliest_start_ns(found: Iterable[FoundSegment]) -> int | None:
    """Unix time at which the first segment began; None if no header can be read."""
    starts = [segment.header.start_time_ms for segment in found if segment.header]
    return min(starts) * NS_PER_MS if starts else None


def add_unlisted(
    tracks: tuple[TrackRef, ...],
    found: Iterable[FoundSegment],
    zero_unix_ns: int,
    events: tuple[TimelineEvent, ...],
) -> tuple[tuple[TrackRef, ...], tuple[Notice, ...]]:
    """`tracks` with the files that none of them lists; a Notice for each track that this changes."""
    unlisted: dict[str, list[FoundSegment]] = defaultdict(list)
    for segment in found:
        unlisted[segment.name.track_id].append(segment)
    result: list[TrackRef] = []
    notices: list[Notice] = []
    for track in tracks:
        extra = unlisted.pop(track.track_id, [])
        result.append(_with_segments(track, _refs(extra, zero_unix_ns)) if extra else track)
        if extra:
            message = (
                f"{len(extra)} segment files of track {track.track_id} are not in {METADATA}; they are used"
            )
            notices.append(Notice("segment-unlisted", message, track.track_id))
    facts = _track_facts(events)
    for track_id, segments in unlisted.items():
        result.append(_new_track(segments, zero_unix_ns, facts.get(track_id, {})))
        message = f"track {track_id} is not in {METADATA}; it is rebuilt from its files"
        notices.append(Notice("track-unlisted", message, track_id))
    return tuple(result), tuple(notices)


def without_metadata(zero_unix_ns: int, events: tuple[TimelineEvent, ...], completed: bool) -> Metadata:
    """What can stand in for metadata.json before the files are added."""
    stops = [event.t_ms for event in events if event.type == "recording_stopped"]
    return Metadata(zero_unix_ns, stops[-1] if stops else None, "completed" if completed else "", (), ())


def all_participants(
    listed: tuple[Participant, ...], tracks: tuple[TrackRef, ...], events: tuple[TimelineEvent, ...]
) -> tuple[Participant, ...]:
    """`listed`, and an entry for every other peer that has joined in the timeline or has a track."""
    known = {participant.peer_id for participant in listed}
    names: dict[str, str] = {}
    since: dict[str, float] = {}
    for event in events:
        if event.type == "peer_joined" and isinstance(peer_id := event.data.get("peer_id"), str) and peer_id:
            names.setdefault(peer_id, str(event.data.get("display_name") or peer_id))
            since.setdefault(peer_id, event.t_ms)
    for track in tracks:
        since[track.peer_id] = min(since.get(track.peer_id, track.start_ms), track.start_ms)
    added = sorted((t_ms, peer_id) for peer_id, t_ms in since.items() if peer_id not in known)
    return listed + tuple(
        Participant(peer_id, names.get(peer_id, peer_id), t_ms, None) for t_ms, peer_id in added
    )


def screen_owners(
    participants: Iterable[Participant], tracks: Iterable[TrackRef], events: Iterable[TimelineEvent]
) -> dict[str, str]:
    """`sharescreen_X` → `X` for every such peer id whose X is a peer."""
    peers = {participant.peer_id for participant in participants} | {track.peer_id for track in tracks}
    peers |= {str(event.data.get("peer_id")) for event in events if event.type == "peer_joined"}
    return {peer: peer[len(SCREEN_PREFIX) :] for peer in peers if _owner(peer) in peers}


def give_screens_to_owners(tracks: tuple[TrackRef, ...], owners: Mapping[str, str]) -> tuple[TrackRef, ...]:
    """Tracks of a screen's own peer id become the owner's; its video is a screen share."""
    return tuple(
        replace(t, peer_id=owners[t.peer_id], kind="screenshare" if t.kind == "video" else t.kind)
        if t.peer_id in owners
        else t
        for t in tracks
    )


def give_events_to_owners(
    events: tuple[TimelineEvent, ...], owners: Mapping[str, str]
) -> tuple[TimelineEvent, ...]:
    """Events of a screen's own peer id become the owner's; its joining and leaving is not the owner's."""
    result = []
    for event in events:
        owner = owners.get(str(event.data.get("peer_id")))
        if owner is None:
            result.append(event)
        elif event.type not in ("peer_joined", "peer_left"):
            result.append(replace(event, data={**event.data, "peer_id": owner}))
    return tuple(result)


def _owner(peer_id: str) -> str | None:
    return peer_id[len(SCREEN_PREFIX) :] if peer_id.startswith(SCREEN_PREFIX) else None


def _track_facts(events: Iterable[TimelineEvent]) -> dict[str, Mapping[str, Any]]:
    """What the timeline says of each track: its codec in full, where a header has only 8 bytes of it."""
    return {str(e.data.get("track_id")): e.data for e in events if e.type == "track_added"}


def _new_track(segments: list[FoundSegment], zero_unix_ns: int, facts: Mapping[str, Any]) -> TrackRef:
    name = segments[0].name
    header = next((segment.header for segment in segments if segment.header), None)
    refs = _refs(segments, zero_unix_ns)
    return TrackRef(
        track_id=name.track_id,
        producer_id=name.producer_id,
        peer_id=name.peer_id,
        kind=name.kind,
        codec=codec_name(str(facts.get("codec", ""))) or (codec_name(header.codec) if header else ""),
        ssrc=header.ssrc if header else None,
        payload_type=header.payload_type if header else None,
        start_ms=min(ref.start_ms for ref in refs),
        end_ms=None,
        segments=refs,
    )


def _refs(segments: Iterable[FoundSegment], zero_unix_ns: int) -> tuple[SegmentRef, ...]:
    return tuple(
        SegmentRef(
            file_name=segment.file_name,
            start_ms=segment.header.start_time_ms - zero_unix_ns / NS_PER_MS if segment.header else 0.0,
            end_ms=None,
            bytes=segment.size,
            packet_count=None,
        )
        for segment in sorted(segments, key=lambda segment: segment.name.number)
    )


def _with_segments(track: TrackRef, extra: tuple[SegmentRef, ...]) -> TrackRef:
    return replace(track, segments=track.segments + extra, end_ms=None)
