"""What a rendered segment holds: pictures where they should lie, held where nothing changes, black where nobody is;
and the same bytes wherever rendering began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from farm.prepare import Prepared
from farm.preview_growth import Who
from farm.preview_plan import PlannedStream, PreviewChoices
from renderer.pacing import HOLD_S, LEAD_S
from renderer.preview import RenderedSegment
from tests.support.barcode import read_barcode
from tests.support.fmp4_check import Run, Segment, read_init, read_segment
from tests.support.hls_check import TICKS, pictures, samples_of_stream
from tests.support.meetings import Camera, Change, Meeting, Microphone, Network, Peer, Screen, Truth, write_meeting
from tests.support.preview_streams import file_of, planned, prepared_of, rendered
from tests.support.truth import beeps

Streams = Mapping[Who, PlannedStream]
Made = Mapping[Who, list[RenderedSegment]]

MEETING = Meeting(
    duration_ms=11_050,
    peers=(
        Peer(1, "Ada", camera=Camera("vp8", 320, 180, 30.0, keyframe_every_ms=1000, pauses=((4100, 8100),),
                                     network=Network(loss=0.01, seed=4)),
             microphone=Microphone(network=Network(drift_ppm=200))),
        Peer(2, "Ben", camera=Camera("h264", 360, 640, 24.0, rotation=90, keyframe_every_ms=1000,
                                     changes=(Change(3000, 640, 360), Change(6000, 320, 180)))),
        Peer(3, "Cleo", camera=None, microphone=None, screens=(Screen(2500, 9000, Camera(w=640, h=360, fps=2.0)),)),
        Peer(4, "Dan", stays=((0, 3000), (7000, None)), camera=Camera("vp8", 320, 180, 15.0),
             microphone=Microphone(speech=((1000, 2500),))),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return write_meeting(MEETING, tmp_path_factory.mktemp("meeting"))


@pytest.fixture(scope="module")
def prepared(truth: Truth) -> Prepared:
    return prepared_of(truth.path)


@pytest.fixture(scope="module")
def streams(prepared: Prepared) -> Streams:
    """The streams, in segments of 2 s."""
    return planned(prepared, PreviewChoices(segment_seconds=2, audio=True))


@pytest.fixture(scope="module")
def made(streams: Streams) -> Made:
    """All segments of each stream, each stream in one go."""
    return {name: rendered(p.stream) for name, p in streams.items()}


def runs(streams: Streams, segments: list[RenderedSegment], who: Who, name: str) -> list[Segment]:
    stream = streams[who].stream
    init = read_init(file_of(stream, name, []))
    return [read_segment(s.files[name], init) for s in segments]


ADA: Who = ("peer-1", "camera")
BEN: Who = ("peer-2", "camera")
CLEO: Who = ("peer-3", "camera")
SCREEN: Who = ("peer-3", "screenshare")
DAN: Who = ("peer-4", "camera")
CLEO_HEARD: Who = ("peer-3", "audio")
HALF_MS = 17
"""A picture stands on its nearest frame: it may be seen half a frame early."""


def test_there_is_a_stream_for_each_peer_and_screen(streams: Streams) -> None:
    assert [who for who in streams if who[1] != "audio"] == [ADA, BEN, CLEO, SCREEN, DAN]
    assert [who[0] for who in streams if who[1] == "audio"] == ["peer-1", "peer-2", "peer-3", "peer-4"]
    names = {"camera": ["av", "av_low"], "screenshare": ["video"], "audio": ["audio"]}
    assert all([r.name for r in p.stream.renditions] == names[kind] for (_, kind), p in streams.items())


def test_sound_alone_is_the_sound_beside_the_pictures(streams: Streams, made: Made) -> None:
    for who in (ADA, DAN):
        heard: Who = (who[0], "audio")
        beside, alone = runs(streams, made[who], who, "av"), runs(streams, made[heard], heard, "audio")
        assert [segment.audio for segment in alone] == [segment.audio for segment in beside]
        assert not any(segment.video for segment in alone)
        assert all(segment.still is None for segment in made[heard])


def test_segments_have_the_same_bytes_wherever_rendering_begins(streams: Streams, made: Made) -> None:
    for who, p in streams.items():
        for first, last in ((2, 3), (4, 4), (5, 6), (6, 6)):
            for one, other in zip(rendered(p.stream, first, last), made[who][first - 1 : last], strict=True):
                assert one.files == other.files, (who, first, last, one.number)
                assert one.still == other.still
                assert np.array_equal(one.peaks, other.peaks) if one.peaks is not None else other.peaks is None


def test_pictures_fill_each_segment_and_none_is_held_too_long(streams: Streams, made: Made) -> None:
    """The last segment has 32 frames of 30 a second, so the low rendition's 16 pictures are cut at its end too."""
    for who, p in streams.items():
        for name in [r.name for r in p.stream.renditions if r.size]:
            for segment in runs(streams, made[who], who, name):
                video = check_run(segment.video)
                frames = p.stream.grid.frames(segment.number)
                assert video.first_tick == frames.start * 3000
                assert video.ticks == len(frames) * 3000, (who, name, segment.number)
                assert max(video.durations) <= HOLD_S * TICKS
                assert video.sync == (True, *[False] * (len(video.sync) - 1))


