"""One suite for every object store: memory, a folder, a bucket on a real S3 server, and a counted one."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import s3
from storage.counting import CountingStore
from storage.errors import (
    AccessRefused,
    InvalidKey,
    ObjectNotFound,
    StoreFull,
    StoreUnavailable,
)
from storage.local import LocalStore, atomic_file
from storage.memory import MemoryStore
from storage.objects import ObjectStore, StoreSpec, open_store
from tests.support.s3 import SECRET_KEY, S3Server, free_port

KINDS = ["memory", "local", "counted", pytest.param("s3", marks=pytest.mark.s3)]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "counted":
        return CountingStore(MemoryStore())
    if request.param == "local":
        return open_store(StoreSpec(str(tmp_path / "store")))
    return open_store(request.getfixturevalue("s3_spec"))


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


class Broken(Exception):
    """What a caller raises inside a writer."""


def write_and_break(store: ObjectStore, key: str, size: int) -> None:
    with store.writer(key) as stream:
        stream.write(bytes(size))
        raise Broken


def write_stream(store: ObjectStore, key: str, size: int, block: int = 1 << 20) -> None:
    with store.writer(key) as stream:
        for at in range(0, size, block):
            stream.write(bytes(min(block, size - at)))


def test_put_gives_back_the_same_bytes(store: ObjectStore) -> None:
    store.put("rooms/r/i/a.json", b"{}")
    assert store.get("rooms/r/i/a.json") == b"{}"
    assert store.exists("rooms/r/i/a.json")
    info = store.stat("rooms/r/i/a.json")
    assert (info.key, info.size) == ("rooms/r/i/a.json", 2)
    assert list(store.list("rooms/r/i/a.json")) == [info]


def test_put_replaces_and_the_etag_tells(store: ObjectStore) -> None:
    store.put("a", b"one")
    before = store.stat("a").etag
    assert store.stat("a").etag == before
    store.put("a", b"two")
    assert store.get("a") == b"two"
    assert store.stat("a").etag != before


def test_empty_objects_are_objects(store: ObjectStore) -> None:
    store.put("d/.completed", b"")
    with store.writer("d/streamed"):
        pass
    assert keys(store, "d/") == ["d/.completed", "d/streamed"]
    assert store.get("d/.completed") == b""
    assert store.get_range("d/streamed", 0, 10) == b""


def test_what_is_absent(store: ObjectStore) -> None:
    store.put("there/file", b"x")
    for key in ("nothing", "there", "there/file2", "there/sub/file"):
        assert not store.exists(key)
        with pytest.raises(ObjectNotFound, match=key):
            store.stat(key)
        with pytest.raises(ObjectNotFound, match=key):
            store.get(key)
        with pytest.raises(ObjectNotFound, match=key):
            store.get_range(key, 0, 1)
        store.delete(key)
    assert store.get("there/file") == b"x"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 4, b"0123"),
        (3, 7, b"3456"),
        (8, 10, b"89"),
        (8, 100, b"89"),
        (10, 20, b""),
        (50, 60, b""),
        (4, 4, b""),
        (6, 2, b""),
    ],
)
def test_ranges_are_half_open_and_cut_at_the_end(store: ObjectStore, start: int, end: int, expected: bytes) -> None:
    store.put("digits", b"0123456789")
    assert store.get_range("digits", start, end) == expected


def test_put_if_absent_writes_once(store: ObjectStore) -> None:
    assert store.put_if_absent("once", b"first")
    assert not store.put_if_absent("once", b"second")
    assert store.get("once") == b"first"
    assert keys(store) == ["once"]


def test_of_many_put_if_absent_one_wins(store: ObjectStore) -> None:
    start = threading.Barrier(6)

    def race(n: int) -> bool:
        start.wait(10)
        return store.put_if_absent("race", b"%d" % n)

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(race, range(6)))
    assert sum(won) == 1
    assert store.get("race") == b"%d" % won.index(True)


def test_a_stream_appears_when_it_is_whole(store: ObjectStore) -> None:
    with store.writer("d/streamed") as stream:
        assert stream.write(b"abc") == 3
        stream.write(b"")
        stream.write(memoryview(b"def").tobytes())
        assert not store.exists("d/streamed")
    assert store.get("d/streamed") == b"abcdef"
    assert keys(store) == ["d/streamed"]


@pytest.mark.parametrize("size", [s3.PART_BYTES - 1, s3.PART_BYTES, 2 * s3.PART_BYTES + 12_345])
def test_a_long_stream(store: ObjectStore, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    with store.writer("long") as stream:
        for at in range(0, size, 1_000_003):
            stream.write(data[at : min(at + 1_000_003, size)])
    assert store.stat("long").size == size
    assert store.get_range("long", s3.PART_BYTES - 10, s3.PART_BYTES + 10) == data[s3.PART_BYTES - 10 : size][:20]
    assert store.get("long") == data[:size]


@pytest.mark.parametrize("size", [10, s3.PART_BYTES + 10])
def test_an_aborted_stream_leaves_nothing(store: ObjectStore, size: int) -> None:
    store.put("d/older", b"older")
    for key in ("d/older", "d/new"):
        with pytest.raises(Broken):
            write_and_break(store, key, size)
    assert keys(store) == ["d/older"]
    assert store.get("d/older") == b"older"


def test_the_callers_own_os_errors_pass_through_a_writer(store: ObjectStore) -> None:
    with pytest.raises(FileNotFoundError, match="mine"), store.writer("d/new"):
        raise FileNotFoundError(errno.ENOENT, "mine")
    assert keys(store) == []


def test_listings_are_sorted_by_the_bytes_of_whole_keys(store: ObjectStore) -> None:
    names = [
        "a/b",
        "a-b",
        "a.b",
        "a/b-c/d",
        "a/B",
        "a/é",
        "a/~",
        "a/\U0001f600",
        "a/\uff5e",
        "b",
        "a/.marker",
    ]
    for name in names:
        store.put(name, name.encode())
    assert keys(store) == sorted(names, key=str.encode)
    assert keys(store, "a/") == sorted((n for n in names if n.startswith("a/")), key=str.encode)
    assert keys(store, "a/b-") == keys(store, "a/b-c") == ["a/b-c/d"]
    assert keys(store, "nothing/") == []
    assert {info.size for info in store.list("b")} == {1}


def test_folders_are_the_steps_that_hold_objects(store: ObjectStore) -> None:
    for key in ("rooms/r1/i1/tracks/a", "rooms/r1/i2/b", "rooms/r2/i3/c", "rooms/file", "other/x"):
        store.put(key, b"")
    assert list(store.folders("rooms/")) == ["rooms/r1/", "rooms/r2/"]
    assert list(store.folders("rooms/r1/")) == ["rooms/r1/i1/", "rooms/r1/i2/"]
    assert list(store.folders("")) == ["other/", "rooms/"]
    store.delete("other/x")
    assert list(store.folders("")) == ["rooms/"]
    assert list(store.folders("nothing/")) == []


def test_an_empty_store_is_empty(store: ObjectStore) -> None:
    assert keys(store) == []
    assert keys(store, "rooms/r/") == []


def test_delete(store: ObjectStore) -> None:
    store.put("a", b"")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "x" * 256])
def test_keys_that_could_leave_the_root_are_refused(store: ObjectStore, key: str) -> None:
    for act in (store.get, store.stat, store.exists, store.delete):
        with pytest.raises(InvalidKey):
            act(key)
    with pytest.raises(InvalidKey):
        store.put(key, b"")
    with pytest.raises(InvalidKey):
        store.put_if_absent(key, b"")
    with pytest.raises(InvalidKey), store.writer(key):
        pass


@pytest.mark.parametrize("key", ["a b+c%20d?e#f&g", "peer%40x/é", "a=b;c,d'(e)", 'q"*<>|:'])
def test_keys_of_unusual_characters(store: ObjectStore, key: str) -> None:
    store.put(key, b"odd")
    assert store.get(key) == b"odd"
    assert store.get_range(key, 1, 3) == b"dd"
    assert keys(store) == [key]


def test_a_prefix_in_the_url_is_the_root(s3_or_local_prefixed: tuple[ObjectStore, ObjectStore]) -> None:
    outer, inner = s3_or_local_prefixed
    inner.put("rooms/a", b"x")
    assert keys(inner) == ["rooms/a"]
    assert list(inner.folders("")) == ["rooms/"]
    assert keys(outer) == ["deep/er/rooms/a"]
    assert inner.get("rooms/a") == outer.get("deep/er/rooms/a")


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def s3_or_local_prefixed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ObjectStore, ObjectStore]:
    if request.param == "local":
        return open_store(StoreSpec(str(tmp_path))), open_store(StoreSpec(f"file://{tmp_path}/deep/er/"))
    spec: StoreSpec = request.getfixturevalue("s3_spec")
    return open_store(spec), open_store(StoreSpec(spec.url + "/deep/er/", endpoint=spec.endpoint))


# A folder's own ways to fail.


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_is_left(tiny_disk: Path) -> None:
    store = LocalStore(str(tiny_disk))
    store.put("d/small", b"x")
    for write in (store.put, store.put_if_absent):
        with pytest.raises(StoreFull, match=r"free space"):
            write("d/large", bytes(1 << 20))
    with pytest.raises(StoreFull):
        write_stream(store, "d/large", 16 << 20)
    assert [p.name for p in (tiny_disk / "d").iterdir()] == ["small"]
    store.put("d/fits", bytes(1 << 16))


def test_the_size_limit_of_a_file_counts_as_full(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    store = LocalStore(str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreFull):
            store.put("large", bytes(8192))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_an_object_and_a_folder_cannot_have_one_name(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    store.put("a/b", b"")
    with pytest.raises(InvalidKey, match="one name"):
        store.put("a", b"")
    with pytest.raises(InvalidKey, match="one name"):
        store.put("a/b/c", b"")
    assert keys(store) == ["a/b"]


def test_temporary_files_are_neither_listed_nor_read(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    with store.writer("d/x") as stream:
        stream.write(b"")
        (temporary,) = (tmp_path / "d").iterdir()
        assert keys(store) == []
        assert list(store.folders("")) == []
        with pytest.raises(InvalidKey):
            store.get(f"d/{temporary.name}")


def test_a_disk_that_is_read_only_is_told(tiny_disk: Path) -> None:
    store = LocalStore(str(tiny_disk))
    store.put("a", b"")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(AccessRefused, match="permissions"):
        store.put("b", b"")
    with pytest.raises(AccessRefused):
        store.delete("a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_rights_that_lack_are_told(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    store.put("a", b"")
    (tmp_path / "a").chmod(0)
    tmp_path.chmod(0o500)
    with pytest.raises(AccessRefused, match="permissions"):
        store.put("b", b"")
    with pytest.raises(AccessRefused):
        store.get("a")


def test_a_file_outside_any_store_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "out.mp4"
    with pytest.raises(Broken), atomic_file(target):
        raise Broken
    assert list(target.parent.iterdir()) == []
    with atomic_file(target) as stream:
        stream.write(b"whole")
    assert target.read_bytes() == b"whole"


# A bucket's own ways to fail.


def assert_tells_no_secret(error: BaseException) -> None:
    assert SECRET_KEY not in f"{error} {error!r} {error.__cause__} {error.__context__}"


def test_a_server_that_is_not_there_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    store = open_store(StoreSpec("s3://bucket", endpoint=f"http://127.0.0.1:{free_port()}"))
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="s3://bucket") as caught:
        store.get("a")
    assert time.monotonic() - began < 8
    assert caught.value.retryable
    assert_tells_no_secret(caught.value)
    with pytest.raises(StoreUnavailable), store.writer("a") as stream:
        stream.write(b"x")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's backlog takes the connection; nobody ever reads from it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setitem(s3._CLIENT_CONFIG, "read_timeout", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(StoreSpec("s3://bucket", endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}"))
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.stat("a")
    assert time.monotonic() - began < 10


@pytest.mark.s3
@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_SECRET_ACCESS_KEY", "wrong-secret"), ("AWS_ACCESS_KEY_ID", "NOBODY")],
)
def test_wrong_credentials(s3_spec: StoreSpec, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    store = open_store(s3_spec)
    for act in (store.get, store.stat, store.exists, store.delete):
        with pytest.raises(AccessRefused, match="AWS_") as caught:
            act("a")
        assert_tells_no_secret(caught.value)
    with pytest.raises(AccessRefused):
        store.put("a", b"")
    with pytest.raises(AccessRefused):
        list(store.list(""))
    with pytest.raises(AccessRefused), store.writer("a") as stream:
        stream.write(bytes(s3.PART_BYTES + 1))


@pytest.mark.s3
def test_no_credentials_at_all(s3_spec: StoreSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(AccessRefused, match="AWS_"):
        open_store(s3_spec).get("a")


@pytest.mark.s3
def test_a_bucket_that_does_not_exist(s3_spec: StoreSpec) -> None:
    store = open_store(StoreSpec("s3://no-such-bucket", endpoint=s3_spec.endpoint))
    with pytest.raises(StoreUnavailable, match="no bucket 'no-such-bucket'"):
        list(store.list(""))
    with pytest.raises(StoreUnavailable, match="no bucket"):
        store.put("a", b"")


@pytest.mark.s3
def test_a_quota_counts_as_full_and_nothing_is_left(s3_server: S3Server, s3_spec: StoreSpec) -> None:
    bucket = s3_spec.url.removeprefix("s3://")
    s3_server.limit_bucket(bucket, size_bytes=1 << 20)
    store = open_store(s3_spec)
    with pytest.raises(StoreFull, match="quota"):
        store.put("large", bytes(2 << 20))
    with pytest.raises(StoreFull), store.writer("large") as stream:
        stream.write(bytes(s3.PART_BYTES + 1))
    assert keys(store) == []
    assert uploads(s3_server, bucket) == 0


def uploads(server: S3Server, bucket: str) -> int:
    client = server.client()
    found = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    client.close()
    return len(found)


@pytest.mark.s3
def test_an_aborted_multipart_upload_is_not_left_on_the_server(s3_server: S3Server, s3_spec: StoreSpec) -> None:
    store = open_store(s3_spec)
    bucket = s3_spec.url.removeprefix("s3://")
    seen: list[int] = []

    def look_and_break() -> None:
        with store.writer("large") as stream:
            stream.write(bytes(s3.PART_BYTES + 1))
            seen.append(uploads(s3_server, bucket))
            raise Broken

    with pytest.raises(Broken):
        look_and_break()
    assert [*seen, uploads(s3_server, bucket)] == [1, 0]


@pytest.mark.s3
def test_a_listing_goes_on_over_pages(s3_spec: StoreSpec) -> None:
    store = open_store(s3_spec)
    names = [f"d/{n:05d}" for n in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.put(name, b""), names))
    assert keys(store, "d/") == names


# Specs.


def test_a_spec_holds_no_secret() -> None:
    with pytest.raises(InvalidKey, match="AWS_ACCESS_KEY_ID") as caught:
        StoreSpec("s3://key:hunter2@bucket/prefix")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidKey) as caught:
        StoreSpec("s3://bucket", endpoint="https://key:hunter2@host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://host/x", "gs://bucket", "s3://", "s3:///"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidKey):
        open_store(StoreSpec(url))


def test_a_counting_store_counts() -> None:
    store = CountingStore(MemoryStore())
    store.put("a", b"12345")
    store.get_range("a", 1, 3)
    assert not store.put_if_absent("a", b"123456")
    with store.writer("b") as stream:
        stream.write(b"123")
    assert (store.requests, store.bytes_read, store.bytes_written) == (4, 2, 8)


@pytest.mark.s3
def test_a_store_that_is_let_go_leaves_the_callers_loop_alone(s3_spec: StoreSpec) -> None:
    """The connections of s3fs belong to a loop of its own: a collector that runs in another must not close them."""

    async def use_and_let_go() -> list[str]:
        complaints: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
        store = open_store(s3_spec)
        await asyncio.to_thread(store.put, "a", b"1")
        del store
        gc.collect()
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        return complaints + [str(task) for task in others]

    assert asyncio.run(use_and_let_go()) == []
