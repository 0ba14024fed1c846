"""What a worker has open for one job: the recording, the indexes of its tracks, and stills. Opened when first used.

Built from a `RenderSpec`, which is all that travels. Hands out readers and the tracks behind a tile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from compositing.picture import Raster
from compositing.scene import SourceKind
from compositing.stills import decode_raster
from renderer.feeds import SeenTrack
from renderer.index import TrackIndex, load_index, narrow
from renderer.intermediate import IntermediateReader, parse_contents
from renderer.player import UnitReader
from renderer.remembered import PictureMemory
from renderer.rtp.units import AccessUnit
from renderer.sampler import FIRST_PICTURE_EARLY_US, NOTHING, rows_on_screen, showable, tolerance_us
from renderer.soundtrack import HeardTrack, rows_heard
from renderer.sources import read_units
from renderer.spec import RenderSpec, TrackInput
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, open_store

Ticks = NDArray[np.int64]

CONTENTS_PIECE = 0
"""Number under which the table of contents of an intermediate lies; its pieces are numbered from 1."""


@dataclass(frozen=True, slots=True)
class OpenTrack:
    """A video track that can be played."""

    seen: SeenTrack
    reader: UnitReader
    base: int
    """Row 0 of its index is this row of the whole track."""


class Workbench:
    """One job's sources, on one worker."""

    def __init__(
        self,
        spec: RenderSpec,
        store: ObjectStore | None = None,
        known: Mapping[str, TrackIndex] | None = None,
        rasters: Mapping[str, bytes] | None = None,
        pictures: PictureMemory | None = None,
    ) -> None:
        """`store`, the indexes `known`, by track id, and the PNGs of `rasters`, by key, are used where given; else
        they are opened and read. With `pictures` what was decoded before is not decoded again.
        """
        self.spec = spec
        self.pictures = pictures
        self._known = known or {}
        self._rasters = rasters or {}
        self.keys = RecordingKeys(spec.room_id, spec.recording_id)
        self._given_store = store

    @cached_property
    def store(self) -> ObjectStore:
        return self._given_store or open_store(self.spec.store)

    def index(self, track: TrackInput) -> TrackIndex:
        """The track's whole index. It is not kept: a worker's memory must not grow with the recording."""
        known = self._known.get(track.track_id)
        return load_index(self.store.get(track.index_key)) if known is None else known

    def seen_tracks(self, peer_id: str, source: SourceKind, times_us: Ticks) -> tuple[OpenTrack, ...]:
        """The video tracks behind a tile, in the planner's order, for frames that stand at `times_us` (rising)."""
        mine = (t for t in self.spec.tracks if t.peer_id == peer_id and t.kind == source)
        return tuple(self._open(seen_track(t, self.index(t), self.spec), times_us) for t in mine)

    def heard_tracks(self, chunks: Sequence[int]) -> Iterator[HeardTrack]:
        """All audio tracks, for the chunks of sound with these numbers (rising)."""
        for track in self.spec.tracks:
            if track.kind == "audio":
                index = self.index(track)
                first, end = (rows_heard(index, track.nudge_us, chunks[at])[at] for at in (0, -1))
                part = narrow(index, first, end)
                yield HeardTrack(track.peer_id, part, track.nudge_us, SourceReader(self.store, self.keys, part).units)

    def _open(self, seen: SeenTrack, times_us: Ticks) -> OpenTrack:
        """A track and its reader, cut to the rows that such frames need."""
        ends = np.array([times_us[0], times_us[-1] + FIRST_PICTURE_EARLY_US])
        first, last = rows_on_screen(seen.index, seen.shown, ends - seen.nudge_us, tolerance_us(self.spec.grid))
        base = max(0, self._reader(seen, seen.index).keyframe_before(int(first))) if first != NOTHING else 0
        part = narrow(seen.index, base, int(last) + 1)
        cut = replace(seen, index=part, shown=seen.shown[base : int(last) + 1].copy())
        return OpenTrack(cut, self._reader(seen, part, base), base)

    def _reader(self, seen: SeenTrack, index: TrackIndex, base: int = 0) -> UnitReader:
        """Where the units of a video track come from; row 0 of `index` is row `base` of the whole track."""
        if not seen.intermediate:
            return SourceReader(self.store, self.keys, index)

        def fetch(number: int) -> bytes:
            key = self.keys.intermediate(seen.track_id, seen.intermediate, number)
            return self.store.get(key)

        return IntermediateReader(index, parse_contents(fetch(CONTENTS_PIECE)), fetch, base)

    def raster(self, key: str) -> Raster:
        """A label, avatar, text or image by its content key."""
        known = self._rasters.get(key)
        return decode_raster(self.store.get(self.keys.raster(key)) if known is None else known)


def seen_track(track: TrackInput, index: TrackIndex, spec: RenderSpec) -> SeenTrack:
    """A video track as the feeds want it."""
    shown = showable(index, spec.loss)
    return SeenTrack(track.track_id, index, shown, track.live, track.nudge_us, track.intermediate)


class SourceReader:
    """Reads the recording itself; a `player.UnitReader`."""

    def __init__(self, store: ObjectStore, keys: RecordingKeys, index: TrackIndex) -> None:
        self._store = store
        self._keys = keys
        self._index = index
        self._keyframe_rows = np.flatnonzero(index.keyframe & index.complete)

    @property
    def codec(self) -> str:
        return self._index.codec

    def keyframe_before(self, row: int) -> int:
        at = int(np.searchsorted(self._keyframe_rows, row, side="right")) - 1
        return int(self._keyframe_rows[at]) if at >= 0 else -1

    def all_units(self) -> Iterator[AccessUnit]:
        """The whole track."""
        return self.units(0, len(self._index) - 1)

    def units(self, first_row: int, last_row: int) -> Iterator[AccessUnit]:
        return read_units(self._store, self._keys, self._index, first_row, last_row)
