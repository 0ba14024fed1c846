"""What can go wrong in distribution, and the one clear line that a person gets for any error of the house.

    FarmError
    ├── Cancelled           someone asked for it to stop
    ├── PoisonTask          a task killed its workers, or failed in every try
    ├── WorkerLost          no worker is left to take a task over
    ├── NoSuchPool          no worker offers a resource that a task needs
    ├── ClusterUnreachable  the scheduler does not answer, or went away
    ├── VersionMismatch     the cluster runs another build than this process
    ├── BadSetting          a FARM_ variable has a value that cannot be used
    ├── OutputUnusable      the file that was asked for cannot be written
    ├── IllegalTransition   a job cannot go from this status to that
    └── StaleEpoch          another dispatcher has taken the job over

`blame` says whose fault an error is, `retryable` whether the same task may work when tried again. All fields
are positional to `super().__init__`, so each error survives pickling on its way from a worker.
"""

from __future__ import annotations

import errno
from typing import ClassVar, Literal

Blame = Literal["input", "storage", "ours"]


class FarmError(Exception):
    """Anything that distribution itself reports."""

    blame: Blame = "ours"
    retryable: ClassVar[bool] = False


class Cancelled(FarmError):
    """The work was stopped on request; `reason` says by whom or why."""

    blame = "input"

    def __init__(self, reason: str = "cancelled") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"stopped before the end: {self.reason}"


class PoisonTask(FarmError):
    """`task` killed every worker that ran it, or failed in each of its tries with an error worth retrying.

    `reason` is the last error's text; `blame` is that error's, so that a storage outage stays one. `place` says what
    the task was to make and where a drawing of it lies; empty where that is not known.
    """

    def __init__(self, task: str, reason: str, blame: Blame = "ours", place: str = "") -> None:
        super().__init__(task, reason, blame, place)
        self.task = task
        self.reason = reason
        self.blame = blame
        self.place = place

    def __str__(self) -> str:
        return f"task {self.task!r} was given up: {self.reason}" + (f"; {self.place}" if self.place else "")


class WorkerLost(FarmError):
    """The workers that had `task` went away and none came to take it over."""

    retryable = True

    def __init__(self, task: str, workers: tuple[str, ...]) -> None:
        super().__init__(task, workers)
        self.task = task
        self.workers = workers

    def __str__(self) -> str:
        had = f"; it last ran on {', '.join(self.workers)}" if self.workers else ""
        return f"no worker is left for task {self.task!r}{had}: start workers, or raise FARM_WORKER_WAIT_S"


class NoSuchPool(FarmError):
    """A task needs `resource` in an amount that no worker declares; `offered` is what they do declare."""

    blame = "input"

    def __init__(self, resource: str, offered: tuple[str, ...]) -> None:
        super().__init__(resource, offered)
        self.resource = resource
        self.offered = offered

    def __str__(self) -> str:
        return (
            f"no worker offers the resource {self.resource!r}; offered: {', '.join(self.offered) or 'none'}. "
            f"Start workers with --resources {self.resource}=1, or choose an encoder that does not need it"
        )


class ClusterUnreachable(FarmError):
    """The scheduler at `address` did not answer, or the connection to it was lost."""

    retryable = True

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the scheduler at {self.address} cannot be reached ({self.reason}): "
            "is it running, and the address right?"
        )


class VersionMismatch(FarmError):
    """The cluster has another version of `package`: its pixels are not those that their keys name.

    Another worker may have the right one, and during a rollout all will, soon.
    """

    retryable = True

    def __init__(self, package: str, here: str, there: str) -> None:
        super().__init__(package, here, there)
        self.package = package
        self.here = here
        self.there = there

    def __str__(self) -> str:
        return (
            f"the cluster runs {self.package} {self.there}, this process {self.here}: "
            "use the same image or environment for both"
        )


class BadSetting(FarmError):
    """The environment variable `name` has a value that cannot be used."""

    blame = "input"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class OutputUnusable(FarmError):
    """No file can be written at `path`."""

    blame = "input"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} cannot be written ({self.reason}): name another place with --output"


class IllegalTransition(FarmError):
    """A job in status `was` cannot be moved to `to`."""

    def __init__(self, job_id: str, was: str, to: str) -> None:
        super().__init__(job_id, was, to)
        self.job_id = job_id
        self.was = was
        self.to = to

    def __str__(self) -> str:
        return f"job {self.job_id} is {self.was} and cannot become {self.to}: read it again before you change it"


class StaleEpoch(FarmError):
    """Whoever holds `epoch` of the job does not own it any more: nothing of his may be written."""

    def __init__(self, job_id: str, epoch: int) -> None:
        super().__init__(job_id, epoch)
        self.job_id = job_id
        self.epoch = epoch

    def __str__(self) -> str:
        return f"job {self.job_id} was taken over after epoch {self.epoch}: leave it to its new owner"


def exit_message(error: BaseException) -> str:
    """One line, without a line break, that tells a person what went wrong and what to do about it."""
    return " ".join(_describe(error).split())


def _describe(error: BaseException) -> str:
    if hasattr(error, "blame"):
        return str(error)
    match error:
        case KeyboardInterrupt():
            return "stopped before the end: interrupted"
        case MemoryError():
            return "out of memory: use fewer workers (--workers) or a smaller resolution"
        case OSError(errno=errno.ENOSPC):
            return f"no space left on the disk{_where(error)}: free some, or write to another place"
        case OSError(strerror=str(why)):
            return f"{why}{_where(error)}"
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"this is our fault, please report it: {name}: {error}"


def _where(error: OSError) -> str:
    return f" ({error.filename})" if error.filename else ""
