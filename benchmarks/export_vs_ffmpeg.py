"""The export against one ffmpeg process that does the same: wall time, processor time, size, VMAF.

    python -m benchmarks.export_vs_ffmpeg RECORDING [--ffmpeg PATH] [--runs N] [--no-vmaf]

RECORDING is a folder with `rooms/`; the figures in docs are of `bigroom` (9 cameras, a shared screen, 60 s). The
composition is benchmarks/states/bigroom_grid.json. ffmpeg gets the same tracks, remuxed to Matroska beforehand
(not counted), with the rectangles of our own plan, the same x264 and AAC settings, and the gaps of the sound
filled. The floor is decoding and scaling alone plus x264 alone on the finished frames. All are measured in turn, N
times, for the speed of a shared machine drifts; the ratios are medians. Run it while nothing else runs.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import imageio_ffmpeg
import numpy as np

from benchmarks.against_ffmpeg import Cost, main_cost, remux_tracks
from benchmarks.composed import STATE, composed_of
from benchmarks.machine import describe_machine
from compositing.geometry import Rect, Size, fit_picture
from compositing.scale import scale_picture
from compositing.threads import use_one_thread
from farm.compose import Composed
from renderer.chunk import SpanRenderer, frame_times_us
from renderer.encode import VideoEncoder, new_frame
from renderer.player import Player
from renderer.workbench import Workbench

VMAF_EVERY = 5


# ---- ours ------------------------------------------------------------------------------------------------


def export_cost(source: Path, output: Path) -> tuple[Cost, dict[str, object]]:
    """Our export as a person starts it, with an empty cache."""
    shutil.rmtree(source / "cache", ignore_errors=True)
    command = [sys.executable, "-m", "farm", "export", str(source), "--composition", str(STATE)]
    cost, printed = main_cost([*command, "--output", str(output), "--workers", "2", "--json"])
    return cost, json.loads(printed)


# ---- ffmpeg ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placed:
    """A track in Matroska; `rect` is where a picture goes."""

    path: Path
    rect: Rect | None


def remux(composed: Composed, folder: Path) -> list[Placed]:
    """All tracks of a composition, as ffmpeg reads them."""
    places = {(t.peer_id, t.source): t.rect for t in composed.plan.scenes[-1].tiles if t.kind == "video"}
    remuxed = remux_tracks(composed.spec, folder)
    return [Placed(path, None if t.kind == "audio" else places[t.peer_id, t.kind]) for t, path in remuxed]


def ffmpeg_graph(tracks: Sequence[Placed], canvas: Size, fps: int) -> tuple[list[str], str, str]:
    """Inputs, the graph of the picture (to `[v]`) and that of the sound (to `[a]`)."""
    inputs = ["-copyts", *(part for t in tracks for part in ("-i", str(t.path)))]
    seen = [(i, t.rect) for i, t in enumerate(tracks) if t.rect is not None]
    heard = [i for i, t in enumerate(tracks) if t.rect is None]
    left, top = min(r.x for _, r in seen), min(r.y for _, r in seen)
    scaled = ";".join(f"[{i}:v]fps={fps}:start_time=0,scale={r.w}:{r.h}[t{i}]" for i, r in seen)
    layout = "|".join(f"{r.x - left}_{r.y - top}" for _, r in seen)
    stack = "".join(f"[t{i}]" for i, _ in seen) + f"xstack=inputs={len(seen)}:layout={layout}:fill=black"
    picture = f"{scaled};{stack},pad={canvas.w}:{canvas.h}:{left}:{top}[v]"
    filled = ";".join(f"[{i}:a]aresample=async=1:first_pts=0[s{i}]" for i in heard)
    sound = f"{filled};{''.join(f'[s{i}]' for i in heard)}amix=inputs={len(heard)}:normalize=0[a]"
    return inputs, picture, sound


def ffmpeg_cost(
    ffmpeg: str, tracks: Sequence[Placed], composed: Composed, output: Path, x264_threads: int | None = None
) -> Cost:
    """One ffmpeg process that makes the same video; x264 takes as many threads as it likes, or as told."""
    spec = composed.spec
    inputs, picture, sound = ffmpeg_graph(tracks, spec.canvas, spec.fps)
    options = [part for name, value in spec.video.options for part in (f"-{name}:v", value)]
    command = [ffmpeg, "-v", "error", "-y", *inputs, "-filter_complex", f"{picture};{sound}"]
    command += ["-map", "[v]", "-map", "[a]", "-c:v", "libx264", *options, "-pix_fmt", "yuv420p"]
    command += ["-threads:v", str(x264_threads)] if x264_threads else []
    command += ["-c:a", "aac", "-b:a", str(spec.audio.bit_rate)]
    command += ["-frames:v", str(len(composed.frames)), "-t", str(len(composed.frames) / spec.fps)]
    return main_cost([*command, "-movflags", "+faststart", str(output)])[0]


# ---- the floor -------------------------------------------------------------------------------------------


def floor_cpu(source: Path) -> tuple[float, float]:
    """Processor seconds of decoding and scaling alone, and of x264 alone on the finished frames.

    Two processes take half of the recording each, at the same time, as the export does: two cores that share a
    cache and a memory bus are slower than one alone.
    """
    command = [sys.executable, "-m", "benchmarks.export_vs_ffmpeg", "--floor", str(source)]
    children = [subprocess.Popen([*command, str(half)], stdout=subprocess.PIPE) for half in (0, 1)]
    found = [json.loads(child.communicate()[0]) for child in children]
    return sum(f[0] for f in found), sum(f[1] for f in found)


def floor_of_half(source: Path, half: int) -> tuple[float, float]:
    composed = composed_of(source)
    use_one_thread()
    frames = composed.frames
    middle = frames.start + len(frames) // 2
    mine = range(frames.start, middle) if half == 0 else range(middle, frames.stop)
    return _decode_and_scale(composed, mine), _encode_alone(composed, mine)


def _decode_and_scale(composed: Composed, frames: range) -> float:
    bench = Workbench(composed.spec)
    places = {(t.peer_id, t.source): t.rect for t in composed.plan.scenes[-1].tiles if t.kind == "video"}
    _, canvas = new_frame(composed.spec.canvas)
    began = time.process_time()
    times = frame_times_us(composed.spec.grid, frames)
    for (peer_id, source), rect in places.items():
        if peer_id is None or source is None:
            continue
        for track in bench.seen_tracks(peer_id, source, times):
            seen = track.seen
            player = Player(track.reader, seen.shown, len(seen.index) - 1, seen.shows_damage)
            for row in np.flatnonzero(seen.shown & (seen.index.time_us >= times[0])):
                picture = player.picture(int(row))
                if picture is not None:
                    part, place = fit_picture(Size(picture.w, picture.h), rect, "auto")
                    scale_picture(picture, part, canvas, place)
    return time.process_time() - began


def _encode_alone(composed: Composed, frames: range) -> float:
    spec = composed.spec
    renderer = SpanRenderer(Workbench(spec), composed.video_chunks(frames), time.process_time)
    encoder = VideoEncoder(spec.video, spec.canvas, spec.fps)
    spent = 0.0
    frame, planes = new_frame(spec.canvas)
    for picture in renderer.frames():
        for plane, source in zip(planes.planes, picture.planes, strict=True):
            plane[:] = source
        began = time.process_time()
        list(encoder.encode(frame))
        spent += time.process_time() - began
    return spent


# ---- quality ---------------------------------------------------------------------------------------------


def vmaf_of_ours(ffmpeg: str, composed: Composed, output: Path) -> float:
    """VMAF of our export against its own canvases before encoding."""
    spec = composed.spec
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{spec.canvas.w}x{spec.canvas.h}", "-r", str(spec.fps)]
    with tempfile.NamedTemporaryFile(suffix=".json") as log:
        graph = f"[0:v]settb=1/{spec.fps},setpts=N[d];[1:v]settb=1/{spec.fps},setpts=N[r];[d][r]{_vmaf(log.name)}"
        command = [ffmpeg, "-v", "error", "-i", str(output), *raw, "-i", "-", "-lavfi", graph, "-f", "null", "-"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert process.stdin is not None
        for picture in SpanRenderer(Workbench(spec), composed.video_chunks(), time.process_time).frames():
            for plane in picture.planes:
                process.stdin.write(plane.tobytes())
        process.stdin.close()
        process.wait()
        return _mean_vmaf(log.name)


def vmaf_of_ffmpeg(ffmpeg: str, tracks: Sequence[Placed], composed: Composed, output: Path) -> float:
    """VMAF of ffmpeg's video against the frames that its own graph gives."""
    spec = composed.spec
    inputs, picture, _ = ffmpeg_graph(tracks, spec.canvas, spec.fps)
    with tempfile.NamedTemporaryFile(suffix=".json") as log:
        dist = f"[{len(tracks)}:v]settb=1/{spec.fps},setpts=N[d];[v]settb=1/{spec.fps},setpts=N[r]"
        graph = f"{picture};{dist};[d][r]{_vmaf(log.name)}:shortest=1"
        main_cost([ffmpeg, "-v", "error", *inputs, "-i", str(output), "-lavfi", graph, "-f", "null", "-"])
        return _mean_vmaf(log.name)


