"""Objects over HTTP: bytes, ranges, tags, compression; from every kind of store."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from scheduler_api import media
from scheduler_api.media import MediaSender
from scheduler_api.problems import add_problem_handlers
from storage.memory import MemoryStore
from storage.objects import ObjectStore, StoreSpec, open_store

pytestmark = pytest.mark.anyio

FILM = random.Random(7).randbytes(3 * media.BLOCK_BYTES + 12_345)
GROWING = b"#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n" + b"#EXTINF:4.0,\nav_0001.m4s\n" * 100
WHOLE = GROWING + b"#EXT-X-ENDLIST\n"


def sending(store: ObjectStore) -> httpx.AsyncClient:
    """A client of an app that serves all of `store`."""
    app = FastAPI()
    sender = MediaSender(store)
    add_problem_handlers(app)

    async def show(request: Request, key: str) -> Response:
        return await sender.respond(request, key)

    app.add_api_route("/{key:path}", show, methods=["GET", "HEAD"], response_model=None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://farm.test")


def filled(store: ObjectStore) -> ObjectStore:
    store.put("film.mp4", FILM)
    store.put("segment.m4s", b"0123456789")
    store.put("empty.mp4", b"")
    store.put("growing.m3u8", GROWING)
    store.put("whole.m3u8", WHOLE)
    return store


@pytest.fixture(params=["memory", "folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "memory":
        yield filled(MemoryStore())
    elif request.param == "folder":
        yield filled(open_store(StoreSpec(str(tmp_path))))
    else:
        yield filled(open_store(request.getfixturevalue("s3_spec")))


async def test_the_bytes_and_every_range_are_the_objects(store: ObjectStore) -> None:
    block = media.BLOCK_BYTES
    async with sending(store) as client:
        whole = await client.get("/film.mp4")
        assert (whole.status_code, whole.content) == (200, FILM)
        assert whole.headers["content-type"] == "video/mp4"
        assert whole.headers["accept-ranges"] == "bytes"
        for start, end in [(0, 1), (0, block), (block - 1, block + 1), (5, 2 * block + 7), (len(FILM) - 1, len(FILM))]:
            part = await client.get("/film.mp4", headers={"Range": f"bytes={start}-{end - 1}"})
            assert part.status_code == 206
            assert part.content == FILM[start:end]
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(FILM)}"
            assert part.headers["content-length"] == str(end - start)


async def test_head_says_what_get_sends_and_sends_nothing(store: ObjectStore) -> None:
    async with sending(store) as client:
        for key in ("film.mp4", "empty.mp4", "whole.m3u8"):
            for asked in ({}, {"Range": "bytes=2-5"}):
                got, told = await client.get(f"/{key}", headers=asked), await client.head(f"/{key}", headers=asked)
                assert told.content == b""
                assert told.status_code == got.status_code
                assert told.headers == got.headers or got.status_code == 416


async def test_an_empty_object_is_sent_and_has_no_ranges(store: ObjectStore) -> None:
    async with sending(store) as client:
        assert (await client.get("/empty.mp4")).content == b""
        refused = await client.get("/empty.mp4", headers={"Range": "bytes=0-"})
        assert (refused.status_code, refused.headers["content-range"]) == (416, "bytes */0")
        assert refused.headers["content-type"] == "application/problem+json"


async def test_who_has_it_already_gets_nothing_again(store: ObjectStore) -> None:
    async with sending(store) as client:
        for key in ("segment.m4s", "whole.m3u8"):
            etag = (await client.get(f"/{key}")).headers["etag"]
            assert etag.startswith('"')
            again = await client.get(f"/{key}", headers={"If-None-Match": f'"other", W/{etag}'})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
            store.put(key, (await client.get(f"/{key}")).content + b"more")
            assert (await client.get(f"/{key}", headers={"If-None-Match": etag})).status_code == 200


async def test_a_range_of_another_version_becomes_the_whole(store: ObjectStore) -> None:
    async with sending(store) as client:
        etag = (await client.head("/segment.m4s")).headers["etag"]
        same = await client.get("/segment.m4s", headers={"Range": "bytes=2-3", "If-Range": etag})
        other = await client.get("/segment.m4s", headers={"Range": "bytes=2-3", "If-Range": '"other"'})
        assert (same.status_code, same.content) == (206, b"23")
        assert (other.status_code, other.content) == (200, b"0123456789")


async def test_playlists_are_compressed_for_those_who_take_it() -> None:
    async with sending(filled(MemoryStore())) as client:
        packed = await client.get("/whole.m3u8", headers={"Accept-Encoding": "br, gzip;q=0.8"})
        plain = await client.get("/whole.m3u8", headers={"Accept-Encoding": "gzip;q=0, identity"})
        part = await client.get("/whole.m3u8", headers={"Accept-Encoding": "gzip", "Range": "bytes=0-6"})
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) == len(gzip.compress(WHOLE, 5, mtime=0))
        assert packed.content == plain.content == WHOLE
        assert "content-encoding" not in plain.headers
        assert packed.headers["etag"] != plain.headers["etag"]
        assert packed.headers["vary"] == "Accept-Encoding"
        assert part.content == b"#EXTM3U"
        media_answer = await client.get("/segment.m4s", headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in media_answer.headers


async def test_a_playlist_in_the_making_is_asked_for_every_time() -> None:
    async with sending(filled(MemoryStore())) as client:
        assert (await client.get("/growing.m3u8")).headers["cache-control"] == "no-cache"
        assert (await client.get("/whole.m3u8")).headers["cache-control"] == "private, max-age=60"


async def test_what_is_not_there_is_a_problem(store: ObjectStore) -> None:
    async with sending(store) as client:
        for key in ("none.mp4", "none.m3u8"):
            answer = await client.get(f"/{key}")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
            assert store.url not in answer.text


class Shrinking(MemoryStore):
    """A store whose film loses its end while it is read."""

    def get_range(self, key: str, start: int, end: int) -> bytes:
        return super().get_range(key, start, min(end, 2 * media.BLOCK_BYTES))


async def test_a_cut_film_is_not_taken_for_a_whole_one() -> None:
    async with sending(filled(Shrinking())) as client:
        with pytest.raises(RuntimeError, match="response already started"):
            await client.get("/film.mp4")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.from_regex(r"bytes=[0-9]{0,9}-[0-9]{0,9}", fullmatch=True))
async def test_no_range_harms(header: str) -> None:
    async with sending(filled(MemoryStore())) as client:
        answer = await client.get("/segment.m4s", headers={"Range": header})
        assert answer.status_code in (200, 206, 416)
