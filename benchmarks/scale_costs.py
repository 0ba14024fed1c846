"""What the simulated farm needs to know of the real one: the cost of each task, and runs to check the model against.

    python -m benchmarks.scale_costs RECORDING [--output FILE.json]

RECORDING is a folder with `rooms/`; the figures in docs are of `bigroom` (9 cameras, a shared screen, 60 s), composed
by benchmarks/states/bigroom_grid.json. Exports and previews run on real workers with an empty cache; every task is
kept with its time. What a job costs before and after its tasks is taken from the same recording looped to an hour.
Takes some five minutes of a machine that does nothing else.
"""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.composed import STATE, composed_of
from benchmarks.machine import describe_machine
from benchmarks.recordings import looped
from compositing.state import CompositionState, parse_state
from farm.cluster import start
from farm.plan import cut_spans
from farm.preview import PreviewOptions, preview
from farm.run import ExportOptions, Surroundings, export
from farm.settings import FarmSettings, load_settings
from farm.watch import Watch
from storage.objects import StoreSpec
from storage.recordings import Recording, open_recording

EXPORTS = ((1, 1), (1, 2), (2, 2))
"""(minutes, workers) of the exports; the first gives the costs, the others are what the model has to foresee."""
PREVIEWS = ((1, 1), (1, 2))


def opened(source: Path) -> Recording:
    room = source.parent
    return open_recording(StoreSpec(str(room.parent.parent)), room.name, source.name)


def state() -> CompositionState:
    return parse_state(STATE.read_bytes())


def export_run(source: Path, minutes: int, workers: int, settings: FarmSettings) -> dict[str, Any]:
    """One export with an empty cache but for the indexes: the cluster's start is not counted, the index is apart."""
    shutil.rmtree(source / "cache" / "chunks", ignore_errors=True)
    with start(workers, settings, {}) as executor:
        watch = Watch()
        report = export(opened(source), state(), ExportOptions(), Surroundings(settings, executor, watch))
    return {
        "minutes": minutes,
        "workers": workers,
        "seconds": report.seconds,
        "stages": report.stages,
        "chunks": report.chunks.total,
        "decoded": report.decoded_units,
        "lead_in": report.lead_in_units,
        "tasks": [asdict(task) for task in watch.tasks],
    }


def preview_run(source: Path, minutes: int, workers: int, settings: FarmSettings) -> dict[str, Any]:
    with start(workers, settings, {}) as executor:
        watch = Watch()
        report = preview(opened(source), PreviewOptions(reuse=False), Surroundings(settings, executor, watch))
    told = {k: v for k, v in asdict(report).items() if k in ("seconds", "first_playable_s", "streams", "segments")}
    return {"minutes": minutes, "workers": workers, **told,
            "tasks": [asdict(task) for task in watch.tasks]}  # fmt: skip


def job_costs(source: Path) -> dict[str, Any]:
    """Processor seconds of a job on an hour that are spent in the process which starts it, its index cached."""
    composed_of(source)   # makes the indexes
    began = time.process_time()
    composed = composed_of(source)
    planned = time.process_time()
    video, audio = composed.video_chunks(), composed.audio_chunks()
    keyed = time.process_time()
    spans = {w: [len(pickle.dumps((composed.spec, s, True))) for s in cut_spans(video, w)] for w in (2, 1024)}
    return {
        "prepare_and_plan_s": planned - began,
        "keys_s": keyed - planned,
        "video_chunks": len(video),
        "audio_chunks": len(audio),
        "tracks": len(composed.spec.tracks),
        "span_bytes": {w: sum(sizes) / len(sizes) for w, sizes in spans.items()},
    }


def measure(recording: Path, folder: Path) -> dict[str, Any]:
    settings = load_settings()
    room = next(recording.glob("rooms/*/*"))
    sources = {minutes: looped(room, folder / str(minutes), minutes) for minutes in {m for m, _ in EXPORTS + PREVIEWS}}
    hour = looped(room, folder / "60", 60)
    began = time.process_time()
    composed = composed_of(hour)
    index_s = time.process_time() - began
    found: dict[str, Any] = {"machine": describe_machine(), "index_s_per_track": index_s / len(composed.spec.tracks)}
    found["job"] = job_costs(hour)
    print(json.dumps(found), file=sys.stderr, flush=True)
    found["exports"], found["previews"] = [], []
    for minutes, workers in EXPORTS:
        found["exports"].append(export_run(sources[minutes], minutes, workers, settings))
        print(minutes, workers, found["exports"][-1]["seconds"], file=sys.stderr, flush=True)
    for minutes, workers in PREVIEWS:
        found["previews"].append(preview_run(sources[minutes], minutes, workers, settings))
        print("preview", minutes, workers, found["previews"][-1]["seconds"], file=sys.stderr, flush=True)
    return found


@click.command()
@click.argument("recording", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path))
def main(recording: Path, output: Path | None) -> None:
    """Measures and prints JSON."""
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(measure(recording, Path(folder)), indent=1)
    if output:
        output.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
