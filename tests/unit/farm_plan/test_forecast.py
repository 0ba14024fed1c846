"""What an export is said to cost, before and after it was made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from compositing.state import parse_state
from farm.executors.local import LocalExecutor
from farm.forecast import FIXED_S
from farm.interactive import InteractiveSession, Place
from farm.run import ExportOptions, Surroundings, export
from farm.settings import FarmSettings
from storage.objects import StoreSpec
from storage.recordings import open_recording
from tests.support.recordings import recording_dir

SETTINGS = FarmSettings(font_dirs=())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    source = recording_dir("kickoff")
    shutil.copytree(source, tmp_path / "rooms" / source.parent.name / source.name)
    return Place(StoreSpec(str(tmp_path)), source.parent.name, source.name)


def state(**fields: Any) -> bytes:
    return json.dumps({"export": {"resolution": "160x90", "fps": 5}} | fields).encode()


def forecast(place: Place, wanted: bytes, preset: Any = "draft", form: Any = "mp4", workers: int = 2) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        InteractiveSession(SETTINGS, lambda: 0.0).forecast(place, wanted, preset, form, workers)
    )
    return told


def test_everything_costs_before_the_first_export_and_little_after_it(place: Place) -> None:
    before = forecast(place, state())
    assert before["chunks"] == {"total": 3, "cached": 0}
    assert before["spans_ms"] == [[0, 20_000]]
    around = Surroundings(SETTINGS, LocalExecutor(), lambda event: None)
    recording = open_recording(place.store, place.room_id, place.recording_id)
    report = export(recording, parse_state(state()), ExportOptions(preset="draft"), around)
    assert report.chunks.rendered == before["chunks"]["total"]

    after = forecast(place, state())
    assert after == {"chunks": {"total": 3, "cached": 3}, "spans_ms": [], "seconds": FIXED_S}
    assert forecast(place, state(), preset="high")["chunks"]["cached"] == 0
    edited = state(timeline=[{"t": 9_000, "type": "layout", "layout": "speaker"}])
    assert forecast(place, edited)["chunks"]["cached"] == 1
    assert forecast(place, edited)["spans_ms"] == [[8_000, 20_000]]


def test_the_sound_alone_has_chunks_of_its_own(place: Place) -> None:
    muted = state(tracks=[{"peer_id": "af1a2da5-cf33-4514-91f2-913d2afca30d", "muted": True}])
    for wanted in (state(), muted):
        told = forecast(place, wanted, form="m4a")
        assert told["chunks"]["cached"] == 0
        assert told["spans_ms"] == [[0, 20_000]]


def test_what_costs_more_is_said_to_take_longer(place: Place) -> None:
    large = json.dumps({"export": {"resolution": "1920x1080", "fps": 30}}).encode()
    seconds = {preset: forecast(place, large, preset)["seconds"] for preset in ("draft", "standard", "high")}
    assert FIXED_S < seconds["draft"] < seconds["standard"] < seconds["high"]
    assert forecast(place, large, "high", workers=1)["seconds"] > seconds["high"]
    assert forecast(place, large, "high", workers=100)["seconds"] >= FIXED_S + (seconds["high"] - FIXED_S) / 2


def test_a_part_costs_only_its_own(place: Place) -> None:
    part = json.dumps({"export": {"resolution": "160x90", "fps": 5, "start_ms": 4_000, "end_ms": 12_000}}).encode()
    told = forecast(place, part)
    assert told["chunks"]["total"] == 2
    assert told["spans_ms"] == [[4_000, 12_000]]
