"""Previews of all peers against ffmpeg's own HLS of the same: wall time, processor time, bytes. Medians of some runs.

    python -m benchmarks.preview_vs_ffmpeg RECORDING [--runs N] [--ffmpeg PATH]

RECORDING is a folder with `rooms/`; the figures in docs are of `bigroom` (9 cameras with microphones, a shared screen,
60 s). Ours is the command as a person starts it: empty cache, start-up included, two workers, both renditions. ffmpeg
gets the same tracks, remuxed to Matroska beforehand (not counted), decodes each once, and makes the same streams:
pictures of 30 and 15 a second with a keyframe on each fourth second, the same x264 settings on one thread, the gaps of
the sound filled, the same AAC coder, encoded once for both renditions (`tee`). It runs as one process with all outputs,
with x264 on one thread or on as many as it likes, and as a process for each source, two at a time: the best counts.
Run it while nothing else runs: ratios are what counts.
"""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import imageio_ffmpeg

from benchmarks.against_ffmpeg import Cost, main_cost, remux_tracks
from benchmarks.machine import describe_machine
from farm.build import engine_id
from farm.executors.local import LocalExecutor
from farm.preview_plan import PreviewChoices, SegmentSeconds, plan_streams, render_choices
from farm.run import Surroundings, read
from farm.settings import load_settings
from renderer.preview import PreviewStream
from storage.objects import StoreSpec
from storage.recordings import open_recording

SEGMENT_S: SegmentSeconds = 4


@dataclass(frozen=True)
class Source:
    """One source of one peer as ffmpeg sees it."""

    stream: PreviewStream
    camera: Path | None
    """Its pictures, if it has any."""
    microphone: Path | None


# ---- ours ------------------------------------------------------------------------------------------------


def preview_cost(source: Path) -> tuple[Cost, dict[str, object], int]:
    """Our previews as a person starts them, with an empty cache: cost, report, bytes of all that can be played."""
    for made in ("cache", "preview"):
        shutil.rmtree(source / made, ignore_errors=True)
    command = [sys.executable, "-m", "farm", "preview", str(source), "--workers", "2", "--json"]
    cost, printed = main_cost(command)
    return cost, json.loads(printed), _bytes_of(source / "preview")


def _bytes_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.suffix in (".m4s", ".mp4"))


# ---- ffmpeg ----------------------------------------------------------------------------------------------


def sources_of(recording: Path, folder: Path) -> list[Source]:
    """What the previews of a recording are made of, remuxed for ffmpeg into `folder`."""
    around = Surroundings(load_settings(), LocalExecutor(), lambda event: None)
    room = recording.parent
    opened = open_recording(StoreSpec(str(room.parent.parent)), room.name, recording.name)
    asked = PreviewChoices(segment_seconds=SEGMENT_S)
    choices = render_choices(asked, around.settings.loss_policy, around.settings.max_keyframe_interval_s)
    planned = plan_streams(read(opened, around), asked, choices, engine_id())
    return [_source(p.stream, folder / f"{number:02d}") for number, p in enumerate(planned)]


def _source(stream: PreviewStream, folder: Path) -> Source:
    folder.mkdir()
    tracks = remux_tracks(stream.render, folder)
    seen, heard = ([path for t, path in tracks if (t.kind == "audio") == sound] for sound in (False, True))
    return Source(stream, next(iter(seen), None), next(iter(heard), None))