def _vmaf(log: str) -> str:
    return f"libvmaf=n_threads=2:n_subsample={VMAF_EVERY}:log_fmt=json:log_path={log}"


def _mean_vmaf(log: str) -> float:
    return float(json.loads(Path(log).read_text())["pooled_metrics"]["vmaf"]["mean"])


# ---- the run ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """What one round cost."""

    ours: Cost
    theirs: Cost
    alone: Cost
    """ffmpeg with one x264 thread, as the farm's profile says."""
    decode_s: float
    encode_s: float
    stages: object
    """Seconds by stage of ours."""

    @property
    def floor_s(self) -> float:
        return self.decode_s + self.encode_s


@click.command()
@click.argument("recording", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--ffmpeg", default=imageio_ffmpeg.get_ffmpeg_exe, help="The ffmpeg to compare with.")
@click.option("--runs", default=3, show_default=True)
@click.option("--vmaf/--no-vmaf", default=True)
def main(recording: Path, ffmpeg: str, runs: int, vmaf: bool) -> None:
    """Measures everything and prints the ratios."""
    use_one_thread()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(recording / "rooms", folder / "rooms", copy_function=shutil.copyfile)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        figures = measure(folder, next(folder.glob("rooms/*/*")), ffmpeg, runs, vmaf)
    print(json.dumps(figures, indent=2))


def measure(folder: Path, source: Path, ffmpeg: str, runs: int, vmaf: bool) -> dict[str, object]:
    composed = composed_of(source)
    tracks = remux(composed, folder)
    rounds: list[Round] = []
    for _ in range(runs):
        ours, report = export_cost(source, folder / "ours.mp4")
        theirs = ffmpeg_cost(ffmpeg, tracks, composed, folder / "theirs.mp4")
        alone = ffmpeg_cost(ffmpeg, tracks, composed, folder / "alone.mp4", x264_threads=1)
        rounds.append(Round(ours, theirs, alone, *floor_cpu(source), report["stages"]))
    sizes = [(folder / name).stat().st_size for name in ("ours.mp4", "theirs.mp4")]
    track_hours = sum(len(i) and (i.stats.last_us - i.stats.first_us) / 3.6e9 for i in _indexes(composed))
    figures: dict[str, object] = {
        "machine": describe_machine(),
        "ffmpeg": subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.split("\n")[0],
        **_ratios(rounds),
        "bytes": {"ours": sizes[0], "theirs": sizes[1], "ratio": sizes[0] / sizes[1]},
        "frames_per_second": len(composed.frames) / statistics.median(r.ours.wall_s for r in rounds),
        "lead_in_units": report["lead_in_units"],
        "decoded_units": report["decoded_units"],
        "index_s_per_track_hour": report["stages"]["prepare"] / track_hours,  # type: ignore[index]
        "rounds": [asdict(r) for r in rounds],
    }
    if vmaf:
        scores = vmaf_of_ours(ffmpeg, composed, folder / "ours.mp4"), vmaf_of_ffmpeg(
            ffmpeg, tracks, composed, folder / "theirs.mp4"
        )
        figures["vmaf"] = {"ours": scores[0], "theirs": scores[1], "difference": scores[0] - scores[1]}
    return figures


def _ratios(rounds: Sequence[Round]) -> dict[str, float]:
    """Each ratio is of two figures of one round; the median of all rounds is told."""
    ratios: dict[str, Callable[[Round], float]] = {
        "wall_ratio": lambda r: r.ours.wall_s / r.theirs.wall_s,
        "wall_ratio_one_x264_thread": lambda r: r.ours.wall_s / r.alone.wall_s,
        "cpu_over_floor": lambda r: r.ours.cpu_s / r.floor_s,
        "theirs_cpu_over_floor": lambda r: r.theirs.cpu_s / r.floor_s,
        "floor_over_theirs_wall": lambda r: r.floor_s / 2 / r.theirs.wall_s,
    }
    return {name: statistics.median(map(ratio, rounds)) for name, ratio in ratios.items()}


def _indexes(composed: Composed):  # type: ignore[no-untyped-def]
    return [t.index for t in composed.prepared.meeting.tracks]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        print(json.dumps(floor_of_half(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
