"""Video tracks for tests of playing: a generated camera, indexed, with readers of its units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compositing.picture import Picture
from renderer.index import TrackIndex, build_index
from renderer.player import Player, UnitReader
from renderer.rtp.units import AccessUnit
from renderer.sampler import NOTHING, LossPolicy, rows_on_screen, showable
from renderer.workbench import SourceReader
from storage.objects import StoreSpec
from storage.recordings import open_recording
from tests.support.meetings import Camera, Meeting, Peer, Track, write_meeting


@dataclass(frozen=True, slots=True)
class SeenCamera:
    """A camera's recorded track."""

    truth: Track
    index: TrackIndex
    reader: SourceReader

    def shown(self, policy: LossPolicy = "freeze") -> np.ndarray:
        """(n,) bool: which rows may be shown."""
        return showable(self.index, policy)

    def player(self, policy: LossPolicy = "freeze", reader: UnitReader | None = None) -> Player:
        shown = self.shown(policy)
        shows_damage = bool((shown & ~self.index.clean).any())
        return Player(reader or self.reader, shown, len(self.index) - 1, shows_damage)

    def rows(self, policy: LossPolicy = "freeze") -> list[int]:
        """The rows that are asked for at 30 frames per second, each once."""
        ticks = np.arange(0, int(self.index.time_us[-1]) + 1, 33_333)
        rows = np.unique(rows_on_screen(self.index, self.shown(policy), ticks, 16_666))
        return [int(row) for row in rows if row != NOTHING]


def recorded(camera: Camera, base: Path, duration_ms: int) -> SeenCamera:
    """Records `camera` for that long under `base`."""
    peer = Peer(1, "Ada", camera=camera, microphone=None)
    truth = write_meeting(Meeting((peer,), duration_ms), base)
    recording = open_recording(StoreSpec(str(base)), "room-1", truth.meeting.recording_id)
    index = build_index(recording, recording.manifest.tracks[0])
    return SeenCamera(truth.tracks[0], index, SourceReader(recording.store, recording.keys, index))


@dataclass(frozen=True, slots=True)
class Tampered:
    """A reader that gives other bytes for some rows."""

    reader: SourceReader
    data: Mapping[int, bytes]

    @property
    def codec(self) -> str:
        return self.reader.codec

    def keyframe_before(self, row: int) -> int:
        return self.reader.keyframe_before(row)

    def units(self, first_row: int, last_row: int) -> Iterator[AccessUnit]:
        for unit in self.reader.units(first_row, last_row):
            yield replace(unit, data=self.data.get(unit.index, unit.data))


def planes(picture: Picture | None) -> bytes | None:
    """The very pixels, to compare."""
    return None if picture is None else b"".join(plane.tobytes() for plane in picture.planes)


def psnr(a: Picture, b: Picture) -> float:
    """Of the luma, in dB, over what both cover."""
    h, w = min(a.h, b.h), min(a.w, b.w)
    error = float(np.mean((a.y[:h, :w].astype(np.float64) - b.y[:h, :w]) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
