"""The health of a recording: what each track and peer is like, in numbers that a person can act on.

Takes a meeting and its indexes, gives frozen values with `to_json()`. Pure: reads no media and formats no
text. All `*_s` and `Span`s are recording time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compositing.facts import PeerFacts
from compositing.times import Span, clip_all, merge, subtract
from renderer.index import TrackIndex
from renderer.meeting import Meeting, pauses
from renderer.sampler import LossPolicy, showable
from storage.manifest import Manifest, TrackRef
from storage.notices import Notice

GAP_MS = 1_000
"""So long without any packet, outside of a pause, is told as a gap."""
FREEZE_MS = 250
"""So long on one picture, while others came that cannot be shown, is told as a freeze."""
NOTABLE_FREEZE_MS = 1_000
NOTABLE_DRIFT_PPM = 500.0
"""Beyond this a clock is out of what WebRTC senders have."""


@dataclass(frozen=True, slots=True)
class Shape:
    """From `from_s` on pictures are coded `width` x `height` and shown turned clockwise by `rotation` degrees."""

    from_s: float
    width: int
    height: int
    rotation: int


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One track. What concerns pictures is 0 or empty for sound."""

    track_id: str
    peer_id: str
    peer_name: str
    kind: str
    codec: str
    """Empty where none of ours."""
    start_s: float
    end_s: float
    duration_s: float
    """From the first packet with media to the last."""
    segments: int
    bytes: int
    bitrate_kbps: float
    packets: int
    lost: int
    loss_percent: float
    duplicates: int
    reordered: int
    invalid: int
    rows: int
    """Access units: pictures, or packets of sound."""
    incomplete: int
    keyframes: int
    max_keyframe_interval_s: float
    shapes: tuple[Shape, ...]
    freezes: tuple[Span, ...]
    gaps: tuple[Span, ...]
    pauses: tuple[Span, ...]
    drift_ppm: float
    clock_fits: int
    """1 is a clock that never jumped."""


@dataclass(frozen=True, slots=True)
class PeerReport:
    """One participant."""

    peer_id: str
    name: str
    presence: tuple[Span, ...]
    present_s: float
    speech_s: float
    speech_share: float
    """Of the time in the room, 0..1."""
    av_offset_ms: float | None
    """First picture of the camera minus first sound, of the pair of tracks that began closest together; None
    without a pair. It says how the tracks begin: lip sync cannot be told from packets without RTCP."""


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """A whole recording."""

    recording_id: str
    room_id: str
    url: str
    status: str
    started_unix_ms: float
    duration_s: float
    bytes: int
    tracks: tuple[TrackReport, ...]
    peers: tuple[PeerReport, ...]
    warnings: tuple[Notice, ...]

    def to_json(self) -> dict[str, Any]:
        """The document of `farm inspect --json`; spans are pairs of milliseconds."""
        return {name: _plain(value) for name, value in asdict(self).items()} | {
            "warnings": [{k: v for k, v in asdict(n).items() if v is not None} for n in self.warnings]
        }


def report(
    meeting: Meeting, indexes: Mapping[str, TrackIndex], policy: LossPolicy, url: str = ""
) -> RecordingReport:
    """The health of `meeting`; `indexes` are those of all tracks that have a file, by track id."""
    manifest = meeting.manifest
    names = {peer.peer_id: peer.name for peer in meeting.facts.peers}
    tracks = tuple(
        _track(ref, indexes.get(ref.track_id), names.get(ref.peer_id, ref.peer_id), manifest, policy)
        for ref in sorted(manifest.tracks, key=lambda t: (names.get(t.peer_id, ""), t.peer_id, t.kind, t.start_ms))
    )
    return RecordingReport(
        recording_id=manifest.recording_id,
        room_id=manifest.room_id,
        url=url,
        status=manifest.status,
        started_unix_ms=manifest.zero_unix_ms,
        duration_s=meeting.facts.duration_ms / 1000,
        bytes=sum(track.bytes for track in tracks),
        tracks=tracks,
        peers=tuple(_peer(peer, meeting) for peer in meeting.facts.peers),
        warnings=(*meeting.notices, *(n for track in tracks for n in _findings(track))),
    )


# ---- tracks ----------------------------------------------------------------------------------------------


