"""The intermediate shows the same pictures under the same rows, with keyframes where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from renderer import intermediate
from renderer.decode import VideoDecoder, to_picture
from renderer.encode import planes_of
from renderer.intermediate import IntermediateReader, Piece, is_needed, pack_contents, parse_contents, stamp
from renderer.player import Player
from renderer.rtp.units import AccessUnit
from renderer.samples import unpack_chunk
from tests.support.indexes import video_index
from tests.support.meetings import Camera, Change, Network
from tests.support.seen import SeenCamera, psnr, recorded


def test_it_is_needed_where_keyframes_are_too_far_apart() -> None:
    regular = video_index(list(range(0, 60_000, 1000)), keys=range(0, 60, 10))
    assert not is_needed(regular, 10.0)
    assert is_needed(regular, 9.9)
    assert is_needed(video_index(list(range(0, 60_000, 1000)), keys=(0, 10)), 20.0), "up to the track's end"
    assert is_needed(video_index(list(range(0, 60_000, 1000)), keys=(0, 10, 20, 55), lost=(20,)), 40.0)
    assert not is_needed(video_index([0, 1000], keys=()), 0.1), "nothing can be shown anyway"
    assert not is_needed(video_index([]), 0.1)


def test_the_stamp_knows_packets_times_and_policy() -> None:
    index = video_index([0, 100, 200])
    same, other = video_index([0, 100, 200]), video_index([0, 100, 200], digest=np.arange(3, dtype=np.uint64))
    assert stamp(index, "freeze") == stamp(same, "freeze")
    later = replace(index, time_us=index.time_us + 1)
    assert len({stamp(index, "freeze"), stamp(index, "hold"), stamp(other, "freeze"), stamp(later, "freeze")}) == 4


def test_contents_are_read_as_they_were_written() -> None:
    pieces = (Piece(1, 0, 99), Piece(2, 102, 180))
    assert parse_contents(pack_contents(pieces)) == pieces


def made(track: SeenCamera) -> tuple[IntermediateReader, list[Piece], dict[int, bytes]]:
    seen: list[int] = []
    found = list(intermediate.make(track.reader.all_units(), track.index.codec, track.shown(), seen.append))
    assert seen == list(range(len(track.index)))
    stored = {piece.number: data for piece, data in found}
    pieces = [piece for piece, _ in found]
    return IntermediateReader(track.index, pieces, stored.__getitem__), pieces, stored


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> SeenCamera:
    """25 s with one keyframe and one lost stretch, half of them turned."""
    camera = Camera(
        "vp8", 320, 180, 10.0, 500_000, keyframe_every_ms=None, keyframes_at_ms=(11_300,),
        changes=(Change(18_000, 180, 320, 90),), network=Network(outages=((11_000, 11_150),)),
    )  # fmt: skip
    return recorded(camera, tmp_path_factory.mktemp("rare"), 25_000)


def test_every_row_on_screen_has_its_picture_near_the_original(
    rare: SeenCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intermediate, "PIECE_US", 6_000_000)
    reader, pieces, stored = made(rare)
    assert [p.number for p in pieces] == [1, 2, 3, 4, 5]
    shown = np.flatnonzero(rare.shown()).tolist()
    assert [row for p in pieces for row in unpack_chunk(stored[p.number])[0].extra["rows"]] == shown
    original, again = rare.player(), rare.player(reader=reader)
    for row in shown[::3]:
        a, b = original.picture(row), again.picture(row)
        assert a is not None
        assert b is not None
        assert (a.w, a.h, a.rotation) == (b.w, b.h, b.rotation)
        assert psnr(a, b) > 38


def test_keyframes_are_regular(rare: SeenCamera) -> None:
    reader, pieces, stored = made(rare)
    assert len(pieces) == 1
    header, _ = unpack_chunk(stored[1])
    rows = np.array(header.extra["rows"])
    keys = rare.index.time_us[rows[header.keyframes]]
    assert np.diff(keys).max() <= intermediate.KEYFRAME_EVERY_US + 300_000
    assert len(keys) in (6, 7)
    player = rare.player(reader=reader)
    player.picture(int(rows[-1]))
    assert player.counts.decoded <= 41


def test_sizes_change_and_odd_ones_grow_to_even() -> None:
    units = [*vp8_units(121, 75, 0), *vp8_units(160, 90, 3), *vp8_units(121, 75, 6)]
    index = video_index([100.0 * row for row in range(9)], keys=(0, 3, 6))
    shown = np.ones(9, np.bool_)
    found = list(intermediate.make(iter(units), "vp8", shown, lambda row: None))
    reader = IntermediateReader(index, [p for p, _ in found], lambda number: found[number - 1][1])
    player, decoder = Player(reader, shown, 8, shows_damage=False), VideoDecoder("vp8")
    sizes = []
    for unit in units:
        a, b = decoder.decode(unit.data), player.picture(unit.index)
        assert a is not None
        assert b is not None
        assert psnr(to_picture(a, 0), b) > 38
        sizes.append((a.width, a.height, b.w, b.h))
    assert list(dict.fromkeys(sizes)) == [(121, 75, 122, 76), (160, 90, 160, 90)]
    assert len(found) == 3


def vp8_units(w: int, h: int, first_row: int) -> Iterator[AccessUnit]:
    """Three units of a moving ramp, the first a keyframe."""
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = w, h, "yuv420p"
    encoder.time_base, encoder.bit_rate, encoder.thread_count = Fraction(1, 10), 400_000, 1
    encoder.options = {"lag-in-frames": "0"}
    for n in range(3):
        frame = av.VideoFrame(w, h, "yuv420p")
        for plane, value in zip(planes_of(frame), (None, 90, 160), strict=True):
            plane[:] = (np.arange(w) + 5 * n) % 200 + 20 if value is None else value
        frame.pts = n
        (packet,) = encoder.encode(frame)
        row, key = first_row + n, n == 0
        yield AccessUnit(row, row * 100_000, row * 9000, bytes(packet), key, True, False, True, 0, w, h, 0)


def test_a_track_without_pictures_has_no_pieces(tmp_path: Path) -> None:
    camera = Camera("vp8", 64, 48, 10.0, keyframe_every_ms=None, starts_mid_gop=True)
    reader, pieces, _ = made(recorded(camera, tmp_path, 1000))
    assert pieces == []
    assert reader.keyframe_before(5) == -1
    assert list(reader.units(0, 9)) == []
