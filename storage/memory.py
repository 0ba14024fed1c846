"""An object store in memory: for tests, and where nothing needs to outlive the process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storage.contract import ObjectInfo, ObjectWriter
from storage.errors import ObjectNotFound
from storage.keys import check_key


class _Buffer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)


class MemoryStore:
    """Keeps storage.contract.ObjectStore; an object's etag is the digest of its bytes. It knows no time."""

    def __init__(self, name: str = "store") -> None:
        self.url = f"memory://{name}"
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def stat(self, key: str) -> ObjectInfo:
        data = self.get(key)
        return ObjectInfo(key, len(data), hashlib.blake2b(data, digest_size=16).hexdigest())

    def exists(self, key: str) -> bool:
        return check_key(key) in self._objects

    def get(self, key: str) -> bytes:
        try:
            return self._objects[check_key(key)]
        except KeyError:
            raise ObjectNotFound(key) from None

    def get_range(self, key: str, start: int, end: int) -> bytes:
        return self.get(key)[start : max(start, end)]

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        with self._lock:
            self._objects[key] = bytes(data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        check_key(key)
        with self._lock:
            if key in self._objects:
                return False
            self._objects[key] = bytes(data)
            return True

    @contextmanager
    def writer(self, key: str) -> Iterator[ObjectWriter]:
        check_key(key)
        buffer = _Buffer()
        yield buffer
        self.put(key, b"".join(buffer.parts))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            keys = sorted((key for key in self._objects if key.startswith(prefix)), key=str.encode)
        for key in keys:
            if self.exists(key):
                yield self.stat(key)

    def folders(self, prefix: str) -> Iterator[str]:
        below = [info.key.removeprefix(prefix) for info in self.list(prefix)]
        steps = dict.fromkeys(rest.partition("/")[0] for rest in below if "/" in rest)
        return (f"{prefix}{step}/" for step in steps)

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(check_key(key), None)
