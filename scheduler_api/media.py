"""Objects of the store as HTTP sends them: ranges, entity tags, compression of playlists; in blocks, never whole.

Takes the key of an object, gives a response. A playlist is small, and read at once; all else is read block by block,
one ahead of what is being sent. An object that shrinks while it is sent ends the connection: nobody takes a cut file
for a whole one. Raises ObjectNotFound and other StorageErrors before the first byte.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import PurePosixPath

import anyio
from anyio import to_thread
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from scheduler_api.problems import problem
from scheduler_api.ranges import ByteRange, Unsatisfiable, matches, parse_range, range_applies
from storage.errors import StoreUnavailable
from storage.objects import ObjectStore

BLOCK_BYTES = 1 << 20
CONCURRENT_READS = 64
"""Blocks that are read from the store at the same time; others wait."""

MEDIA_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/mp4",
    ".m4a": "audio/mp4",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".json": "application/json",
}
_PLAYLIST_IN_THE_MAKING = "no-cache"
_PLAYLIST = "private, max-age=60"
_SEGMENT = "private, max-age=300"
"""Not longer and not `immutable`: a preview that is made anew has the same names."""

_SMALL = 512
"""Bytes below which compression gains nothing."""


@dataclass(frozen=True, slots=True)
class _Representation:
    """What a GET without conditions would send; `data` where it is in memory."""

    size: int
    etag: str
    headers: dict[str, str]
    data: bytes | None = None


class MediaSender:
    """Sends objects of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._reads = anyio.CapacityLimiter(CONCURRENT_READS)

    async def respond(self, request: Request, key: str) -> Response:
        """The response to a GET or HEAD for the object `key`."""
        shown = await self._representation(request, key)
        headers = shown.headers | {"ETag": shown.etag, "X-Content-Type-Options": "nosniff"}
        if matches(request.headers.get("if-none-match"), shown.etag):
            del headers["Content-Type"]
            return Response(status_code=304, headers=headers)
        try:
            part = _asked_range(request, shown)
        except Unsatisfiable:
            return _unsatisfiable(shown)
        status = HTTPStatus.OK
        if part is not None:
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{shown.size}"
        span = part or ByteRange(0, shown.size)
        headers["Content-Length"] = str(span.size)
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        if shown.data is not None:
            return Response(shown.data[span.start : span.end], status, headers)
        return await self._streamed(key, span, status, headers)

    async def _representation(self, request: Request, key: str) -> _Representation:
        suffix = PurePosixPath(key).suffix
        headers = {"Content-Type": MEDIA_TYPES.get(suffix, "application/octet-stream"), "Accept-Ranges": "bytes"}
        if suffix == ".m3u8":
            data = await to_thread.run_sync(self._store.get, key, limiter=self._reads)
            return _playlist(request, data, headers)
        found = await to_thread.run_sync(self._store.stat, key, limiter=self._reads)
        return _Representation(found.size, f'"{found.etag}"', headers | {"Cache-Control": _SEGMENT})

    async def _streamed(self, key: str, span: ByteRange, status: int, headers: dict[str, str]) -> Response:
        blocks = self._blocks(key, span)
        first = await anext(blocks, b"")
        return StreamingResponse(_chained(first, blocks), status, headers)

    async def _blocks(self, key: str, span: ByteRange) -> AsyncIterator[bytes]:
        """The span's bytes; while one block is sent the next is read."""
        starts = range(span.start, span.end, BLOCK_BYTES)
        ahead: asyncio.Task[bytes] | None = None
        try:
            for start in starts:
                block = await (ahead or self._read(key, start, span.end))
                following = start + BLOCK_BYTES
                ahead = None
                if following < span.end:
                    ahead = asyncio.create_task(self._read(key, following, span.end))
                yield block
        finally:
            if ahead is not None:
                ahead.cancel()

    async def _read(self, key: str, start: int, end: int) -> bytes:
        end = min(start + BLOCK_BYTES, end)
        block = await to_thread.run_sync(self._store.get_range, key, start, end, limiter=self._reads)
        if len(block) != end - start:
            raise StoreUnavailable(self._store.url, f"{key} became shorter while it was read")
        return block


def _playlist(request: Request, data: bytes, headers: dict[str, str]) -> _Representation:
    whole = b"#EXT-X-ENDLIST" in data
    headers = headers | {"Cache-Control": _PLAYLIST if whole else _PLAYLIST_IN_THE_MAKING, "Vary": "Accept-Encoding"}
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    plain = _Representation(len(data), f'"{digest}"', headers, data)
    if len(data) < _SMALL or "range" in request.headers or not _takes_gzip(request):
        return plain
    packed = gzip.compress(data, compresslevel=5, mtime=0)
    headers = headers | {"Content-Encoding": "gzip"}
    return replace(plain, size=len(packed), etag=f'"{digest}-gzip"', headers=headers, data=packed)


def _takes_gzip(request: Request) -> bool:
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = coding.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _asked_range(request: Request, shown: _Representation) -> ByteRange | None:
    if not range_applies(request.headers.get("if-range"), shown.etag):
        return None
    return parse_range(request.headers.get("range"), shown.size)


def _unsatisfiable(shown: _Representation) -> Response:
    headers = {"Content-Range": f"bytes */{shown.size}", "ETag": shown.etag}
    return problem(416, "range-not-satisfiable", f"the object has {shown.size} bytes", headers=headers)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block
