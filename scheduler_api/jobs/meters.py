"""What a dispatcher counts for Prometheus, and the one log line that it writes for each chunk.

Hears the events of runs in their threads. A line stands with the job's id, which is bound in the run's context, so all
that is said of a job, here and in the API, can be found by it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from farm.events import ChunksFound, ChunkStored, Event, TaskDone, TaskFailed, TaskRetried
from farm.executors.base import Observer
from farm.job import KINDS, Job
from scheduler_api.jobs.failures import OUR_REASONS, blame_for

_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)

_log = logging.getLogger("scheduler_api.chunks")


class JobMeters:
    """The counters of one dispatcher.

    What an alert waits for is there from the start, at 0: of a series that begins with 1 Prometheus sees no increase.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.attending = Gauge("farm_dispatcher_attending", "1 while it looks at the queue.", registry=registry)
        self.running = Gauge("farm_jobs_running", "Jobs that run.", ("kind",), registry=registry)
        self.jobs = Counter(
            "farm_jobs", "Jobs that ended.", ("kind", "outcome", "reason", "blame"), registry=registry
        )
        self.job_seconds = Histogram(
            "farm_job_seconds", "From start to end.", ("kind",), buckets=_SECONDS, registry=registry
        )
        self.chunks = Counter("farm_chunks", "Chunks that jobs needed.", ("kind", "source"), registry=registry)
        self.stage_seconds = Counter(
            "farm_chunk_stage_seconds", "Processor-bound time of rendered chunks.", ("kind", "stage"), registry=registry
        )
        self.task_seconds = Histogram(
            "farm_task_seconds", "Of a task's last try.", ("task",), buckets=_SECONDS, registry=registry
        )
        self.retries = Counter("farm_task_retries", "Tasks tried again.", ("task", "blame"), registry=registry)
        self.store_errors = Counter("farm_store_errors", "Failures of the storage.", ("where",), registry=registry)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        for kind in KINDS:
            for reason in OUR_REASONS:
                self.jobs.labels(kind, "failed", reason, "ours")
        for where in ("task", "job", "dispatcher"):
            self.store_errors.labels(where)

    @contextmanager
    def job(self, kind: str) -> Iterator[None]:
        """Inside, a job runs."""
        with self.running.labels(kind).track_inprogress():
            yield

    def ended(self, job: Job) -> None:
        """A job has ended."""
        failed = job.status == "failed"
        blame = blame_for(job.reason, job.message) if failed else ""
        self.jobs.labels(job.kind, job.status, job.reason or "", blame).inc()
        if blame == "storage":
            self.store_errors.labels("job").inc()
        if job.started_at and job.finished_at:
            self.job_seconds.labels(job.kind).observe((job.finished_at - job.started_at).total_seconds())

    def store_failed(self) -> None:
        """The storage failed while the dispatcher looked after the queue, or wrote down what came of a job."""
        self.store_errors.labels("dispatcher").inc()

    def hearing(self, observer: Observer) -> Observer:
        """`observer`, with everything counted that it hears."""

        def hear(event: Event) -> None:
            self._count(event)
            observer(event)

        return hear

    def _count(self, event: Event) -> None:
        match event:
            case ChunkStored():
                self._count_chunk(event)
            case ChunksFound(kind=kind, chunks=chunks):
                self.chunks.labels(kind, "cached").inc(chunks)
            case TaskDone(name=name, seconds=seconds):
                self.task_seconds.labels(name).observe(seconds)
            case TaskRetried(name=name, blame=blame):
                self.retries.labels(name, blame).inc()
                self._count_blame(blame)
            case TaskFailed(blame=blame):
                self._count_blame(blame)

    def _count_chunk(self, event: ChunkStored) -> None:
        self.chunks.labels(event.kind, "rendered").inc()
        for stage, seconds in event.seconds.items():
            self.stage_seconds.labels(event.kind, stage).inc(seconds)
        told = {"chunk": event.chunk, "kind": event.kind, "bytes": event.bytes, "worker": event.worker}
        told |= {f"{stage}_s": round(seconds, 3) for stage, seconds in event.seconds.items()}
        _log.info("%s chunk %s", event.kind, event.chunk[:16], extra={**told, "task": event.key})

    def _count_blame(self, blame: str) -> None:
        if blame == "storage":
            self.store_errors.labels("task").inc()
