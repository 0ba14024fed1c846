"""The composed picture at one instant, as an image file: the very picture that an export has there.

Takes a Composer, so that who asks again and again (a page on which somebody drags a tile) pays once for what the
pictures have in common. Reads the recording; writes nothing but an intermediate that is missing.
"""

from __future__ import annotations

from compositing.state import CompositionState
from compositing.stills import StillFormat, encode_still
from compositing.times import FrameGrid, Span
from farm.compose import Composer
from farm.run import Surroundings, fonts_of, intermediate_tasks, read, render_choices
from renderer.remembered import PictureMemory
from renderer.still import still
from renderer.workbench import Workbench
from storage.recordings import Recording


def still_of(
    recording: Recording, state: CompositionState, at_s: float, form: StillFormat, around: Surroundings
) -> bytes:
    """The composed picture at `at_s` seconds of recording time. Raises InvalidRange outside of it."""
    return draw_still(Composer(read(recording, around), fonts_of(around.settings)), state, at_s, form, around)


def draw_still(
    composer: Composer,
    state: CompositionState,
    at_s: float,
    form: StillFormat,
    around: Surroundings,
    pictures: PictureMemory | None = None,
) -> bytes:
    """As `still_of`, of a recording that was read before; decoded `pictures` are kept for the next time."""
    recording = composer.prepared.recording
    whole = state.export.model_copy(update={"start_ms": 0, "end_ms": None})
    frame = FrameGrid(state.export.fps).shown_at(round(at_s * 1000))
    window = Span(frame * 1000 // state.export.fps, -(-(frame + 1) * 1000 // state.export.fps))
    choices = render_choices(state, around.settings)
    composed = composer.compose(state.model_copy(update={"export": whole}), choices, window)
    if tasks := intermediate_tasks(recording, composed):
        around.executor.run(tasks, around.observer, around.cancel)
    (chunk,) = composed.video_chunks(range(frame, frame + 1))
    bench = Workbench(composed.spec, recording.store, composed.prepared.indexes, composed.rasters, pictures)
    return encode_still(still(bench, chunk), form)
