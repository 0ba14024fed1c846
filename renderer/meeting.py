"""The meeting as the plan must know it: who was there, which pictures were live, who spoke.

Takes the manifest and one index per track; gives `MeetingFacts` and the tracks behind them. Pure: no media is
read, no layout is known. Times are recording time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compositing.facts import MeetingFacts, PeerFacts, ShapeSpan
from compositing.times import Span, clip_all, merge, subtract
from renderer.index import TrackIndex
from renderer.sampler import FIRST_PICTURE_EARLY_US, LossPolicy, showable
from storage.manifest import Manifest, TrackRef
from storage.notices import Notice

THERE_FROM_THE_START_MS = 500
"""Who joins so soon after recording zero was there when it began: the first frame is not an empty room."""
CAMERA_SILENCE_MS = 5_000
"""A camera that sends nothing for so long counts as off: its last face is not shown any longer."""
UNKNOWN_END_HOLD_MS = 1_000
"""How long the last picture of a track stays when nobody wrote down when the track ended."""
SPEECH_LEVEL_DBOV = 45
"""Audio levels up to so many dB below overload count as speech (RFC 6464)."""
SPEECH_JOIN_MS = 600
SPEECH_MIN_MS = 300


@dataclass(frozen=True, slots=True, eq=False)
class MeetingTrack:
    """One indexed track and when it is live."""

    ref: TrackRef
    index: TrackIndex
    live: Span


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """A recording, understood."""

    manifest: Manifest
    facts: MeetingFacts
    tracks: tuple[MeetingTrack, ...]
    notices: tuple[Notice, ...]

    def tracks_of(self, peer_id: str, kind: str) -> tuple[MeetingTrack, ...]:
        """The peer's tracks of that kind, by start."""
        mine = [t for t in self.tracks if t.ref.peer_id == peer_id and t.ref.kind == kind]
        return tuple(sorted(mine, key=lambda t: (t.live.start_ms, t.ref.track_id)))


def understand(
    manifest: Manifest,
    indexes: Sequence[TrackIndex],
    policy: LossPolicy,
    measured_levels: Mapping[str, NDArray[np.uint8]] | None = None,
) -> Meeting:
    """The meeting of a manifest and the indexes of its tracks.

    `measured_levels` gives, per audio track without the audio-level header extension, one level per access
    unit in -dBov, measured from the sound.
    """
    notices = [*manifest.notices, *(n for index in indexes for n in index.notices)]
    duration_ms = _duration_ms(manifest, indexes, notices)
    refs = {track.track_id: track for track in manifest.tracks}
    tracks = tuple(
        MeetingTrack(refs[i.track_id], i, _live(refs[i.track_id], i, manifest, duration_ms))
        for i in indexes
        if len(i.time_us)
    )
    speech = _speech(manifest, tracks, duration_ms, measured_levels or {})
    people = _people(manifest, tracks, duration_ms)
    peers = tuple(
        _peer(peer_id, name, presence, tracks, speech.get(peer_id, ()), manifest, policy, duration_ms)
        for peer_id, (name, presence) in people.items()
    )
    ordered = tuple(sorted(peers, key=lambda p: (p.presence[0].start_ms if p.presence else duration_ms)))
    return Meeting(manifest, MeetingFacts(duration_ms, ordered), tracks, tuple(notices))


def needs_measured_levels(manifest: Manifest, index: TrackIndex) -> bool:
    """Whether nobody told who spoke: no active_speaker events, and no audio levels in this audio track."""
    silent_timeline = not any(event.type == "active_speaker" for event in manifest.events)
    return index.kind == "audio" and silent_timeline and bool((index.audio_level == 255).all())


