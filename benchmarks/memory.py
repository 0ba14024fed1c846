"""Whether a worker's memory stays the same however long the recording is; the same for stitching.

    python -m benchmarks.memory RECORDING [--minutes 1 --minutes 10 --minutes 60]

RECORDING is a folder with `rooms/` (the figures in docs are of `bigroom`: 9 cameras and a shared screen at
1080p30), looped to each length. For each length a fresh process renders spans at the beginning, in the middle and
at the end, and another one stitches a file of the whole length; their peak resident sets are printed. Stitching a
whole recording needs all its chunks: those of the rendered span are numbered anew and stored for every place.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.composed import composed_of
from benchmarks.machine import describe_machine
from benchmarks.recordings import looped
from compositing.threads import use_one_thread
from farm.compose import Composed
from renderer.chunk import SpanRenderer
from renderer.concat import ChunkRef, stitch
from renderer.samples import pack_audio_chunk, pack_video_chunk, unpack_chunk
from renderer.soundtrack import AAC_FRAMES_PER_CHUNK, encode_chunk, mix_chunk
from renderer.workbench import Workbench
from storage.objects import StoreSpec, open_store

CHUNKS_PER_SPAN = 2
LIMIT_MB = 500


def peak_mb() -> float:
    """This process's own peak; getrusage would count what the parent had when it started us."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def render(folder: Path, place: str) -> dict[str, float]:
    """In a fresh process: what a worker's peak is when it renders a span, given specs as they travel."""
    spec, video, audio = pickle.loads((folder / f"{place}.specs").read_bytes())
    use_one_thread()
    bench = Workbench(spec)
    began = time.perf_counter()
    done = [d.data for d in SpanRenderer(bench, video, time.perf_counter).render()]
    tracks = tuple(bench.heard_tracks([c.number for c in audio]))
    for chunk in audio:
        encode_chunk(mix_chunk(chunk.number, chunk.plan.audio, tracks), 0.0, spec.audio)
    return {"peak_mb": peak_mb(), "seconds": time.perf_counter() - began, "bytes": sum(map(len, done))}


def fill(folder: Path, composed: Composed) -> None:
    """Stores one pair of chunks under a number for each place of the whole recording."""
    spec, video, audio = pickle.loads((folder / "begin.specs").read_bytes())
    bench = Workbench(spec)
    use_one_thread()
    header, samples = unpack_chunk(next(SpanRenderer(bench, video[1:], time.perf_counter).render()).data)
    tracks = tuple(bench.heard_tracks([audio[1].number]))
    config, frames = encode_chunk(mix_chunk(audio[1].number, audio[1].plan.audio, tracks), 0.0, spec.audio)
    store = open_store(StoreSpec(str(folder / "chunks")))
    packets = list(zip(samples, header.composition_offsets, header.keyframes, strict=True))
    for k in range(len(composed.frames) // header.count):
        numbered = [(data, i + int(offset), bool(key)) for i, (data, offset, key) in enumerate(packets)]
        first = k * header.count
        video_blob = pack_video_chunk(
            numbered, config=header.config, width=header.width, height=header.height, fps=spec.fps, first_frame=first
        )
        store.put(f"v/{k}", video_blob)
        first_packet = k * AAC_FRAMES_PER_CHUNK - 1
        store.put(f"a/{k}", pack_audio_chunk(frames, config=config, first_packet=first_packet))


def stitch_all(folder: Path) -> dict[str, float]:
    """In a fresh process: the peak of putting a whole recording's chunks together."""
    store = open_store(StoreSpec(str(folder / "chunks")))
    count = sum(1 for _ in store.list("v/"))

    def ref(key: str) -> ChunkRef:
        return ChunkRef.open(key, lambda offset, length: store.get_range(key, offset, offset + length))

    began = time.perf_counter()
    video, audio = [ref(f"v/{k}") for k in range(count)], [ref(f"a/{k}") for k in range(count)]
    frames, fps = count * video[0].header.count, video[0].header.ticks_per_second
    with open_store(StoreSpec(str(folder))).writer("out.mp4") as out:
        report = stitch(
            out, video, audio, fps=fps, first_frame=0, frame_count=frames, first_sample=0,
            sample_count=frames * 48_000 // fps,
        )  # fmt: skip
    return {"peak_mb": peak_mb(), "seconds": time.perf_counter() - began, "bytes": report.bytes}


def measure(recording: Path, minutes: int, folder: Path) -> dict[str, object]:
    """All peaks for one length."""
    source = looped(next(recording.glob("rooms/*/*")), folder, minutes=minutes)
    composed = composed_of(source)
    video, audio = composed.video_chunks(), composed.audio_chunks()
    last = len(video) - CHUNKS_PER_SPAN
    figures: dict[str, object] = {}
    for place, at in (("begin", 0), ("middle", last // 2), ("end", last)):
        part = slice(at, at + CHUNKS_PER_SPAN)
        (folder / f"{place}.specs").write_bytes(pickle.dumps((composed.spec, video[part], audio[part])))
        figures[place] = _fresh("render", folder, place)
    fill(folder, composed)
    figures["stitch"] = _fresh("stitch", folder)
    return figures


def _fresh(*arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.memory", "--child", *map(str, arguments)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


@click.command()
@click.argument("recording", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--minutes", multiple=True, type=int, default=(1, 10, 60), show_default=True)
def main(recording: Path, minutes: tuple[int, ...]) -> None:
    """Prints the peaks for each length, and how they differ."""
    use_one_thread()
    found: dict[str, object] = {"machine": describe_machine()}
    for length in minutes:
        with tempfile.TemporaryDirectory() as scratch:
            found[f"{length} min"] = measure(recording, length, Path(scratch))
            print(f"{length} min: {json.dumps(found[f'{length} min'])}", file=sys.stderr)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        answer = render(Path(sys.argv[3]), sys.argv[4]) if sys.argv[2] == "render" else stitch_all(Path(sys.argv[3]))
        print(json.dumps(answer))
    else:
        main()
