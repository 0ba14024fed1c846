"""Which records of jobs are old enough to go, and their removal: a part of `farm gc`.

A job goes whole: its record, then the pointer to it. It goes when it ended longer ago than the asked-for age; never
while its marker says that something is left to do for it. A pointer is written once, when the job is made, so a young
one is that of a young job and is not read. One whose record is gone, with its recording or because somebody stopped
here between the two, goes too. What the job has made, an export or a preview, is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from farm.job import Job, JobPointer
from storage.errors import MalformedDocument, ObjectNotFound, StorageError
from storage.keys import JOB_POINTERS, OPEN_JOBS, RecordingKeys
from storage.objects import ObjectStore

T = TypeVar("T", bound=BaseModel)


@dataclass(slots=True)
class OldJobs:
    """What went, or would go."""

    jobs: int = 0
    problems: tuple[tuple[str, StorageError], ...] = ()
    """Pointers that could not be followed, and why; they stay."""


def collect_jobs(store: ObjectStore, before_s: float, dry_run: bool, only: RecordingKeys | None = None) -> OldJobs:
    """Removes the jobs that ended before `before_s` (Unix seconds): those of one recording, or all. Raises StorageError
    when the store cannot be listed."""
    found = OldJobs()
    is_open = {info.key.removeprefix(OPEN_JOBS) for info in store.list(OPEN_JOBS)}
    for info in store.list(JOB_POINTERS):
        job_id = info.key.removeprefix(JOB_POINTERS).removesuffix(".json")
        if info.modified_s >= before_s or job_id in is_open:
            continue
        try:
            found.jobs += _collect(store, info.key, job_id, before_s, dry_run, only)
        except ObjectNotFound:   # somebody else tidies up, too
            continue
        except StorageError as error:
            found.problems += ((info.key, error),)
    return found


def _collect(
    store: ObjectStore, pointer_key: str, job_id: str, before_s: float, dry_run: bool, only: RecordingKeys | None
) -> bool:
    """Whether the job is old; then it is removed."""
    pointer = _read(store, pointer_key, JobPointer)
    keys = RecordingKeys(pointer.room_id, pointer.recording_id)
    record_key = keys.job(job_id)
    if only not in (None, keys) or not _is_old(store, record_key, before_s):
        return False
    if not dry_run:
        store.delete(record_key)
        store.delete(pointer_key)
    return True


def _is_old(store: ObjectStore, record_key: str, before_s: float) -> bool:
    try:
        job = _read(store, record_key, Job)
    except ObjectNotFound:
        return True
    return job.finished_at is not None and job.finished_at < datetime.fromtimestamp(before_s, UTC)


def _read(store: ObjectStore, key: str, kind: type[T]) -> T:
    try:
        return kind.model_validate_json(store.get(key))
    except ValidationError as error:
        raise MalformedDocument(key, "$", str(error.errors()[0]["msg"])) from None
