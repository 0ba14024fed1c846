"""The object store in a folder: one file per object.

Written straight on the operating system rather than on fsspec's local file system, which knows neither
fsync nor exclusive links. An object is written under a hidden temporary name in its own folder, flushed to
the disk and then renamed: it is whole or absent, also after a crash. Temporary files are not listed. A
folder that does not exist yet is an empty store and is made by the first write.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from storage.contract import ObjectInfo
from storage.errors import (
    AccessRefused,
    InvalidKey,
    ObjectNotFound,
    StorageError,
    StoreFull,
    StoreUnavailable,
)
from storage.keys import check_key

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.part")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
_IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
_READ_BYTES = 1 << 24
_BUFFER_BYTES = 1 << 20


class LocalStore:
    """Keeps storage.contract.ObjectStore; an etag is made of size, time of change and inode."""

    def __init__(self, folder: str) -> None:
        self._root = Path(folder).absolute()
        self.url = str(self._root)

    def stat(self, key: str) -> ObjectInfo:
        path = self._path(key)
        with self._reading(key):
            found = path.stat()
            if path.is_dir():
                raise ObjectNotFound(key)
        return _info(key, found)

    def exists(self, key: str) -> bool:
        try:
            self.stat(key)
        except ObjectNotFound:
            return False
        return True

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with self._reading(key):
            return path.read_bytes()

    def get_range(self, key: str, start: int, end: int) -> bytes:
        path = self._path(key)
        with self._reading(key), path.open("rb", buffering=0) as file:
            end = min(end, os.fstat(file.fileno()).st_size)
            parts = []
            while start < end and (part := os.pread(file.fileno(), min(end - start, _READ_BYTES), start)):
                parts.append(part)
                start += len(part)
            return b"".join(parts)

    def put(self, key: str, data: bytes) -> None:
        with self.writer(key) as stream:
            stream.write(data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if self.exists(key):
            return False
        try:
            with _LocalWriter(self._path(key), self._writing(key), publish=os.link) as stream:
                stream.write(data)
        except _Taken:
            return False
        return True

    def writer(self, key: str) -> _LocalWriter:
        return _LocalWriter(self._path(key), self._writing(key), publish=os.replace)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder, slash, _ = prefix.rpartition("/")
        if slash:
            check_key(folder)
        return self._walk(folder + slash, prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        for name, _ in self._entries(prefix):
            if name.endswith("/") and next(self._walk(prefix + name, ""), None):
                yield prefix + name

    def delete(self, key: str) -> None:
        path = self._path(key)
        with suppress(ObjectNotFound), self._reading(key):
            path.unlink()

    def _path(self, key: str) -> Path:
        if _TEMPORARY.fullmatch(check_key(key).rpartition("/")[2]):
            raise InvalidKey(key, "the name is that of a temporary file")
        return self._root / key

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        """The files below `folder` ("" or with a slash at its end), sorted as whole keys."""
        for name, entry in self._entries(folder):
            key = folder + name
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key, prefix)
            elif key.startswith(prefix) and not _TEMPORARY.fullmatch(name):
                with suppress(ObjectNotFound):  # it may have gone since
                    yield self._entry_info(key, entry)

    def _entries(self, folder: str) -> Sequence[tuple[str, os.DirEntry[str]]]:
        """Files and folders; a folder's name ends with a slash, so that it sorts where its keys do."""
        with suppress(ObjectNotFound), self._reading(folder), os.scandir(self._root / folder) as entries:
            named = [(e.name + "/" if e.is_dir() else e.name, e) for e in entries]
            return sorted(named, key=lambda pair: os.fsencode(pair[0]))
        return []

    def _entry_info(self, key: str, entry: os.DirEntry[str]) -> ObjectInfo:
        with self._reading(key):
            return _info(key, entry.stat())

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ObjectNotFound(key) if error.errno in _ABSENT else self._error(key, error) from error

    def _writing(self, key: str) -> Callable[[OSError], StorageError]:
        def named(error: OSError) -> StorageError:
            if error.errno in _IN_THE_WAY:
                return InvalidKey(
                    key, "an object and a folder of objects cannot have one name in a folder store"
                )
            return self._error(key, error)

        return named

    def _error(self, key: str, error: OSError) -> StorageError:
        reason = f"{key}: {error.strerror or error}"
        if error.errno in _FULL:
            return StoreFull(self.url, reason)
        if error.errno in _REFUSED:
            return AccessRefused(self.url, reason)
        if error.errno == errno.ENAMETOOLONG:
            return InvalidKey(key[:80], "the name is too long for the file system")
        return StoreUnavailable(self.url, reason)


def atomic_file(path: Path) -> _LocalWriter:
    """A stream into the file `path` outside any store, as a store writes objects: whole, or not at all."""
    return LocalStore(str(path.parent)).writer(path.name)


class _Taken(Exception):
    """The name to publish under exists already."""


class _LocalWriter:
    """A temporary file that `publish(temporary, path)` puts under its name on a clean exit.

    Only its own failures are told apart by `named`: what the caller raises inside passes through unchanged.
    """

    def __init__(
        self, path: Path, named: Callable[[OSError], StorageError], publish: Callable[[Path, Path], None]
    ) -> None:
        self._path, self._named, self._publish = path, named, publish
        self._temporary = path.parent / f".{secrets.token_hex(8)}.part"

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("xb", buffering=_BUFFER_BYTES)
        except OSError as error:
            raise self._named(error) from error
        return self

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise self._named(error) from error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as error:
            raise self._named(error) from error
        finally:
            with suppress(OSError):  # bytes that could not be flushed: already told, or not wanted
                self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            self._publish(self._temporary, self._path)
        except FileExistsError:
            raise _Taken from None


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    etag = f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ino:x}"
    return ObjectInfo(key, found.st_size, etag, found.st_mtime)
