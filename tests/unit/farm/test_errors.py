"""Every error survives the way from a worker, and says one clear line."""

from __future__ import annotations

import errno
import pickle

import pytest

from farm.errors import (
    BadSetting,
    Cancelled,
    ClusterUnreachable,
    FarmError,
    IllegalTransition,
    NoSuchPool,
    OutputUnusable,
    PoisonTask,
    StaleEpoch,
    VersionMismatch,
    WorkerLost,
    exit_message,
)

ERRORS = [
    Cancelled("by the host"),
    PoisonTask("render-video-3", "status 503", "storage"),
    WorkerLost("render-video-3", ("worker 1", "worker 2")),
    NoSuchPool("nvenc", ("GPU=1",)),
    ClusterUnreachable("tcp://h:1", "timed out"),
    VersionMismatch("av", "18", "17"),
    BadSetting("FARM_WORKERS", "not a number"),
    OutputUnusable("/out/meeting.mp4", "permission denied"),
    IllegalTransition("job-1", "ready", "queued"),
    StaleEpoch("job-1", 7),
]


def test_every_error_is_in_the_table() -> None:
    assert {type(error) for error in ERRORS} == set(FarmError.__subclasses__())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_it_survives_pickling_with_its_fields(error: FarmError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (vars(copy), str(copy), copy.blame) == (vars(error), str(error), error.blame)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_its_message_names_every_field(error: FarmError) -> None:
    for name, value in vars(error).items():
        for text in value if isinstance(value, tuple) else (value,):
            assert name == "blame" or str(text) in str(error)


class TestExitMessage:
    def test_an_error_of_the_house_speaks_for_itself(self) -> None:
        assert exit_message(NoSuchPool("nvenc", ())) == str(NoSuchPool("nvenc", ()))

    def test_a_full_disk_is_named(self) -> None:
        message = exit_message(OSError(errno.ENOSPC, "No space left on device", "/out/meeting.mp4"))
        assert "no space left" in message
        assert "/out/meeting.mp4" in message

    def test_other_errors_of_the_system_keep_their_words(self) -> None:
        error = PermissionError(errno.EACCES, "Permission denied", "/out")
        assert exit_message(error) == "Permission denied (/out)"

    def test_an_unknown_error_is_ours_and_on_one_line(self) -> None:
        assert exit_message(ValueError("a\n  b")) == "this is our fault, please report it: ValueError: a b"

    def test_an_unknown_error_of_a_library_is_named_in_full(self) -> None:
        assert "pickle.PicklingError" in exit_message(pickle.PicklingError("no"))

    def test_an_interrupt_is_no_fault(self) -> None:
        assert exit_message(KeyboardInterrupt()) == "stopped before the end: interrupted"
