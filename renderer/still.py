"""Single frames: the composed picture at one instant, and thumbnails out of finished chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compositing.picture import Picture
from compositing.stills import encode_still
from renderer.chunk import SpanRenderer
from renderer.decode import VideoDecoder, to_picture
from renderer.h264_bytes import avcc_parameters, avcc_to_annexb
from renderer.samples import unpack_chunk
from renderer.spec import VideoChunk
from renderer.workbench import Workbench

THUMBNAIL_WIDTH = 480


def still(bench: Workbench, chunk: VideoChunk) -> Picture:
    """The canvas of the first frame of `chunk`: the very picture that an export encodes there."""
    renderer = SpanRenderer(bench, [chunk], clock=lambda: 0.0)
    renderer.warm_up()
    return next(renderer.frames())


def thumbnails(data: bytes, frames: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """JPEG files of some `frames` (numbers of recording time, rising) of a finished video chunk."""
    header, samples = unpack_chunk(data)
    wanted = {n - header.first for n in frames}
    decoder = VideoDecoder("h264")
    parameters = avcc_parameters(header.config)
    shown = 0
    for sample, key in zip([*samples, b""], [*header.keyframes, False], strict=True):
        for frame in decoder.decode_all((parameters if key else b"") + avcc_to_annexb(sample)):
            if shown in wanted:
                yield shown + header.first, encode_still(to_picture(frame, 0), "jpeg", THUMBNAIL_WIDTH)
            shown += 1