def ffmpeg_arguments(sources: Sequence[Source], output: Path, x264_threads: int) -> list[str]:
    """One process that makes the streams of all `sources`; zero threads are as many as x264 likes."""
    inputs: list[str] = []
    graphs: list[str] = []
    outputs: list[str] = []
    for source in (s for s in sources if s.camera):
        graph, out = _streams(source, len(inputs) // 2, output / f"{len(graphs):02d}", x264_threads)
        inputs += [part for path in (source.camera, source.microphone) if path for part in ("-i", str(path))]
        graphs.append(graph)
        outputs += out
    return ["-v", "error", "-y", "-copyts", *inputs, "-filter_complex", ";".join(graphs), *outputs]


def _streams(source: Source, first_input: int, folder: Path, x264_threads: int) -> tuple[str, list[str]]:
    """The filters of one source and its output: a `tee` of one or two HLS streams."""
    folder.mkdir(parents=True, exist_ok=True)
    renditions = [r for r in source.stream.renditions if r.size]
    name = folder.name
    taps = "".join(f"[v{name}{n}]" for n in range(len(renditions)))
    graph = f"[{first_input}:v]fps=30:start_time=0,split={len(renditions)}{taps}"
    options = [part for key, value in source.stream.render.video.options for part in (f"-{key}:v", value)]
    out, slaves = [], []
    for n, rendition in enumerate(renditions):
        assert rendition.size is not None
        thinned = "" if rendition.fps == 30 else f"fps={rendition.fps}:start_time=0,"
        graph += f";[v{name}{n}]{thinned}scale={rendition.size.w}:{rendition.size.h}[o{name}{n}]"
        out += ["-map", f"[o{name}{n}]"]
        slaves.append(_slave(folder / rendition.name, n, has_sound=source.microphone is not None))
    out += ["-c:v", "libx264", *options, "-pix_fmt", "yuv420p", "-threads:v", str(x264_threads)]
    out += ["-force_key_frames:v", f"expr:gte(t,n_forced*{SEGMENT_S})"]
    if source.microphone:
        graph += f";[{first_input + 1}:a]aresample=async=1:first_pts=0[a{name}]"
        out += ["-map", f"[a{name}]", "-c:a", "aac", "-aac_coder", "fast", "-ac", "2"]
        out += ["-b:a", str(source.stream.render.audio.bit_rate)]
    return graph, [*out, "-flags", "+global_header", "-f", "tee", "|".join(slaves)]


def _slave(stem: Path, number: int, *, has_sound: bool) -> str:
    select = f"\\'v:{number}{',a' if has_sound else ''}\\'"
    options = {
        "f": "hls", "select": select, "hls_time": str(SEGMENT_S), "hls_segment_type": "fmp4",
        "hls_playlist_type": "event", "hls_flags": "independent_segments",
        "hls_fmp4_init_filename": f"{stem.name}_init.mp4", "hls_segment_filename": f"{stem}_%04d.m4s",
    }  # fmt: skip
    return f"[{':'.join(f'{key}={value}' for key, value in options.items())}]{stem}.m3u8"


def one_process(ffmpeg: str, sources: Sequence[Source], output: Path, x264_threads: int) -> Cost:
    return main_cost([ffmpeg, *ffmpeg_arguments(sources, output, x264_threads)])[0]


def two_at_a_time(ffmpeg: str, sources: Sequence[Source], output: Path) -> Cost:
    """A process for each source, the largest pictures first, as a farm would."""
    ordered = sorted(sources, key=lambda s: -s.stream.render.canvas.w)
    scripts = []
    for number, source in enumerate(ordered):
        command = [ffmpeg, *ffmpeg_arguments([source], output / f"{number:02d}", 1)]
        script = output / f"{number:02d}.sh"
        script.write_text(f"exec {shlex.join(command)}\n")
        scripts.append(str(script))
    return main_cost(["sh", "-c", f"printf '%s\\n' {shlex.join(scripts)} | xargs -P 2 -n 1 sh"])[0]


# ---- the run ---------------------------------------------------------------------------------------------


def measure(recording: Path, folder: Path, ffmpeg: str, runs: int) -> dict[str, object]:
    """Runs everything `runs` times in turn, so that a slow minute hits all alike."""
    sources = sources_of(recording, folder)
    theirs: dict[str, Callable[[Path], Cost]] = {
        "one process, x264 on one thread": lambda out: one_process(ffmpeg, sources, out, 1),
        "one process, x264 as it likes": lambda out: one_process(ffmpeg, sources, out, 0),
        "two processes at a time": lambda out: two_at_a_time(ffmpeg, sources, out),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ("ours", *theirs)}
    sizes: dict[str, int] = {}
    reports: list[dict[str, object]] = []
    for run in range(runs):
        cost, report, sizes["ours"] = preview_cost(recording)
        costs["ours"].append(cost)
        reports.append(report)
        for number, (name, make) in enumerate(theirs.items()):
            out = folder / f"theirs-{number}-{run}"
            out.mkdir()
            costs[name].append(make(out))
            sizes[name] = _bytes_of(out)
            shutil.rmtree(out)
    return _figures(costs, sizes, reports, ffmpeg)


def _figures(
    costs: dict[str, list[Cost]], sizes: dict[str, int], reports: list[dict[str, object]], ffmpeg: str
) -> dict[str, object]:
    medians = {name: {part: statistics.median(asdict(c)[part] for c in found) for part in ("wall_s", "cpu_s")}
               for name, found in costs.items()}  # fmt: skip
    best = min((name for name in costs if name != "ours"), key=lambda name: medians[name]["wall_s"])
    version = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    return {
        "machine": describe_machine(),
        "ffmpeg": version,
        "medians": medians,
        "best_of_ffmpeg": best,
        "wall_ratio": medians["ours"]["wall_s"] / medians[best]["wall_s"],
        "wall_ratio_run_by_run": [a.wall_s / b.wall_s for a, b in zip(costs["ours"], costs[best], strict=True)],
        "cpu_ratio": medians["ours"]["cpu_s"] / medians[best]["cpu_s"],
        "bytes": sizes,
        "first_playable_s": [report["first_playable_s"] for report in reports],
        "runs": {name: [asdict(c) for c in found] for name, found in costs.items()},
    }


@click.command()
@click.argument("recording", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--ffmpeg", default=imageio_ffmpeg.get_ffmpeg_exe, help="The ffmpeg to compare with.")
@click.option("--runs", default=3, show_default=True)
def main(recording: Path, ffmpeg: str, runs: int) -> None:
    """Prints the figures as JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(recording / "rooms", folder / "rooms", copy_function=shutil.copyfile)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        print(json.dumps(measure(next(folder.glob("rooms/*/*")), folder, ffmpeg, runs), indent=2))


if __name__ == "__main__":
    main()
