"""Errors of the room survive pickling, tell whose fault it is, and name the thing and the remedy."""

from __future__ import annotations

import pickle

import pytest

from storage.errors import (
    AccessRefused,
    InvalidKey,
    MalformedDocument,
    MalformedSegment,
    ObjectNotFound,
    RecordingNotFound,
    StorageError,
    StoreFull,
    StoreUnavailable,
)
from storage.notices import Notice
from storage.objects import StoreSpec

ALL: list[tuple[StorageError, str, bool]] = [
    (ObjectNotFound("rooms/a"), "storage", False),
    (StoreUnavailable("s3://b", "timed out"), "storage", True),
    (StoreFull("s3://b", "quota"), "storage", False),
    (AccessRefused("s3://b", "403"), "storage", False),
    (InvalidKey("../x", "path step"), "input", False),
    (MalformedDocument("metadata.json", "$.start_time", "no time"), "input", False),
    (MalformedSegment("x.rtp", "short"), "input", False),
    (RecordingNotFound("s3://b/rooms/r/i", "nothing"), "input", False),
]


@pytest.mark.parametrize(("error", "blame", "retryable"), ALL, ids=lambda value: type(value).__name__)
def test_an_error_is_the_same_after_pickling(error: StorageError, blame: str, retryable: bool) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
    assert (copy.blame, copy.retryable) == (blame, retryable)
    assert str(error.args[0]) in str(error)


def test_values_that_travel_survive_pickling() -> None:
    for value in (Notice("a-code", "a message", "t"), StoreSpec("s3://b", "http://h:1", "eu-west-1")):
        assert pickle.loads(pickle.dumps(value)) == value
