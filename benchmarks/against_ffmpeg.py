"""Shared by the benchmarks against ffmpeg: the cost of a command with all its children, tracks as ffmpeg reads them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from renderer.spec import RenderSpec, TrackInput
from renderer.workbench import SourceReader, Workbench


@dataclass(frozen=True)
class Cost:
    """What a process and its children took."""

    wall_s: float
    cpu_s: float


def main_cost(command: Sequence[str]) -> tuple[Cost, str]:
    """Runs a command to its end; its cost and its standard output."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        cpu = _watch(process)
        wall = time.perf_counter() - began
        out.seek(0), err.seek(0)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed:\n{err.read()[-3000:]}")
        return Cost(wall, sum(cpu.values())), out.read()


def _watch(process: subprocess.Popen[bytes]) -> dict[int, float]:
    """Processor seconds of a process and all below it, read while they live: workers have another parent."""
    cpu: dict[int, float] = {}
    ticks = os.sysconf("SC_CLK_TCK")
    while process.poll() is None:
        for pid in _family(process.pid):
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                cpu[pid] = (int(fields[11]) + int(fields[12])) / ticks
        time.sleep(0.05)
    return cpu


def _family(pid: int) -> list[int]:
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found


def remux_tracks(spec: RenderSpec, folder: Path) -> list[tuple[TrackInput, Path]]:
    """Each track in Matroska, its packets at recording time; pictures from their first keyframe on."""
    bench = Workbench(spec)
    made: list[tuple[TrackInput, Path]] = []
    for number, track in enumerate(spec.tracks):
        path = folder / f"{number:02d}.mkv"
        index = bench.index(track)
        first = 0 if track.kind == "audio" else int(index.clean.argmax())
        units = SourceReader(bench.store, bench.keys, index).units(first, len(index) - 1)
        packets = [(u.time_us, u.data, u.keyframe) for u in units if u.data]
        shape = None if track.kind == "audio" else (int(index.width[first]), int(index.height[first]))
        _write_mkv(path, index.codec, packets, shape)
        made.append((track, path))
    return made


def _write_mkv(
    path: Path, codec: str, packets: Sequence[tuple[int, bytes, bool]], shape: tuple[int, int] | None
) -> None:
    with av.open(str(path), "w", format="matroska") as out:
        if shape:
            stream = out.add_mux_stream(codec, width=shape[0], height=shape[1], time_base=Fraction(1, 1000))
        else:
            stream = out.add_stream("libopus", rate=48_000, layout="stereo")  # for its OpusHead; nothing is encoded
        for time_us, data, key in packets:
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 1000), key
            packet.pts = packet.dts = time_us // 1000
            out.mux(packet)
