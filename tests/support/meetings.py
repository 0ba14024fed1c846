"""Synthetic meetings that explain themselves: a declared `Meeting` becomes a recording and its `Truth`.

    truth = write_meeting(Meeting(peers=(Peer(1, "Ada"), Peer(2, "Ben"))), tmp_path)
    truth.path                              # rooms/room-1/<id>, as the Recording Service stores it
    truth.track(1, "video").keyframes_ms

Pictures carry the barcode (`tests.support.barcode`), sound beeps on whole seconds (`tests.support.truth`
finds both in an export). The same declaration gives the same bytes.
(Meetings without media, for tests of the plan alone, are in `tests.support.plan_facts`.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from tests.support import store
from tests.support.spec import (
    SCREEN_INDEX_OFFSET,
    Camera,
    Change,
    Kind,
    Meeting,
    Microphone,
    Network,
    Peer,
    Screen,
    Spans,
    beep_hz,
)
from tests.support.tracks import FrameTruth, Ids, Track, audio_track, video_track

__all__ = [
    "Camera",
    "Change",
    "FrameTruth",
    "Meeting",
    "Microphone",
    "Network",
    "Peer",
    "Screen",
    "Track",
    "Truth",
    "beep_hz",
    "write_meeting",
]

_SPEAKER_DELAY_MS = 200
"""How long after somebody begins to speak the SFU says so."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a written recording holds. All `*_ms` are recording time."""

    base: Path
    """The folder that contains `rooms/`."""
    path: Path
    meeting: Meeting
    tracks: tuple[Track, ...]

    @property
    def duration_ms(self) -> int:
        return self.meeting.duration_ms

    def peer(self, index: int) -> Peer:
        """The peer with that index."""
        return next(peer for peer in self.meeting.peers if peer.index == index)

    def presence(self, index: int) -> Spans:
        """When the peer with that index was in the room."""
        return tuple((a, self.duration_ms if b is None else b) for a, b in self.peer(index).stays)

    def track(self, index: int, kind: Kind, stay: int = 0) -> Track:
        """The track of that kind of the peer with that index; `stay` counts those of one kind."""
        wanted = index + SCREEN_INDEX_OFFSET if kind == "screenshare" else index
        return [track for track in self.tracks if (track.index, track.kind) == (wanted, kind)][stay]


def write_meeting(meeting: Meeting, base: Path) -> Truth:
    """Writes `meeting` into `base`/rooms/{room}/{recording}/, which must not exist yet."""
    path = base / "rooms" / meeting.room_id / meeting.recording_id
    path.mkdir(parents=True)
    tracks = tuple(_tracks(meeting))
    entries = [_store_track(meeting, track, path / "tracks") for track in tracks]
    store.write_documents(
        path, _metadata(meeting, tracks, entries), _events(meeting, tracks), running=meeting.running
    )
    return Truth(base, path, meeting, tracks)


def _tracks(meeting: Meeting) -> Iterator[Track]:
    for peer in meeting.peers:
        for number, (join, leave) in enumerate(peer.stays):
            end = meeting.duration_ms if leave is None else leave
            if peer.microphone:
                yield audio_track(peer.microphone, _ids(meeting, peer, "audio", number), join, end)
            if peer.camera:
                yield video_track(peer.camera, _ids(meeting, peer, "video", number), join, end)
        for number, screen in enumerate(peer.screens):
            ids = _ids(meeting, peer, "screenshare", number, own_peer_id=screen.own_peer_id)
            yield video_track(screen.camera, ids, screen.start_ms, screen.end_ms)


def _ids(meeting: Meeting, peer: Peer, kind: Kind, number: int, *, own_peer_id: bool = False) -> Ids:
    producer = uuid5(NAMESPACE_URL, f"{meeting.recording_id}/{peer.peer_id}/{kind}/{number}")
    index = peer.index + (SCREEN_INDEX_OFFSET if kind == "screenshare" else 0)
    peer_id = f"sharescreen_{peer.peer_id}" if own_peer_id else peer.peer_id
    return Ids(peer_id, str(producer), kind, index, peer.beep_hz)


