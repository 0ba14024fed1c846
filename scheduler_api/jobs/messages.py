"""What those who follow a job are told: the events, as JSON objects with a `type`.

    {"type": "status", "job_id", "status", "reason", "message", "attempts", "updated_at"}    each change of status
    {"type": "progress", "job_id", "done", "total", "unit", "fraction", "eta_s"}             about once a second

The last event of a job is the one with status `ready` or `failed`. What came of a job is read from the job.
"""

from __future__ import annotations

from typing import Any

from farm.job import Job, Progress, rfc3339

Event = dict[str, Any]


def status_event(job: Job) -> Event:
    """The job has got its present status."""
    return {
        "type": "status",
        "job_id": job.job_id,
        "status": job.status,
        "reason": job.reason,
        "message": job.message,
        "attempts": job.attempts,
        "updated_at": rfc3339(job.updated_at),
    }


def progress_event(job_id: str, progress: Progress) -> Event:
    """The job has come this far."""
    return {"type": "progress", "job_id": job_id, **progress.model_dump()}


def is_final(event: Event) -> bool:
    """Whether nothing comes after this event."""
    return event.get("type") == "status" and event.get("status") in ("ready", "failed")
