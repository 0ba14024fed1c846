"""Encoders open the one way that can be stitched, and what they give is on the grid."""

from __future__ import annotations

import av
import numpy as np
import pytest

from compositing.geometry import Size
from renderer.encode import AAC_FRAME, BT601, CodedFrame, VideoEncoder, encode_aac, new_frame, open_video, opens
from renderer.errors import EncoderUnavailable
from renderer.h264_bytes import parameter_sets
from renderer.profiles import KEYFRAME_INTERVAL_S, PRESETS, PresetName, audio_profile, video_profile

SIZE = Size(160, 96)


def chunk(preset: PresetName, frames: int, fps: int = 10, seed: int = 0) -> tuple[bytes, list[CodedFrame]]:
    encoder = VideoEncoder(video_profile(preset, "x264", fps), SIZE, fps)
    frame, picture = new_frame(SIZE)
    packets: list[CodedFrame] = []
    for n in range(frames):
        picture.y[:] = (np.arange(SIZE.w) * 2 + 5 * (n + seed)) % 180 + 20
        picture.u[:], picture.v[:] = 100 + seed, 150
        packets += encoder.encode(frame)
    return encoder.extradata, [*packets, *encoder.finish()]


def decode(extradata: bytes, packets: list[CodedFrame]) -> list[av.VideoFrame]:
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, av.VideoCodecContext)
    frames = [f for p in packets for f in context.decode(av.Packet(extradata * p.keyframe + p.data))]
    return frames + context.decode(None)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_chunk_is_whole_and_tagged_and_begins_anew(preset: PresetName) -> None:
    extradata, packets = chunk(preset, 95)
    assert sorted(p.pts for p in packets) == list(range(95))
    assert packets[0].keyframe
    keys = [p.pts for p in packets if p.keyframe]
    assert max(np.diff([*keys, 95])) <= KEYFRAME_INTERVAL_S * 10
    ahead = max(n - p.pts for n, p in enumerate(packets))
    assert ahead <= video_profile(preset, "x264", 10).reorder_frames
    frames = decode(extradata, packets)
    assert len(frames) == 95
    assert (frames[0].color_range, frames[0].colorspace) == (1, BT601)
    assert (frames[0].width, frames[0].height) == (160, 96)


def test_the_same_pictures_give_the_same_bytes_and_all_chunks_the_same_parameters() -> None:
    assert chunk("standard", 30) == chunk("standard", 30)
    assert chunk("standard", 30)[0] == chunk("standard", 17, seed=9)[0]
    parameter_sets(chunk("draft", 1)[0])


def test_the_frame_may_be_drawn_over_after_it_was_given() -> None:
    extradata, packets = chunk("draft", 12)
    for n, frame in enumerate(decode(extradata, packets)):
        luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(96, -1)[:, :160]
        wanted = (np.arange(160) * 2 + 5 * n) % 180 + 20
        assert np.abs(luma.astype(int) - wanted).mean() < 12


def test_an_encoder_that_is_not_there_says_so() -> None:
    assert opens("x264")
    if not opens("nvenc"):
        with pytest.raises(EncoderUnavailable):
            open_video(video_profile("standard", "nvenc", 30), Size(1280, 720), 30)


def test_the_presets_rise_in_quality() -> None:
    factors = [int(dict(video_profile(preset, "x264", 30).options)["crf"]) for preset in PRESETS]
    assert factors == sorted(factors, reverse=True)
    rates = [audio_profile(preset).bit_rate for preset in PRESETS]
    assert rates == sorted(rates)


def test_aac_frames_hold_the_samples_they_say() -> None:
    click = np.zeros((20 * AAC_FRAME, 2), np.float32)
    click[9 * AAC_FRAME + 512] = 0.9
    config, frames = encode_aac(click, audio_profile("high"))
    assert len(frames) == 21
    context = av.CodecContext.create("aac", "r")
    context.extradata = config
    sound = [f.to_ndarray() for data in frames for f in context.decode(av.Packet(data))]
    peak = int(np.abs(np.concatenate(sound, axis=1)[0]).argmax())
    assert peak - AAC_FRAME == 9 * AAC_FRAME + 512
