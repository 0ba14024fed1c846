"""What an object store is: the values and the protocol that every implementation keeps, in one suite of
tests.

Keys are relative paths of bare names (`storage.keys.check_key`). Objects appear whole or not at all, and a
reader never sees half of one. Every failure is a StorageError. The three implementations are storage.local
(a folder), storage.s3 (a bucket) and storage.memory (for tests and embedded use); storage.objects opens one
by its URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from storage.errors import InvalidKey


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """Where objects lie: a folder or `s3://bucket[/prefix]`. Travels to workers, so it holds no secret:
    credentials in a URL are refused (InvalidKey) and belong into the AWS_* variables.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        for address in (self.url, self.endpoint or ""):
            if "@" in urlsplit(address).netloc:
                shown = address.split("://")[0] + "://…@" + address.rsplit("@", 1)[1]
                raise InvalidKey(
                    shown, "credentials do not belong in an address; set AWS_ACCESS_KEY_ID and its kin"
                )


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as a listing shows it: size in bytes; `etag` changes whenever the object does."""

    key: str
    size: int
    etag: str
    modified_s: float = field(default=0.0, compare=False)
    """When it was written, by the store's clock, Unix seconds; servers round it."""


class ObjectWriter(Protocol):
    """A write-only stream into one object."""

    def write(self, data: bytes) -> int:
        """Appends `data`; returns its length."""
        ...


class ObjectStore(Protocol):
    """Objects under one root. Safe to use from several threads; not to be pickled (send its StoreSpec)."""

    @property
    def url(self) -> str:
        """The root, for messages."""
        ...

    def stat(self, key: str) -> ObjectInfo:
        """Raises ObjectNotFound."""
        ...

    def exists(self, key: str) -> bool: ...

    def get(self, key: str) -> bytes:
        """The whole object; raises ObjectNotFound."""
        ...

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes [start, end), cut at the object's end (so maybe none); raises ObjectNotFound."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Writes the whole object, over an older one if there is one."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Writes the object unless one exists; whether it was written. Of several at once, one wins."""
        ...

    def writer(self, key: str) -> AbstractContextManager[ObjectWriter]:
        """A stream in bounded memory. The object appears on a clean exit; an exception leaves nothing."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix` (any string), in order of their keys' UTF-8 bytes."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """The distinct `prefix…/` that keys begin with, one step below `prefix` ("" or ending in a slash)."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; nothing happens if there is none."""
        ...
