from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import MalformedPayload
from renderer.rtp import opus
from tests.support.rtp import payloads_of

LENGTHS = [
    ("one CELT frame of 20 ms, stereo", b"\xfcdata", 960),
    ("one SILK frame of 60 ms", bytes([3 << 3]) + b"data", 2880),
    ("one hybrid frame of 10 ms", bytes([12 << 3]) + b"data", 480),
    ("one CELT frame of 2.5 ms", bytes([16 << 3]) + b"data", 120),
    ("the TOC alone: silence under DTX", b"\x78", 960),
    ("two equal frames", bytes([31 << 3 | 1]) + b"1122", 1920),
    ("two frames of their own sizes", bytes([31 << 3 | 2]) + b"\x01abc", 1920),
    ("a count of six", bytes([31 << 3 | 3, 6]) + b"123456", 5760),
    ("nothing", b"", 0),
    ("two equal frames of 1.5 bytes", bytes([31 << 3 | 1]) + b"112", 0),
    ("a count that is missing", bytes([31 << 3 | 3]), 0),
    ("a count of no frames", bytes([31 << 3 | 3, 0]), 0),
    ("more than 120 ms", bytes([31 << 3 | 3, 7]) + b"1234567", 0),
]


@pytest.mark.parametrize(("payload", "samples"), [c[1:] for c in LENGTHS], ids=[c[0] for c in LENGTHS])
def test_the_table_of_contents_tells_how_long_a_packet_sounds(payload: bytes, samples: int) -> None:
    facts = opus.inspect(payloads_of(b"\xfcbefore", payload, b"\xfcbehind"))
    assert facts.samples.tolist() == [960, samples, 960]
    assert facts.valid[1] == (samples > 0)


def test_a_unit_is_one_packet_as_it_is() -> None:
    assert opus.depacketise([b"\xfcdata"]) == b"\xfcdata"
    for wrong in ([], [b""], [None], [b"a", b"b"]):
        with pytest.raises(MalformedPayload, match="opus"):
            opus.depacketise(wrong)


@given(st.lists(st.binary(max_size=5), max_size=5))
def test_no_bytes_make_the_parser_raise_and_no_packet_is_longer_than_120_ms(data: list[bytes]) -> None:
    samples = opus.inspect(payloads_of(*data)).samples
    assert ((samples >= 0) & (samples <= opus.MAX_PACKET_SAMPLES)).all()
