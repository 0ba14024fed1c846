"""Exports made for acceptance tests, and what can be seen and heard in them.

    source = copy_recording("standup", tmp_path)
    made = export_of(source, {"layout": "speaker", "export": {"resolution": "1280x720"}}, tmp_path / "a.mp4")
    seen = watch(made, [Watch("peer-1", index=1, beep_hz=650, fps=30, shapes=((0, 640, 360),))])
    seen["peer-1"].picture.p95

Where a tile's whole picture lies in a frame follows from the plan; what it shows is read from the decoded file
alone. Exports run in this process (`LocalExecutor`) unless another executor is given.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from compositing.geometry import Size, fit_picture
from compositing.scene import Tile
from compositing.state import CompositionState, parse_state
from compositing.timeline import scene_at
from compositing.transition import tiles_at
from farm.compose import Composed, RenderChoices, compose
from farm.executors.base import Executor
from farm.executors.local import LocalExecutor
from farm.run import ExportOptions, ExportReport, Surroundings, export, fonts_of, put_rasters, read
from farm.settings import FarmSettings
from renderer.profiles import PresetName, audio_profile, video_profile
from renderer.spec import VideoChunk
from storage.objects import StoreSpec
from storage.recordings import Recording, open_recording, split_source
from tests.support.barcode import WRAP_MS, read_barcode
from tests.support.meetings import Truth
from tests.support.recordings import ROOT, recording_dir
from tests.support.truth import Floats, Ints, Rectangle, Spread, Times, beeps, luma_of, monotonic, samples_of, spread

CHUNK_MS = 8000
LEGIBLE_PX = 240
"""The barcode is read in pictures from this width on."""
PRESET: PresetName = "draft"


@dataclass(frozen=True)
class Made:
    """A finished export, and the composition that it was made from."""

    source: Path
    composed: Composed
    report: ExportReport
    path: Path


# ---- making ----------------------------------------------------------------------------------------------


def copy_recording(name: str, folder: Path) -> Path:
    """A writable copy of a real recording, as it was stored, below `folder`; its `rooms/R/ID`.

    Skips where it is absent.
    """
    return fresh_copy(recording_dir(name), folder / name)


def copy_source(source: Path, base: Path) -> Path:
    """A writable copy of the recording in `source` with all that was made of it, in a base of its own."""
    target = base / "rooms" / source.parent.name / source.name
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def fresh_copy(source: Path, base: Path) -> Path:
    """The recording in `source` as it was stored, without anything that was made of it."""
    target = copy_source(source, base)
    for made in ("cache", "processed"):
        shutil.rmtree(target / made, ignore_errors=True)
    return target


def opened(source: Path) -> Recording:
    """The recording in a folder `rooms/R/ID`."""
    url, room_id, recording_id = split_source(str(source))
    return open_recording(StoreSpec(url), room_id, recording_id)


def around(executor: Executor | None = None) -> Surroundings:
    """What a run needs, without a cluster unless `executor` is one."""
    return Surroundings(FarmSettings(), executor or LocalExecutor(), lambda event: None)


def state_of(document: Mapping[str, Any]) -> CompositionState:
    """A Composition State from the few fields that matter."""
    return parse_state({"version": 1, **document})


def composed_of(source: Path, document: Mapping[str, Any], preset: PresetName = PRESET) -> Composed:
    """The composition as an export with `preset` renders it; its stills are stored."""
    recording, state, here = opened(source), state_of(document), around()
    choices = RenderChoices(video_profile(preset, "x264", state.export.fps), audio_profile(preset))
    composed = compose(read(recording, here), state, fonts_of(here.settings), choices)
    put_rasters(recording, composed)
    return composed


def export_of(
    source: Path,
    document: Mapping[str, Any],
    output: Path,
    *,
    executor: Executor | None = None,
    preset: PresetName = PRESET,
) -> Made:
    """Exports `document` over the recording in `source` to `output`."""
    options = ExportOptions(preset=preset, encoder="x264", output=output)
    report = export(opened(source), state_of(document), options, around(executor))
    return Made(source, composed_of(source, document, preset), report, output)


def run_export(source: Path, output: Path, *arguments: str, document: Mapping[str, Any] | None = None) -> Any:
    """`farm export --json` as a process of its own; the document it prints. Fails unless it exits with 0."""
    more: list[str] = []
    if document is not None:
        file = output.with_suffix(".json")
        file.write_text(json.dumps({"version": 1, **document}), "utf-8")
        more = ["--composition", str(file)]
    command = [sys.executable, "-m", "farm", "export", str(source), "--output", str(output), "--json"]
    done = subprocess.run(
        [*command, "--preset", PRESET, "--encoder", "x264", *more, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def chunk_digests(source: Path) -> dict[str, str]:
    """All cached chunks of a recording: key (kind and digest) to a digest of the bytes."""
    folder = source / "cache" / "chunks"
    return {str(p.relative_to(folder)): digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def digest(path: Path) -> str:
    """Of the bytes of a file: what differs is told in a line, not in megabytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def whole_chunk(composed: Composed) -> VideoChunk:
    """The whole export as one chunk, as no export has it: the plan unclipped, one pass."""
    return VideoChunk("whole", composed.plan, composed.frames.start, composed.frames.stop)


