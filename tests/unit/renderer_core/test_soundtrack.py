"""Sound stands where it was heard, whatever chunk it is in, and whatever happened on the way."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from compositing.scene import PeerAudio
from compositing.times import Span
from renderer.decode import OpusDecoder
from renderer.encode import AAC_FRAME
from renderer.profiles import audio_profile
from renderer.soundtrack import (
    AAC_FRAMES_PER_CHUNK,
    CHUNK_SAMPLES,
    MARGIN_SAMPLES,
    HeardTrack,
    chunk_energies,
    chunk_window,
    encode_chunk,
    mix_chunk,
    rows_heard,
    track_samples,
    window_span,
)
from tests.support.heard import FRAME, heard_track, heard_tracks, opus_packets, straight_clock
from tests.support.meetings import Meeting, Microphone, Network, Peer, write_meeting
from tests.support.truth import beeps

INSIDE = slice(MARGIN_SAMPLES, MARGIN_SAMPLES + CHUNK_SAMPLES)


def db(samples: np.ndarray, against: np.ndarray) -> float:
    powers = [float(np.mean(np.square(x.astype(np.float64)))) for x in (samples, against)]
    return 10 * np.log10(max(powers[0], 1e-20) / powers[1])


@cache
def voice() -> np.ndarray:
    """26 s of a gliding tone with harmonics over noise: nothing in it repeats. (n,) float32."""
    t = np.arange(26 * 48_000) / 48_000
    glide = 2 * np.pi * (180 * t + 60 * np.sin(0.9 * t))
    noise = np.random.default_rng(2).normal(0, 0.003, len(t))
    return (0.15 * np.sin(glide) + 0.06 * np.sin(3 * glide) + 0.03 * np.sin(7 * glide) + noise).astype(np.float32)


@cache
def packets() -> list[bytes]:
    return opus_packets(voice())


@cache
def decoded() -> np.ndarray:
    """What one decoder gives for all packets, (n, 2)."""
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(p) for p in packets()])


def at(chunk: int, samples: np.ndarray, time_ms: float, length_ms: float) -> np.ndarray:
    """A piece of recording time out of a chunk's window."""
    first = round(time_ms * 48) - chunk_window(chunk)[0]
    return samples[first : first + round(length_ms * 48)]


def test_chunks_and_their_windows_are_on_the_grid() -> None:
    first, end = chunk_window(2)
    assert (first + MARGIN_SAMPLES, end - MARGIN_SAMPLES) == (768_000, 1_152_000)
    span = window_span(2)
    assert span.start_ms * 48 <= first < span.start_ms * 48 + 48
    assert span.end_ms * 48 - 48 < end <= span.end_ms * 48
    assert window_span(0).start_ms < 0


def test_without_drift_the_samples_are_the_decoders_own() -> None:
    track = heard_track(packets(), straight_clock())
    assert np.array_equal(track_samples(track, 0)[INSIDE], decoded()[:CHUNK_SAMPLES])


@pytest.mark.parametrize("ppm", [-500.0, -13.0, 0.0, 500.0])
def test_windows_agree_where_they_overlap(ppm: float) -> None:
    track = heard_track(packets(), straight_clock(ppm, start_ms=0.317))
    for chunk in (0, 1):
        tail, head = track_samples(track, chunk)[-2 * MARGIN_SAMPLES :], track_samples(track, chunk + 1)
        assert db(tail - head[: 2 * MARGIN_SAMPLES], tail) < -70


@pytest.mark.parametrize("ppm", [-500.0, 500.0, 37.0])
def test_drift_is_followed_without_a_click(ppm: float) -> None:
    track = heard_track(packets(), straight_clock(ppm, start_ms=0.5))
    ideal = ideally_resampled(decoded()[:, 0], (np.arange(2 * CHUNK_SAMPLES) - 24) * (1 + ppm * 1e-6))
    got = np.concatenate([track_samples(track, k)[INSIDE, 0] for k in (0, 1)])
    error = (got - ideal)[1000:]
    assert db(error, ideal) < -60
    assert np.abs(error).max() < 3e-3, "a click"


