"""The index of tracks made by hand: every row's meaning, every kind of disorder, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.errors import CorruptIndex
from renderer.index import (
    TrackIndex,
    build_index,
    index_key,
    keyframe_before,
    load_index,
    load_or_build_index,
)
from renderer.index_store import pack_index
from renderer.rtp.extensions import ExtensionIds
from storage.recordings import Recording
from tests.support.rtp import SSRC, Rtp, recording_of, segment_of

FRAME_TICKS, FRAME_MS = 3_000, 100 / 3
KEY = b"\x10\x00\x02\x00\x9d\x01\x2a" + (640).to_bytes(2, "little") + (360).to_bytes(2, "little")


def frame(number: int, *, key: bool = False, packets: int = 3, first: int | None = None) -> list[Rtp]:
    """VP8 frame `number` in `packets` packets; its first sequence number is `first`, else 3 * `number`."""
    first = 3 * number if first is None else first
    found = []
    for i in range(packets):
        head = (KEY if key else b"\x10\x01\x02\x00") if i == 0 else b"\x00"
        body = head + bytes([number & 0xFF, i]) * 20
        at = int(number * FRAME_MS) + 20 + i
        found.append(Rtp(first + i, number * FRAME_TICKS, body, i == packets - 1, arrival_ms=at))
    return found


def frames(count: int, *keys: int) -> list[Rtp]:
    return [packet for number in range(count) for packet in frame(number, key=number in (keys or (0,)))]


def index_of(*packets: Rtp, ssrc: int = SSRC) -> TrackIndex:
    return index_in(recording_of(segment_of(packets, "vp8", ssrc)))


def index_in(recording: Recording) -> TrackIndex:
    return build_index(recording, recording.manifest.tracks[0])


def without(packets: list[Rtp], *sequences: int) -> list[Rtp]:
    return [p for p in packets if p.sequence not in sequences]


def codes(index: TrackIndex) -> set[str]:
    return {notice.code for notice in index.notices}


def test_each_frame_is_a_row_at_its_time() -> None:
    index = index_of(*frames(30, 0, 15))
    assert len(index) == 30
    assert np.abs(index.time_us / 1000 - 20 - np.arange(30) * FRAME_MS).max() < 1.0
    assert index.keyframe.nonzero()[0].tolist() == [0, 15]
    assert index.complete.all()
    assert index.clean.all()
    assert set(index.width) == {640}
    assert set(index.height) == {360}
    assert (index.last_seq - index.first_seq).tolist() == [2] * 30
    assert (index.ticks % (1 << 32)).tolist() == [n * FRAME_TICKS for n in range(30)]
    assert index.notices == ()


LOSSES = [
    ("its first packet", (12,), [4], []),
    ("its middle packet", (13,), [4], []),
    ("its last packet", (14,), [4], []),
    ("a whole frame", (12, 13, 14), [], [4]),
    ("the end of one and the beginning of the next", (14, 15), [4, 5], [5]),
]


@pytest.mark.parametrize(("lost", "broken", "after_gap"), [c[1:] for c in LOSSES], ids=[c[0] for c in LOSSES])
def test_what_a_loss_breaks_until_the_next_keyframe(
    lost: tuple[int, ...], broken: list[int], after_gap: list[int]
) -> None:
    index = index_of(*without(frames(20, 0, 10), *lost))
    assert np.flatnonzero(~index.complete).tolist() == broken
    assert set(after_gap) <= set(np.flatnonzero(index.gap_before).tolist())
    first_dirty = min(broken + after_gap)
    key = int(np.flatnonzero(index.keyframe)[1])
    assert np.flatnonzero(~index.clean).tolist() == list(range(first_dirty, key))
    assert index.stats.lost == len(lost)
    assert "packets-lost" in codes(index)


def test_a_damaged_keyframe_cleans_nothing() -> None:
    index = index_of(*without(frames(20, 0, 10), 31))
    assert index.keyframe[10]
    assert not index.complete[10]
    assert np.flatnonzero(index.clean).tolist() == list(range(10))
    assert keyframe_before(index, 19) == 0


def test_order_and_repetition_do_not_matter() -> None:
    sent = frames(20)
    shuffled = [sent[i] for i in (1, 0, 2, 5, 3, 4, 4, 4, *range(6, 60), 30)]
    index, straight = index_of(*shuffled), index_of(*sent)
    assert index.complete.all()
    assert (index.stats.duplicates, index.stats.lost) == (3, 0)
    assert index.stats.reordered == 3
    assert index.first_seq.tolist() == straight.first_seq.tolist()
    assert index.ticks.tolist() == straight.ticks.tolist()


def test_sequence_numbers_and_timestamps_wrap() -> None:
    sent = [replace(p, sequence=p.sequence + 65_520, ticks=p.ticks + (1 << 32) - 30_000) for p in frames(40)]
    index = index_of(*sent)
    assert index.complete.all()
    assert not index.gap_before.any()
    assert (np.diff(index.ticks) == FRAME_TICKS).all()
    assert np.abs(np.diff(index.time_us) / 1000 - FRAME_MS).max() < 1


def test_padding_only_packets_are_no_loss_and_no_picture() -> None:
    probe = Rtp(15, 5 * FRAME_TICKS, b"", padding=200, arrival_ms=170)
    later = [replace(p, sequence=p.sequence + 1) for n in range(5, 10) for p in frame(n)]
    index = index_of(*[p for n in range(5) for p in frame(n, key=n == 0)], probe, *later)
    assert len(index) == 10
    assert index.clean.all()
    assert index.stats.padding_only == 1


def test_packets_of_another_payload_type_are_left_out() -> None:
    other = Rtp(15, 77, b"\x10KEY", payload_type=100, arrival_ms=170)
    later = [replace(p, sequence=p.sequence + 1) for n in range(5, 10) for p in frame(n)]
    index = index_of(*[p for n in range(5) for p in frame(n, key=n == 0)], other, *later)
    assert len(index) == 10
    assert index.clean.all()
    assert codes(index) == {"foreign-packets"}


def test_a_payload_type_that_no_packet_has_gives_way_to_the_one_they_have() -> None:
    recording = recording_of(segment_of([replace(p, payload_type=120) for p in frames(5)], "vp8"), payload_type=96)
    assert (len(index_in(recording)), index_in(recording).payload_type) == (5, 120)


def test_a_track_that_starts_mid_gop_says_so() -> None:
    index = index_of(*frames(10, 4))
    assert np.flatnonzero(index.clean).tolist() == list(range(4, 10))
    assert index.width.tolist() == [0] * 4 + [640] * 6
    assert codes(index) == {"starts-mid-gop"}
    assert keyframe_before(index, 3) == -1


def test_a_track_without_keyframe_and_one_with_rare_keyframes_say_so() -> None:
    never = index_of(*[p for n in range(5) for p in frame(n)])
    assert "no-keyframe" in codes(never)
    rare = index_of(*frames(700))
    assert "rare-keyframes" in codes(rare)
    assert rare.stats.max_keyframe_interval_s == pytest.approx(699 / 30, abs=0.01)


def test_a_frame_cut_by_a_rotation_is_whole() -> None:
    sent = frames(20, 0, 10)
    recording = recording_of(segment_of(sent[:31], "vp8"), segment_of(sent[31:], "vp8"))
    index = index_in(recording)
    assert index.clean.all()
    assert index.segment_starts.tolist() == [0, index.segments[0].size]
    assert index.start[10] < index.segment_starts[1] < index.end[10]


def test_another_ssrc_begins_a_new_stream() -> None:
    second = [
        replace(p, ssrc=7, sequence=p.sequence + 9, ticks=p.ticks + 5, arrival_ms=p.arrival_ms + 2_000)
        for p in frames(10)
    ]
    index = index_in(recording_of(segment_of(frames(10), "vp8"), segment_of(second, "vp8", ssrc=7)))
    assert len(index) == 20
    assert index.clean.all()
    assert index.gap_before.nonzero()[0].tolist() == [10]
    assert index.stats.lost == 0
    assert (np.diff(index.ticks) > 0).all()
    assert abs(int(index.time_us[10]) - 2_020_000) < 1_000
    assert "ssrc-changed" in codes(index)


def test_a_pause_over_which_timestamps_go_on_is_no_loss() -> None:
    sent = frames(20, 0, 10)
    later = [replace(p, ticks=p.ticks + 90_000 * 30, arrival_ms=p.arrival_ms + 30_000) for p in sent[30:]]
    index = index_of(*sent[:30], *later)
    assert index.clean.all()
    assert index.stats.lost == 0
    assert abs(int(index.time_us[10] - index.time_us[9]) - 30_033_000) < 2_000


def test_the_orientation_is_carried_forward() -> None:
    def turned(p: Rtp, value: int) -> Rtp:
        return replace(p, extension=(0xBEDE, bytes([0xB0, value, 0, 0])))

    sent = [turned(p, 1) if p.sequence == 14 else turned(p, 0) if p.sequence == 44 else p for p in frames(20)]
    assert index_of(*sent).rotation.tolist() == [0] * 4 + [90] * 10 + [0] * 6


def test_each_opus_packet_is_a_row_with_its_length_and_level() -> None:
    def packet(n: int, ticks: int) -> Rtp:
        level = (0xBEDE, bytes([0xA0, 0x80 | n, 0, 0]))
        return Rtp(n, ticks, b"\xfcdata", arrival_ms=n * 20, payload_type=111, extension=level)

    sent = [packet(n, n * 960) for n in range(5)] + [packet(5, 50 * 960), packet(7, 52 * 960)]
    recording = recording_of(segment_of(sent, "opus"), codec="opus", kind="audio", payload_type=111)
    index = index_in(recording)
    assert index.samples.tolist() == [960] * 7
    assert index.audio_level.tolist() == [0, 1, 2, 3, 4, 5, 7]
    assert np.flatnonzero(index.gap_before).tolist() == [6]
    assert index.clean.all()
    assert index.clock_rate == 48_000


SEGMENTS = [
    ("no segment", ()),
    ("only a header", (segment_of([], "vp8"),)),
    ("no byte", (b"",)),
    ("half a header", (segment_of([], "vp8")[:20],)),
    ("another file format", (b"\x1aE\xdf\xa3" * 20,)),
    ("rubbish behind the header", (segment_of([], "vp8") + b"rubbish" * 30,)),
]


@pytest.mark.parametrize("segments", [c[1] for c in SEGMENTS], ids=[c[0] for c in SEGMENTS])
def test_a_track_without_packets_has_an_index_without_rows(segments: tuple[bytes, ...]) -> None:
    index = index_in(recording_of(*(segments or (b"",))))
    assert len(index) == 0
    assert "no-media" in codes(index)
    assert load_index(pack_index(index)).stats == index.stats


def test_an_unreadable_segment_between_good_ones_costs_only_itself() -> None:
    sent = frames(20, 0, 10)
    recording = recording_of(segment_of(sent[:15], "vp8"), b"JUNK" * 50, segment_of(sent[15:], "vp8"))
    index = index_in(recording)
    assert len(index) == 20
    assert index.clean.all()
    assert "segment-unreadable" in codes(index)


def test_damage_inside_a_segment_is_told_with_its_place() -> None:
    data = bytearray(segment_of(frames(40, 0, 20), "vp8"))
    data[1_000:1_300] = b"\xff" * 300
    index = index_in(recording_of(bytes(data)))
    key = int(np.flatnonzero(index.keyframe)[1])
    assert index.clean[key:].all()
    assert not index.clean[key - 10 : key].any()
    assert "segment-damaged" in codes(index)
    assert index.stats.damaged_bytes >= 300


@pytest.mark.parametrize("named", ["video/VP", ""], ids=["cut to eight characters", "lost"])
@pytest.mark.parametrize("codec", ["vp8", "vp9"])
def test_a_codec_whose_name_is_cut_or_lost_is_known_by_its_packets(codec: str, named: str) -> None:
    def vp9(p: Rtp) -> Rtp:
        first = p.payload[0] == 0x10
        return replace(p, payload=bytes([0x40 | (8 if first else 0) | (4 if p.marker else 0)]) + p.payload)

    sent = frames(10) if codec == "vp8" else [vp9(p) for p in frames(10)]
    index = index_in(recording_of(segment_of(sent, named), named=named))
    assert index.codec == codec
    assert "codec-guessed" in codes(index)


def test_a_foreign_codec_gives_no_rows_and_a_notice() -> None:
    index = index_in(recording_of(segment_of(frames(5), "video/theora"), named="video/theora"))
    assert len(index) == 0
    assert "unknown-codec" in codes(index)


def test_two_builds_are_equal_to_the_byte_and_come_back_from_their_bytes() -> None:
    recording = recording_of(segment_of(without(frames(50, 0, 20), 33), "vp8"))
    index = index_in(recording)
    data = pack_index(index)
    assert pack_index(index_in(recording)) == data
    loaded = load_index(data)
    assert pack_index(loaded) == data
    assert loaded.clock.to_us(index.ticks).tolist() == index.clock.to_us(index.ticks).tolist()
    assert (loaded.notices, loaded.segments, loaded.stats) == (index.notices, index.segments, index.stats)


def test_an_index_is_built_once_and_then_loaded() -> None:
    recording = recording_of(segment_of(frames(10), "vp8"))
    track = recording.manifest.tracks[0]
    built, cached = load_or_build_index(recording, track)
    assert not cached
    again, cached = load_or_build_index(recording, track)
    assert cached
    assert pack_index(again) == pack_index(built)


def test_a_saved_index_that_cannot_be_read_is_built_again() -> None:
    recording = recording_of(segment_of(frames(10), "vp8"))
    track = recording.manifest.tracks[0]
    key = index_key(recording, track)
    load_or_build_index(recording, track)
    recording.store.put(key, recording.store.get(key)[:-40])
    assert load_or_build_index(recording, track)[1] is False
    assert load_or_build_index(recording, track)[1] is True


def test_the_key_changes_with_the_segments_and_with_the_extension_ids() -> None:
    recording, longer = (recording_of(segment_of(frames(n), "vp8")) for n in (10, 11))
    track = recording.manifest.tracks[0]
    keys = {
        index_key(recording, track),
        index_key(longer, longer.manifest.tracks[0]),
        index_key(recording, track, ExtensionIds(video_orientation=13)),
    }
    assert len(keys) == 3


@given(st.binary(max_size=300))
def test_no_bytes_make_loading_raise_anything_else(data: bytes) -> None:
    with pytest.raises(CorruptIndex):
        load_index(data)


def test_a_digest_changes_with_its_packets_and_with_nothing_else() -> None:
    sent = frames(30, 0, 10, 20)
    index = index_of(*sent)
    changed = [replace(p, payload=p.payload[:-1] + b"!") if p.sequence == 40 else p for p in sent]
    other = index_of(*changed)
    assert np.flatnonzero(index.digest != other.digest).tolist() == [13]


def test_a_digest_does_not_depend_on_what_is_recorded_later() -> None:
    sent = frames(30, 0, 10, 20)
    short, long = index_of(*sent[:60]), index_of(*sent)
    assert short.digest.tolist() == long.digest[:20].tolist()



def test_a_keyframe_before_is_the_row_itself_or_an_earlier_one() -> None:
    index = index_of(*frames(30, 0, 10, 20))
    assert [keyframe_before(index, row) for row in (0, 9, 10, 29)] == [0, 0, 10, 20]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=12),
    st.sets(st.integers(0, 59), max_size=20),
)
def test_no_disorder_breaks_the_promises_of_an_index(swaps: list[tuple[int, int]], lost: set[int]) -> None:
    sent = frames(20, 0, 7, 14)
    for a, b in swaps:
        sent[a], sent[b] = sent[b], sent[a]
    index = index_of(*without(sent, *lost))
    assert (np.diff(index.time_us) >= 0).all()
    assert (index.start < index.end).all()
    assert (index.first_seq <= index.last_seq).all()
    assert (np.diff(index.first_seq) > 0).all()
    assert not (index.clean & ~index.complete).any()
