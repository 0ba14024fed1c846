"""A recording as a drawing: who sent what when, and what was wrong with it.

Takes the report of `farm inspect`; gives SVG.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from farm.show.axis import NAMES, WIDTH, Axis, Cast, cut
from farm.show.svg import INK, TROUBLE, bar, drawing, element, text
from renderer.report import PeerReport, RecordingReport, TrackReport

KINDS = {"screenshare": ("screen", "#8b5cf6"), "video": ("camera", "#3b82f6"), "audio": ("mic", "#14b8a6")}
PAUSED = "#f59e0b"
_LANE, _GAP = 9.0, 3.0


def recording_drawing(found: RecordingReport) -> str:
    """Each participant with a lane a track: when it sent, when it was paused, froze, or nothing came."""
    axis = Axis(found.duration_s)
    cast = Cast({peer.peer_id: peer.name for peer in found.peers})
    parts: list[str] = []
    top = y = 8.0
    for peer in found.peers:
        tracks = sorted((t for t in found.tracks if t.peer_id == peer.peer_id), key=lambda t: list(KINDS).index(t.kind))
        height = max(1, len(tracks)) * (_LANE + _GAP) + 6
        parts += _peer_lanes(axis, peer, tracks, y, height, cast.colour(peer.peer_id))
        y += height + 6
    ends = [*axis.ticks(y, top), *_legend(y + 32)]
    return drawing(WIDTH, y + 42, [*ends, *parts], f"Tracks of recording {found.recording_id}")


def _peer_lanes(
    axis: Axis, peer: PeerReport, tracks: Sequence[TrackReport], y: float, height: float, colour: str
) -> Iterator[str]:
    yield element("circle", cx=8, cy=y + height / 2, r=5, fill=colour)
    yield text(20, y + height / 2 + 4, cut(peer.name, 15), size=12, font_weight=600)
    yield from axis.spans(peer.presence, y, height, f"{peer.name} is there", rx=3, fill=colour, fill_opacity=0.10)
    for number, track in enumerate(tracks):
        yield from _track_lane(axis, track, y + 4 + number * (_LANE + _GAP))


def _track_lane(axis: Axis, track: TrackReport, y: float) -> Iterator[str]:
    word, colour = KINDS[track.kind]
    rate = f"{track.bitrate_kbps:.0f} kbit/s, {track.loss_percent:.2f} % lost"
    said = f"{track.peer_name}, {word}: {track.codec or 'unknown codec'}, {rate}"
    yield text(axis.left - 6, y + 8, word, size=9, anchor="end", fill_opacity=0.55)
    if track.rows:
        yield axis.bar(track.start_s, track.end_s, y, _LANE, said, rx=2, fill=colour, fill_opacity=0.35)
    for shape in track.shapes[1:]:
        x = axis.x(shape.from_s)
        yield element("line", x1=x, x2=x, y1=y, y2=y + _LANE, stroke=INK, stroke_opacity=0.7)
    yield from axis.spans(track.pauses, y, _LANE, f"{said}: paused", fill=PAUSED, fill_opacity=0.8)
    yield from axis.spans(track.freezes, y, _LANE, f"{said}: frozen", fill=TROUBLE, fill_opacity=0.8)
    yield from axis.spans(track.gaps, y, _LANE, f"{said}: nothing came", fill=TROUBLE)


def _legend(y: float) -> Iterator[str]:
    x = NAMES
    looks = [(word, colour, 0.35) for word, colour in KINDS.values()]
    for word, colour, opacity in (*looks, ("paused", PAUSED, 0.8), ("nothing came, or frozen", TROUBLE, 1.0)):
        yield bar(x, y - 8, 14, _LANE, rx=2, fill=colour, fill_opacity=opacity)
        yield text(x + 19, y, word, size=10, fill_opacity=0.7)
        x += 32 + 6.2 * len(word)
