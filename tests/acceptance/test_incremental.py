"""An edit renders only what it changes, and the result is that of a render from scratch, byte for byte.

By the command itself, as a process: a pin at 2/3 of the recording, then an unpin, on standup where it is present
and on kickoff. Chunks are 8 s long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import copy_recording, digest, fresh_copy, opened, run_export

FPS, CHUNK_FRAMES = 30, 240
Frames = list[list[int]]


@dataclass(frozen=True)
class Edit:
    """A recording that is exported, given a pin, exported, given an unpin, exported."""

    base: Path
    source: Path
    pin_ms: int
    unpin_ms: int
    end_frame: int
    reports: list[dict[str, Any]] = field(default_factory=list)

    def document(self, events: int) -> dict[str, Any]:
        """The composition with the first `events` of the edits."""
        peer_id = opened(self.source).manifest.participants[1].peer_id
        pin = {"t": self.pin_ms, "type": "pin", "peer_id": peer_id}
        edits = [pin, {"t": self.unpin_ms, "type": "unpin"}][:events]
        return {"layout": "grid", "timeline": edits, "export": {"resolution": "640x360", "fps": FPS}}

    def output(self, events: int) -> Path:
        return self.base / f"{events}.mp4"


CASES = [
    pytest.param(("kickoff", 9_000, 16_000, 600), id="kickoff"),
    pytest.param(("standup", 40_000, 50_000, 1800), id="standup", marks=pytest.mark.recordings),
]


@pytest.fixture(scope="module", params=CASES)
def edit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Edit:
    """The edited recording with the reports of its three exports."""
    name, pin_ms, unpin_ms, end_frame = request.param
    base = tmp_path_factory.mktemp(name)
    edit = Edit(base, copy_recording(name, base), pin_ms, unpin_ms, end_frame)
    for events in range(3):
        report = run_export(edit.source, edit.output(events), "--workers", "0", document=edit.document(events))
        edit.reports.append(report)
        print(name, "with", events, "edits:", report["chunks"], report["rendered_frames"], report["seconds"], "s")
    return edit


def chunks_between(start_ms: int, end_ms: int, end_frame: int) -> Frames:
    """First frame and end of each chunk that meets [start_ms, end_ms)."""
    starts = range(0, end_frame, CHUNK_FRAMES)
    spans = [[s, min(s + CHUNK_FRAMES, end_frame)] for s in starts]
    return [[a, b] for a, b in spans if a * 1000 < end_ms * FPS and b * 1000 > start_ms * FPS]


def test_the_first_export_renders_everything(edit: Edit) -> None:
    assert edit.reports[0]["rendered_frames"] == chunks_between(0, 10**9, edit.end_frame)
    assert edit.reports[0]["chunks"]["cached"] == 0


def test_a_pin_renders_from_there_on(edit: Edit) -> None:
    assert edit.reports[1]["rendered_frames"] == chunks_between(edit.pin_ms, 10**9, edit.end_frame)


def test_the_unpin_renders_only_where_it_changes_something(edit: Edit) -> None:
    """What lies before it is as with the pin, whole chunks after it are as before any edit: all cached."""
    chunk_of_unpin = chunks_between(edit.unpin_ms, edit.unpin_ms + 1, edit.end_frame)
    on_the_joint = edit.unpin_ms * FPS % (CHUNK_FRAMES * 1000) == 0
    assert edit.reports[2]["rendered_frames"] == ([] if on_the_joint else chunk_of_unpin)


def test_both_edits_at_once_render_what_lies_between(edit: Edit, tmp_path: Path) -> None:
    source = fresh_copy(edit.source, tmp_path)
    run_export(source, tmp_path / "before.mp4", "--workers", "0", document=edit.document(0))
    report = run_export(source, tmp_path / "after.mp4", "--workers", "0", document=edit.document(2))
    assert report["rendered_frames"] == chunks_between(edit.pin_ms, edit.unpin_ms, edit.end_frame)


def test_sound_is_not_rendered_again(edit: Edit) -> None:
    assert [report["audio_chunks"]["rendered"] for report in edit.reports[1:]] == [0, 0]


def test_nothing_changed_nothing_rendered(edit: Edit) -> None:
    report = run_export(edit.source, edit.base / "again.mp4", "--workers", "0", document=edit.document(2))
    assert report["chunks"]["rendered"] == 0
    assert digest(edit.base / "again.mp4") == digest(edit.output(2))


@pytest.mark.parametrize("events", [1, 2])
def test_the_result_is_that_of_a_render_from_scratch(edit: Edit, tmp_path: Path, events: int) -> None:
    source = fresh_copy(edit.source, tmp_path)
    report = run_export(source, tmp_path / "new.mp4", "--workers", "0", document=edit.document(events))
    assert report["chunks"]["cached"] == 0
    assert digest(tmp_path / "new.mp4") == digest(edit.output(events))
