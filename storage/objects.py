"""The door to the object stores: open one by its spec."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from storage.contract import ObjectInfo, ObjectStore, ObjectWriter, StoreSpec
from storage.errors import InvalidKey
from storage.local import LocalStore

__all__ = ["ObjectInfo", "ObjectStore", "ObjectWriter", "StoreSpec", "open_store"]


def open_store(spec: StoreSpec) -> ObjectStore:
    """The store at `spec.url`: a folder, `file://` folder or `s3://bucket[/prefix]`. Asks nothing of it yet.

    Raises InvalidKey for another kind of URL.
    """
    scheme = urlsplit(spec.url).scheme
    if scheme == "s3":
        from storage.s3 import S3Store  # its client library costs a third of a second to import

        return S3Store(spec)
    if scheme == "file":
        return LocalStore(unquote(urlsplit(spec.url).path))
    if "://" in spec.url:
        raise InvalidKey(spec.url, "a store is a folder or s3://bucket[/prefix]")
    return LocalStore(spec.url)
