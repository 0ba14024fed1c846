"""Where chunks meet, nothing can be told: not in the bytes, not in the pictures, not in the sound.

On kickoff, on a generated meeting that loses packets and beeps exactly on the joint, and on the real `lossy` where
it is present: whoever renders which chunks, the bytes are the same; the canvases of a chunked render are those of
one pass, wherever rendering begins; the step at a joint is no larger than at other keyframes; the sound around a
joint is as true to the mix as that of one continuous encode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from compositing.mix import LIMITER_CONTEXT, limit
from farm.cluster import open_executor
from farm.executors.base import TaskContext
from farm.settings import FarmSettings
from farm.tasks import render_audio, render_video
from renderer.chunk import SpanRenderer
from renderer.encode import AAC_FRAME, AAC_POSTROLL_FRAMES, AAC_PREROLL_FRAMES, encode_aac
from renderer.soundtrack import CHUNK_SAMPLES, MARGIN_SAMPLES, mix_chunk
from renderer.spec import VideoChunk
from renderer.workbench import Workbench
from tests.support.exports import (
    Made,
    chunk_digests,
    copy_recording,
    digest,
    export_of,
    fresh_copy,
    lumas,
    whole_chunk,
)
from tests.support.meetings import Camera, Meeting, Microphone, Network, Peer, write_meeting
from tests.support.mp4_check import check_mp4
from tests.support.truth import Floats, samples_of

LOSSY = Meeting(
    duration_ms=17_000,
    peers=(
        Peer(1, "Ada", camera=Camera("vp8", keyframe_every_ms=None, keyframes_at_ms=(7500,),
                                     network=Network(loss=0.02, loss_burst=4)),
             microphone=Microphone(network=Network(loss=0.02, drift_ppm=300))),
        Peer(2, "Ben", camera=Camera("h264", fps=24, keyframe_every_ms=None, keyframes_at_ms=(9000,),
                                     network=Network(loss=0.01))),
    ),
)  # fmt: skip
"""Keyframes are so rare that tiles are frozen for the longest time allowed, and then show damage."""
DOCUMENT = {
    "layout": "speaker",
    "style": {"transition_ms": 600, "corner_radius": 12},
    "timeline": [{"t": 7800, "type": "layout", "layout": "grid"}, {"t": 9000, "type": "layout", "layout": "sidebar"}],
    "export": {"resolution": "640x360"},
}
"""A transition runs over the first joint."""
JOINT_AAC_FRAMES = 4
"""How many AAC frames on both sides belong to a joint."""
INAUDIBLE = 1e-4
"""-80 dB."""
WARMED_UP = 1e-3
"""How far two decoders of the same packets may differ that began at different ones (-60 dB)."""
MADE_UP = 6e-3
"""How far two decoders may differ in what they make up for lost packets."""
CONTEXT = TaskContext(lambda done, total, unit: None, lambda: None)


@pytest.fixture(
    scope="module", params=["kickoff", "generated", pytest.param("lossy", marks=pytest.mark.recordings)]
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """An export in this process."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "generated":
        source = write_meeting(LOSSY, folder / "meeting").path
    else:
        source = copy_recording(request.param, folder)
    return export_of(source, DOCUMENT, folder / "one.mp4")


def test_two_workers_give_the_same_bytes(made: Made, tmp_path: Path) -> None:
    source = fresh_copy(made.source, tmp_path)
    with open_executor(FarmSettings(dashboard=False), workers=2) as executor:
        other = export_of(source, DOCUMENT, tmp_path / "two.mp4", executor=executor)
    assert other.report.chunks.rendered == other.report.chunks.total
    assert chunk_digests(source) == chunk_digests(made.source)
    assert digest(other.path) == digest(made.path)


@pytest.mark.parametrize("cut", range(1, 4))
def test_any_partition_gives_the_same_bytes(made: Made, tmp_path: Path, cut: int) -> None:
    """Spans of `cut` chunks, the last first: what is rendered before never matters."""
    before, composed = chunk_digests(made.source), made.composed
    video, audio = composed.video_chunks(), composed.audio_chunks()
    for at in reversed(range(0, len(video), cut)):
        render_video(CONTEXT, composed.spec, video[at : at + cut], reuse=False)
    for at in reversed(range(0, len(audio), cut)):
        render_audio(CONTEXT, composed.spec, audio[at : at + cut], reuse=False)
    assert chunk_digests(made.source) == before


@pytest.fixture(scope="module")
def one_pass(made: Made) -> dict[int, str]:
    """A digest of each frame's canvas, of one render of everything at once."""
    return _digests(made, [whole_chunk(made.composed)])


def test_chunked_canvases_are_those_of_one_pass(made: Made, one_pass: dict[int, str]) -> None:
    assert _digests(made, made.composed.video_chunks()) == one_pass


def test_canvases_are_the_same_wherever_one_begins(made: Made, one_pass: dict[int, str]) -> None:
    """Single frames and short spans from anywhere: frozen where frozen, clean where clean."""
    frames = made.composed.frames
    starts = [*range(frames.start, frames.stop, 37), frames.stop - 1]
    for start in starts:
        span = range(start, min(start + (1 if start % 2 else 9), frames.stop))
        found = _digests(made, made.composed.video_chunks(span))
        assert found == {n: one_pass[n] for n in span}, f"frames from {start} on"


