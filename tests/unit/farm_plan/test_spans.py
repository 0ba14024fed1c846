"""A chunk's pictures are the same whoever renders it, and the still at its first frame is its first frame."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from compositing.fonts import FontBook, installed_fonts
from compositing.picture import Picture
from compositing.state import CompositionState
from farm.compose import Composed, RenderChoices, compose
from farm.executors.base import CancelToken
from farm.executors.local import LocalExecutor
from farm.prepare import prepare
from farm.run import put_rasters
from renderer.chunk import SpanRenderer, cast
from renderer.profiles import audio_profile, video_profile
from renderer.rtp.extensions import ExtensionIds
from renderer.samples import unpack_chunk
from renderer.spec import VideoChunk
from renderer.still import still, thumbnails
from renderer.workbench import Workbench
from storage.objects import StoreSpec
from storage.recordings import open_recording
from tests.support.meetings import Camera, Meeting, Network, Peer, write_meeting

FPS = 10
LOSSY = Network(loss=0.03, loss_burst=2, seed=5)


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Composed:
    """20 s of two peers; one loses packets and pauses, pictures change places in the second chunk."""
    base = tmp_path_factory.mktemp("meeting")
    camera = Camera("vp8", 160, 96, 10.0, 300_000, keyframe_every_ms=2500, pauses=((9000, 11_000),), network=LOSSY)
    phone = Camera("h264", 96, 160, 10.0, keyframe_every_ms=7000)
    peers = (Peer(1, "Ada", camera=camera), Peer(2, "Ben", camera=phone))
    truth = write_meeting(Meeting(peers, 20_000), base)
    recording = open_recording(StoreSpec(str(base)), "room-1", truth.meeting.recording_id)
    prepared = prepare(recording, ExtensionIds(), "freeze", LocalExecutor(), lambda event: None, CancelToken())
    document = {
        "version": 1,
        "recording_id": truth.meeting.recording_id,
        "room_id": "room-1",
        "layout": "grid",
        "timeline": [{"t": 12_000, "type": "layout", "layout": "speaker"}],
        "style": {"transition_ms": 500},
        "export": {"resolution": "320x180", "fps": FPS},
    }
    state = CompositionState.model_validate_json(json.dumps(document))
    choices = RenderChoices(video_profile("draft", "x264", FPS), audio_profile("draft"))
    made = compose(prepared, state, FontBook(installed_fonts([])), choices)
    put_rasters(recording, made)
    return made


def render(composed: Composed, chunks: tuple[VideoChunk, ...]) -> list[bytes]:
    renderer = SpanRenderer(Workbench(composed.spec), chunks, lambda: 0.0)
    return [result.data for result in renderer.render()]


def test_chunks_rendered_apart_are_those_rendered_in_one_span(composed: Composed) -> None:
    chunks = composed.video_chunks()
    assert [(c.first_frame, c.end_frame) for c in chunks] == [(0, 80), (80, 160), (160, 200)]
    assert [data for chunk in chunks for data in render(composed, (chunk,))] == render(composed, chunks)


def test_frames_of_a_part_are_those_of_the_whole(composed: Composed) -> None:
    whole = [p.y.tobytes() for p in frames(composed, composed.video_chunks())]
    part = [p.y.tobytes() for p in frames(composed, composed.video_chunks(range(93, 127)))]
    assert part == whole[93:127]


def frames(composed: Composed, chunks: tuple[VideoChunk, ...]) -> Iterator[Picture]:
    return SpanRenderer(Workbench(composed.spec), chunks, lambda: 0.0).frames()


def test_a_still_is_the_frame_that_is_exported(composed: Composed) -> None:
    whole = [p.y.copy() for p in frames(composed, composed.video_chunks())]
    for frame in (0, 57, 122, 199):
        (chunk,) = composed.video_chunks(range(frame, frame + 1))
        assert np.array_equal(still(Workbench(composed.spec), chunk).y, whole[frame])


def test_a_chunk_says_what_it_cost(composed: Composed) -> None:
    (result,) = SpanRenderer(Workbench(composed.spec), composed.video_chunks()[1:2], lambda: 0.0).render()
    assert 0 < result.lead_in < result.decoded < 170
    header, samples = unpack_chunk(result.data)
    assert (header.first, header.count, len(samples)) == (80, 80, 80)


def test_thumbnails_are_frames_of_the_chunk(composed: Composed) -> None:
    (data,) = render(composed, composed.video_chunks()[1:2])
    found = dict(thumbnails(data, (80, 133, 159)))
    assert list(found) == [80, 133, 159]
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in found.values())
    assert len(set(found.values())) == 3


def test_a_cancelled_span_stops_between_frames(composed: Composed) -> None:
    drawn: list[int] = []

    def on_frame() -> None:
        drawn.append(1)
        if len(drawn) == 7:
            raise KeyboardInterrupt

    renderer = SpanRenderer(Workbench(composed.spec), composed.video_chunks(), lambda: 0.0)
    with pytest.raises(KeyboardInterrupt):
        list(renderer.render(on_frame))
    assert len(drawn) == 7


def test_the_cast_is_who_is_on_the_canvas_and_who_leaves(composed: Composed) -> None:
    grid, plan = composed.spec.grid, composed.plan
    on = cast(plan, grid, range(200))
    assert set(on) == {("peer-1", "camera"), ("peer-2", "camera")}
    assert not on["peer-1", "camera"][96:109].any(), "the pause, after the transition to the avatar"
    assert on["peer-2", "camera"].all()
    assert np.array_equal(cast(plan, grid, range(80, 90))["peer-1", "camera"], on["peer-1", "camera"][80:90])
