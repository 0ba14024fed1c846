"""Levels measured from the sound, and where they are kept."""

from __future__ import annotations

import numpy as np

from renderer.soundtrack import HeardTrack
from renderer.speech import SILENCE, levels, load_levels, save_levels
from storage.memory import MemoryStore
from tests.support.heard import heard_track, opus_packets, straight_clock


def track(amplitudes: list[float]) -> HeardTrack:
    envelope = np.repeat(amplitudes, 10 * 960)
    tone = np.sin(2 * np.pi * 300 / 48_000 * np.arange(len(envelope)))
    return heard_track(opus_packets((envelope * tone).astype(np.float32)), straight_clock())


def test_levels_are_decibels_below_overload() -> None:
    heard = track([0.5, 0.05, 0.0])
    asked: list[None] = []
    found = levels(heard.read(0, 29), lambda: asked.append(None))
    assert (found.dtype, len(found), len(asked)) == (np.uint8, 30, 30)
    assert np.abs(found[3:9].astype(int) - 9).max() <= 2  # a sine of 0.5 has a power of -9 dB
    assert np.abs(found[13:19].astype(int) - 29).max() <= 2
    assert found[25:].min() > 60


def test_a_packet_that_does_not_decode_is_silent() -> None:
    packets = opus_packets(np.full(960 * 4, 0.2, np.float32))
    packets[1] = b""
    found = levels(heard_track(packets, straight_clock()).read(0, 2), lambda: None)
    assert found[1] == SILENCE
    assert len(found) == 3


def test_levels_are_kept_beside_the_index() -> None:
    store, key = MemoryStore(), "rooms/room-1/x/cache/indexes/abc.idx"
    assert load_levels(store, key) is None
    measured = np.array([0, 45, 127], np.uint8)
    save_levels(store, key, measured)
    found = load_levels(store, key)
    assert found is not None
    assert np.array_equal(found, measured)
    assert [o.key for o in store.list("rooms/")] == ["rooms/room-1/x/cache/indexes/abc.levels"]
