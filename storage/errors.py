"""What can go wrong with a recording at rest, and whose fault it is.

    StorageError
      ObjectNotFound       an object that was asked for is not there                      storage
      StoreUnavailable     the store does not answer, or answers with a fault             storage, retryable
      StoreFull            no room left, or over quota                                    storage
      AccessRefused        the store refuses these credentials, or the folder's rights    storage
      InvalidKey           an id or key that must not touch a path                        input
      MalformedDocument    metadata, timeline or policy JSON that cannot be read          input
      MalformedSegment     bytes that are no BRTP segment                                 input
      RecordingNotFound    nothing is stored under that recording's prefix                input

Fields are positional to `super().__init__`, so every error survives pickling. No message holds a secret.
"""

from __future__ import annotations

from typing import ClassVar, Literal


class StorageError(Exception):
    """Base of this room's errors. `blame` says who must act; `retryable` whether trying again may help."""

    blame: ClassVar[Literal["input", "storage", "ours"]] = "storage"
    retryable: ClassVar[bool] = False


class ObjectNotFound(StorageError):
    """No object has this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"no object {self.key!r} in the store"


class StoreUnavailable(StorageError):
    """The store did not answer, or answered with a fault of its own."""

    retryable = True

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"the store {self.url} is unavailable: {self.reason}; check that it can be reached, then retry"


class StoreFull(StorageError):
    """The store has no room for what was to be written; nothing of it was left behind."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return (
            f"the store {self.url} is full: {self.reason}; free space or raise the quota "
            "(objects under cache/ may be deleted at any time)"
        )


class AccessRefused(StorageError):
    """The store refuses the credentials, or the file system the rights."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        in_bucket = self.url.startswith("s3://")
        remedy = "the AWS_* credentials and the bucket's policy" if in_bucket else "the folder's permissions"
        return f"the store {self.url} refuses access: {self.reason}; check {remedy}"


class InvalidKey(StorageError):
    """An id, name, key or URL that is not allowed to reach a store."""

    blame = "input"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"{self.key!r} cannot be used: {self.reason}"


class MalformedDocument(StorageError):
    """A JSON document of the recording is not what it must be; `path` is the JSON path of the field."""

    blame = "input"

    def __init__(self, name: str, path: str, reason: str) -> None:
        super().__init__(name, path, reason)
        self.name, self.path, self.reason = name, path, reason

    def __str__(self) -> str:
        return f"{self.name} is malformed at {self.path}: {self.reason}"


class MalformedSegment(StorageError):
    """Bytes that do not begin as a BRTP segment file does."""

    blame = "input"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"segment {self.name} is malformed: {self.reason}"


class RecordingNotFound(StorageError):
    """Nothing is stored where the recording should be."""

    blame = "input"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"no recording at {self.url}: {self.reason}"
