"""Plans and stills of one who drags a tile: the same as without what is kept, and of the recording as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from compositing.state import parse_state
from farm import interactive
from farm.compose import RenderChoices, compose
from farm.executors.local import LocalExecutor
from farm.interactive import FRESH_S, STORED_S, InteractiveSession, Place
from farm.run import Surroundings, fonts_of, read
from farm.settings import FarmSettings
from renderer.profiles import audio_profile, video_profile
from storage.errors import InvalidKey, RecordingNotFound
from storage.objects import StoreSpec
from storage.recordings import open_recording
from tests.support.recordings import recording_dir

SETTINGS = FarmSettings(font_dirs=())
SMALL: dict[str, Any] = {"export": {"resolution": "320x180", "fps": 10}}


class Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def put_kickoff(folder: Path, recording_id: str) -> tuple[Place, Path]:
    source = recording_dir("kickoff")
    path = folder / "rooms" / source.parent.name / recording_id
    shutil.copytree(source, path)
    document = json.loads((path / "metadata.json").read_text())
    (path / "metadata.json").write_text(json.dumps(document | {"recording_id": recording_id}))
    return Place(StoreSpec(str(folder)), source.parent.name, recording_id), path


def rename(path: Path, name: str) -> None:
    document = json.loads((path / "metadata.json").read_text())
    document["participants"][0]["display_name"] = name
    (path / "metadata.json").write_text(json.dumps(document))


def names(plan: bytes) -> set[str]:
    tiles = [tile for scene in json.loads(plan)["scenes"] for tile in scene["tiles"]]
    return {tile["label"]["text"] for tile in tiles if tile["label"]}


def state(**fields: Any) -> bytes:
    return json.dumps(SMALL | fields).encode()


def test_a_recording_that_changed_is_read_anew_when_that_may_be_known(tmp_path: Path) -> None:
    clock = Clock()
    session = InteractiveSession(SETTINGS, clock)
    place, path = put_kickoff(tmp_path, "changing")
    assert "Grace Hopper" in names(session.plan(place, state()))
    rename(path, "Rear Admiral Hopper")
    clock.s += FRESH_S
    assert "Grace Hopper" in names(session.plan(place, state()))
    clock.s += 0.1
    assert "Rear Admiral Hopper" in names(session.plan(place, state()))
    (path / ".completed").unlink()
    clock.s += FRESH_S + 0.1
    assert session.plan(place, state())


def test_a_recording_that_went_is_not_there(tmp_path: Path) -> None:
    clock = Clock()
    session = InteractiveSession(SETTINGS, clock)
    place, path = put_kickoff(tmp_path, "going")
    session.plan(place, state())
    shutil.rmtree(path)
    clock.s += FRESH_S + 0.1
    with pytest.raises(RecordingNotFound):
        session.plan(place, state())


def test_only_a_few_recordings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactive, "MOST_RECORDINGS", 2)
    session = InteractiveSession(SETTINGS, Clock())
    places = [put_kickoff(tmp_path, name)[0] for name in ("one", "two", "three")]
    plans = [session.plan(place, state()) for place in places]
    assert list(session._open) == places[1:]
    assert session.plan(places[0], state()) == plans[0]
    assert list(session._open) == [places[2], places[0]]


def test_what_is_kept_of_stills_has_an_end_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, path = put_kickoff(tmp_path, "kept")
    session = InteractiveSession(SETTINGS, Clock())
    wanted = [state(layout=name) for name in ("grid", "speaker", "grid")]
    expected = [session.plan(place, each) for each in wanted]
    still = session.still(place, wanted[1], 3.0, "png")
    shutil.rmtree(path / "cache" / "rasters")
    monkeypatch.setattr(interactive, "RASTER_BYTES", 1)
    assert [session.plan(place, each) for each in wanted] == expected
    assert session.still(place, wanted[1], 3.0, "png") == still
    assert list((path / "cache" / "rasters").iterdir())


def test_stills_that_were_tidied_away_are_stored_again(tmp_path: Path) -> None:
    clock = Clock()
    session = InteractiveSession(SETTINGS, clock)
    place, path = put_kickoff(tmp_path, "tidied")
    rasters = path / "cache" / "rasters"
    session.plan(place, state())
    made = sorted(rasters.iterdir())
    shutil.rmtree(rasters)
    clock.s += STORED_S + 0.1
    session.plan(place, state())
    assert sorted(rasters.iterdir()) == made


def test_an_id_that_leaves_its_place_is_refused(tmp_path: Path) -> None:
    session = InteractiveSession(SETTINGS, Clock())
    with pytest.raises(InvalidKey):
        session.plan(Place(StoreSpec(str(tmp_path)), "room", "../other"), state())


def test_a_forecast_looks_for_the_chunks_that_an_export_on_the_cluster_would_make(tmp_path: Path) -> None:
    """Encoder and decoder are in their keys: a declared pool of NVIDIA's cards decides both."""
    place, _ = put_kickoff(tmp_path, "forecast")
    settings = SETTINGS.model_copy(update={"scheduler": "tcp://127.0.0.1:1", "pools": frozenset({"nvenc", "nvdec"})})
    session = InteractiveSession(settings, Clock())
    before = json.loads(session.forecast(place, state(), "standard", "mp4", 4))["chunks"]
    assert before["cached"] == 0
    recording = open_recording(place.store, place.room_id, place.recording_id)
    choices = RenderChoices(video_profile("standard", "nvenc", 10), audio_profile("standard"), decode="nvdec")
    around = Surroundings(settings, LocalExecutor(), lambda event: None)
    composed = compose(read(recording, around), parse_state(state()), fonts_of(settings), choices)
    for chunk in composed.video_chunks():
        recording.store.put(recording.keys.chunk("video", chunk.key), b"")
    after = json.loads(session.forecast(place, state(), "standard", "mp4", 4))["chunks"]
    assert after == {"total": before["total"], "cached": before["total"]}
