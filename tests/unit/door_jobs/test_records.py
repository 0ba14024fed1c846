"""Records last, are found by id alone, and are not overwritten by who is late."""

from __future__ import annotations

from pathlib import Path

import pytest

from farm.errors import StaleEpoch
from farm.job import Job
from scheduler_api.jobs.records import JobRecords
from storage.errors import InvalidKey, MalformedDocument, ObjectNotFound
from storage.local import LocalStore
from storage.memory import MemoryStore
from storage.objects import ObjectStore
from tests.support.jobs import a_job


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else LocalStore(str(tmp_path))


def taken(job: Job, epoch: int) -> Job:
    return job.moved("processing", job.created_at, epoch=epoch)


def test_a_job_is_found_by_its_id_and_in_its_recording(store: ObjectStore) -> None:
    records, job, other = JobRecords(store), a_job(), a_job(recording="rec-2")
    records.create(job)
    records.create(other)
    assert records.find(job.job_id) == job
    assert records.get("room-1", "rec-1", job.job_id) == job
    assert records.of_recording("room-1", "rec-1") == [job]
    assert set(records.open_ids()) == {job.job_id, other.job_id}
    assert JobRecords(store).find_open(other.job_id) == other


def test_the_record_lies_where_the_contract_says(store: ObjectStore) -> None:
    job = a_job()
    JobRecords(store).create(job)
    assert Job.from_json(store.get(f"rooms/room-1/rec-1/jobs/{job.job_id}.json")) == job


def test_a_closed_job_is_found_but_not_open(store: ObjectStore) -> None:
    records, job = JobRecords(store), a_job()
    records.create(job)
    records.close(job.job_id)
    records.close(job.job_id)
    assert records.find(job.job_id) == job
    assert records.find_open(job.job_id) is None
    assert list(records.open_ids()) == []


def test_a_discarded_job_never_was(store: ObjectStore) -> None:
    records, job = JobRecords(store), a_job()
    records.create(job)
    records.discard(job)
    assert records.find(job.job_id) is None
    assert list(store.list("")) == []


def test_a_later_epoch_is_not_overwritten(store: ObjectStore) -> None:
    records, job = JobRecords(store), a_job()
    records.create(job)
    records.put(taken(job, 7))
    records.put(taken(job, 7).moved("ready", job.created_at, result={}))
    with pytest.raises(StaleEpoch):
        records.put(taken(job, 6))
    found = records.find(job.job_id)
    assert found is not None
    assert (found.status, found.epoch) == ("ready", 7)


def test_what_does_not_exist_is_not_written(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound):
        JobRecords(store).put(a_job())
    assert JobRecords(store).find("job-none") is None


def test_an_id_that_is_none_reaches_no_path(store: ObjectStore) -> None:
    for bad in ("../policy", "a/b", "", "..", "a\x00b"):
        with pytest.raises(InvalidKey):
            JobRecords(store).find(bad)


def test_a_record_that_cannot_be_read_is_named_and_left_out_of_lists(store: ObjectStore) -> None:
    records, good, bad = JobRecords(store), a_job(), a_job()
    records.create(good)
    records.create(bad)
    for data in (b"", b"[]", b"\xff\xfe", bad.to_json().replace(b'"queued"', b'"lost"')):
        store.put(f"rooms/room-1/rec-1/jobs/{bad.job_id}.json", data)
        with pytest.raises(MalformedDocument) as caught:
            records.find(bad.job_id)
        assert bad.job_id in str(caught.value)
        assert records.of_recording("room-1", "rec-1") == [good]
    store.put(f"farm/jobs/{bad.job_id}.json", b"{}")
    with pytest.raises(MalformedDocument):
        records.find(bad.job_id)


def test_jobs_are_listed_from_the_oldest(store: ObjectStore) -> None:
    records, jobs = JobRecords(store), [a_job() for _ in range(3)]
    for job in reversed(jobs):
        records.create(job)
    assert records.of_recording("room-1", "rec-1") == jobs