def _track(
    ref: TrackRef, index: TrackIndex | None, name: str, manifest: Manifest, policy: LossPolicy
) -> TrackReport:
    if index is None:
        return _absent(ref, name)
    stats = index.stats
    size = sum(segment.size for segment in index.segments)
    start_s, end_s = stats.first_us / 1e6, stats.last_us / 1e6
    paused = pauses(ref, manifest, stats.last_us // 1000) if len(index) else ()
    return TrackReport(
        track_id=ref.track_id,
        peer_id=ref.peer_id,
        peer_name=name,
        kind=ref.kind,
        codec=index.codec,
        start_s=start_s,
        end_s=end_s,
        duration_s=round(end_s - start_s, 6),
        segments=len(index.segments),
        bytes=size,
        bitrate_kbps=round(stats.bytes * 8e-3 / (end_s - start_s), 1) if end_s > start_s else 0.0,
        packets=stats.packets,
        lost=stats.lost,
        loss_percent=round(stats.loss * 100, 3),
        duplicates=stats.duplicates,
        reordered=stats.reordered,
        invalid=stats.invalid,
        rows=len(index),
        incomplete=stats.incomplete,
        keyframes=0 if ref.kind == "audio" else stats.keyframes,
        max_keyframe_interval_s=round(stats.max_keyframe_interval_s, 3),
        shapes=() if ref.kind == "audio" else _shapes(index),
        freezes=() if ref.kind == "audio" else _freezes(index, policy),
        gaps=_gaps(index.time_us, paused),
        pauses=paused,
        drift_ppm=round(index.clock.drift_ppm, 1),
        clock_fits=len(index.clock.fit_starts),
    )


def _absent(ref: TrackRef, name: str) -> TrackReport:
    """A track that is listed, and of which there is no file."""
    at_s = ref.start_ms / 1000
    counts = dict.fromkeys(("lost", "duplicates", "reordered", "invalid", "rows", "incomplete", "keyframes"), 0)
    return TrackReport(
        ref.track_id, ref.peer_id, name, ref.kind, ref.codec, at_s, at_s, 0.0, 0, 0, 0.0, 0,
        loss_percent=0.0, max_keyframe_interval_s=0.0, shapes=(), freezes=(), gaps=(), pauses=(),
        drift_ppm=0.0, clock_fits=0, **counts,
    )  # fmt: skip


def _shapes(index: TrackIndex) -> tuple[Shape, ...]:
    """Each size and rotation from when it holds; pictures before the first known size are left out."""
    columns = np.stack([index.width, index.height, index.rotation], axis=1).astype(np.int64)
    known = np.flatnonzero(columns[:, 0])
    if not len(known):
        return ()
    changes = np.flatnonzero(np.any(np.diff(columns[known], axis=0) != 0, axis=1)) + 1
    rows = known[np.concatenate([[0], changes])]
    return tuple(Shape(int(index.time_us[r]) / 1e6, *(int(value) for value in columns[r])) for r in rows)


def _freezes(index: TrackIndex, policy: LossPolicy) -> tuple[Span, ...]:
    """When the picture stands still because of what came and cannot be shown."""
    shown = np.flatnonzero(showable(index, policy))
    if not len(shown):
        return ()
    stuck = (_span_ms(index.time_us, int(a), int(b)) for a, b in pairwise([*shown, len(index) - 1]) if b - a > 1)
    return tuple(span for span in stuck if span.end_ms - span.start_ms >= FREEZE_MS)


def _gaps(time_us: NDArray[np.int64], paused: Sequence[Span]) -> tuple[Span, ...]:
    rows = np.flatnonzero(np.diff(time_us) >= GAP_MS * 1000)
    silent = (_span_ms(time_us, int(row), int(row) + 1) for row in rows)
    return tuple(gap for gap in subtract(silent, paused) if gap.end_ms - gap.start_ms >= GAP_MS)


def _span_ms(time_us: NDArray[np.int64], first: int, last: int) -> Span:
    return Span(int(time_us[first]) // 1000, int(time_us[last]) // 1000)


def _findings(track: TrackReport) -> Iterable[Notice]:
    """What a person should know beyond what the index itself told."""
    frozen_ms = total_ms(track.freezes)
    if frozen_ms >= NOTABLE_FREEZE_MS:
        text = f"after losses the picture stands still: {frozen_ms / 1000:.1f} s in all, freezes: {len(track.freezes)}"
        yield Notice("freezes", text, track.track_id)
    if abs(track.drift_ppm) > NOTABLE_DRIFT_PPM:
        text = f"the sender's clock is off by {track.drift_ppm:+.0f} ppm; it is followed, sync may be less exact"
        yield Notice("clock-drift", text, track.track_id)


# ---- peers -----------------------------------------------------------------------------------------------


def _peer(peer: PeerFacts, meeting: Meeting) -> PeerReport:
    present = total_ms(peer.presence)
    speech = total_ms(piece for stay in peer.presence for piece in clip_all(peer.speech, stay))
    share = round(speech / present, 4) if present else 0.0
    offset_ms = _av_offset_ms(peer.peer_id, meeting)
    return PeerReport(
        peer.peer_id, peer.name, peer.presence, present / 1000, speech / 1000, share, offset_ms
    )


def _av_offset_ms(peer_id: str, meeting: Meeting) -> float | None:
    sounds = [t.index.stats.first_us for t in meeting.tracks_of(peer_id, "audio")]
    pictures = [t.index.stats.first_us for t in meeting.tracks_of(peer_id, "video")]
    offsets = [picture - sound for sound in sounds for picture in pictures]
    return min(offsets, key=abs) / 1000 if offsets else None


def total_ms(spans: Iterable[Span]) -> int:
    """How long `spans` are together, what they share counted once."""
    return sum(span.end_ms - span.start_ms for span in merge(spans))


def _plain(value: Any) -> Any:
    """Spans as pairs, tuples as lists, all the way down."""
    if isinstance(value, dict):
        if value.keys() == {"start_ms", "end_ms"}:
            return [value["start_ms"], value["end_ms"]]
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
