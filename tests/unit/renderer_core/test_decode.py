"""Decoders: one unit in, one picture out; colours as tagged; rubbish is nothing."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.decode import OpusDecoder, VideoDecoder, to_picture
from tests.support import pictures
from tests.support.heard import opus_packets
from tests.support.spec import VideoCodec

CODECS: tuple[VideoCodec, ...] = ("vp8", "vp9", "h264", "av1")


def units(codec: VideoCodec, count: int = 6) -> list[bytes]:
    shots = [pictures.Shot(100 * n, 160, 96) for n in range(count)]
    return [coded.data for coded in pictures.encode(shots, 1, codec, fps=10, bitrate=300_000)]


@pytest.mark.parametrize("codec", CODECS)
def test_each_unit_gives_its_picture_without_delay(codec: VideoCodec) -> None:
    decoder = VideoDecoder(codec)
    frames = [decoder.decode(unit) for unit in units(codec)]
    wanted = [pictures.draw(pictures.Shot(100 * n, 160, 96), 1)[:96] for n in range(6)]
    for frame, luma in zip(frames, wanted, strict=True):
        assert frame is not None
        assert np.abs(to_picture(frame, 0).y.astype(int) - luma).mean() < 4


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CODECS), st.lists(st.binary(max_size=120), max_size=4), st.integers(0, 400))
def test_rubbish_never_raises_and_a_keyframe_heals(codec: VideoCodec, rubbish: list[bytes], cut: int) -> None:
    decoder = VideoDecoder(codec)
    good = units_of(codec)
    decoder.decode(good[0], begins=True)
    for data in [*rubbish, good[1][:cut], good[1][cut:]]:
        decoder.decode(data)
    frame = decoder.decode(good[0], begins=True)
    assert frame is not None
    assert to_picture(frame, 0).y.tobytes() == FIRST[codec]


_UNITS = {codec: units(codec) for codec in CODECS}


def units_of(codec: VideoCodec) -> list[bytes]:
    return _UNITS[codec]


def first_picture(codec: VideoCodec) -> bytes:
    frame = VideoDecoder(codec).decode(units_of(codec)[0])
    assert frame is not None
    return to_picture(frame, 0).y.tobytes()


FIRST = {codec: first_picture(codec) for codec in CODECS}


def h264(yuv: tuple[int, int, int], full: bool, bt709: bool, size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    """One colour, coded without loss and tagged, as it comes out of the decoder."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
    context.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    context.colorspace = 1 if bt709 else 6
    context.options = {"preset": "ultrafast", "qp": "0", "tune": "zerolatency"}
    frame = av.VideoFrame(*size, "yuv420p")
    frame.color_range, frame.colorspace = context.color_range, context.colorspace
    for plane, value in zip(frame.planes, yuv, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.pts = 0
    (packet,) = context.encode(frame)
    decoded = VideoDecoder("h264").decode(bytes(packet))
    assert decoded is not None
    return decoded


@pytest.mark.parametrize(
    ("yuv", "full", "bt709", "wanted"),
    [
        ((255, 128, 128), True, False, (235, 128, 128)),
        ((0, 128, 128), True, False, (16, 128, 128)),
        ((128, 128, 128), True, True, (126, 128, 128)),
        ((76, 85, 255), True, False, (81, 90, 240)),  # red, BT.601 full range
        ((63, 102, 240), False, True, (81, 90, 240)),  # red, BT.709
        ((173, 42, 26), False, True, (145, 54, 34)),  # green, BT.709
        ((54, 99, 255), True, True, (81, 90, 240)),  # red, BT.709 full range
        ((81, 90, 240), False, False, (81, 90, 240)),
    ],
)
def test_what_is_tagged_otherwise_becomes_bt601_limited(
    yuv: tuple[int, int, int], full: bool, bt709: bool, wanted: tuple[int, int, int]
) -> None:
    picture = to_picture(h264(yuv, full, bt709), 90)
    assert picture.rotation == 90
    for plane, value in zip(picture.planes, wanted, strict=True):
        assert np.abs(plane.astype(int) - value).max() <= 2


def test_an_odd_picture_keeps_its_size() -> None:
    frame = av.VideoFrame(33, 21, "yuv420p")
    for plane, value in zip(frame.planes, (255, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.color_range = ColorRange.JPEG
    picture = to_picture(frame, 0)
    assert (picture.w, picture.h, picture.u.shape) == (33, 21, (11, 17))
    assert np.abs(picture.y.astype(int) - 235).max() <= 1


# ---- Opus ------------------------------------------------------------------------------------------------


def tone(count: int = 60) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 / 48_000 * np.arange(count * 960))).astype(np.float32)


def test_opus_decodes_to_what_was_said_on_both_channels() -> None:
    decoder = OpusDecoder()
    pieces = [decoder.decode(packet) for packet in opus_packets(tone())]
    assert {piece.shape for piece in pieces} == {(960, 2)}
    sound = np.concatenate(pieces)
    assert sound.dtype == np.float32
    assert np.array_equal(sound[:, 0], sound[:, 1])
    assert np.std(sound[9600:]) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_concealing_goes_on_with_the_tone_and_fades() -> None:
    decoder = OpusDecoder()
    for packet in opus_packets(tone()):
        decoder.decode(packet)
    made_up = [decoder.conceal() for _ in range(20)]
    assert {len(piece) for piece in made_up} == {960}
    assert np.std(made_up[0]) > 0.1
    assert np.std(made_up[-1]) < np.std(made_up[0]) / 4


@given(st.lists(st.binary(max_size=60), max_size=6))
@settings(max_examples=60, deadline=None)
def test_rubbish_is_no_sound_and_the_next_packet_decodes(rubbish: list[bytes]) -> None:
    decoder = OpusDecoder()
    packets = opus_packets_of_a_tone()
    decoder.decode(packets[0])
    for data in rubbish:
        samples = decoder.decode(data)
        assert samples.shape[1] == 2
        assert np.isfinite(samples).all()
    assert decoder.decode(packets[1]).shape == (960, 2)


_TONE = opus_packets(tone(4))


def opus_packets_of_a_tone() -> list[bytes]:
    return _TONE


def test_concealing_before_anything_was_heard_is_silence() -> None:
    assert not OpusDecoder().conceal().any()
    assert OpusDecoder().decode(b"").shape == (0, 2)


@pytest.mark.parametrize("codec", CODECS)
def test_where_there_is_no_gpu_software_gives_the_same_pictures(codec: VideoCodec) -> None:
    asked, plain = VideoDecoder(codec, "nvdec"), VideoDecoder(codec)
    for data in units_of(codec):
        there, here = asked.decode(data), plain.decode(data)
        assert there is not None
        assert here is not None
        assert to_picture(there, 0).y.tobytes() == to_picture(here, 0).y.tobytes()


def test_a_picture_in_the_layout_of_gpus_is_the_same_picture() -> None:
    """NVDEC hands out NV12: the two planes of colour interleaved."""
    plain = VideoDecoder("vp8").decode(units_of("vp8")[0])
    assert plain is not None
    interleaved = plain.reformat(format="nv12")
    ours, theirs = to_picture(plain, 0), to_picture(interleaved, 0)
    for a, b in zip((ours.y, ours.u, ours.v), (theirs.y, theirs.u, theirs.v), strict=True):
        assert np.array_equal(a, b)
