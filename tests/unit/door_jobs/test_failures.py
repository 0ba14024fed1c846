"""What a failed job says: enough for who asked, nothing of the house."""

from __future__ import annotations

import pytest

from compositing import errors as compositing
from farm.errors import Cancelled, ClusterUnreachable, NoSuchPool, PoisonTask, StaleEpoch
from scheduler_api.jobs.failures import OURS, STORAGE, can_be_tried_again, failure_of
from storage.errors import AccessRefused, MalformedDocument, RecordingNotFound, StoreFull, StoreUnavailable

STORE = "s3://secret-bucket/farm"


def poison(cause: BaseException) -> PoisonTask:
    error = PoisonTask("render-video-3", f"{cause} (tried 3 times)")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (StoreFull(STORE, "quota"), "store-full", STORAGE),
        (AccessRefused(STORE, "403"), "access-refused", STORAGE),
        (poison(StoreUnavailable(STORE, "503")), "store-unavailable", STORAGE),
        (ClusterUnreachable("tcp://10.0.0.7:1", "gone"), "cluster-unreachable", OURS),
        (poison(ValueError("x")), "internal", OURS),
        (PoisonTask("render-video-3", "its worker died (tcp://10.0.0.7:1)"), "poison-task", OURS),
        (Cancelled("the run was cancelled"), "interrupted", OURS),
        (ZeroDivisionError("/srv/farm/x.py"), "internal", OURS),
        (MemoryError(), "internal", OURS),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_is_not_the_callers_affair_is_said_in_general(error: BaseException, reason: str, message: str) -> None:
    assert failure_of(error, STORE) == (reason, message)


def test_what_is_wrong_with_the_input_is_said_in_its_own_words() -> None:
    assert failure_of(MalformedDocument("metadata.json", "$.tracks[0]", "is no object"), STORE) == (
        "malformed-document",
        "metadata.json is malformed at $.tracks[0]: is no object",
    )
    unknown = compositing.UnknownPeer("/timeline/0/peer_id", "peer-9", ("peer-1",))
    assert failure_of(unknown, STORE).message == str(unknown)
    assert failure_of(NoSuchPool("nvenc", ()), STORE).reason == "no-such-pool"


@pytest.mark.parametrize("store", [STORE, STORE + "/", "/srv/recordings"])
def test_the_stores_address_is_left_out(store: str) -> None:
    error = RecordingNotFound(f"{store.rstrip('/')}/rooms/room-1/rec-1", "nothing is stored there")
    assert failure_of(error, store).message == "no recording at rooms/room-1/rec-1: nothing is stored there"


def test_what_may_work_the_next_time_is_tried_again() -> None:
    worth = [StoreUnavailable(STORE, "503"), poison(StoreUnavailable(STORE, "503")), Cancelled("by the scheduler")]
    final = [StoreFull(STORE, "quota"), poison(ValueError("x")), ValueError("x"), StaleEpoch("job-1", 7)]
    assert all(map(can_be_tried_again, worth))
    assert not any(map(can_be_tried_again, final))