# ---- watching --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """One peer whose camera is looked for: what its barcode and its beeps say, and what it sends."""

    peer_id: str
    index: int
    beep_hz: int
    fps: float
    shapes: tuple[tuple[float, int, int], ...]
    """(from_ms, width, height) of the upright source picture, rising; the first holds before it too."""
    intact: tuple[tuple[float, float], ...] = ((0.0, math.inf),)
    """Spans of recording time in which every picture is whole, from the first on."""
    beeps_ms: tuple[float, ...] = ()
    """Whole seconds at which the peer certainly beeps."""

    def shape(self, t_ms: float) -> Size:
        """The source's size at `t_ms`."""
        at = bisect_right(self.shapes, t_ms, key=lambda shape: shape[0]) - 1
        return Size(*self.shapes[max(at, 0)][1:])

    def is_intact(self, t_ms: float) -> bool:
        return any(a <= t_ms < b for a, b in self.intact)


@dataclass(frozen=True)
class Seen:
    """What an export shows of one camera, and how it sounds against it."""

    times: Times
    """Readings that show the peer itself."""
    asked: int
    """Frames in which a wide enough camera tile of the peer stood, inside of what is intact."""
    strangers: int
    """Readings that show somebody else."""
    picture: Spread
    at_joints: tuple[tuple[Spread, float], ...]
    """The same, within 2 s of each chunk boundary where at least 30 frames were read; and how long the source's
    own frames last there, in ms: for 5 % of the time longer than that."""
    in_order: bool
    beep_offsets_ms: tuple[float, ...]
    """(content second - output time) of each beep less the median of the picture's."""
    beeps_missed: tuple[float, ...]
    """Expected beeps that were not found."""


def real_watches(source: Path) -> list[Watch]:
    """The cameras of a real recording, as its truth.json tells."""
    truth = json.loads((source.parents[2] / "truth.json").read_text("utf-8"))
    peers = {peer["key"]: peer for peer in truth["peers"]}
    return [_real_watch(peers[t["peer_key"]], t) for t in truth["tracks"] if t["type"] == "video"]


def _real_watch(peer: dict[str, Any], track: dict[str, Any]) -> Watch:
    sizes = track["decoded_without_damage"]["sizes"]
    # Before the first picture it stands in for what is not there; that is not its time.
    intact = track.get("intact_spans_ms") or [(sizes[0][0], math.inf)]
    return Watch(
        peer["peer_id"],
        peer["barcode_index"],
        peer["beep_hz"],
        track["source"]["fps"],
        tuple((t, *map(int, size.split("x"))) for t, size in sizes),
        # Arrival times; a picture stands up to the network's jitter before its arrival.
        tuple((a, b - 60) for a, b in intact),
        tuple(peer["beeps_at_ms"]),
    )


def made_watches(truth: Truth) -> list[Watch]:
    """The cameras of a synthetic meeting, as its truth tells."""
    peers = [p for p in truth.meeting.peers if p.camera]
    return [_made_watch(truth, peer.index) for peer in peers]


def _made_watch(truth: Truth, index: int) -> Watch:
    peer = truth.peer(index)
    assert peer.camera is not None
    camera = peer.camera
    shapes = ((0.0, camera.w, camera.h), *((float(c.at_ms), c.w, c.h) for c in camera.changes))
    heard = [t for t in truth.tracks if (t.index, t.kind) == (index, "audio")]
    beeps_ms = tuple(float(b) for t in heard for b in t.beeps_ms if b < truth.duration_ms - 200)
    stays = tuple(t for t in truth.tracks if (t.index, t.kind) == (index, "video"))
    frames = [[(f.content_ms, f.whole, f.keyframe) for f in track.frames] for track in stays]
    intact = tuple(span for of_stay in frames for span in _whole_spans(of_stay))
    return Watch(peer.peer_id, index, peer.beep_hz, camera.fps, shapes, intact, beeps_ms)


def _whole_spans(frames: Sequence[tuple[float, bool, bool]]) -> Iterator[tuple[float, float]]:
    """The spans in which a decoder has all it needs: (content_ms, whole, keyframe) of each frame in order."""
    begin, clean = 0.0, False
    for content_ms, whole, keyframe in frames:
        if whole and keyframe and not clean:
            begin, clean = content_ms, True
        elif not whole and clean:
            yield begin, content_ms
            clean = False
    if clean:
        yield begin, frames[-1][0]


