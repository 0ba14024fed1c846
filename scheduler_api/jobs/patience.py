"""After which errors a job is tried again, and when.

What may work the next time is tried again a few times. A cluster that is away, or that is of another build while it is
being replaced, is waited for much longer: no job is to blame for that, and a rollout or a new node takes minutes. Only
pauses count, not the time that the tries take: a job that has rendered for an hour has as much patience as a new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from farm.errors import ClusterUnreachable, PoisonTask, VersionMismatch
from scheduler_api.jobs.failures import can_be_tried_again

CLUSTER_PAUSE_S = 5.0


def cluster_pauses(wait_s: float) -> tuple[float, ...]:
    """Short pauses that last `wait_s` together, or a little longer."""
    return (CLUSTER_PAUSE_S,) * math.ceil(wait_s / CLUSTER_PAUSE_S)


class Patience:
    """That of one job, in seconds: the pauses after errors, and those for its cluster. It gets used up."""

    def __init__(self, pauses_s: Iterable[float], cluster_pauses_s: Iterable[float]) -> None:
        self._pauses_s = iter(pauses_s)
        self._cluster_pauses_s = iter(cluster_pauses_s)

    def pause_after(self, error: BaseException) -> float | None:
        """How long to wait before the next try; None if `error` is final."""
        if not can_be_tried_again(error):
            return None
        return next(self._cluster_pauses_s if is_of_cluster(error) else self._pauses_s, None)


def is_of_cluster(error: BaseException) -> bool:
    """Whether there is no cluster to run on, or none of this build."""
    cause = error.__cause__ if isinstance(error, PoisonTask) else error
    return isinstance(cause, ClusterUnreachable | VersionMismatch)
