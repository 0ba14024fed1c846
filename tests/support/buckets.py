"""Recordings in buckets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storage.objects import ObjectStore, StoreSpec, open_store


def upload(folder: Path, spec: StoreSpec) -> str:
    """Puts a recording's folder `…/rooms/R/ID`, without its cache, into a bucket; its s3:// address."""
    store = open_store(spec)
    base = folder.parents[2]
    files = [path for path in folder.rglob("*") if path.is_file() and folder / "cache" not in path.parents]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: _put(store, path, base), files))
    return f"{spec.url}/{folder.relative_to(base)}"


def keys(spec: StoreSpec, prefix: str = "") -> list[str]:
    """All keys below `prefix`."""
    return [info.key for info in open_store(spec).list(prefix)]


def _put(store: ObjectStore, path: Path, base: Path) -> None:
    with store.writer(str(path.relative_to(base))) as out, path.open("rb") as file:
        while data := file.read(1 << 20):
            out.write(data)
