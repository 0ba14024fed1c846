"""`farm inspect` and `farm plan`: what a recording holds and what a plan says, for people.

Takes an open recording or a composed plan; gives the renderer's report, and text of at most 100 columns:
tables first, warnings last. The same tables as HTML are for notebooks.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from compositing.scene import Plan, Scene, Tile
from compositing.times import Span
from farm.compose import Composed
from farm.executors.base import CancelToken, Executor, Observer
from farm.run import Surroundings, read, warnings_of
from farm.settings import FarmSettings
from renderer.report import PeerReport, RecordingReport, Shape, TrackReport, report, total_ms
from storage.recordings import Recording

COLUMNS = 100
_MOST_LISTED = 4
"""So many spans or shapes are named; of more the number is told."""
_MIN_WIDTHS = {"peer id": 36, ">from": 6, ">to": 6, "code": 14}
"""Columns that are never broken into lines below that width."""
_KINDS = {"audio": "mic", "video": "camera", "screenshare": "screen"}


def inspect_recording(
    recording: Recording, settings: FarmSettings, executor: Executor, observer: Observer, cancel: CancelToken
) -> RecordingReport:
    """The health of `recording`; its tracks are indexed where they are not yet. Raises StorageError."""
    prepared = read(recording, Surroundings(settings, executor, observer, cancel))
    return report(prepared.meeting, prepared.indexes, settings.loss_policy, recording.url)


def render_report(found: RecordingReport) -> str:
    """The report as text of `COLUMNS` columns."""
    return _as_text(_report(found))


def report_html(found: RecordingReport) -> str:
    """The report as HTML."""
    return _as_html(_report(found))


def describe_plan(composed: Composed) -> str:
    """The scenes of a plan as text of `COLUMNS` columns."""
    return _as_text(_plan(composed))


def plan_html(composed: Composed) -> str:
    """The scenes of a plan as HTML."""
    return _as_html(_plan(composed))


# ---- inspect ---------------------------------------------------------------------------------------------


def _report(found: RecordingReport) -> Group:
    numbers = {track.track_id: number for number, track in enumerate(found.tracks, start=1)}
    started = datetime.fromtimestamp(found.started_unix_ms / 1000, UTC)
    about = (
        f"{found.status}, began {started:%Y-%m-%d %H:%M:%S} UTC, lasts {clock(found.duration_s)}, "
        f"{_count(len(found.peers), 'peer')}, {_count(len(found.tracks), 'track')}, {_size(found.bytes)}"
    )
    warnings = [(n.code, n.message, numbers.get(n.track_id or "")) for n in found.warnings]
    return Group(
        Text(f"Recording {found.recording_id} of room {found.room_id}", style="bold"),
        Text(about),
        *_section("Peers", _peers(found.peers)),
        *_section("Tracks", _tracks(found.tracks)),
        *_section("Pictures", _pictures([t for t in found.tracks if t.kind != "audio"], numbers)),
        *_section("Warnings", _warnings(warnings)),
    )


def _peers(peers: Sequence[PeerReport]) -> Table | None:
    told = any(peer.av_offset_ms is not None for peer in peers)
    table = _table("name", "peer id", "in the room", ">speaks", *([">camera\nafter mic"] if told else []))
    for peer in peers:
        offset = "" if peer.av_offset_ms is None else f"{peer.av_offset_ms:+.0f} ms"
        _row(table, peer.name, peer.peer_id, spans(peer.presence),
             f"{peer.speech_s:.1f} s, {peer.speech_share:.0%}", *([offset] if told else []))  # fmt: skip
    return table if peers else None


def _tracks(tracks: Sequence[TrackReport]) -> Table | None:
    table = _table(">#", "peer", "kind", "codec", ">from", ">to", ">packets", ">lost", ">twice", ">late",
                   ">kbit/s", ">clock", ">rows")  # fmt: skip
    for number, track in enumerate(tracks, start=1):
        during = (clock(track.start_s), clock(track.end_s)) if track.rows else ("–", "–")
        _row(table, str(number), track.peer_name, _KINDS[track.kind], track.codec or "?", *during,
             f"{track.packets}", f"{track.loss_percent:.2f}%", f"{track.duplicates}", f"{track.reordered}",
             f"{track.bitrate_kbps:.0f}", f"{track.drift_ppm:+.0f} ppm", f"{track.rows}")  # fmt: skip
    return table if tracks else None


def _pictures(tracks: Sequence[TrackReport], numbers: dict[str, int]) -> Table | None:
    table = _table(">#", ">keyframes", ">furthest apart", "size, from", "frozen", "nothing came", "paused")
    for track in tracks:
        _row(table, str(numbers[track.track_id]), f"{track.keyframes}", f"{track.max_keyframe_interval_s:.1f} s",
             _few([_shape(shape) for shape in track.shapes], "sizes"), _lengths(track.freezes),
             _lengths(track.gaps), _lengths(track.pauses))  # fmt: skip
    return table if tracks else None


def _shape(shape: Shape) -> str:
    turned = f" turned {shape.rotation}°" if shape.rotation else ""
    return f"{shape.width}×{shape.height}{turned}, {clock(shape.from_s)}"


def _lengths(found: Sequence[Span]) -> str:
    if not found:
        return "–"
    return f"{total_ms(found) / 1000:.1f} s: {_few([clock(s.start_ms / 1000) for s in found], 'times')}"


# ---- plan ------------------------------------------------------------------------------------------------


def _plan(composed: Composed) -> Group:
    plan = composed.plan
    names = {peer.peer_id: peer.name for peer in composed.prepared.meeting.facts.peers}
    about = (
        f"{plan.canvas.w}×{plan.canvas.h}, {plan.fps} frames per second, {clock(plan.start_ms / 1000)} – "
        f"{clock(plan.end_ms / 1000)}, {_count(len(plan.scenes), 'scene')}"
    )
    warnings = [(w["code"], w["message"], None) for w in warnings_of(composed)]
    return Group(
        Text(about, style="bold"),
        *_section("Scenes", _scenes(plan.scenes, names)),
        *_section("Sound", _sound(plan, names)),
        *_section("Warnings", _warnings(warnings)),
    )


def _scenes(scenes: Sequence[Scene], names: dict[str, str]) -> Table:
    table = _table(">from", ">lasts", "layout", "tile", "what", ">size", ">at", ">z")
    for scene in scenes:
        moving = f", {scene.transition.duration_ms} ms" if scene.transition else ""
        lasts = f"{(scene.end_ms - scene.start_ms) / 1000:.3f} s"
        heads = [clock(scene.start_ms / 1000, places=3), lasts, scene.layout + moving]
        for tile in scene.tiles:
            _row(table, *heads, _who(tile, names), _what(tile), f"{tile.rect.w}×{tile.rect.h}",
                 f"{tile.rect.x}, {tile.rect.y}", f"{tile.z}")  # fmt: skip
            heads = ["", "", ""]
        if not scene.tiles:
            _row(table, *heads, "nobody", "", "", "", "")
    return table


def _who(tile: Tile, names: dict[str, str]) -> str:
    return names.get(tile.peer_id or "", tile.text or tile.tile_id)


def _what(tile: Tile) -> str:
    if tile.kind != "video":
        return tile.kind
    return f"{'screen' if tile.source == 'screenshare' else 'camera'}, {tile.fit}"


def _sound(plan: Plan, names: dict[str, str]) -> Table | None:
    table = _table("peer", ">gain", "heard", "speaks")
    speech = {peer.peer_id: peer.spans for peer in plan.speech}
    for peer in plan.audio:
        said = speech.get(peer.peer_id, ())
        spoken = f"{total_ms(said) / 1000:.1f} s in {_count(len(said), 'span')}" if said else "–"
        _row(table, names.get(peer.peer_id, peer.peer_id), f"{peer.gain_db:+.1f} dB", spans(peer.spans), spoken)
    return table if plan.audio else None


# ---- words and tables ------------------------------------------------------------------------------------


def clock(seconds: float, places: int = 1) -> str:
    """`1:02:03.4`, below an hour `2:03.4`; in milliseconds, `2:03.456`, with `places=3`."""
    units = round(abs(seconds) * 10**places)
    sign = "-" if seconds < 0 and units else ""
    whole, rest = divmod(units, 10**places)
    head = f"{whole // 3600}:{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{sign}{head}:{whole % 60:02}.{rest:0{places}}"


def spans(found: Iterable[Span]) -> str:
    """`0:00.0 – 0:10.0, 0:12.0 – 0:20.0`; of many the first ones and how many more."""
    return _few([f"{clock(s.start_ms / 1000)} – {clock(s.end_ms / 1000)}" for s in found], "spans") or "never"


def _few(items: Sequence[str], kind: str) -> str:
    if len(items) <= _MOST_LISTED:
        return "; ".join(items)
    return "; ".join(items[: _MOST_LISTED - 1]) + f"; and {len(items) - _MOST_LISTED + 1} more {kind}"


def _count(number: int, of: str) -> str:
    return f"{number} {of}{'' if number == 1 else 's'}"


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _section(title: str, content: RenderableType | None) -> tuple[RenderableType, ...]:
    if content is None:
        return ()
    return (Text(f"\n{title}", style="bold"), content)


def _table(*headings: str) -> Table:
    """Headings that begin with `>` have right-aligned columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for heading in headings:
        justify: Literal["right", "left"] = "right" if heading.startswith(">") else "left"
        table.add_column(heading.lstrip(">"), justify=justify, min_width=_MIN_WIDTHS.get(heading))
    return table


def _row(table: Table, *cells: str) -> None:
    table.add_row(*(escape(cell) for cell in cells))


def _warnings(found: Sequence[tuple[str, str, int | None]]) -> RenderableType:
    if not found:
        return Text("none")
    table = _table("code", "track", "message")
    for code, message, number in found:
        _row(table, code, "" if number is None else f"#{number}", message)
    return table


def _as_text(content: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=COLUMNS, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(content)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _as_html(content: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=COLUMNS + 40, record=True, force_jupyter=False)
    console.print(content)
    return console.export_html(inline_styles=True, code_format='<pre style="line-height:1.3">{code}</pre>')
