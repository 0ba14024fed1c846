"""A short recording becomes a long one whose streams simply go on."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from benchmarks.recordings import looped
from tests.support.barcode import read_barcode
from tests.support.reader import Stored, read_segment
from tests.support.recordings import recording_dir
from tests.support.truth import luma_of

MINUTES = 1.25
LAP_MS = 20_000


def documents(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    metadata = json.loads((path / "metadata.json").read_text("utf-8"))
    return metadata, json.loads((path / "timeline.json").read_text("utf-8"))["events"]


def packets(path: Path, track: dict[str, Any]) -> list[Stored]:
    files = [path / "tracks" / segment["file_name"] for segment in track["segments"]]
    return [packet for file in files for packet in read_segment(file)[1]]


def unix_ms(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() * 1000


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return looped(recording_dir("kickoff"), tmp_path_factory.mktemp("long"), MINUTES)


def test_streams_go_on_over_the_laps(long: Path) -> None:
    metadata, _ = documents(long)
    zero = unix_ms(metadata["start_time"])
    assert len(metadata["tracks"]) == 7
    for track in metadata["tracks"]:
        own = packets(long, track)
        steps = [(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(own)]
        assert {step for step in steps if step < 0x8000} <= set(range(10))
        assert own[-1].arrival_ms < zero + MINUTES * 60_000
        assert own[-1].arrival_ms > zero + MINUTES * 60_000 - LAP_MS
        per_ms = 48 if track["type"] == "audio" else 90
        elapsed = ((own[-1].timestamp - own[0].timestamp) & 0xFFFFFFFF) / per_ms
        assert elapsed == pytest.approx(own[-1].arrival_ms - own[0].arrival_ms, abs=150)


def test_documents_tell_the_long_meeting(long: Path) -> None:
    metadata, events = documents(long)
    assert unix_ms(metadata["end_time"]) - unix_ms(metadata["start_time"]) == MINUTES * 60_000
    for track in metadata["tracks"]:
        for segment in track["segments"]:
            path = long / "tracks" / segment["file_name"]
            counted = (path.stat().st_size, len(read_segment(path)[1]))
            assert counted == (segment["bytes"], segment["packet_count"])
    kinds = [event["type"] for event in events]
    assert kinds.count("peer_joined") == 3
    assert "peer_left" not in kinds
    assert kinds.count("producer_paused") > 8
    assert [e["timestamp"] for e in events] == sorted(e["timestamp"] for e in events)


def test_the_first_keyframe_may_be_the_only_one(tmp_path: Path) -> None:
    source, cache = recording_dir("kickoff"), tmp_path / "cache"
    path = looped(source, tmp_path / "a", MINUTES, keyframes="first", cache=cache)
    again = looped(source, tmp_path / "b", MINUTES, keyframes="first", cache=cache)
    metadata, _ = documents(path)
    track = next(t for t in metadata["tracks"] if t["type"] == "video")
    own = packets(path, track)
    assert own == packets(again, track)
    firsts = [p.payload for p in own if p.payload[0] & 0x10]
    assert [part[4] & 1 for part in firsts] == [0] + [1] * (len(firsts) - 1)
    assert len(firsts) == MINUTES * 60 * 15
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    seen = []
    frame = b""
    for packet in own:
        frame += packet.payload[4:]
        if packet.marker:
            seen += [read_barcode(luma_of(p), 0, 0, 320, 180) for p in decoder.decode(av.Packet(frame))]
            frame = b""
    assert seen == [(1, int(n * 1000 / 15) // 10 * 10) for n in range(len(firsts))]
