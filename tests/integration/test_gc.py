"""`farm gc`: what nothing needs goes, what a young export needs stays, and nothing but the cache is ever touched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from compositing.state import parse_state
from farm.executors.base import CancelToken, Observer, Task
from farm.executors.local import LocalExecutor
from farm.gc import collect
from farm.prepare import open_source
from farm.preview import PreviewOptions, preview
from farm.run import ExportOptions, Surroundings, export
from farm.settings import FarmSettings
from storage.objects import StoreSpec
from tests.support.buckets import keys, upload
from tests.support.farm_cli import HERE, SMALL, Ran, farm
from tests.support.recordings import recording_dir

DAY_S = 86_400


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A copy of the small recording with an export, and traces of a preview, a composition and a job."""
    source = recording_dir("kickoff")
    target = tmp_path / "rooms" / source.parent.name / source.name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("cache", "processed", "preview"))
    exported(target)
    records = ("preview/manifest.json", "composition/latest.json", "jobs/j1.json", "cache/preview/camera/a/000001.json")
    for name in records:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text("{}")
    return target


def exported(recording: Path, *options: str) -> Ran:
    ran = farm("export", recording, *SMALL, *HERE, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    return ran


def gc(*arguments: object) -> dict[str, Any]:
    ran = farm("gc", *arguments, "--json", env={"FARM_STORAGE": ""})
    assert ran.exit_code == 0, ran.stderr
    found: dict[str, Any] = ran.json
    return found


def aged(recording: Path, days: float, chosen: Callable[[str], bool] = lambda name: True) -> None:
    """Makes cached files of the recording as old as that; its tracks stay what they were when they were indexed."""
    then = time.time() - days * DAY_S
    for path in files(recording / "cache"):
        if chosen(str(path)):
            os.utime(path, (then, then))


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def beside_the_cache(recording: Path) -> set[Path]:
    return {path for path in files(recording) if recording / "cache" not in path.parents}


def test_what_is_young_stays(recording: Path) -> None:
    before = files(recording)
    found = gc(recording)
    assert (found["objects"], found["recordings"], found["problems"]) == (0, 1, [])
    assert files(recording) == before


def test_what_nothing_needs_goes_and_nothing_else(recording: Path) -> None:
    aged(recording, 40)
    others = beside_the_cache(recording)
    chunks = files(recording / "cache" / "chunks")
    found = gc(recording)
    assert chunks
    assert not any(path.exists() for path in chunks)
    assert beside_the_cache(recording) == others
    assert files(recording / "cache" / "index"), "those of the tracks as they are"
    assert files(recording / "cache" / "preview"), "what a preview knows of its segments stays with them"
    assert set(found["by_sort"]) == {"chunks", "rasters", "needs"}
    assert found["bytes"] == sum(found["by_sort"].values()) > 0


def test_what_a_young_export_needs_stays_however_old_it_is(recording: Path) -> None:
    exported(recording, "--start", "0", "--end", "8")   # of the same chunks, only the first
    aged(recording, 40)
    again = exported(recording, "--start", "0", "--end", "8")
    assert again.json["chunks"]["rendered"] == 0
    gc(recording)
    kept = files(recording / "cache" / "chunks")
    assert len([path for path in kept if "/video/" in str(path)]) == 1
    assert exported(recording, "--start", "0", "--end", "8").json["chunks"]["rendered"] == 0
    assert exported(recording).json["chunks"] == {"total": 3, "rendered": 2, "cached": 1}


def test_a_dry_run_tells_the_bytes_and_removes_nothing(recording: Path) -> None:
    aged(recording, 40)
    before = files(recording)
    dry = gc(recording, "--dry-run")
    assert files(recording) == before
    real = gc(recording)
    assert {name: dry[name] for name in ("objects", "bytes", "by_sort")} == {
        name: real[name] for name in ("objects", "bytes", "by_sort")
    }
    gone = before - files(recording)
    assert len(gone) == real["objects"]


def test_an_index_of_other_files_is_stale(recording: Path) -> None:
    (index,) = list((recording / "cache" / "index").rglob("*.idx"))[:1]
    stale = index.with_name("0" * 32 + ".idx")
    shutil.copyfile(index, stale)
    aged(recording, 40)
    gc(recording)
    assert index.exists()
    assert not stale.exists()


def test_older_than_is_heeded(recording: Path) -> None:
    aged(recording, 5)
    assert gc(recording, "--older-than", 6)["objects"] == 0
    assert gc(recording, "--older-than", 4)["objects"] > 0


class Tidied(LocalExecutor):
    """Where the cache is tidied at the worst moment: between looking what is there and using it."""

    def __init__(self, recording: Path) -> None:
        super().__init__()
        self._recording = recording

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        collect(str(self._recording), None, 30, dry_run=False)
        return super().run(tasks, observer, cancel)


def test_what_a_job_has_found_in_the_cache_stays_until_it_is_used(recording: Path) -> None:
    """Stills and intermediates of an export whose loudness is measured first, and intermediates of previews."""
    settings = FarmSettings(max_keyframe_interval_s=2)   # there are tracks with longer ones: they get intermediates
    state = parse_state({"export": {"resolution": "160x90", "fps": 10, "loudness": -16}})
    for executor in (LocalExecutor(), Tidied(recording)):
        opened, around = open_source(str(recording), settings), Surroundings(settings, executor, lambda event: None)
        aged(recording, 40)
        made = export(opened, state, ExportOptions(preset="draft", reuse=False), around)
        assert made.chunks.rendered == made.chunks.total
        aged(recording, 40)
        assert preview(opened, PreviewOptions("low", reuse=False), around).segments.cached == 0
        assert files(recording / "cache" / "intermediate")


def test_a_damaged_list_of_needs_protects_nothing_and_harms_nothing(recording: Path) -> None:
    aged(recording, 40, lambda name: "/needs/" not in name)
    for path in files(recording / "cache" / "needs"):
        path.write_bytes(b"\xff{")
    gc(recording)
    assert not files(recording / "cache" / "chunks")
    assert exported(recording).json["chunks"]["rendered"] == 3


def test_of_a_storage_all_recordings_are_tidied_and_one_that_is_broken_is_told(recording: Path) -> None:
    broken = recording.parent / "broken"
    (broken / "cache" / "chunks").mkdir(parents=True)
    (broken / "cache" / "chunks" / "x").write_text("x")
    os.mknod(broken / "metadata.json", stat.S_IFSOCK)   # it is there, and cannot be opened
    aged(recording, 40)
    os.utime(broken / "cache" / "chunks" / "x", (0, 0))
    ran = farm("gc", "--storage", recording.parents[2], "--json")
    assert ran.exit_code == 1, "whoever looks after a cron job hears of it"
    assert ran.json["objects"] > 0
    problems = [problem.split(":")[0] for problem in ran.json["problems"]]
    assert problems == [f"rooms/{recording.parent.name}/broken/"]
    assert (broken / "cache" / "chunks" / "x").exists()


def test_a_folder_that_can_be_no_recording_is_told_and_is_nobodys_fault(recording: Path) -> None:
    strange = recording.parent / "a:b" / "cache"
    strange.mkdir(parents=True)
    (strange / "x").write_text("x")
    found = gc("--storage", recording.parents[2])
    assert [problem.split(" ")[0] for problem in found["problems"]] == [f"rooms/{recording.parent.name}/a:b/:"]


def test_of_a_recording_that_was_deleted_all_that_is_old_goes_from_the_cache(recording: Path) -> None:
    shutil.rmtree(recording / "tracks")
    for path in [path for path in recording.iterdir() if path.is_file()]:
        path.unlink()
    aged(recording, 40, lambda name: "/rasters/" not in name)
    young, others = files(recording / "cache" / "rasters"), beside_the_cache(recording)
    dry = gc("--storage", recording.parents[2], "--dry-run")
    found = gc("--storage", recording.parents[2])
    assert (found["problems"], found["failed"]) == ([], False)
    assert {name: dry[name] for name in ("objects", "by_sort")} == {n: found[n] for n in ("objects", "by_sort")}
    assert files(recording / "cache") == young
    assert young
    assert beside_the_cache(recording) == others


def test_what_is_said_to_people(recording: Path) -> None:
    aged(recording, 40)
    ran = farm("gc", recording, "--dry-run")
    assert ran.exit_code == 0
    assert "would go in 1 recordings" in ran.stdout


def test_wrong_use_and_a_recording_that_is_not_there(tmp_path: Path) -> None:
    assert farm("gc", env={"FARM_STORAGE": ""}).exit_code == 2
    assert farm("gc", tmp_path, "--older-than", "-1").exit_code == 2
    ran = farm("gc", tmp_path / "rooms" / "r" / "none")
    assert ran.exit_code == 1
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.s3
def test_in_a_bucket(recording: Path, s3_spec: StoreSpec) -> None:
    """Its ages are the server's: with zero days everything is old."""
    env = {"FARM_S3_ENDPOINT": str(s3_spec.endpoint), "FARM_STORAGE": ""}
    source = upload(recording, s3_spec)
    ran = farm("export", source, *SMALL, *HERE, env=env)
    assert ran.exit_code == 0, ran.stderr
    before = set(keys(s3_spec))
    assert farm("gc", source, env=env).exit_code == 0
    assert set(keys(s3_spec)) == before, "all of it is young"
    time.sleep(1.1)   # the server tells ages in seconds
    dry = farm("gc", "--storage", s3_spec.url, "--older-than", "0", "--dry-run", "--json", env=env)
    assert set(keys(s3_spec)) == before
    real = farm("gc", "--storage", s3_spec.url, "--older-than", "0", "--json", env=env)
    gone = before - set(keys(s3_spec))
    assert real.json["objects"] == dry.json["objects"] == len(gone) > 0
    assert {key.split("/")[4] for key in gone} <= {"chunks", "rasters", "needs"}
    assert all(key.split("/")[3] == "cache" for key in gone)
    assert json.loads(real.stdout)["recordings"] == 1
