"""A store that counts: requests and bytes that go to the store behind it. Used by benchmarks and reports."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storage.contract import ObjectInfo, ObjectStore, ObjectWriter


class _CountingWriter:
    def __init__(self, inner: ObjectWriter, store: CountingStore) -> None:
        self._inner, self._store = inner, store

    def write(self, data: bytes) -> int:
        self._store.count(0, written=len(data))
        return self._inner.write(data)


class CountingStore:
    """Keeps storage.contract.ObjectStore. A listing and a streamed object count as one request each."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.requests = 0
        self.bytes_read = 0
        self.bytes_written = 0

    def count(self, requests: int, read: int = 0, written: int = 0) -> None:
        with self._lock:
            self.requests += requests
            self.bytes_read += read
            self.bytes_written += written

    @property
    def url(self) -> str:
        return self._store.url

    def stat(self, key: str) -> ObjectInfo:
        self.count(1)
        return self._store.stat(key)

    def exists(self, key: str) -> bool:
        self.count(1)
        return self._store.exists(key)

    def get(self, key: str) -> bytes:
        self.count(1)
        data = self._store.get(key)
        self.count(0, read=len(data))
        return data

    def get_range(self, key: str, start: int, end: int) -> bytes:
        self.count(1)
        data = self._store.get_range(key, start, end)
        self.count(0, read=len(data))
        return data

    def put(self, key: str, data: bytes) -> None:
        self.count(1, written=len(data))
        self._store.put(key, data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self.count(1)
        written = self._store.put_if_absent(key, data)
        self.count(0, written=len(data) if written else 0)
        return written

    @contextmanager
    def writer(self, key: str) -> Iterator[ObjectWriter]:
        self.count(1)
        with self._store.writer(key) as stream:
            yield _CountingWriter(stream, self)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.count(1)
        return self._store.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        self.count(1)
        return self._store.folders(prefix)

    def delete(self, key: str) -> None:
        self.count(1)
        self._store.delete(key)
