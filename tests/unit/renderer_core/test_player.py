"""The picture of a row is the same wherever playing began, and whatever was skipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.player import UnitReader
from renderer.sampler import LossPolicy
from tests.support.barcode import read_barcode
from tests.support.meetings import Camera, Change, Network
from tests.support.seen import SeenCamera, Tampered, planes, recorded
from tests.support.spec import VideoCodec

LOSSY = Network(loss=0.02, loss_burst=2, reorder=0.02, duplicates=0.01, seed=11, first_sequence=65_400)
CODECS: tuple[VideoCodec, ...] = ("vp8", "vp9", "h264", "av1")


def camera(codec: VideoCodec, network: Network = LOSSY, **more: object) -> Camera:
    size = (160, 96) if network != LOSSY else (320, 180)  # large enough for units of several packets
    return Camera(codec, *size, 15.0, 900_000, keyframe_every_ms=1200, network=network, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> dict[VideoCodec, SeenCamera]:
    return {codec: recorded(camera(codec), tmp_path_factory.mktemp(codec), 8000) for codec in CODECS}


def by_themselves(track: SeenCamera, policy: LossPolicy, reader: UnitReader | None = None) -> dict[int, bytes | None]:
    """Each row's picture, from a player that plays nothing else."""
    return {row: planes(track.player(policy, reader).picture(row)) for row in track.rows(policy)}


@pytest.mark.parametrize("policy", ["freeze", "conceal"])
@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_does_not_depend_on_where_playing_began(
    lossy: dict[VideoCodec, SeenCamera], codec: VideoCodec, policy: LossPolicy
) -> None:
    track = lossy[codec]
    assert not track.index.complete.all(), "nothing was lost inside a unit"
    assert not track.index.clean.all()
    alone = by_themselves(track, policy)
    assert len(set(alone.values())) > 20

    @settings(max_examples=25, deadline=None)
    @given(st.sets(st.sampled_from(track.rows(policy)), min_size=1))
    def check(rows: set[int]) -> None:
        player = track.player(policy)
        assert {row: planes(player.picture(row)) for row in sorted(rows)} == {row: alone[row] for row in rows}

    check()


def test_the_object_is_the_same_while_the_picture_is(lossy: dict[VideoCodec, SeenCamera]) -> None:
    player = lossy["vp8"].player()
    first, second = lossy["vp8"].rows()[:2]
    assert player.picture(first) is player.picture(first)
    assert player.picture(first) is not player.picture(second)


def test_what_is_not_wanted_is_not_decoded(tmp_path: Path) -> None:
    track = recorded(camera("vp8", Network()), tmp_path, 6000)
    player = track.player()
    player.picture(0)
    player.picture(75)  # 5 s: the keyframe before it is at 4.8 s, row 72
    assert (player.counts.decoded, player.counts.lead_in) == (1 + 4, 3)
    player.picture(76)
    assert (player.counts.decoded, player.counts.lead_in) == (6, 3)


def test_far_rows_are_read_anew(tmp_path: Path) -> None:
    tiny = Camera("vp8", 32, 32, 60.0, 50_000, keyframe_every_ms=1000)
    track = recorded(tiny, tmp_path, 8000)
    player, alone = track.player(), track.player()
    player.picture(0)
    assert planes(player.picture(470)) == planes(alone.picture(470))
    assert player.counts.decoded == 1 + 51


def test_without_a_keyframe_there_is_no_picture(tmp_path: Path) -> None:
    camera = Camera("vp8", 160, 96, 15.0, keyframe_every_ms=None, starts_mid_gop=True)
    track = recorded(camera, tmp_path, 1000)
    assert track.player("conceal").picture(10) is None
    assert track.rows("conceal") == []


@pytest.mark.parametrize("codec", CODECS)
def test_an_undecodable_unit_leaves_the_picture_before_it(tmp_path: Path, codec: VideoCodec) -> None:
    track = recorded(camera(codec, Network()), tmp_path, 1500)
    player = track.player(reader=Tampered(track.reader, {5: b""}))
    pictures = [player.picture(row) for row in range(8)]
    assert pictures[5] is pictures[4]
    assert pictures[6] is not pictures[5]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rubbish", [b"", b"\x00" * 40, bytes(range(200))])
def test_behind_a_keyframe_that_does_not_decode_the_past_is_forgotten(
    tmp_path: Path, codec: VideoCodec, rubbish: bytes
) -> None:
    track = recorded(camera(codec, Network()), tmp_path, 4000)
    (_, second, *_) = np.flatnonzero(track.index.keyframe).tolist()
    reader = Tampered(track.reader, {second: rubbish})
    alone = by_themselves(track, "freeze", reader)
    player = track.player(reader=reader)
    assert {row: planes(player.picture(row)) for row in track.rows()} == alone
    assert alone[second - 1] is not None


@pytest.mark.parametrize("codec", CODECS)
def test_sizes_and_rotations_change_on_the_way(tmp_path: Path, codec: VideoCodec) -> None:
    changes = (Change(1000, 192, 128), Change(2000, 128, 192, 90), Change(3000, 192, 128, 0))
    track = recorded(camera(codec, Network(), changes=changes), tmp_path, 4000)
    player = track.player()
    pictures = [player.picture(row) for row in range(len(track.index))]
    shapes = [(p.w, p.h, p.rotation) for p in pictures if p]
    assert list(dict.fromkeys(shapes)) == [(160, 96, 0), (192, 128, 0), (192, 128, 90)]
    assert shapes == [(f.w, f.h, f.rotation) for f in track.truth.frames]


@pytest.mark.parametrize("codec", CODECS)
def test_each_unit_gives_its_own_picture_at_once(tmp_path: Path, codec: VideoCodec) -> None:
    track = recorded(Camera(codec, 320, 180, 10.0), tmp_path, 1500)
    player = track.player()
    for row, frame in enumerate(track.truth.frames):
        picture = player.picture(row)
        assert picture is not None
        assert read_barcode(picture.y, 0, 0, 320, 180) == (1, int(frame.content_ms) // 10 * 10)