def watch(made: Made, watches: Sequence[Watch]) -> dict[str, Seen]:
    """Reads the barcode of every camera tile in every frame of the file, and the beeps in its sound."""
    rows, asked = _read(made, watches)
    samples, rate = samples_of(made.path)
    return {
        w.peer_id: _seen(w, np.array(rows[w.peer_id], np.int64).reshape(-1, 3), asked[w.peer_id], made, samples, rate)
        for w in watches
    }


def camera_tiles(made: Made, frame: int) -> dict[str, Tile]:
    """The live camera tiles of frame `frame` of recording time, by peer."""
    t_ms = made.composed.spec.grid.time_ms(frame)
    tiles = tiles_at(*scene_at(made.composed.plan, t_ms), t_ms)
    return {t.peer_id: t for t in tiles if t.kind == "video" and t.source == "camera" and t.peer_id}


def whole_picture(tile: Tile, source: Size) -> Rectangle:
    """Where the whole picture of a source lies, the part that a tile cuts off included."""
    part, place = fit_picture(source, tile.rect, tile.fit, tile.crop)
    x, y = place.w / part.w, place.h / part.h
    return place.x - part.x * x, place.y - part.y * y, source.w * x, source.h * y


def lumas(path: Path) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(number, luma) of each frame of a file; the luma is a view that lives until the next."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate is not None
        assert stream.time_base is not None
        for picture in container.decode(stream):
            assert picture.pts is not None
            yield round(picture.pts * stream.time_base * stream.average_rate), luma_of(picture)


def _read(
    made: Made, watches: Sequence[Watch]
) -> tuple[dict[str, list[tuple[int, int, int]]], dict[str, int]]:
    rows: dict[str, list[tuple[int, int, int]]] = {w.peer_id: [] for w in watches}
    asked = dict.fromkeys(rows, 0)
    first, grid = made.composed.frames.start, made.composed.spec.grid
    for number, luma in lumas(made.path):
        t_ms = grid.time_ms(first + number)
        tiles = camera_tiles(made, first + number)
        for w in (w for w in watches if w.peer_id in tiles and w.is_intact(t_ms)):
            rect = whole_picture(tiles[w.peer_id], w.shape(t_ms))
            if rect[2] >= LEGIBLE_PX:
                asked[w.peer_id] += 1
                if read := read_barcode(luma, *rect):
                    told_ms = read[1] + round((t_ms - read[1]) / WRAP_MS) * WRAP_MS
                    rows[w.peer_id].append((first + number, read[0], told_ms))
    return rows, asked


def _seen(w: Watch, table: Ints, asked: int, made: Made, samples: Floats, rate: int) -> Seen:
    everything = Times(*table.T)
    own, fps = everything.of(w.index), made.composed.spec.fps
    picture = _spread(own, fps)
    start_ms = made.composed.frames.start * 1000 / fps
    onsets = start_ms + beeps(samples, w.beep_hz, rate=rate) if len(samples) else np.empty(0)
    seconds = np.round((onsets - 30) / 1000) * 1000
    return Seen(
        own,
        asked,
        len(everything.frame) - len(own.frame),
        picture,
        tuple(_joint_spreads(own, made, w.peer_id)),
        monotonic(own),
        tuple((seconds - onsets - picture.median).tolist()),
        tuple(s for s in w.beeps_ms if s not in seconds.tolist()),
    )


def _spread(times: Times, fps: float) -> Spread:
    nothing = float("nan")
    return spread(times.content_ms, times.frame, fps) if len(times.frame) else Spread(nothing, nothing, nothing)


def _joint_spreads(times: Times, made: Made, peer_id: str) -> Iterator[tuple[Spread, float]]:
    frames, fps = made.composed.frames, made.composed.spec.fps
    per_chunk = CHUNK_MS * fps // 1000
    for joint in range(-(-(frames.start + 1) // per_chunk) * per_chunk, frames.stop, per_chunk):
        near = np.abs(times.frame - joint) <= 2 * fps
        if np.count_nonzero(near) >= 30:
            frame_ms = _source_frame_ms(made, peer_id, joint * 1000 / fps)
            yield spread(times.content_ms[near], times.frame[near], fps), frame_ms


def _source_frame_ms(made: Made, peer_id: str, t_ms: float) -> float:
    """How long the pictures that a peer sent stood until the next, within 2 s of `t_ms`: cameras stutter."""
    tracks = [t for t in made.composed.prepared.meeting.tracks if (t.ref.peer_id, t.ref.kind) == (peer_id, "video")]
    gaps = np.concatenate([_gaps_near(t.index.time_us / 1000, t_ms) for t in tracks])
    gaps.sort()
    share = np.cumsum(gaps) / max(gaps.sum(), 1.0)
    return float(gaps[np.searchsorted(share, 0.95)]) if len(gaps) else 0.0


def _gaps_near(times_ms: Floats, t_ms: float) -> Floats:
    return np.diff(times_ms[np.abs(times_ms - t_ms) <= 2000])