def ideally_resampled(samples: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """By a spline through four times as many points, made by padding the spectrum."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    fine = np.fft.irfft(spectrum, 8 * len(samples)) * 8
    return np.interp(positions, np.arange(len(fine)) / 8, fine)


def test_a_nudge_moves_sound_by_whole_samples() -> None:
    track = heard_track(packets(), straight_clock())
    nudged = replace(track, nudge_us=250_000)
    later = track_samples(nudged, 0)[INSIDE]
    assert np.array_equal(later[12_000:], decoded()[: CHUNK_SAMPLES - 12_000])
    assert not later[:12_000].any()
    assert rows_heard(track.index, 250_000, 1)[0] < rows_heard(track.index, 0, 1)[0]


# ---- gaps ------------------------------------------------------------------------------------------------


def test_a_gap_of_dtx_is_silence_and_shifts_nothing() -> None:
    gap = range(100, 160)
    got = track_samples(heard_track(packets(), straight_clock(), unsent=gap), 0)
    assert not at(0, got, 2000, 1200).any()
    assert np.array_equal(at(0, got, 0, 2000), decoded()[: 2000 * 48])
    assert db(at(0, got, 3700, 3000) - decoded()[3700 * 48 : 6700 * 48], decoded()) < -60


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_losses_are_concealed(count: int) -> None:
    got = track_samples(heard_track(packets(), straight_clock(), lost=range(100, 100 + count)), 0)
    assert db(at(0, got, 2000, 20 * count), decoded()) > -9
    steps = np.abs(np.diff(at(0, got, 1990, 20 * count + 20)[:, 0]))
    assert steps.max() < 2 * np.abs(np.diff(decoded()[:, 0])).max()
    assert db(at(0, got, 3000, 3000) - decoded()[3000 * 48 : 6000 * 48], decoded()) < -60


def test_a_longer_loss_fades_to_silence_within_60_ms() -> None:
    got = track_samples(heard_track(packets(), straight_clock(), lost=range(100, 115)), 0)
    assert at(0, got, 2000, 20).any()
    assert np.abs(at(0, got, 2058, 2)).max() < 0.02
    assert not at(0, got, 2060, 240).any()
    assert np.abs(at(0, got, 2300, 20)).max() > 0.01


def test_a_packet_that_does_not_decode_is_concealed() -> None:
    broken = list(packets())
    broken[100] = b"\xff\xff" + bytes(20)  # 63 frames of 20 ms: more than RFC 6716 allows
    got = track_samples(heard_track(broken, straight_clock()), 0)
    assert db(at(0, got, 2000, 20), decoded()) > -9
    assert db(at(0, got, 3000, 3000) - decoded()[3000 * 48 : 6000 * 48], decoded()) < -60


def clock_of(*fits: tuple[int, int, float]) -> Any:
    """Fits of (first tick, last tick, recording time in ms of the first)."""
    base = straight_clock()
    ticks = [t for first, last, _ in fits for t in (first, last)]
    ms = [t for first, last, at_ms in fits for t in (at_ms, at_ms + (last - first) / 48)]
    return replace(
        base, knots_ticks=np.array(ticks), knots_ms=np.array(ms), fit_starts=np.arange(0, 2 * len(fits), 2)
    )


@pytest.mark.parametrize(("jump", "gap_ms"), [(1_000_000, 0), (0, 2000), (96_000, 500)])
def test_behind_a_jump_or_a_stall_of_timestamps_sound_is_where_it_arrived(jump: int, gap_ms: int) -> None:
    """The timestamps jump by `jump` ticks, or stand still for `gap_ms`, after 100 packets."""
    plain = heard_track(packets()[:300], straight_clock())
    ticks = np.arange(300) * FRAME + np.where(np.arange(300) < 100, 0, jump)
    clock = clock_of((0, 99 * FRAME, 0.0), (100 * FRAME + jump, 299 * FRAME + jump, 2000.0 + gap_ms))
    time_us = np.where(np.arange(300) < 100, 0, gap_ms * 1000) + np.arange(300) * 20_000
    index = replace(plain.index, ticks=ticks, time_us=time_us, clock=clock)

    def read(first: int, last: int) -> Any:
        return (replace(u, ticks=int(ticks[u.index])) for u in plain.read(first, last))

    got = track_samples(HeardTrack("peer-1", index, 0, read), 0)
    assert np.abs(at(0, got, 0, 2000) - decoded()[: 2000 * 48]).max() < 1e-4
    assert not at(0, got, 2000, gap_ms).any()
    behind = at(0, got, 2000 + gap_ms, 3000)
    assert np.abs(behind - decoded()[2000 * 48 : 5000 * 48]).max() < 1e-4


def test_stalls_in_a_whole_recording_leave_the_beeps_on_their_seconds(tmp_path: Path) -> None:
    network = Network(timestamp_jumps=((7000, -3 * 48_000), (10_000, 5_000_000)), first_timestamp=2**32 - 200_000)
    microphone = Microphone(pauses=((4000, 7000),), network=network, soft_tone=False)
    truth = write_meeting(Meeting((Peer(1, "Ada", camera=None, microphone=microphone),), 20_000), tmp_path)
    (track,) = heard_tracks(truth)
    found = beeps_in(track, chunks=3)
    assert np.abs(found - np.array(truth.tracks[0].beeps_ms)).max() < 1.0


def beeps_in(track: HeardTrack, chunks: int) -> np.ndarray:
    samples = np.concatenate([track_samples(track, k)[INSIDE, 0] for k in range(chunks)])
    return beeps(samples, 650)


def test_beeps_stand_on_their_seconds_in_any_chunk(tmp_path: Path) -> None:
    network = Network(jitter_ms=8.0, reorder=0.02, duplicates=0.02, loss=0.005, seed=4, first_sequence=65_000)
    microphone = Microphone(dtx=True, speech=((1500, 7800), (8100, 20_000)), network=network)
    truth = write_meeting(Meeting((Peer(1, "Ada", camera=None, microphone=microphone),), 20_000), tmp_path)
    (track,) = heard_tracks(truth)
    found = beeps_in(track, chunks=3)
    wanted = np.array(truth.tracks[0].beeps_ms)
    off = np.array([np.abs(found - t).min() for t in wanted])
    assert np.sort(off)[-2] < 1.0, "all but one that a loss may have hit"
    for chunk in (1, 2):  # in a chunk by itself, and where it overlaps its neighbours
        alone = beeps(track_samples(track, chunk)[:, 0], 650) + chunk_window(chunk)[0] / 48
        assert len(alone) >= 4
        assert np.median([np.abs(wanted - t).min() for t in alone]) < 1.0


# ---- mix and AAC -----------------------------------------------------------------------------------------


def mixes(gain_db: float = 0.0) -> list[np.ndarray]:
    track = heard_track(packets(), straight_clock(120.0))
    return [mix_chunk(k, [PeerAudio("peer-1", gain_db, (Span(0, 26_000),))], [track]) for k in (0, 1, 2)]


def test_who_is_not_heard_is_not_in_the_mix() -> None:
    track = heard_track(packets(), straight_clock())
    audio = [PeerAudio("peer-1", -6.0, (Span(2000, 4000),))]
    mixed = mix_chunk(0, audio, [track, replace(track, peer_id="peer-2")])
    assert not at(0, mixed, 0, 2000).any()
    assert not at(0, mixed, 4000, 4000).any()
    assert np.allclose(at(0, mixed, 2500, 1000), decoded()[120_000:168_000] * 10 ** (-6 / 20), atol=1e-6)
    assert not mix_chunk(0, [], [track]).any()


def test_chunks_of_aac_join_without_a_click() -> None:
    chunks = [encode_chunk(mixed, 0.0, audio_profile("high")) for mixed in mixes()]
    assert len({config for config, _ in chunks}) == 1
    assert {len(frames) for _, frames in chunks} == {AAC_FRAMES_PER_CHUNK + 1}
    joined = [*chunks[0][1], *chunks[1][1][1:], *chunks[2][1][1:]]
    sound = decode_aac(chunks[0][0], joined)[AAC_FRAME:]
    wanted = np.concatenate([mixed[INSIDE] for mixed in mixes()])
    error = sound[: len(wanted), 0] - wanted[: len(sound), 0]
    blocks = np.sqrt(np.mean(error[: len(error) // 480 * 480].reshape(-1, 480) ** 2, axis=1))
    for seam in (CHUNK_SAMPLES // 480, 2 * CHUNK_SAMPLES // 480):
        assert blocks[seam - 3 : seam + 4].max() <= np.percentile(blocks[10:-200], 99.5) * 1.25


def decode_aac(config: bytes, frames: list[bytes]) -> np.ndarray:
    context = av.CodecContext.create("aac", "r")
    context.extradata = config
    found = [f.to_ndarray().T for data in frames for f in context.decode(av.Packet(data))]
    found += [f.to_ndarray().T for f in context.decode(None)]
    return np.concatenate(found)


def test_the_gain_of_a_loudness_target_is_limited() -> None:
    config, frames = encode_chunk(mixes()[1], 18.0, audio_profile("high"))
    assert np.abs(decode_aac(config, list(frames))).max() < 1.0


def test_energies_of_chunks_do_not_depend_on_the_chunk_before() -> None:
    energies = np.concatenate([chunk_energies(mixed) for mixed in mixes()])
    assert energies.shape == (240,)
    quiet = np.concatenate([chunk_energies(mixed) for mixed in mixes(-20.0)])
    assert np.allclose(quiet[5:] * 100, energies[5:], rtol=1e-3, atol=1e-9)
