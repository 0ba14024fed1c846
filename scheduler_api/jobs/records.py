"""The durable records of jobs in the object store: what is true when Redis has lost everything.

    rooms/R/ID/jobs/{job_id}.json    the record; it is there or the job does not exist
    farm/jobs/{job_id}.json          room and recording of a job: finds its record by its id alone
    farm/open/{job_id}               the same, while the job is not finished: finds what is left to do

A new job's record is written last and an ended job's marker is deleted last, so whoever dies between two steps leaves a
marker behind, and `Recovery` finishes what it stands for. Records are fenced: one with a higher epoch is not
overwritten. The store cannot compare and write in one step, so a writer that was stopped between the two can still be
late by one write; the dispatcher looks afterwards and puts the newer record back. Old ones are removed by `farm gc`
(`farm.job_gc`). Synchronous; safe in threads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from pydantic import ValidationError

from farm.errors import StaleEpoch
from farm.job import Job, JobPointer
from storage.errors import MalformedDocument, ObjectNotFound
from storage.keys import OPEN_JOBS, RecordingKeys, job_pointer, open_job
from storage.objects import ObjectStore

_log = logging.getLogger(__name__)


class JobRecords:
    """The records in one store. Every method raises the errors of storage; ids that are none are InvalidKey."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def create(self, job: Job) -> None:
        """Writes a new job down; from here on it will be run."""
        pointer = JobPointer(room_id=job.room_id, recording_id=job.recording_id).model_dump_json().encode()
        self._store.put(open_job(job.job_id), pointer)
        self._store.put(job_pointer(job.job_id), pointer)
        self._store.put(_record_key(job), job.to_json())

    def put(self, job: Job) -> None:
        """Writes the present state of a job. Raises StaleEpoch where a later owner has written, ObjectNotFound where
        the job does not exist."""
        if self.get(job.room_id, job.recording_id, job.job_id).epoch > job.epoch:
            raise StaleEpoch(job.job_id, job.epoch)
        self._store.put(_record_key(job), job.to_json())

    def close(self, job_id: str) -> None:
        """Nothing is left to do for this job."""
        self._store.delete(open_job(job_id))

    def discard(self, job: Job) -> None:
        """Takes back a job that could not be queued: it never was."""
        self._store.delete(_record_key(job))
        self._store.delete(job_pointer(job.job_id))
        self._store.delete(open_job(job.job_id))

    def get(self, room_id: str, recording_id: str, job_id: str) -> Job:
        """Raises ObjectNotFound, and MalformedDocument for a record that cannot be read."""
        return self._read(RecordingKeys(room_id, recording_id).job(job_id))

    def find(self, job_id: str) -> Job | None:
        """The job with this id in whatever recording; None if there is none."""
        return self._follow(job_pointer(job_id), job_id)

    def find_open(self, job_id: str) -> Job | None:
        """The job if its marker stands: it is not finished, or its end was not told to everyone."""
        return self._follow(open_job(job_id), job_id)

    def of_recording(self, room_id: str, recording_id: str) -> list[Job]:
        """All jobs of a recording, the oldest first. A record that cannot be read is left out, and logged."""
        folder = RecordingKeys(room_id, recording_id).prefix + "/jobs/"
        found = [self._readable(info.key) for info in self._store.list(folder)]
        return sorted((job for job in found if job), key=lambda job: (job.created_at, job.job_id))

    def open_ids(self) -> Iterator[str]:
        """The ids of all jobs for which something is left to do."""
        return (info.key.removeprefix(OPEN_JOBS) for info in self._store.list(OPEN_JOBS))

    def _follow(self, pointer_key: str, job_id: str) -> Job | None:
        try:
            pointer = JobPointer.model_validate_json(self._store.get(pointer_key))
            return self.get(pointer.room_id, pointer.recording_id, job_id)
        except ObjectNotFound:
            return None
        except ValidationError as error:
            raise MalformedDocument(pointer_key, "$", str(error.errors()[0]["msg"])) from None

    def _readable(self, key: str) -> Job | None:
        try:
            return self._read(key)
        except (MalformedDocument, ObjectNotFound) as error:
            _log.warning("%s", error)
            return None

    def _read(self, key: str) -> Job:
        data = self._store.get(key)
        try:
            return Job.from_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(["$", *map(str, first["loc"])])
            raise MalformedDocument(key, path, str(first["msg"])) from None


def _record_key(job: Job) -> str:
    return RecordingKeys(job.room_id, job.recording_id).job(job.job_id)
