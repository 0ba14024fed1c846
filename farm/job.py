"""A job: what somebody asked for, how far it is, how it ended. A value; what moves it is elsewhere.

Takes nothing from outside but its fields; a change of status goes through `moved`, which keeps to TRANSITIONS.
The JSON form (`to_json`, `from_json`) is the durable record in storage and the live one in Redis alike: times are
RFC 3339 in UTC with milliseconds. Must not know queues, stores or clocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from farm.errors import IllegalTransition

JobStatus = Literal["queued", "processing", "ready", "failed"]
JobKind = Literal["preview", "export"]

TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    "queued": frozenset({"processing", "failed"}),
    # Back to the queue when its dispatcher stops; to itself when another takes it over from a dead one.
    "processing": frozenset({"queued", "processing", "ready", "failed"}),
    "ready": frozenset(),
    "failed": frozenset(),
}
"""The statuses that may follow each status."""

KINDS: tuple[JobKind, ...] = ("preview", "export")
"""In the order in which they are taken."""


def moment(unix_s: float) -> datetime:
    """`unix_s` seconds since 1970 as a time in UTC, cut to milliseconds."""
    return datetime.fromtimestamp(int(unix_s * 1000) / 1000, UTC)


def rfc3339(time: datetime) -> str:
    """`2026-02-01T10:05:00.250Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339, when_used="json")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Progress(_Frozen):
    """How far a job is: `done` of `total` units of its present stage, and `fraction` of the whole, 0 to 1."""

    done: int
    total: int
    unit: str
    fraction: Annotated[float, Field(ge=0, le=1)]
    eta_s: float | None = None
    """Seconds that are left at the pace so far; None while that cannot be said."""


class Job(_Frozen):
    """One job, as it is stored."""

    job_id: str
    kind: JobKind
    room_id: str
    recording_id: str
    status: JobStatus = "queued"
    request: dict[str, Any]
    """What was asked for; scheduler_api.jobs.work reads it, by the job's kind."""
    created_by: str
    """The subject of the user, or the name of the service."""
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None = None
    finished_at: Moment | None = None
    epoch: int = 0
    """Which taking of the job wrote this; a later one is higher. 0: it was not taken yet."""
    attempts: int = 0
    """How often it was begun; a beginning that was handed back in good order does not count."""
    progress: Progress | None = None
    reason: str | None = None
    """Why it failed, in one word of kebab-case: `cancelled`, `recording-not-found`, …"""
    message: str | None = None
    """The same for people."""
    warnings: tuple[dict[str, str], ...] = ()
    result: dict[str, Any] | None = None
    """What came of it once it is ready; keys are object keys from the store's root."""
    idempotency: str | None = None
    """Hash of the Idempotency-Key with all that it is bound to."""
    fingerprint: str | None = None
    """Hash of the body that came with that key: the same key with another body is refused."""

    @property
    def finished(self) -> bool:
        """Whether its status will not change any more."""
        return not TRANSITIONS[self.status]

    def moved(self, to: JobStatus, at: datetime, **changes: Any) -> Self:
        """This job in status `to` since `at`, with other fields changed as given. Raises IllegalTransition."""
        if to not in TRANSITIONS[self.status]:
            raise IllegalTransition(self.job_id, self.status, to)
        end = {"finished_at": at} if not TRANSITIONS[to] else {}
        return self.changed(at, status=to, **end, **changes)

    def changed(self, at: datetime, **changes: Any) -> Self:
        """This job with other fields changed, the status not among them unless it comes from `moved`."""
        return type(self).model_validate({**dict(self), "updated_at": at, **changes})

    def to_json(self) -> bytes:
        """The record, as UTF-8."""
        return self.model_dump_json().encode()

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """The job of a record. Raises pydantic's ValidationError, a ValueError, where it is none."""
        return cls.model_validate_json(data)


class JobPointer(_Frozen):
    """Whose job it is: finds the record of one that is known by its id alone."""

    room_id: str
    recording_id: str


def new_job(
    job_id: str,
    kind: JobKind,
    room_id: str,
    recording_id: str,
    *,
    request: Mapping[str, Any],
    created_by: str,
    at: datetime,
    idempotency: str | None = None,
    fingerprint: str | None = None,
) -> Job:
    """A job that waits to be queued."""
    return Job(
        job_id=job_id,
        kind=kind,
        room_id=room_id,
        recording_id=recording_id,
        request=dict(request),
        created_by=created_by,
        created_at=at,
        updated_at=at,
        idempotency=idempotency,
        fingerprint=fingerprint,
    )
