"""The door to the index of a track: load it where it is saved, else build and save it."""

from __future__ import annotations

from renderer.errors import CorruptIndex
from renderer.index_build import build_index
from renderer.index_store import index_key, load_index, save_index
from renderer.rtp.extensions import ExtensionIds
from renderer.track_index import (
    SegmentStamp,
    TrackIndex,
    TrackStats,
    keyframe_before,
    narrow,
)
from storage.errors import ObjectNotFound
from storage.manifest import TrackRef
from storage.recordings import Recording

__all__ = [
    "ExtensionIds",
    "SegmentStamp",
    "TrackIndex",
    "TrackStats",
    "build_index",
    "index_key",
    "keyframe_before",
    "load_index",
    "load_or_build_index",
    "narrow",
]


def load_or_build_index(
    recording: Recording, track: TrackRef, ids: ExtensionIds | None = None
) -> tuple[TrackIndex, bool]:
    """The saved index of `track` and True, or a new one, saved on the way, and False.

    A saved index that cannot be read is built again. Raises StorageError where the store fails.
    """
    key = index_key(recording, track, ids)
    try:
        return load_index(recording.store.get(key)), True
    except (ObjectNotFound, CorruptIndex):
        index = build_index(recording, track, ids)
        save_index(recording, key, index)
        return index, False
