"""H.264 as bytes: from an encoder's Annex B stream to what an MP4 track holds.

An encoder gives NAL units behind start codes (ITU-T H.264 annex B); an MP4 sample gives each its length in
four bytes, and keeps the parameter sets once, in the track's `avcC` box (ISO/IEC 14496-15, 5.3.3). Parameter
sets, access unit delimiters, filler and the encoder's user data (x264 signs each stream with its options) are
left out of the samples: decoding needs none of them there, and the file depends on the pictures alone.

Pure functions of bytes; no encoder, no file. Malformed input raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

_START = b"\0\0\1"
_SEI, _SPS, _PPS, _AUD, _FILLER = 6, 7, 8, 9, 12
_END_OF_SEQUENCE, _END_OF_STREAM = 10, 11
_LEFT_OUT = {_SPS, _PPS, _AUD, _END_OF_SEQUENCE, _END_OF_STREAM, _FILLER}
_USER_DATA_UNREGISTERED = 5
_HIGH_PROFILES = {100, 110, 122, 144}


def nal_units(stream: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, in order, without start codes and trailing zero bytes.

    Raises:
        ValueError: there are bytes before the first start code, or no start code at all.
    """
    start = stream.find(_START)
    if start < 0 or stream[:start].strip(b"\0"):
        raise ValueError("not an Annex B stream: no start code at its beginning")
    while start >= 0:
        after = stream.find(_START, start + 3)
        unit = stream[start + 3 : after if after >= 0 else len(stream)].rstrip(b"\0")
        if unit:
            yield unit
        start = after


def annexb_to_avcc(packet: bytes) -> bytes:
    """One access unit from Annex B to an MP4 sample: each NAL unit behind its length, big-endian u32.

    Raises:
        ValueError: no start code, or no slice is left.
    """
    kept = [unit for unit in nal_units(packet) if not _is_left_out(unit)]
    if not any(1 <= unit[0] & 31 <= 5 for unit in kept):
        raise ValueError("an access unit without a slice")
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)


def parameter_sets(extradata: bytes) -> tuple[bytes, bytes]:
    """The SPS and the PPS of an encoder's Annex B extradata (or of an IDR packet that carries them).

    Raises:
        ValueError: not exactly one different SPS and one different PPS.
    """
    units = list(nal_units(extradata))
    sps = {unit for unit in units if unit[0] & 31 == _SPS}
    pps = {unit for unit in units if unit[0] & 31 == _PPS}
    if len(sps) != 1 or len(pps) != 1:
        raise ValueError(f"expected one SPS and one PPS, got {len(sps)} and {len(pps)}")
    return sps.pop(), pps.pop()


def avcc_config(sps: bytes, pps: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord: the body of `avcC` (ISO/IEC 14496-15, 5.3.3.1.2).

        8 version = 1 | 8 profile | 8 compatibility | 8 level | 6 ones, 2 length bytes - 1
        3 ones, 5 number of SPS | 16 length | SPS | 8 number of PPS | 16 length | PPS
        high profiles: 6 ones, 2 chroma format | 5 ones, 3 luma bits - 8 | 5 ones, 3 chroma bits - 8 | 8 zero

    Raises:
        ValueError: an SPS that is cut, or parameter sets of the wrong NAL type.
    """
    if len(sps) < 5 or sps[0] & 31 != _SPS or not pps or pps[0] & 31 != _PPS:
        raise ValueError("not an SPS and a PPS")
    head = bytes([1, *sps[1:4], 0xFF, 0xE1]) + len(sps).to_bytes(2, "big") + sps
    body = head + b"\1" + len(pps).to_bytes(2, "big") + pps
    return body + _chroma_and_depth(sps) if sps[1] in _HIGH_PROFILES else body


def avcc_parameters(config: bytes) -> bytes:
    """The SPS and the PPS of an `avcC` body, each behind a start code."""
    sps_bytes = int.from_bytes(config[6:8], "big")
    sps, rest = config[8 : 8 + sps_bytes], config[8 + sps_bytes + 1 :]
    pps = rest[2 : 2 + int.from_bytes(rest[:2], "big")]
    return b"\0" + _START + sps + b"\0" + _START + pps


def avcc_to_annexb(sample: bytes) -> bytes:
    """One access unit from an MP4 sample to Annex B.

    Raises:
        ValueError: a length that reaches over the end.
    """
    out, at = bytearray(), 0
    while at < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4], "big")
        if end > len(sample):
            raise ValueError("a NAL unit reaches over the end of its sample")
        out += b"\0" + _START + sample[at + 4 : end]
        at = end
    return bytes(out)


def _chroma_and_depth(sps: bytes) -> bytes:
    bits = _bits(_without_emulation(sps[4:]))
    _exp_golomb(bits)  # seq_parameter_set_id
    chroma_format = _exp_golomb(bits)
    if chroma_format == 3:
        next(bits)  # separate_colour_plane_flag
    luma_extra, chroma_extra = _exp_golomb(bits), _exp_golomb(bits)
    return bytes([0xFC | chroma_format & 3, 0xF8 | luma_extra & 7, 0xF8 | chroma_extra & 7, 0])


def _is_left_out(unit: bytes) -> bool:
    kind = unit[0] & 31
    return kind in _LEFT_OUT or (kind == _SEI and _is_user_data(unit))


def _is_user_data(sei: bytes) -> bool:
    """Whether an SEI unit holds one message of user data and nothing else (H.264, 7.3.2.3.1)."""
    payload = _without_emulation(sei[1:])
    if payload[:1] != bytes([_USER_DATA_UNREGISTERED]):
        return False
    size, at = 0, 1
    while payload[at : at + 1] == b"\xff":
        size, at = size + 255, at + 1
    return at < len(payload) and at + 1 + size + payload[at] == len(payload) - 1


def _without_emulation(payload: bytes) -> bytes:
    return payload.replace(b"\0\0\3", b"\0\0")


def _bits(data: bytes) -> Iterator[int]:
    return (byte >> shift & 1 for byte in data for shift in range(7, -1, -1))


def _exp_golomb(bits: Iterator[int]) -> int:
    """One ue(v) (H.264, 9.1)."""
    try:
        zeros = 0
        while not next(bits):
            zeros += 1
        value = 1
        for _ in range(zeros):
            value = value << 1 | next(bits)
    except StopIteration:
        raise ValueError("the SPS is cut") from None
    return value - 1
