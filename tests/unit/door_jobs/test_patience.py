"""How long a job waits after which error."""

from __future__ import annotations

import pytest

from farm.errors import Cancelled, ClusterUnreachable, PoisonTask, VersionMismatch, WorkerLost
from scheduler_api.jobs.patience import CLUSTER_PAUSE_S, Patience, cluster_pauses
from storage.errors import StoreUnavailable

AWAY = ClusterUnreachable("tcp://h:1", "refused")
OTHER_BUILD = VersionMismatch("recording-farm", "b", "a")
OUTAGE = StoreUnavailable("s3://b", "503")


def caused(cause: BaseException) -> PoisonTask:
    error = PoisonTask("render-video-3", "tried 3 times")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("error", [AWAY, OTHER_BUILD, caused(OTHER_BUILD)], ids=lambda error: type(error).__name__)
def test_the_cluster_is_waited_for_in_its_own_time(error: BaseException) -> None:
    patience = Patience((1.0,), (7.0, 8.0))
    assert patience.pause_after(OUTAGE) == 1.0
    assert [patience.pause_after(error) for _ in range(3)] == [7.0, 8.0, None]


@pytest.mark.parametrize("error", [OUTAGE, caused(OUTAGE), WorkerLost("video-1", ()), Cancelled("by the scheduler")])
def test_other_errors_are_worth_a_few_tries(error: BaseException) -> None:
    patience = Patience((5.0, 15.0), (7.0,) * 9)
    assert [patience.pause_after(error) for _ in range(3)] == [5.0, 15.0, None]


@pytest.mark.parametrize("error", [ValueError("x"), caused(ValueError("x")), PoisonTask("t", "its workers died")])
def test_what_is_final_is_final(error: BaseException) -> None:
    assert Patience((5.0,), (7.0,)).pause_after(error) is None


def test_the_pauses_are_as_long_as_the_setting() -> None:
    assert sum(cluster_pauses(300.0)) == 300.0
    assert len(cluster_pauses(CLUSTER_PAUSE_S / 2)) == 1
