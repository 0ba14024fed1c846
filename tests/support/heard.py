"""Audio tracks for tests of the soundtrack: Opus of given samples with an index and a clock made by hand, or
tracks of a generated meeting, indexed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from renderer.index import build_index
from renderer.rtp.clock import ClockFit
from renderer.rtp.units import AccessUnit
from renderer.soundtrack import HeardTrack
from renderer.workbench import SourceReader
from storage.objects import StoreSpec
from storage.recordings import open_recording
from tests.support.indexes import audio_index
from tests.support.meetings import Truth

FRAME = 960


def opus_packets(samples: NDArray[np.float32], bit_rate: int = 64_000) -> list[bytes]:
    """One packet for each whole 20 ms of mono (n,) samples at 48 kHz."""
    encoder = av.AudioCodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", av.AudioFormat("flt")
    encoder.bit_rate, encoder.time_base = bit_rate, Fraction(1, 48_000)
    encoder.options = {"application": "voip", "frame_duration": "20"}
    packets: list[bytes] = []
    for first in range(0, len(samples) - FRAME + 1, FRAME):
        frame = av.AudioFrame.from_ndarray(samples[None, first : first + FRAME], "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, first, encoder.time_base
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def straight_clock(ppm: float = 0.0, start_ms: float = 0.0, seconds: int = 60) -> ClockFit:
    """A sender's clock that is `ppm` too fast, with a knot every 15 s; tick 0 stands at `start_ms`."""
    knots = np.arange(0, seconds + 15, 15, dtype=np.int64) * 48_000
    return ClockFit(48_000, knots, start_ms + knots / 48 / (1 + ppm * 1e-6), np.zeros(1, np.int64))


def heard_track(
    packets: list[bytes], clock: ClockFit, *, lost: Collection[int] = (), unsent: Collection[int] = ()
) -> HeardTrack:
    """The track of `packets`, 20 ms each from tick 0 on; `lost` ones leave a hole in the sequence numbers,
    `unsent` ones (DTX) do not."""
    kept = np.array([n for n in range(len(packets)) if n not in lost and n not in unsent], np.int64)
    sequence = np.cumsum([n not in unsent for n in range(len(packets))])[kept]
    ticks = kept * FRAME
    index = replace(
        audio_index((clock.to_us(ticks) / 1000).tolist()),
        ticks=ticks,
        first_seq=sequence,
        last_seq=sequence,
        clock=clock,
    )

    def read(first_row: int, last_row: int) -> Iterator[AccessUnit]:
        for row in range(first_row, last_row + 1):
            at = (int(index.time_us[row]), int(ticks[row]))
            yield AccessUnit(row, *at, packets[kept[row]], True, True, False, True, 0, 0, 0, FRAME)

    return HeardTrack("peer-1", index, 0, read)


def heard_tracks(truth: Truth) -> list[HeardTrack]:
    """The audio tracks of a generated meeting, indexed from its files."""
    recording = open_recording(StoreSpec(str(truth.base)), truth.meeting.room_id, truth.meeting.recording_id)
    tracks = [t for t in recording.manifest.tracks if t.kind == "audio"]
    indexes = [(t.peer_id, build_index(recording, t)) for t in tracks]
    return [
        HeardTrack(peer_id, index, 0, SourceReader(recording.store, recording.keys, index).units)
        for peer_id, index in indexes
    ]
