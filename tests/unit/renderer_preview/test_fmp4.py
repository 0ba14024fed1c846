"""Init and media segments as two readers that are not ours find them: one that checks every box, and FFmpeg's."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.geometry import Size
from renderer.encode import AAC_FRAME, VideoEncoder, encode_aac, new_frame
from renderer.fmp4 import AudioInit, AudioRun, VideoInit, VideoRun, init_segment, media_segment
from renderer.h264_bytes import annexb_to_avcc, avcc_config, parameter_sets
from renderer.preview import Rendition, stream_init
from renderer.profiles import AudioProfile, preview_profile
from tests.support.fmp4_check import BadFragment, read_init, read_segment

SIZE = Size(96, 64)
VIDEO, AUDIO = preview_profile("standard"), AudioProfile(96_000)
HOUR_S = 3600


def coded_pictures(count: int) -> tuple[VideoInit, list[bytes]]:
    """The samples of a segment: a grey that becomes lighter."""
    encoder = VideoEncoder(VIDEO, SIZE, 30)
    frame, planes = new_frame(SIZE)
    packets = []
    for n in range(count):
        for plane, value in zip(planes.planes, (30 + 5 * n, 128, 128), strict=True):
            plane[:] = value
        packets += list(encoder.encode(frame))
    packets += list(encoder.finish())
    init = VideoInit(avcc_config(*parameter_sets(encoder.extradata)), SIZE)
    return init, [annexb_to_avcc(p.data) for p in packets]


def coded_sound(count: int) -> tuple[AudioInit, list[bytes]]:
    tone = 0.3 * np.sin(np.arange((count + 1) * AAC_FRAME) * 0.05)
    config, frames = encode_aac(np.column_stack([tone, tone]).astype(np.float32), AUDIO)
    return AudioInit(config, AUDIO.bit_rate), list(frames[:count])


VIDEO_INIT, PICTURES = coded_pictures(20)
AUDIO_INIT, FRAMES = coded_sound(30)
INIT = init_segment(VIDEO_INIT, AUDIO_INIT)


@pytest.mark.parametrize("has_video", [True, False])
@pytest.mark.parametrize("has_audio", [True, False])
def test_an_init_segment_tells_of_its_tracks(has_video: bool, has_audio: bool) -> None:
    if not (has_video or has_audio):
        return
    init = read_init(init_segment(VIDEO_INIT if has_video else None, AUDIO_INIT if has_audio else None))
    video, audio = init.of("vide"), init.of("soun")
    assert (video is not None, audio is not None) == (has_video, has_audio)
    if video:
        assert (video.timescale, video.size, video.config) == (90_000, (96, 64), VIDEO_INIT.config)
    if audio:
        assert (audio.timescale, audio.config) == (48_000, AUDIO_INIT.config)


def segment(number: int, first_tick: int, durations: list[int], first_frame: int) -> bytes:
    video = VideoRun(first_tick, PICTURES[: len(durations)], durations)
    return media_segment(number, video, AudioRun(first_frame, FRAMES))


@given(
    st.integers(1, 2**31),
    st.integers(0, 24 * HOUR_S * 90_000),
    st.lists(st.integers(1, 18_000), min_size=1, max_size=20),
    st.integers(0, 24 * HOUR_S * 48_000 // 1024),
)
def test_all_that_went_in_is_read_back(number: int, tick: int, durations: list[int], first_frame: int) -> None:
    """Times beyond 32 bits too: that is 13 hours of pictures."""
    found = read_segment(segment(number, tick, durations, first_frame), read_init(INIT))
    assert found.number == number
    assert found.video is not None
    assert (found.video.first_tick, found.video.durations) == (tick, tuple(durations))
    assert found.video.samples == tuple(PICTURES[: len(durations)])
    assert found.video.sync == (True, *[False] * (len(durations) - 1))
    assert found.audio is not None
    assert found.audio.first_tick == first_frame * AAC_FRAME
    assert found.audio.samples == tuple(FRAMES)
    assert found.audio.ticks == len(FRAMES) * AAC_FRAME


def test_either_track_alone_is_read_back() -> None:
    pictures = media_segment(7, VideoRun(90_000, PICTURES, [3000] * 20), None)
    found = read_segment(pictures, read_init(init_segment(VIDEO_INIT, None)))
    assert (found.video is not None, found.audio) == (True, None)
    sound = media_segment(7, None, AudioRun(188, FRAMES))
    found = read_segment(sound, read_init(init_segment(None, AUDIO_INIT)))
    assert found.audio is not None
    assert (found.video, found.audio.samples) == (None, tuple(FRAMES))


def test_ffmpeg_reads_every_picture_at_its_time_and_every_sample() -> None:
    """The segment stands at 100 s; its pictures are shown for different lengths."""
    durations = [3000, 6000, 18_000, 3000]
    data = INIT + segment(26, 100 * 90_000, durations, 4688)
    with av.open(io.BytesIO(data), format="mp4") as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        packets = [p for p in container.demux(video) if p.size]
        assert [p.pts for p in packets] == [9_000_000, 9_003_000, 9_009_000, 9_027_000]
        assert [p.dts for p in packets] == [p.pts for p in packets]
        assert [p.duration for p in packets] == durations
        assert [p.is_keyframe for p in packets] == [True, False, False, False]
        assert (video.codec_context.width, video.codec_context.height) == (96, 64)
        assert (audio.codec_context.sample_rate, audio.codec_context.layout.name) == (48_000, "stereo")
    with av.open(io.BytesIO(data), format="mp4") as container:
        sound = list(container.decode(container.streams.audio[0]))
        assert [f.pts for f in sound] == [(4688 + n) * AAC_FRAME for n in range(len(FRAMES))]


def test_segments_join_though_each_was_made_alone() -> None:
    """The second before the first: each has its own encoder, and one init segment serves both."""
    data = INIT + segment(1, 0, [3000] * 20, 0) + segment(2, 60_000, [3000] * 20, 30)
    with av.open(io.BytesIO(data), format="mp4") as container:
        pictures = list(container.decode(container.streams.video[0]))
    assert [p.pts for p in pictures] == [3000 * n for n in range(40)]
    luma = [float(p.to_ndarray()[:64].mean()) for p in pictures]
    assert luma == pytest.approx([30 + 5 * (n % 20) for n in range(40)], abs=2)


@pytest.mark.parametrize(
    ("rendition", "codecs"),
    [
        (Rendition("av", Size(1280, 720), 30, True), "avc1.64001f,mp4a.40.2"),
        (Rendition("video", Size(1920, 1080), 30, False), "avc1.640028"),
        (Rendition("audio", None, 30, True), "mp4a.40.2"),
    ],
)
def test_what_a_player_is_told_of_the_codecs(rendition: Rendition, codecs: str) -> None:
    told = stream_init(rendition, VIDEO, AUDIO)
    assert told.codecs == codecs
    video = read_init(told.data).of("vide")
    if video:
        assert rendition.size is not None
        assert video.size == (rendition.size.w, rendition.size.h)
        assert video.config[:4].hex() == "01" + codecs[5:11]


# ---- the reader itself: what it would miss, these tests would too ------------------------------------------

GOOD = segment(1, 0, [3000] * 20, 0)


def test_the_reader_sees_each_cut() -> None:
    init = read_init(INIT)
    for end in range(0, len(GOOD), 97):
        with pytest.raises(BadFragment):
            read_segment(GOOD[:end], init)


@pytest.mark.parametrize(
    "wrong",
    [
        GOOD.replace(b"trun\x00\x00\x03\x05", b"trun\x00\x00\x03\x01", 1),   # the table has a column more than told
        GOOD.replace(b"tfhd\x00\x02\x00\x20", b"tfhd\x00\x00\x00\x20", 1),   # offsets from somewhere else
        media_segment(1, VideoRun(0, PICTURES[1:], [3000] * 19), AudioRun(0, FRAMES)),   # begins with no keyframe
        media_segment(1, VideoRun(0, PICTURES, [3000] * 20), None),          # a track is missing
        media_segment(1, VideoRun(0, PICTURES, [0] * 20), AudioRun(0, FRAMES)),
        GOOD + b"\0\0\0\x08free",
    ],
)  # fmt: skip
def test_the_reader_sees_what_is_wrong(wrong: bytes) -> None:
    assert wrong != GOOD
    with pytest.raises(BadFragment):
        read_segment(wrong, read_init(INIT))
