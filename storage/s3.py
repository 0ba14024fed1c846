"""The object store in a bucket, over s3fs: AWS S3 and everything that speaks its API (MinIO, Ceph, ...).

Credentials are found by botocore in its usual places (the AWS_* variables, profiles, the machine's role);
this module reads none. Requests are signed with s3v4, time out in seconds and are tried a few times.
Nothing is cached. A stream is a multipart upload that is completed on a clean exit and aborted otherwise;
readers see an object only when it is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import botocore.exceptions as boto
import s3fs
from fsspec.exceptions import FSTimeoutError

from storage.contract import ObjectInfo, StoreSpec
from storage.errors import (
    AccessRefused,
    InvalidKey,
    ObjectNotFound,
    StorageError,
    StoreFull,
    StoreUnavailable,
)
from storage.keys import check_bare_name, check_key

PART_BYTES = 8 << 20
"""Size of the first parts of a stream; 10,000 parts are allowed, so parts double every 1,000 of them."""

_PARTS_PER_SIZE = 1000
_TRIES = 3
_CLIENT_CONFIG = {
    "signature_version": "s3v4",
    "connect_timeout": 3,
    "read_timeout": 20,
    "retries": {"total_max_attempts": 1},  # s3fs itself retries: one place is enough
    # Other servers than AWS's know no trailing checksums.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
_ABSENT = {"404", "NoSuchKey", "NoSuchUpload"}
_FULL = {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioStorageQuotaExceeded"}
_REFUSED = {
    "401",
    "403",
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
_PRECONDITION = {"412", "PreconditionFailed"}
_UNKNOWN_CONDITION = {"501", "NotImplemented"}


class _FileSystem(s3fs.S3FileSystem):   # type: ignore[misc]   # s3fs has no types
    """Closes its connections in the loop that they belong to, in whatever thread it is let go."""

    @staticmethod
    def close_session(loop: asyncio.AbstractEventLoop, s3: Any) -> None:
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = loop
        if here is loop:
            s3fs.S3FileSystem.close_session(loop, s3)
        else:   # s3fs would close them in `here`, to whom they are strangers
            asyncio.run_coroutine_threadsafe(s3.__aexit__(None, None, None), loop)


class S3Store:
    """Keeps storage.contract.ObjectStore over `s3://bucket[/prefix]`; etags are the server's own."""

    def __init__(self, spec: StoreSpec) -> None:
        self.bucket, _, prefix = spec.url.removeprefix("s3://").strip("/").partition("/")
        check_bare_name(self.bucket)
        self.url = f"s3://{self.bucket}/{prefix}".rstrip("/")
        self._prefix = check_key(prefix) + "/" if prefix else ""
        addressing = {"s3": {"addressing_style": "path"}} if spec.endpoint else {}
        self._fs = _FileSystem(
            anon=False,
            endpoint_url=spec.endpoint,
            client_kwargs={"region_name": spec.region} if spec.region else {},
            config_kwargs=_CLIENT_CONFIG | addressing,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._fs.retries = _TRIES

    def stat(self, key: str) -> ObjectInfo:
        head = self.call("head_object", key)
        return ObjectInfo(key, head["ContentLength"], head["ETag"].strip('"'), head["LastModified"].timestamp())

    def exists(self, key: str) -> bool:
        try:
            self.stat(key)
        except ObjectNotFound:
            return False
        return True

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with self._errors(key):
            data: bytes = self._fs.cat_file(path, max_concurrency=1)
        return data

    def get_range(self, key: str, start: int, end: int) -> bytes:
        path = self._path(key)
        if end <= start:
            self.stat(key)
            return b""
        try:
            with self._errors(key):
                data: bytes = self._fs.cat_file(path, start=start, end=end)
        except _PastTheEnd:
            return b""
        return data

    def put(self, key: str, data: bytes) -> None:
        self.call("put_object", key, Body=data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        try:
            self.call("put_object", key, Body=data, IfNoneMatch="*")
        except _Taken:
            return False
        except _ConditionUnknown:  # an old server: as good as it gets there
            if self.exists(key):
                return False
            self.put(key, data)
        return True

    def writer(self, key: str) -> _MultipartWriter:
        return _MultipartWriter(self, key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for page in self._pages(prefix):
            for entry in page.get("Contents", ()):
                key = entry["Key"].removeprefix(self._prefix)
                etag, modified_s = entry["ETag"].strip('"'), entry["LastModified"].timestamp()
                yield ObjectInfo(key, entry["Size"], etag, modified_s)

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix, Delimiter="/"):
            for entry in page.get("CommonPrefixes", ()):
                yield entry["Prefix"].removeprefix(self._prefix)

    def _pages(self, prefix: str, **parameters: str) -> Iterator[dict[str, Any]]:
        parameters |= {"Bucket": self.bucket, "Prefix": self._prefix + prefix}
        while True:
            with self._errors(prefix):
                page = self._fs.call_s3("list_objects_v2", **parameters)
            yield page
            if not page.get("IsTruncated"):
                return
            parameters["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, key: str) -> None:
        self.call("delete_object", key)

    def call(self, operation: str, key: str, **parameters: Any) -> Any:
        """One S3 operation on an object, by botocore's name; failures as StorageError."""
        path = self._prefix + check_key(key)
        with self._errors(key):
            return self._fs.call_s3(operation, Bucket=self.bucket, Key=path, **parameters)

    def _path(self, key: str) -> str:
        return f"{self.bucket}/{self._prefix}{check_key(key)}"

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (boto.BotoCoreError, boto.ClientError, OSError, FSTimeoutError) as error:
            raise self._error(key, error) from error

    def _error(self, key: str, error: Exception) -> Exception:
        code, reason = _code(error), _reason(key, error)
        if code in _ABSENT or (isinstance(error, FileNotFoundError) and code != "NoSuchBucket"):
            return ObjectNotFound(key)
        if code == "NoSuchBucket":
            return StoreUnavailable(self.url, f"there is no bucket {self.bucket!r}")
        special = _SPECIAL.get(code)
        if special is not None:
            return special()
        if code in _FULL:
            return StoreFull(self.url, reason)
        if code in _REFUSED or isinstance(error, PermissionError | boto.NoCredentialsError):
            return AccessRefused(self.url, reason)
        if code == "KeyTooLongError":
            return InvalidKey(key[:80], "the key is too long for the store")
        return StoreUnavailable(self.url, reason)


class _PastTheEnd(StorageError):
    """The range begins past the object's end."""


class _Taken(StorageError):
    """The object exists already."""


class _ConditionUnknown(StorageError):
    """The server knows no conditional writes."""


_SPECIAL: dict[str, type[StorageError]] = {
    "416": _PastTheEnd,
    "InvalidRange": _PastTheEnd,
    **dict.fromkeys(_PRECONDITION, _Taken),
    **dict.fromkeys(_UNKNOWN_CONDITION, _ConditionUnknown),
}


class _MultipartWriter:
    """A stream into one object, sent part by part; what fits into one part is put at once on exit."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._store, self._key = store, check_key(key)
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> int:
        self._buffer += data
        while len(self._buffer) >= (size := PART_BYTES << len(self._parts) // _PARTS_PER_SIZE):
            self._send(bytes(self._buffer[:size]))
            del self._buffer[:size]
        return len(data)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException:
            self._abort()
            raise
        if kind is not None:
            self._abort()

    def _send(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = self._store.call("create_multipart_upload", self._key)["UploadId"]
        number = len(self._parts) + 1
        sent = self._store.call("upload_part", self._key, UploadId=self._upload, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    def _finish(self) -> None:
        if self._upload is None:
            self._store.put(self._key, bytes(self._buffer))
            return
        if self._buffer:
            self._send(bytes(self._buffer))
        parts = {"Parts": self._parts}
        self._store.call("complete_multipart_upload", self._key, UploadId=self._upload, MultipartUpload=parts)

    def _abort(self) -> None:
        if self._upload is not None:
            with suppress(StorageError):  # the first failure is the one to tell
                self._store.call("abort_multipart_upload", self._key, UploadId=self._upload)


def _code(error: BaseException | None) -> str:
    """The S3 error code behind an exception: s3fs translates it to an OSError and keeps it as the cause."""
    while error is not None:
        if isinstance(error, boto.ClientError):
            return str(error.response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""


def _reason(key: str, error: Exception) -> str:
    return f"{key}: {_code(error) or type(error).__name__}: {error}"