def check_run(run: Run | None) -> Run:
    assert run is not None
    return run


def test_an_odd_number_of_frames_ends_at_the_same_tick_in_both_renditions(streams: Streams) -> None:
    """23 frames of 30 a second, twelve of 15: the twelfth is cut short."""
    stream = replace(streams[ADA].stream, duration_ms=10_760)
    segments = rendered(stream, 6)
    for name in ("av", "av_low"):
        (segment,) = (read_segment(s.files[name], read_init(file_of(stream, name, []))) for s in segments)
        assert check_run(segment.video).ticks == 23 * 3000


def test_a_slow_source_is_encoded_as_often_as_it_changes_or_must(streams: Streams, made: Made) -> None:
    """Two pictures a second are shown for 0.2, 0.2 and 0.1 s each: 12 samples in 2 s, and 30 of a camera of 15."""
    slow = [len(check_run(s.video).samples) for s in runs(streams, made[SCREEN], SCREEN, "video")]
    faster = [len(check_run(s.video).samples) for s in runs(streams, made[DAN], DAN, "av")]
    assert slow[2:4] == [12, 12]
    assert 29 <= faster[0] <= 31


def test_where_there_is_nothing_to_see_it_is_black_and_costs_next_to_nothing(streams: Streams, made: Made) -> None:
    """The third segment of Dan lies between his stays; Ada's camera is paused in hers; Cleo has none."""
    for who, number in ((DAN, 3), (ADA, 4), (CLEO, 2), (SCREEN, 6)):
        segment = made[who][number - 1]
        for name in [r.name for r in streams[who].stream.renditions if r.size]:
            shown = list(pictures(file_of(streams[who].stream, name, [segment])))
            assert all((luma == 16).all() for _, luma in shown), (who, name)
            video = check_run(runs(streams, [segment], who, name)[0].video)
            lead_in = round(LEAD_S * 30) if who in (DAN, ADA) else 0   # their pictures come back soon after
            assert len(video.samples) <= 11 + lead_in
            assert sum(map(len, video.samples)) < 900 + 20 * lead_in
        assert segment.still is None


def test_silence_costs_next_to_nothing(streams: Streams, made: Made) -> None:
    (sound,) = runs(streams, made[CLEO_HEARD][2:3], CLEO_HEARD, "audio")
    assert sound.audio is not None
    assert sum(map(len, sound.audio.samples)) <= 8 * len(sound.audio.samples)
    assert made[CLEO][2].peaks is not None
    assert not made[CLEO][2].peaks.any()


