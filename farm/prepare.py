"""From a recording in a store to a meeting that can be planned: indexes and speech levels, made where missing.

Takes an open recording and an executor; gives a `Prepared`. What it makes is saved under the recording's cache,
so the next command starts at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farm.executors.base import CancelToken, Executor, Observer, Task
from farm.settings import FarmSettings
from farm.tasks import index_track, measure_levels
from renderer.errors import CorruptIndex
from renderer.index import ExtensionIds, TrackIndex, index_key, load_index
from renderer.meeting import Meeting, needs_measured_levels, understand
from renderer.sampler import LossPolicy
from renderer.speech import load_levels
from storage.errors import ObjectNotFound
from storage.manifest import TrackRef
from storage.objects import ObjectStore, StoreSpec
from storage.recordings import Recording, open_recording, split_source


def open_source(source: str, settings: FarmSettings) -> Recording:
    """The recording at an address such as a person writes it. Raises RecordingNotFound and other StorageErrors."""
    url, room_id, recording_id = split_source(source)
    return open_recording(StoreSpec(url, settings.s3_endpoint, settings.s3_region), room_id, recording_id)


_READERS = 8
"""Saved indexes that are read at the same time."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A recording that was read through once."""

    recording: Recording
    meeting: Meeting
    indexes: Mapping[str, TrackIndex]
    """Of each track that has a file, by track id; also of those without media."""
    index_keys: Mapping[str, str]
    """Object key of each track's saved index."""
    indexed_now: int
    """How many tracks had to be indexed."""


def prepare(
    recording: Recording,
    ids: ExtensionIds,
    policy: LossPolicy,
    executor: Executor,
    observer: Observer,
    cancel: CancelToken,
) -> Prepared:
    """Makes what is missing and reads it all. Raises what reading a damaged store raises."""
    tracks = [t for t in recording.manifest.tracks if recording.segments(t)]
    keys = {t.track_id: index_key(recording, t, ids) for t in tracks}
    with ThreadPoolExecutor(_READERS) as pool:  # waiting for a store and inflating leave Python free
        found = pool.map(lambda track: _saved(recording.store, keys[track.track_id]), tracks)
        saved = {track.track_id: index for track, index in zip(tracks, found, strict=True)}
    missing = [t for t in tracks if saved[t.track_id] is None]
    if missing:
        executor.run([_index_task(recording, t, ids) for t in missing], observer, cancel)
    made = {t.track_id: load_index(recording.store.get(keys[t.track_id])) for t in missing}
    present = {track_id: index for track_id, index in saved.items() if index is not None} | made
    indexes = [present[t.track_id] for t in tracks]
    levels = _levels(recording, indexes, keys, executor, observer, cancel)
    meeting = understand(recording.manifest, indexes, policy, levels)
    return Prepared(recording, meeting, {i.track_id: i for i in indexes}, keys, len(missing))


def _saved(store: ObjectStore, key: str) -> TrackIndex | None:
    try:
        return load_index(store.get(key))
    except (ObjectNotFound, CorruptIndex):
        return None


def _index_task(recording: Recording, track: TrackRef, ids: ExtensionIds) -> Task:
    where = (recording.spec, recording.keys.room_id, recording.keys.recording_id)
    return Task(f"index/{track.track_id}", "index-track", index_track, (*where, track.track_id, ids))


def _levels(
    recording: Recording,
    indexes: list[TrackIndex],
    keys: Mapping[str, str],
    executor: Executor,
    observer: Observer,
    cancel: CancelToken,
) -> dict[str, NDArray[np.uint8]]:
    """The levels measured from the sound of each track that needs them."""
    wanted = [i.track_id for i in indexes if needs_measured_levels(recording.manifest, i)]
    missing = [t for t in wanted if load_levels(recording.store, keys[t]) is None]
    where = (recording.spec, recording.keys.room_id, recording.keys.recording_id)
    tasks = [Task(f"levels/{t}", "index-track", measure_levels, (*where, keys[t])) for t in missing]
    if tasks:
        executor.run(tasks, observer, cancel)
    found = {t: load_levels(recording.store, keys[t]) for t in wanted}
    return {t: measured for t, measured in found.items() if measured is not None}
