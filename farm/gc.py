"""Which cached objects nothing needs any more, and their removal: `farm gc`.

What may go lies below a recording's `cache/` and nowhere else, is older than the asked-for age, and is not needed by
what is young: chunks, stills and intermediates by the exports and previews of that time (`farm.needs`), an index while
it is that of its track as it is now. What previews know of their segments stays with them. Of a recording that was
deleted all goes that is older. Whatever goes can be made again, at the price of its rendering. Recordings, documents,
compositions, images, previews and exports are never touched. Of jobs the old ones go: `farm.job_gc`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from farm.errors import BadSetting
from farm.job_gc import collect_jobs
from farm.needs import read_needs
from farm.prepare import open_source
from farm.settings import FarmSettings, load_settings
from renderer.index import ExtensionIds, index_key
from storage.contract import ObjectInfo
from storage.errors import RecordingNotFound, StorageError
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store
from storage.recordings import Recording, open_recording

DAY_S = 86_400
SORTS = ("chunks", "rasters", "intermediate", "index", "needs", "failures")
"""The folders of a cache in which something may go; another, as previews' own, is left alone."""


@dataclass(slots=True)
class Collected:
    """What went, or would go."""

    dry_run: bool
    recordings: int = 0
    objects: int = 0
    bytes: int = 0
    kept_objects: int = 0
    kept_bytes: int = 0
    by_sort: dict[str, int] = field(default_factory=dict)
    """Bytes that went, by folder of the cache."""
    jobs: int = 0
    """Ended jobs whose records went."""
    problems: list[str] = field(default_factory=list)
    """Recordings that could not be looked after, and why."""
    failed: bool = False
    """Whether that was the storage's fault, of one of them at least: the next time it may work."""

    def tell(self, where: str, error: StorageError) -> None:
        """Puts down that what lies at `where` could not be looked after."""
        self.problems.append(f"{where}: {error}")
        self.failed |= error.blame == "storage"

    def to_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return asdict(self)

    def summary(self) -> str:
        """Lines for people."""
        sorts = [f"  {sort:<14}{_mb(size)}" for sort, size in sorted(self.by_sort.items())]
        what = "would go" if self.dry_run else "removed"
        gone = f"{self.objects} objects, {_mb(self.bytes).strip()}, {what} in {self.recordings} recordings"
        kept = f"{self.kept_objects} objects, {_mb(self.kept_bytes).strip()}, kept"
        jobs = f"{self.jobs} records of ended jobs, {what}"
        return "\n".join([*(f"warning  {problem}" for problem in self.problems), gone, *sorts, kept, jobs])


def collect(
    source: str | None, storage: str | None, days: float, dry_run: bool, job_days: float = math.inf
) -> Collected:
    """Tidies one recording, or all below `storage`; what is younger than `days` days stays, and so do jobs that ended
    less than `job_days` days ago, all by default. Raises StorageError."""
    settings = load_settings()
    found = Collected(dry_run)
    now_s = time.time()
    tidying = _Tidying(settings, now_s - days * DAY_S, found)
    if source is not None:
        recording = open_source(source, settings)
        tidying.tidy(recording)
        _tidy_jobs(recording.store, now_s - job_days * DAY_S, found, recording.keys)
        return found
    if storage is None:
        raise BadSetting("FARM_STORAGE", "name the folder or bucket that contains rooms/")
    spec = StoreSpec(storage, settings.s3_endpoint, settings.s3_region)
    store = open_store(spec)
    for room in store.folders("rooms/"):
        for folder in store.folders(room):
            try:
                tidying.tidy_folder(spec, store, folder)
            except StorageError as error:
                found.tell(folder, error)
    _tidy_jobs(store, now_s - job_days * DAY_S, found)
    return found


def _tidy_jobs(store: ObjectStore, before_s: float, found: Collected, only: RecordingKeys | None = None) -> None:
    old = collect_jobs(store, before_s, found.dry_run, only)
    found.jobs += old.jobs
    for key, error in old.problems:
        found.tell(key, error)


@dataclass(frozen=True, slots=True)
class _Tidying:
    """One run: what is older than `before_s` may go, and is put down in `found`."""

    settings: FarmSettings
    before_s: float
    found: Collected

    def tidy_folder(self, spec: StoreSpec, store: ObjectStore, folder: str) -> None:
        """A recording, or what is left of one that was deleted; where there is no cache, nothing is read."""
        _, room_id, recording_id, _ = folder.split("/")
        cache = RecordingKeys(room_id, recording_id).cache
        if next(iter(store.list(cache)), None) is None:
            return
        try:
            self.tidy(open_recording(spec, room_id, recording_id, store))
        except RecordingNotFound:
            self._sweep(store, cache, list(store.list(cache)), lambda info: True)

    def tidy(self, recording: Recording) -> None:
        """One recording. The needs are read after the listing: what a new export needs is either young or named."""
        store, cache = recording.store, recording.keys.cache
        listed = list(store.list(cache))
        needed = _needed(store, recording.keys, self.before_s) | _indexes(recording, self.settings)
        self._sweep(
            store, cache, listed, lambda info: _sort(cache, info) in SORTS and _stem(info.key) not in needed
        )

    def _sweep(
        self, store: ObjectStore, cache: str, listed: Iterable[ObjectInfo], may_go: Callable[[ObjectInfo], bool]
    ) -> None:
        """Removes what is old, and may go, of what is listed of a cache."""
        found = self.found
        found.recordings += 1
        for info in listed:
            if info.modified_s >= self.before_s or not may_go(info):
                found.kept_objects += 1
                found.kept_bytes += info.size
                continue
            if not found.dry_run:
                store.delete(info.key)
            found.objects += 1
            found.bytes += info.size
            sort = _sort(cache, info)
            found.by_sort[sort] = found.by_sort.get(sort, 0) + info.size


def _needed(store: ObjectStore, keys: RecordingKeys, before_s: float) -> frozenset[str]:
    """The stems of what exports and previews since `before_s` are made of."""
    young = [info.key for info in store.list(keys.needs) if info.modified_s >= before_s]
    return frozenset(_stem(key) for name in young for key in read_needs(store, name, keys.cache))


def _indexes(recording: Recording, settings: FarmSettings) -> frozenset[str]:
    """The stems of the indexes that fit the tracks as they are, under the present settings."""
    ids = ExtensionIds(
        audio_level=settings.audio_level_extension_id, video_orientation=settings.video_orientation_extension_id
    )
    tracks = [track for track in recording.manifest.tracks if recording.segments(track)]
    return frozenset(_stem(index_key(recording, track, ids)) for track in tracks)


def _sort(cache: str, info: ObjectInfo) -> str:
    """The folder of the cache in which an object lies."""
    return info.key.removeprefix(cache).partition("/")[0]


def _stem(key: str) -> str:
    """What an object stands and falls with: the folder of an intermediate's piece; else its key without extension."""
    if "/cache/intermediate/" in key:
        return key.rpartition("/")[0]
    folder, _, name = key.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _mb(size: int) -> str:
    return f"{size / 1e6:12.1f} MB"