def test_no_step_at_a_joint(made: Made) -> None:
    steps = np.array(list(_coding_steps(made)))
    joints = [c.first_frame - made.composed.frames.start for c in made.composed.video_chunks()][1:]
    others = sorted(set(check_mp4(made.path).keyframes) - {0, *joints})
    at_joints, elsewhere = steps[joints], steps[others]
    print(f"step at joints {at_joints.round(3)}, at other keyframes {elsewhere.round(3)}")
    assert at_joints.max() <= elsewhere.max() + 0.05


def test_sound_is_as_true_at_joints_as_anywhere(made: Made) -> None:
    """Neither is the codec's error larger there, nor what it has above that of one continuous encode.

    Where packets are lost at the joint itself, both sides make up what is missing, each from its own past.
    """
    exact = _exact_mix(made)
    error, reference = _error(samples_of(made.path)[0], exact), _error(_continuous(made, exact), exact)
    joints = np.arange(CHUNK_SAMPLES, len(exact), CHUNK_SAMPLES) // AAC_FRAME
    near = np.abs(np.arange(len(error))[:, None] - joints + 0.5).min(axis=1) < JOINT_AAC_FRAMES
    print(
        f"error at joints {error[near].max():.2e}, of one continuous encode there {reference[near].max():.2e}; "
        f"elsewhere {error[~near].max():.2e} and {reference[~near].max():.2e}"
    )
    excess = error - reference
    assert error[near].max() <= error[~near].max()
    assert excess[near].max() <= max(excess[~near].max(), INAUDIBLE) + _disagreement(made)


def test_neighbours_mix_the_same_sound_around_their_joint(made: Made) -> None:
    most = MADE_UP if any(w["code"] == "packets-lost" for w in made.report.warnings) else WARMED_UP
    assert _disagreement(made) <= most


# ---- pictures --------------------------------------------------------------------------------------------


def _canvases(made: Made, chunks: Sequence[VideoChunk]) -> Iterator[tuple[int, bytes, NDArray[np.uint8]]]:
    """(frame, all planes' bytes, luma) of each frame, drawn by one renderer over `chunks`."""
    numbers = (n for c in chunks for n in range(c.first_frame, c.end_frame))
    renderer = SpanRenderer(Workbench(made.composed.spec), chunks, lambda: 0.0)
    for n, picture in zip(numbers, renderer.frames(), strict=True):
        yield n, b"".join(plane.tobytes() for plane in (picture.y, picture.u, picture.v)), picture.y


def _digests(made: Made, chunks: Sequence[VideoChunk]) -> dict[int, str]:
    return {n: hashlib.sha1(data).hexdigest() for n, data, _ in _canvases(made, chunks)}


def _coding_steps(made: Made) -> Iterator[float]:
    """How much more each decoded frame differs from the one before it than the canvases do: mean of luma."""
    before: tuple[NDArray[np.int16], NDArray[np.int16]] | None = None
    pairs = zip(lumas(made.path), _canvases(made, [whole_chunk(made.composed)]), strict=True)
    for (_, decoded), (_, _, drawn) in pairs:
        now = decoded.astype(np.int16), drawn.astype(np.int16)
        yield float(np.abs(now[0] - before[0]).mean() - np.abs(now[1] - before[1]).mean()) if before else 0.0
        before = now


# ---- sound -----------------------------------------------------------------------------------------------


def _exact_mix(made: Made) -> NDArray[np.float32]:
    """What the file should sound like: the limited mix of the whole export, (n, 2)."""
    chunks = made.composed.audio_chunks()
    tracks = tuple(Workbench(made.composed.spec).heard_tracks([c.number for c in chunks]))
    inner = slice(MARGIN_SAMPLES - LIMITER_CONTEXT, MARGIN_SAMPLES + CHUNK_SAMPLES + LIMITER_CONTEXT)
    parts = [limit(mix_chunk(c.number, c.plan.audio, tracks)[inner]) for c in chunks]
    return np.concatenate(parts)[: made.composed.samples.stop]


def _disagreement(made: Made) -> float:
    """The largest difference between the mixes of neighbouring chunks, where both are encoded."""
    chunks = made.composed.audio_chunks()
    tracks = tuple(Workbench(made.composed.spec).heard_tracks([c.number for c in chunks]))
    mixes = [mix_chunk(c.number, c.plan.audio, tracks) for c in chunks]
    both, joint = 2 * MARGIN_SAMPLES, MARGIN_SAMPLES
    encoded = slice(joint - AAC_PREROLL_FRAMES * AAC_FRAME, joint + AAC_POSTROLL_FRAMES * AAC_FRAME)
    return max(float(np.abs(a[-both:] - b[:both])[encoded].max()) for a, b in pairwise(mixes))


def _continuous(made: Made, exact: NDArray[np.float32]) -> Floats:
    """The whole mix through one encoder, decoded, mono."""
    config, packets = encode_aac(exact, made.composed.spec.audio)
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = config
    frames = [frame for data in packets for frame in decoder.decode(av.Packet(data))]
    return np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])[AAC_FRAME:].astype(np.float64)


def _error(heard: Floats, exact: NDArray[np.float32]) -> Floats:
    """The RMS of what differs, for each AAC frame."""
    whole = len(exact) // AAC_FRAME * AAC_FRAME
    difference = (heard[:whole] - exact[:whole].mean(axis=1)).reshape(-1, AAC_FRAME)
    error: Floats = np.sqrt((difference**2).mean(axis=1))
    return error