def _store_track(meeting: Meeting, track: Track, folder: Path) -> store.Json:
    """Writes the files of `track`; its entry in metadata.json."""
    zero = meeting.start_unix_ms
    rotations = (at for at in sorted(meeting.rotate_at_ms) if track.start_ms < at < track.end_ms)
    segments = store.write_segments(
        folder,
        track_id=track.track_id,
        ssrc=track.ssrc,
        payload_type=track.payload_type,
        codec=track.codec,
        packets=[(zero + int(a.arrival_ms), a.data) for a in track.arrivals],
        cuts_unix_ms=[zero + at for at in (track.start_ms, *rotations, track.end_ms)],
    )
    ended = {} if meeting.running else {"end_time": store.rfc3339(zero + track.end_ms)}
    return _described(track) | {
        "type": track.kind,
        "start_time": store.rfc3339(zero + track.start_ms),
        **ended,
        "file_name": segments[0]["file_name"],
        "segments": segments,
    }


def _described(track: Track) -> store.Json:
    return {
        "track_id": track.track_id,
        "producer_id": track.producer_id,
        "peer_id": track.peer_id,
        "codec": store.CODEC_NAMES[track.codec],
        "ssrc": track.ssrc,
        "payload_type": track.payload_type,
    }


def _metadata(meeting: Meeting, tracks: tuple[Track, ...], entries: list[store.Json]) -> store.Json:
    zero, end = meeting.start_unix_ms, meeting.start_unix_ms + meeting.duration_ms
    first = meeting.peers[0].peer_id if meeting.peers else ""
    document: store.Json = {
        "recording_id": meeting.recording_id,
        "room_id": meeting.room_id,
        "start_time": store.rfc3339(zero),
        "status": "recording" if meeting.running else "completed",
        "participants": list(_participants(meeting)),
        "tracks": entries,
        "requested_by": first,
    }
    if meeting.running:
        return document
    stats = {
        "duration_ms": meeting.duration_ms,
        "total_bytes": sum(segment["bytes"] for entry in entries for segment in entry["segments"]),
        "track_count": len(tracks),
        "peer_count": len(meeting.peers),
    }
    return document | {"end_time": store.rfc3339(end), "stats": stats, "stopped_by": first}


def _participants(meeting: Meeting) -> Iterator[store.Json]:
    zero = meeting.start_unix_ms
    for peer in meeting.peers:
        for join, leave in peer.stays if peer.listed else ():
            left = {} if leave is None else {"left_at": store.rfc3339(zero + leave)}
            yield {
                "peer_id": peer.peer_id,
                "display_name": peer.name,
                "joined_at": store.rfc3339(zero + join),
                **left,
            }


def _events(meeting: Meeting, tracks: tuple[Track, ...]) -> Iterator[tuple[float, str, store.Json]]:
    zero, first = meeting.start_unix_ms, meeting.peers[0].peer_id if meeting.peers else ""
    yield zero, "recording_started", {"requested_by": first}
    for peer in meeting.peers:
        yield from _peer_events(meeting, peer)
    for track in tracks:
        yield from _track_events(meeting, track)
    if not meeting.running:
        yield zero + meeting.duration_ms, "recording_stopped", {"stopped_by": first}


def _peer_events(meeting: Meeting, peer: Peer) -> Iterator[tuple[float, str, store.Json]]:
    zero = meeting.start_unix_ms
    for join, leave in peer.stays if peer.listed else ():
        yield zero + join, "peer_joined", {"peer_id": peer.peer_id, "display_name": peer.name}
        if leave is not None:
            yield zero + leave, "peer_left", {"peer_id": peer.peer_id}
    speech = (peer.microphone and peer.microphone.speech) or ()
    for begin, _ in speech if meeting.active_speaker else ():
        yield zero + begin + _SPEAKER_DELAY_MS, "active_speaker", {"peer_id": peer.peer_id}


def _track_events(meeting: Meeting, track: Track) -> Iterator[tuple[float, str, store.Json]]:
    zero = meeting.start_unix_ms
    who: store.Json = {
        "producer_id": track.producer_id,
        "peer_id": track.peer_id,
        "track_id": track.track_id,
        "track_type": track.kind,
    }
    yield zero + track.start_ms, "track_added", _described(track) | who | {"recorded": True}
    for begin, end in track.pauses:
        yield zero + begin, "producer_paused", who
        if end < track.end_ms:
            yield zero + end, "producer_resumed", who
    if track.end_ms < meeting.duration_ms:
        yield zero + track.end_ms, "track_removed", who
