"""Playlists as m3u8, a reader of other people, finds them: empty, growing, complete."""

from __future__ import annotations

from datetime import UTC, datetime

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.playlist import media_playlist

ZERO_MS = 1_773_307_804_217.4


def playlist(count: int, *, complete: bool, seconds: int = 4, last_s: float = 4.0) -> str:
    lengths = [*[float(seconds)] * (count - 1), last_s][:count]
    segments = [(f"av_{k:04d}.m4s", length) for k, length in enumerate(lengths, 1)]
    return media_playlist("av_init.mp4", segments, segment_seconds=seconds, zero_unix_ms=ZERO_MS, complete=complete)


def test_a_complete_playlist_is_what_a_player_expects() -> None:
    told = m3u8.loads(playlist(3, complete=True, last_s=1.2666666))
    assert (told.version, told.target_duration, told.media_sequence, told.playlist_type) == (7, 4, 1, "event")
    assert told.is_endlist
    assert told.is_independent_segments
    assert [s.uri for s in told.segments] == ["av_0001.m4s", "av_0002.m4s", "av_0003.m4s"]
    assert [s.duration for s in told.segments] == pytest.approx([4, 4, 1.266667])
    assert {s.init_section.uri for s in told.segments} == {"av_init.mp4"}


def test_every_instant_of_the_meeting_has_its_date() -> None:
    told = m3u8.loads(playlist(3, complete=True))
    zero = datetime.fromtimestamp(1_773_307_804, UTC).replace(microsecond=217_000)
    assert told.segments[0].program_date_time == zero
    assert (told.segments[2].current_program_date_time - zero).total_seconds() == 8


def test_a_playlist_without_segments_names_no_file() -> None:
    text = playlist(0, complete=False)
    told = m3u8.loads(text)
    assert (told.segments, told.is_endlist, told.playlist_type) == ([], False, "event")
    assert "av_init.mp4" not in text


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_growing_playlist_is_only_appended_to(few: int, more: int) -> None:
    """RFC 8216, 4.3.3.5: of an EVENT nothing may be changed or taken back."""
    before, after = playlist(few, complete=False), playlist(few + more, complete=True)
    assert after.startswith(before)
    assert after.count("#EXT-X-ENDLIST") == 1


@given(st.floats(0, 4e12))
def test_dates_are_rfc_3339_to_the_millisecond(unix_ms: float) -> None:
    text = media_playlist("i", [("a", 2.0)], segment_seconds=2, zero_unix_ms=unix_ms, complete=False)
    (line,) = (x for x in text.splitlines() if x.startswith("#EXT-X-PROGRAM-DATE-TIME:"))
    date = datetime.fromisoformat(line.split(":", 1)[1])
    assert line.endswith("Z")
    assert abs(date.timestamp() * 1000 - unix_ms) <= 0.51
