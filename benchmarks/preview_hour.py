"""Previews of an hour: seconds until every peer has something to play, and what an hour of absence costs.

    python -m benchmarks.preview_hour RECORDING [--runs N]

RECORDING is a folder with `rooms/`; it is looped to 60 minutes. The command is started as a person starts it, with two
workers, and stopped once every playlist lists a segment: cold (nothing indexed), then with the indexes in the cache.
Of absence there are two recordings, of a minute and of 61, with one peer who leaves after two seconds, camera of
1280x720 and microphone; the difference of the two is one absent hour, in one process.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.against_ffmpeg import main_cost
from benchmarks.machine import describe_machine
from benchmarks.recordings import looped
from tests.support.meetings import Camera, Meeting, Peer, write_meeting

MINUTES = 60


def seconds_to_first_segments(source: Path) -> float:
    """From the start of the command until every stream's playlists list a segment; then the command is stopped."""
    shutil.rmtree(source / "preview", ignore_errors=True)
    shutil.rmtree(source / "cache" / "preview", ignore_errors=True)
    command = [sys.executable, "-m", "farm", "preview", str(source), "--workers", "2", "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _all_playable(source / "preview"):
            if process.poll() is not None:
                raise SystemExit("the command ended before every stream could be played")
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def _all_playable(preview: Path) -> bool:
    """Playlists are all told before anything is rendered, empty at first."""
    texts = [path.read_text() for path in preview.rglob("*.m3u8")]
    return bool(texts) and all(".m4s" in text for text in texts)


def start_figures(recording: Path, scratch: Path, runs: int) -> dict[str, object]:
    source = looped(next(recording.glob("rooms/*/*")), scratch / "hour", MINUTES)
    cold, indexed = [], []
    for _ in range(runs):
        shutil.rmtree(source / "cache", ignore_errors=True)
        cold.append(seconds_to_first_segments(source))
        indexed.append(seconds_to_first_segments(source))
    return {
        "recording": recording.name,
        "minutes": MINUTES,
        "bytes": sum(path.stat().st_size for path in (source / "tracks").iterdir()),
        "cold_s": statistics.median(cold),
        "indexed_s": statistics.median(indexed),
        "runs": {"cold_s": cold, "indexed_s": indexed},
    }


def absence_figures(scratch: Path) -> dict[str, float]:
    """What one absent hour costs: the difference of a long and a short recording of the same peer."""
    short, long = (_absent(scratch / f"absent-{minutes}", minutes) for minutes in (1, 1 + MINUTES))
    return {name: long[name] - short[name] for name in long}


def _absent(base: Path, minutes: int) -> dict[str, float]:
    camera = Camera(w=1280, h=720, fps=15)
    meeting = Meeting((Peer(1, "Ada", stays=((0, 2000),), camera=camera),), minutes * 60_000)
    source = write_meeting(meeting, base).path
    cost, _ = main_cost([sys.executable, "-m", "farm", "preview", str(source), "--workers", "0", "--json"])
    folder = source / "preview" / "peers" / "peer-1"
    sizes = {name: sum(p.stat().st_size for p in folder.glob(f"{name}_[0-9]*.m4s")) for name in ("av", "av_low")}
    return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "av_bytes": sizes["av"], "av_low_bytes": sizes["av_low"]}


@click.command()
@click.argument("recording", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--runs", default=3, show_default=True)
def main(recording: Path, runs: int) -> None:
    """Prints the figures as JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        figures = {
            "machine": describe_machine(),
            "first_playable": start_figures(recording, Path(scratch), runs),
            "absent_hour": absence_figures(Path(scratch)),
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
