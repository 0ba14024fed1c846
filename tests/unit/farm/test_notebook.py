"""The Python API: each result says what it is, in text and in a notebook."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import farm
from compositing.errors import InvalidState
from farm.notebook import as_state
from farm.settings import FarmSettings
from farm.watch import Watch
from storage.errors import RecordingNotFound
from tests.support.recordings import recording_dir

SMALL = {"export": {"resolution": "160x90", "fps": 10, "end_ms": 1000}}


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> farm.Recording:
    source = recording_dir("kickoff")
    folder = tmp_path_factory.mktemp("notebook") / "rooms" / source.parent.name / source.name
    shutil.copytree(source, folder)
    return farm.Recording.open(folder, FarmSettings(workers=0, font_dirs=()))


def test_the_report_and_the_plan_show_themselves_as_tables(meeting: farm.Recording) -> None:
    health, plan = meeting.inspect(), meeting.plan({"layout": "speaker"})
    assert len(health.report.tracks) == 7
    for view in (health, plan):
        assert "Grace Hopper" in str(view)
        ElementTree.fromstring(view._repr_html_())
        assert "Grace Hopper" in view._repr_html_()
    assert {scene["layout"] for scene in plan.to_json()["scenes"]} == {"speaker"}


def test_a_still_is_a_png(meeting: farm.Recording, tmp_path: Path) -> None:
    still = meeting.still(5.0, SMALL)
    assert still._repr_png_().startswith(b"\x89PNG")
    assert still.save(tmp_path / "a.png").read_bytes() == still.png


def test_an_export_plays_in_the_notebook(meeting: farm.Recording, tmp_path: Path) -> None:
    video = meeting.export(SMALL, tmp_path / "a.mp4", preset="draft", progress=False)
    assert Path(video.path).read_bytes()[4:8] == b"ftyp"
    assert video.report.frames == 10
    assert 'src="data:video/mp4;base64,' in video._repr_html_()
    assert "1 of 1" in video._repr_html_()


def test_what_is_exported_twice_comes_from_the_cache_and_a_watch_heard_of_both(
    meeting: farm.Recording, tmp_path: Path
) -> None:
    first, second = Watch(), Watch()
    state = SMALL | {"layout": "split"}
    meeting.export(state, tmp_path / "a.mp4", preset="draft", observer=first)
    again = meeting.export(state, tmp_path / "b.mp4", preset="draft", observer=second)
    assert {task.name for task in first.tasks} >= {"render-video", "stitch"}
    assert {task.name for task in second.tasks} & {"render-video", "render-audio"} == set()
    assert "from the cache" in again._repr_html_()
    assert "0 of 1" in again._repr_html_()
    assert "render-video" in first._repr_html_()


def test_previews_say_what_was_made(meeting: farm.Recording, tmp_path: Path) -> None:
    made = meeting.preview(tmp_path / "previews", preset="low", workers=0, progress=False)
    assert (tmp_path / "previews" / "manifest.json").exists()
    assert made.path == str(tmp_path / "previews")
    assert f"{made.report.segments.rendered} of {made.report.segments.total}" in made._repr_html_()


def test_previews_have_streams_of_sound_alone_where_they_are_asked_for(
    meeting: farm.Recording, tmp_path: Path
) -> None:
    meeting.preview(tmp_path / "previews", preset="low", audio=True, workers=0, progress=False)
    manifest = json.loads((tmp_path / "previews" / "manifest.json").read_text())
    for peer in manifest["peers"]:
        assert "audio" in [stream["name"] for stream in peer["streams"]]


def test_a_recording_shows_itself_without_being_read(meeting: farm.Recording) -> None:
    assert "Grace Hopper" in meeting._repr_html_()


def test_a_film_shows_the_part_that_was_asked_for(meeting: farm.Recording) -> None:
    plan = meeting.plan({"layout": "speaker"})
    assert "0:00.0 – 0:20.0" in plan.film()._repr_html_()
    assert "0:05.0 – 0:07.0" in plan.film(2, start_s=5, end_s=7)._repr_html_()


def test_a_state_may_be_a_file_a_dict_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"layout": "pip"}')
    assert as_state(path).layout == as_state(str(path)).layout == as_state({"layout": "pip"}).layout == "pip"
    assert as_state(as_state(None)) == as_state({})
    with pytest.raises(InvalidState, match="/layout"):
        as_state({"layout": "pipes"})


def test_a_missing_recording_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(RecordingNotFound):
        farm.Recording.open(tmp_path / "rooms" / "r" / "x", FarmSettings())


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import farm, sys; print(sorted({'dask', 'av', 'cv2', 'farm.notebook'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
