"""`farm gc` forgets jobs that ended long ago, with their pointers; never an open one, and nothing that a job made."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from farm.job import Job, moment
from farm.job_gc import collect_jobs
from scheduler_api.jobs.records import JobRecords
from storage.errors import ObjectNotFound
from storage.keys import RecordingKeys
from storage.local import LocalStore
from tests.support.farm_cli import farm
from tests.support.jobs import a_job

DAY_S = 86_400


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path))


class Archive:
    """Jobs of a store, as old as they are asked to be."""

    def __init__(self, store: LocalStore) -> None:
        self.store = store
        self.records = JobRecords(store)

    def made(self, days: float, recording: str = "rec-1") -> Job:
        """A job that was asked for so long ago, and still waits."""
        job = a_job(recording=recording)
        self.records.create(job)
        then = time.time() - days * DAY_S
        for key in (f"farm/jobs/{job.job_id}.json", f"farm/open/{job.job_id}", self.key(job)):
            os.utime(Path(self.store.url) / key, (then, then))
        return job

    def ended(self, days: float, recording: str = "rec-1", made: float | None = None, closed: bool = True) -> Job:
        """One that ended so long ago; with `closed`, everybody was told."""
        job = self.made(days if made is None else made, recording)
        at = moment(time.time() - days * DAY_S)
        job = job.moved("processing", at).moved("ready", at, result={})
        self.records.put(job)
        if closed:
            self.records.close(job.job_id)
        return job

    def key(self, job: Job) -> str:
        return f"rooms/{job.room_id}/{job.recording_id}/jobs/{job.job_id}.json"

    def traces(self, job: Job) -> set[str]:
        return {info.key for info in self.store.list("") if job.job_id in info.key}


@pytest.fixture
def archive(store: LocalStore) -> Archive:
    return Archive(store)


def gc(store: LocalStore, *options: object) -> dict[str, Any]:
    ran = farm("gc", "--storage", store.url, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    found: dict[str, Any] = ran.json
    return found


def test_a_job_that_ended_long_ago_goes_with_its_pointer_and_what_it_made_stays(archive: Archive) -> None:
    old, young = archive.ended(91), archive.ended(89, made=91)
    export = f"rooms/room-1/rec-1/processed/exports/{old.job_id}.mp4"
    archive.store.put(export, b"a film")
    assert gc(archive.store)["jobs"] == 1
    assert archive.traces(old) == {export}
    assert archive.records.find(old.job_id) is None
    assert archive.records.find(young.job_id) == young
    assert gc(archive.store)["jobs"] == 0


def test_what_waits_runs_or_has_not_been_told_stays_however_old_it_is(archive: Archive) -> None:
    waiting, untold = archive.made(400), archive.ended(400, closed=False)
    running = archive.made(400).moved("processing", moment(time.time() - 399 * DAY_S))
    archive.records.put(running)
    archive.records.close(running.job_id)   # its marker is lost: the record counts
    assert gc(archive.store)["jobs"] == 0
    assert [archive.records.find(job.job_id) for job in (waiting, untold, running)] == [waiting, untold, running]
    assert set(archive.records.open_ids()) == {waiting.job_id, untold.job_id}


def test_a_dry_run_tells_the_same_and_removes_nothing(archive: Archive) -> None:
    old = archive.ended(91)
    before = archive.traces(old)
    assert gc(archive.store, "--dry-run")["jobs"] == 1
    assert archive.traces(old) == before
    assert "1 records of ended jobs, would go" in farm("gc", "--storage", archive.store.url, "--dry-run").stdout


def test_the_age_is_asked_for_apart_from_that_of_the_cache(archive: Archive) -> None:
    job = archive.ended(20)
    assert gc(archive.store, "--older-than", 1)["jobs"] == 0
    assert gc(archive.store, "--jobs-older-than", 21)["jobs"] == 0
    assert gc(archive.store, "--jobs-older-than", 19)["jobs"] == 1
    assert archive.traces(job) == set()


def test_of_one_recording_only_its_own_go(archive: Archive) -> None:
    mine, other = archive.ended(91, "rec-1"), archive.ended(91, "rec-2")
    found = collect_jobs(archive.store, time.time() - 90 * DAY_S, False, RecordingKeys("room-1", "rec-1"))
    assert (found.jobs, archive.traces(mine)) == (1, set())
    assert archive.records.find(other.job_id) == other


def test_a_pointer_goes_too_when_its_record_is_gone_but_not_while_a_job_is_being_made(archive: Archive) -> None:
    gone, making = archive.ended(91), archive.ended(1)
    for job in (gone, making):
        archive.store.delete(archive.key(job))
    assert gc(archive.store)["jobs"] == 1
    assert archive.traces(gone) == set()
    assert archive.traces(making) == {f"farm/jobs/{making.job_id}.json"}


def test_what_cannot_be_read_is_told_and_stays_and_the_others_go(archive: Archive) -> None:
    bad, old = archive.ended(91), archive.ended(91)
    archive.store.put(archive.key(bad), b'{"job_id": 1}')
    found = gc(archive.store)
    assert found["jobs"] == 1
    assert [problem.split(":")[0] for problem in found["problems"]] == [f"farm/jobs/{bad.job_id}.json"]
    assert archive.store.get(archive.key(bad))
    with pytest.raises(ObjectNotFound):
        archive.store.get(archive.key(old))
