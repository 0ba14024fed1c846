"""Which track fills a tile, and a digest that knows what is seen and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compositing.times import Span
from renderer.feeds import SeenTrack, digest_feed, feed
from renderer.index import TrackIndex
from renderer.sampler import NOTHING, showable
from tests.support.indexes import video_index

HALF = 16_666


def seen(index: TrackIndex, start_ms: int, end_ms: int, nudge_us: int = 0) -> SeenTrack:
    return SeenTrack(index.track_id, index, showable(index, "freeze"), Span(start_ms, end_ms), nudge_us)


def every(start_ms: int, end_ms: int, step_ms: int = 100, **what: object) -> TrackIndex:
    return video_index(list(range(start_ms, end_ms, step_ms)), **what)  # type: ignore[arg-type]


def at(*times_ms: int) -> np.ndarray:
    return np.array(times_ms, np.int64) * 1000


def test_a_peer_who_rejoins_is_shown_by_the_track_that_lives() -> None:
    tracks = [seen(every(0, 2000), 0, 3000), seen(every(5000, 8000), 5000, 8000)]
    found = feed(tracks, at(0, 1900, 2500, 4000, 5000, 7900, 9000), HALF)
    assert found.track.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert found.row.tolist() == [0, 19, 19, 19, 0, 29, 29]


def test_of_two_screens_the_later_is_seen_and_then_the_earlier_again() -> None:
    tracks = [seen(every(0, 10_000), 0, 10_000), seen(every(3000, 6000), 3000, 6000)]
    found = feed(tracks, at(2900, 3000, 5900, 6000, 9000), HALF)
    assert found.track.tolist() == [0, 1, 1, 0, 0]
    assert found.row.tolist() == [29, 0, 29, 60, 90]


def test_a_track_without_a_picture_yet_leaves_the_tile_to_the_other() -> None:
    late_key = every(3000, 6000, keys=(10,))
    tracks = [seen(every(0, 10_000), 0, 10_000), seen(late_key, 3000, 6000)]
    assert feed(tracks, at(3500, 4000), HALF).track.tolist() == [0, 1]
    assert feed([seen(every(0, 0), 0, 0)], at(0), HALF).track.tolist() == [NOTHING]
    assert feed([], at(0, 40), HALF).row.tolist() == [NOTHING, NOTHING]


@pytest.mark.parametrize("nudge_ms", [-250, 250])
def test_a_nudge_shifts_pictures_and_the_life_of_the_track(nudge_ms: int) -> None:
    times = at(*range(1000, 9000, 40))
    straight = feed([seen(every(0, 2000), 0, 2000), seen(every(1500, 9000), 1500, 9000)], times, HALF)
    nudged = [seen(every(0, 2000), 0, 2000, nudge_ms * 1000), seen(every(1500, 9000), 1500, 9000, nudge_ms * 1000)]
    moved = feed(nudged, times + nudge_ms * 1000, HALF)
    assert moved.row.tolist() == straight.row.tolist()
    assert moved.track.tolist() == straight.track.tolist()


TIMES = at(*range(1000, 2000, 40))
"""Of a track with a picture each 100 ms and keyframes at 0, 500, 1500, 2500 ms."""


def digest(index: TrackIndex, *more: SeenTrack, times: np.ndarray = TIMES, nudge_us: int = 0) -> bytes:
    tracks = [seen(index, 0, 5000, nudge_us), *more]
    return digest_feed(tracks, feed(tracks, times, HALF))


def base() -> TrackIndex:
    return every(0, 5000, keys=(0, 5, 15, 25))


def with_other_bytes(row: int) -> TrackIndex:
    digests = base().digest.copy()
    digests[row] += np.uint64(1)
    return replace(base(), digest=digests)


@pytest.mark.parametrize(
    ("row", "seen_in_it"),
    [(4, False), (5, True), (7, True), (9, True), (15, True), (19, True), (20, False), (30, False)],
)
def test_the_digest_knows_all_packets_from_the_lead_in_to_the_last_picture(row: int, seen_in_it: bool) -> None:
    assert (digest(with_other_bytes(row)) != digest(base())) == seen_in_it


def test_the_digest_changes_with_what_is_seen() -> None:
    turned = base().rotation.copy()
    turned[12] = 90
    others = {
        "lost": digest(video_index(list(range(0, 5000, 100)), keys=(0, 5, 15, 25), lost=(12,))),
        "turned": digest(replace(base(), rotation=turned)),
        "nudged": digest(base(), nudge_us=200_000),
        "codec": digest(replace(base(), codec="vp9")),
        "times": digest(base(), times=TIMES + 40_000),
        "another": digest(base(), seen(every(1500, 5000, track_id="ada-video-2"), 1500, 5000)),
        "intermediate": digest_feed(
            [replace(seen(base(), 0, 5000), intermediate="abc")], feed([seen(base(), 0, 5000)], TIMES, HALF)
        ),
    }
    assert len({digest(base()), *others.values()}) == 1 + len(others)


def test_the_digest_ignores_what_is_not_seen() -> None:
    later = seen(every(4000, 5000, track_id="ada-video-2"), 4000, 5000)
    assert digest(base(), later) == digest(base())
    assert digest(base(), nudge_us=1000) == digest(base()), "a nudge below the distance of pictures"
    assert digest(replace(base(), track_id="other-video-9")) == digest(base())
