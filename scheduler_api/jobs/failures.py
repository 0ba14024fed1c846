"""What a job says of the error that ended it: one word for programs, one line for people.

Who asked for the job may be told what is wrong with the recording or the request, in the error's own words. What went
wrong with the store or the farm is for the log: addresses, paths and names of hosts stay in the house.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from farm.errors import Cancelled, ClusterUnreachable, PoisonTask, VersionMismatch, WorkerLost, exit_message
from renderer.errors import ChunksDoNotMatch

STORAGE = "the recordings' storage failed while the job ran; start it again later"
OURS = "the render farm could not finish the job; the log has the details"


class Failure(NamedTuple):
    """The `reason` and `message` of a job."""

    reason: str
    message: str


CANCELLED = Failure("cancelled", "the job was cancelled")
ABANDONED = Failure("abandoned", "the job's process died each time it was begun; the log has the details")
INTERRUPTED = Failure("interrupted", OURS)
INTERNAL = Failure("internal", OURS)


def failure_of(error: BaseException, store_url: str) -> Failure:
    """What to say of `error`, which was not asked for; `store_url` is left out of what is said."""
    if isinstance(error, Cancelled):
        return INTERRUPTED
    if isinstance(error, PoisonTask) and error.__cause__ is not None:
        error = error.__cause__
    match getattr(error, "blame", None):
        case "input":
            told = exit_message(error).replace(f"{store_url.rstrip('/')}/", "").replace(store_url, "the storage")
            return Failure(_word(type(error)), told)
        case "storage":
            return Failure(_word(type(error)), STORAGE)
        case "ours":
            return Failure(_word(type(error)), OURS)
    return INTERNAL


def blame_for(reason: str | None, message: str | None) -> str:
    """Who is to blame for a failed job, by what it says: `input`, `storage` or `ours`; `nobody` where it was
    cancelled."""
    if reason == CANCELLED.reason:
        return "nobody"
    return {STORAGE: "storage", OURS: "ours", ABANDONED.message: "ours"}.get(message or "", "input")


def can_be_tried_again(error: BaseException) -> bool:
    """Whether the same job may work when it is begun again: also one that stopped though nobody asked it to."""
    cause = error.__cause__ if isinstance(error, PoisonTask) else error
    return isinstance(cause, Cancelled) or bool(getattr(cause, "retryable", False))


def _word(kind: type[BaseException]) -> str:
    """`recording-not-found` for RecordingNotFound."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower()


OUR_REASONS = (
    *(failure.reason for failure in (ABANDONED, INTERRUPTED, INTERNAL)),
    *map(_word, (PoisonTask, WorkerLost, ClusterUnreachable, VersionMismatch, ChunksDoNotMatch)),
)
"""All that a job says when the farm is to blame."""