def _duration_ms(manifest: Manifest, indexes: Sequence[TrackIndex], notices: list[Notice]) -> int:
    ends = [int(index.time_us[-1]) for index in indexes if len(index.time_us)]
    media_ms = -(-max(ends, default=0) // 1000)
    if not manifest.finished or manifest.duration_ms is None:
        return media_ms
    if manifest.duration_ms + 1000 < media_ms:
        text = f"the media goes on {media_ms - manifest.duration_ms:.0f} ms after the recording's end_time"
        notices.append(Notice("media-after-end", text))
        return media_ms
    return round(manifest.duration_ms)


def _live(ref: TrackRef, index: TrackIndex, manifest: Manifest, duration_ms: int) -> Span:
    first, last = (int(t) // 1000 for t in (index.time_us[0], index.time_us[-1]))
    removed = [
        e.t_ms for e in manifest.events if e.type == "track_removed" and e.data.get("track_id") == ref.track_id
    ]
    told = min(removed) if removed else ref.end_ms
    end = last + UNKNOWN_END_HOLD_MS if told is None else max(round(told), last)
    return Span(max(0, first), min(max(end, last + 1), duration_ms))


# ---- people ----------------------------------------------------------------------------------------------


def _people(
    manifest: Manifest, tracks: Iterable[MeetingTrack], duration_ms: int
) -> dict[str, tuple[str, tuple[Span, ...]]]:
    whole = Span(0, duration_ms)
    names: dict[str, str] = {}
    spans: dict[str, list[Span]] = {}
    for person in manifest.participants:
        told = person.display_name if person.display_name != person.peer_id else ""
        names[person.peer_id] = told or names.get(person.peer_id, "")
        end = duration_ms if person.left_ms is None else round(person.left_ms)
        spans.setdefault(person.peer_id, []).append(Span(round(person.joined_ms), end))
    for peer_id, (name, stays) in _joined_events(manifest, duration_ms).items():
        names[peer_id] = names.get(peer_id) or name
        spans[peer_id] = spans.get(peer_id) or stays
    for track in tracks:
        peer_id = track.ref.peer_id
        if peer_id not in names:
            names[peer_id], spans[peer_id] = "", []
        if not any(p.peer_id == peer_id for p in manifest.participants):
            spans[peer_id].append(track.live)
    return {
        peer_id: (names[peer_id] or f"Guest {peer_id[:8]}", clip_all(merge(map(_settled, spans[peer_id])), whole))
        for peer_id in names
    }


def _settled(presence: Span) -> Span:
    return Span(0, presence.end_ms) if presence.start_ms <= THERE_FROM_THE_START_MS else presence


def _joined_events(manifest: Manifest, duration_ms: int) -> dict[str, tuple[str, list[Span]]]:
    people: dict[str, tuple[str, list[Span]]] = {}
    open_since: dict[str, int] = {}
    for event in manifest.events:
        peer_id = event.data.get("peer_id")
        if not isinstance(peer_id, str):
            continue
        if event.type == "peer_joined":
            people.setdefault(peer_id, (str(event.data.get("display_name") or ""), []))
            open_since.setdefault(peer_id, round(event.t_ms))
        elif event.type == "peer_left" and (peer_id in open_since or peer_id not in people):
            start = open_since.pop(peer_id, 0)  # who leaves without having joined was there before
            people.setdefault(peer_id, ("", []))[1].append(Span(start, round(event.t_ms)))
    for peer_id, start in open_since.items():
        people[peer_id][1].append(Span(start, duration_ms))
    return people


def _peer(
    peer_id: str,
    name: str,
    presence: tuple[Span, ...],
    tracks: Iterable[MeetingTrack],
    speech: tuple[Span, ...],
    manifest: Manifest,
    policy: LossPolicy,
    duration_ms: int,
) -> PeerFacts:
    mine = [t for t in tracks if t.ref.peer_id == peer_id]
    shapes = {
        kind: _ordered(s for t in mine if t.ref.kind == kind for s in _shapes(t, manifest, policy, duration_ms))
        for kind in ("video", "screenshare")
    }
    return PeerFacts(
        peer_id,
        name,
        presence,
        camera=_without_flash(shapes["video"], presence),
        screenshare=shapes["screenshare"],
        speech=speech,
        has_audio=any(t.ref.kind == "audio" for t in mine),
    )


def _without_flash(camera: tuple[ShapeSpan, ...], presence: tuple[Span, ...]) -> tuple[ShapeSpan, ...]:
    """`camera` with spans that begin soon after a joining moved to it; the first picture stands in meanwhile."""
    limit_ms = FIRST_PICTURE_EARLY_US // 1000
    moved: list[ShapeSpan] = []
    for shape in camera:
        joined = [s.start_ms for s in presence if s.start_ms <= shape.start_ms <= s.start_ms + limit_ms]
        free = not moved or moved[-1].end_ms <= max(joined, default=0)
        moved.append(replace(shape, start_ms=max(joined)) if joined and free else shape)
    return tuple(moved)


# ---- live pictures ---------------------------------------------------------------------------------------


def _shapes(
    track: MeetingTrack, manifest: Manifest, policy: LossPolicy, duration_ms: int
) -> Iterable[ShapeSpan]:
    """When this track has a picture to show, and of what upright size."""
    index = track.index
    rows = np.flatnonzero(showable(index, policy))
    if not len(rows):
        return
    times = index.time_us[rows] // 1000
    turned = np.isin(index.rotation[rows], (90, 270))
    widths = np.where(turned, index.height[rows], index.width[rows])
    heights = np.where(turned, index.width[rows], index.height[rows])
    changes = np.flatnonzero(np.diff(widths) | np.diff(heights)) + 1
    starts = np.concatenate([[0], changes])
    for first, following in zip(starts, [*changes, None], strict=True):
        end = int(times[following]) if following is not None else track.live.end_ms
        for span in _live_spans(track, times, Span(max(0, int(times[first])), min(end, duration_ms)), manifest):
            yield ShapeSpan(span.start_ms, span.end_ms, int(widths[first]), int(heights[first]))


def _live_spans(
    track: MeetingTrack, times: NDArray[np.int64], span: Span, manifest: Manifest
) -> Iterable[Span]:
    off = pauses(track.ref, manifest, track.live.end_ms)
    if track.ref.kind == "video":
        off = (*off, *_silences(track))
    for piece in subtract([span], off):
        # After a pause the old face must not flash up: wait for the first picture that was sent since.
        following = np.searchsorted(times, piece.start_ms)
        start = int(times[following]) if following < len(times) else piece.end_ms
        live = Span(max(start, piece.start_ms) if piece.start_ms != span.start_ms else piece.start_ms, piece.end_ms)
        if live:
            yield live


def _silences(track: MeetingTrack) -> tuple[Span, ...]:
    """Stretches without any packet, from `CAMERA_SILENCE_MS` after the last one on."""
    times = np.append(track.index.time_us // 1000, track.live.end_ms)
    gaps = np.flatnonzero(np.diff(times) > CAMERA_SILENCE_MS)
    return tuple(Span(int(times[g]) + CAMERA_SILENCE_MS, int(times[g + 1])) for g in gaps)


def pauses(ref: TrackRef, manifest: Manifest, end_ms: int) -> tuple[Span, ...]:
    """When the sender of a track had it paused, as the timeline tells; one that lasts goes on to `end_ms`."""
    paused: list[Span] = []
    since: int | None = None
    for event in manifest.events:
        mine = event.data.get("track_id") == ref.track_id or event.data.get("producer_id") == ref.producer_id
        if mine and event.type == "producer_paused" and since is None:
            since = round(event.t_ms)
        elif mine and event.type == "producer_resumed" and since is not None:
            paused.append(Span(since, round(event.t_ms)))
            since = None
    if since is not None:
        paused.append(Span(since, end_ms))
    return merge(paused)


def _ordered(shapes: Iterable[ShapeSpan]) -> tuple[ShapeSpan, ...]:
    return tuple(sorted(shapes, key=lambda s: (s.start_ms, s.end_ms)))


# ---- speech ----------------------------------------------------------------------------------------------


def _speech(
    manifest: Manifest,
    tracks: Iterable[MeetingTrack],
    duration_ms: int,
    measured: Mapping[str, NDArray[np.uint8]],
) -> dict[str, tuple[Span, ...]]:
    told = [event for event in manifest.events if event.type == "active_speaker"]
    if told:
        return _told_speech([(round(e.t_ms), str(e.data.get("peer_id") or "")) for e in told], duration_ms)
    heard: dict[str, list[Span]] = {}
    for track in tracks:
        if track.ref.kind == "audio":
            levels = measured.get(track.ref.track_id, track.index.audio_level)
            heard.setdefault(track.ref.peer_id, []).extend(speech_spans(track.index.time_us, levels))
    return {peer_id: merge(spans) for peer_id, spans in heard.items()}


def _told_speech(events: Sequence[tuple[int, str]], duration_ms: int) -> dict[str, tuple[Span, ...]]:
    ends = [t for t, _ in events[1:]] + [duration_ms]
    spans: dict[str, list[Span]] = {}
    for (start, peer_id), end in zip(events, ends, strict=True):
        if peer_id:
            spans.setdefault(peer_id, []).append(Span(start, end))
    return {peer_id: merge(mine) for peer_id, mine in spans.items()}


def speech_spans(time_us: NDArray[np.int64], levels: NDArray[np.uint8]) -> tuple[Span, ...]:
    """Speech from one level per packet (-dBov, 255 unknown): short pauses bridged, short bursts dropped."""
    loud = np.flatnonzero(levels <= SPEECH_LEVEL_DBOV)
    spans = [Span(int(t), int(t) + SPEECH_JOIN_MS) for t in time_us[loud] // 1000]
    trimmed = (Span(s.start_ms, s.end_ms - SPEECH_JOIN_MS + 20) for s in merge(spans))
    return tuple(s for s in trimmed if s.end_ms - s.start_ms >= SPEECH_MIN_MS)
