"""Annex B to AVCC, and the avcC box, against FFmpeg's own."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.h264_bytes import annexb_to_avcc, avcc_config, nal_units, parameter_sets

SPS = bytes.fromhex("6764000dacd941419f9e10000003001000000303c0f1429960")
PPS = bytes.fromhex("68efbcb0")
SLICE = b"\x65\x88\x84\x01"
_unit = st.binary(min_size=1, max_size=40).map(lambda b: b.replace(b"\0", b"\7") + b"\x80")


@given(st.lists(st.tuples(_unit, st.sampled_from([b"\0\0\1", b"\0\0\0\1"])), min_size=1, max_size=8))
def test_nal_units_are_found_behind_short_and_long_start_codes(units: list[tuple[bytes, bytes]]) -> None:
    stream = b"".join(code + unit for unit, code in units)
    assert list(nal_units(stream)) == [unit for unit, _ in units]


def test_a_sample_holds_slices_but_no_parameter_sets_delimiters_or_user_data() -> None:
    user_data = b"\6\5\x11" + bytes(range(1, 17)) + b"x" + b"\x80"
    units = [b"\x09\x10", SPS, PPS, user_data, SLICE, b"\x65\x41\x99", b"\x0c\xff\x80"]
    packet = b"".join(b"\0\0\0\1" + unit for unit in units)
    assert annexb_to_avcc(packet) == b"\0\0\0\4" + SLICE + b"\0\0\0\3\x65\x41\x99"


def test_sei_that_decoding_may_need_stays() -> None:
    recovery_point = b"\6\6\1\xc4\x80"
    packet = b"\0\0\1" + recovery_point + b"\0\0\1" + SLICE
    assert annexb_to_avcc(packet) == b"\0\0\0\5" + recovery_point + b"\0\0\0\4" + SLICE


@pytest.mark.parametrize(
    "packet",
    [b"", b"\0\0", b"\x65\x88", b"xx\0\0\1" + SLICE, b"\0\0\1" + SPS, b"\0\0\1\0\0\1"],
    ids=["empty", "zeros", "no start code", "bytes before it", "no slice", "empty units"],
)
def test_what_is_no_access_unit_is_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match=r"start code|slice"):
        annexb_to_avcc(packet)


def test_two_different_parameter_sets_are_refused() -> None:
    other = SPS[:-1] + b"\x61"
    with pytest.raises(ValueError, match="2 and 1"):
        parameter_sets(b"".join(b"\0\0\1" + unit for unit in (SPS, other, PPS)))
    assert parameter_sets(b"".join(b"\0\0\1" + unit for unit in (SPS, SPS, PPS))) == (SPS, PPS)


@pytest.mark.parametrize("sps", [b"", SPS[:4], SPS[:4] + b"\x01", b"\x68" + SPS[1:]])
def test_a_cut_sps_is_refused(sps: bytes) -> None:
    with pytest.raises(ValueError, match=r"SPS"):
        avcc_config(sps, PPS)


@pytest.mark.parametrize("profile", ["high", "main", "baseline"])
def test_avcc_equals_the_one_that_ffmpeg_writes(profile: str) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 64, 64, "yuv420p", Fraction(1, 30)
        stream.options = {"profile": profile}
        out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode(None))
        sps, pps = parameter_sets(bytes(stream.codec_context.extradata))
    file.seek(0)
    with av.open(file) as back:
        assert avcc_config(sps, pps) == bytes(back.streams.video[0].codec_context.extradata)