def readings(
    data: bytes, rect: tuple[int, int, int, int]
) -> Iterator[tuple[float, tuple[int, int] | None, float]]:
    """(ms, barcode, mean luma outside of the rectangle) of each picture."""
    x, y, w, h = rect
    for tick, luma in pictures(data):
        outside = luma.astype(np.float64)
        outside[y : y + h, x : x + w] = 16
        yield tick / 90, read_barcode(luma, *rect), float(outside.mean())


def test_every_shape_lies_where_the_manifest_says(streams: Streams, made: Made) -> None:
    """A phone held upright, sent lying and turned; then lying; then small: all in a frame of the largest shape."""
    stream = streams[BEN].stream
    size = stream.renditions[0].size
    assert size is not None
    assert (size.w, size.h) == (360, 640)
    places = {0: (0, 0, 360, 640), 3000: (0, 219, 360, 202), 6000: (0, 219, 360, 202)}
    seen = dict.fromkeys(places, 0)
    for begin, rect in places.items():
        even = (rect[0], rect[1] // 2 * 2, rect[2], rect[3])
        for ms, code, outside in readings(file_of(stream, "av", made[BEN]), even):
            if begin + 100 <= ms < begin + 2900:
                assert code is not None, (ms, even)
                assert code[0] == 2
                assert -60 <= code[1] - ms <= HALF_MS, (ms, code)
                assert outside == pytest.approx(16, abs=1.0)
                seen[begin] += 1
    assert min(seen.values()) > 40


def test_sound_stands_at_its_time_and_nothing_is_lost_between_segments(
    streams: Streams, made: Made, truth: Truth
) -> None:
    samples = samples_of_stream(file_of(streams[ADA].stream, "av_low", made[ADA]))
    onsets = beeps(samples, truth.peer(1).beep_hz)
    expected = np.arange(1000, 11_000, 1000)
    assert np.abs(onsets[:, None] - expected).min(axis=0) == pytest.approx(0, abs=3)
    stored = made[ADA]
    waveform = np.concatenate([s.peaks for s in stored if s.peaks is not None])
    assert len(waveform) == -(-332 * 20 // 30)
    loud = waveform[:, 1].astype(int)
    assert all(loud[20 * second] > 2 * loud[20 * second + 10] for second in range(1, 10))


def test_pictures_are_those_of_their_time(streams: Streams, made: Made) -> None:
    """After loss the picture stands still; elsewhere it shows what was drawn at most a frame before."""
    lags = []
    for ms, code, _ in readings(file_of(streams[ADA].stream, "av", made[ADA]), (0, 0, 320, 180)):
        if not 4100 <= ms < 8100 and code is not None:
            assert code[0] == 1
            lags.append(ms - code[1])
    assert len(lags) > 100
    assert np.median(lags) <= 44
    assert min(lags) >= -HALF_MS


def test_a_still_shows_the_first_picture_of_its_segment(streams: Streams, made: Made) -> None:
    stills = {who: [s.number for s in segments if s.still] for who, segments in made.items()}
    assert stills[DAN] == [1, 2, 4, 5, 6]
    assert stills[CLEO] == []
    assert stills[SCREEN] == [2, 3, 4, 5]
    assert all(s.still is None or s.still[:2] == b"\xff\xd8" for segments in made.values() for s in segments)


# ---- what it cost ------------------------------------------------------------------------------------------


def test_each_segment_says_where_the_time_went(made: Made) -> None:
    ada, cleo = made["peer-1", "camera"], made["peer-3", "camera"]
    assert set(ada[0].seconds) == {"decode", "draw", "encode", "mix"}
    assert all(spent > 0 for spent in ada[0].seconds.values())
    assert "draw" not in cleo[0].seconds, "who has no camera is black, which is drawn once"
    assert set(made["peer-3", "screenshare"][2].seconds) == {"decode", "draw", "encode"}, "a screen has no sound"
