"""The once-only intermediate of a track whose keyframes are too rare: the same pictures, with regular keyframes.

A pass through the whole track decodes what may be shown and encodes it again at high quality, in pieces of
about a minute that each begin with a keyframe. A piece is a chunk object whose description lists the rows of
the index that its samples show, so a player asks for rows as it does of the recording. Whether a track gets
one is decided from its index alone: a picture is the same for every job.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from compositing.geometry import Size
from compositing.picture import Picture
from renderer.decode import VideoDecoder, to_picture
from renderer.encode import BT601, new_frame
from renderer.h264_bytes import annexb_to_avcc, avcc_config, avcc_parameters, avcc_to_annexb, parameter_sets
from renderer.index import TrackIndex
from renderer.rtp.units import AccessUnit
from renderer.samples import ChunkHeader, pack_video_chunk, unpack_chunk

VERSION = 1
KEYFRAME_EVERY_US = 4_000_000
PIECE_US = 60_000_000
_OPTIONS = {
    "preset": "superfast",
    "crf": "12",
    "tune": "zerolatency",
    "x264-params": "cpu-independent=1:scenecut=0:keyint=infinite:bframes=0",
}


def is_needed(index: TrackIndex, max_keyframe_interval_s: float) -> bool:
    """Whether decoding some picture of this track would need a lead-in longer than the bound."""
    keys = index.time_us[index.keyframe & index.complete]
    if not len(keys):
        return False
    gaps = np.diff(np.append(keys, index.time_us[-1]))
    return bool(gaps.max() > max_keyframe_interval_s * 1e6)


def stamp(index: TrackIndex, loss: str) -> str:
    """Names the intermediate of a track: equal for equal packets, loss policy and version of this module."""
    sha = hashlib.sha256(f"{VERSION} {loss} {av.library_versions} {sorted(_OPTIONS.items())}".encode())
    sha.update(index.digest.tobytes() + index.time_us.tobytes())
    return sha.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Piece:
    """One object of an intermediate: its number and its first and last row."""

    number: int
    first_row: int
    last_row: int


def make(
    units: Iterator[AccessUnit], codec: str, shown: NDArray[np.bool_], on_unit: Callable[[int], None]
) -> Iterator[tuple[Piece, bytes]]:
    """The pieces of a track, in order, each as a chunk object. `on_unit(row)` is called after each unit."""
    number = 1
    start_us: int | None = None
    encoder = _PieceEncoder()
    for row, time_us, picture in _pictures(units, codec, shown, on_unit):
        full = start_us is not None and time_us - start_us >= PIECE_US
        if encoder.size is not None and (full or encoder.size != (picture.w, picture.h)):
            yield encoder.finish(number)
            number, start_us, encoder = number + 1, None, _PieceEncoder()
        start_us = time_us if start_us is None else start_us
        encoder.add(row, time_us, picture)
    if encoder.size is not None:
        yield encoder.finish(number)


def _pictures(
    units: Iterator[AccessUnit], codec: str, shown: NDArray[np.bool_], on_unit: Callable[[int], None]
) -> Iterator[tuple[int, int, Picture]]:
    decoder = VideoDecoder(codec)
    started = False
    for unit in units:
        begins = unit.keyframe and unit.complete
        started = started or begins
        frame = decoder.decode(unit.data, begins) if started else None
        if frame is not None and shown[unit.index]:
            yield unit.index, unit.time_us, to_picture(frame, 0)
        on_unit(unit.index)


class _PieceEncoder:
    """Encodes one piece: one size, first picture a keyframe, then one every `KEYFRAME_EVERY_US`."""

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self._rows: list[int] = []
        self._packets: list[tuple[bytes, int, bool]] = []
        self._last_key_us = 0

    def add(self, row: int, time_us: int, picture: Picture) -> None:
        if self.size is None:
            self._open(picture)
        for plane, source in zip(self._planes.planes, picture.planes, strict=True):
            missing = [(0, p - s) for p, s in zip(plane.shape, source.shape, strict=True)]
            plane[:] = np.pad(source, missing, mode="edge")  # odd sizes grow to even ones
        key = not self._rows or time_us - self._last_key_us >= KEYFRAME_EVERY_US
        self._last_key_us = time_us if key else self._last_key_us
        self._frame.pict_type = PictureType.I if key else PictureType.NONE
        self._frame.pts = len(self._rows)
        self._rows.append(row)
        self._keep(self._context.encode(self._frame))

    def finish(self, number: int) -> tuple[Piece, bytes]:
        self._keep(self._context.encode(None))
        assert self.size is not None
        data = pack_video_chunk(
            self._packets,
            config=avcc_config(*parameter_sets(bytes(self._context.extradata or b""))),
            width=self.size[0],
            height=self.size[1],
            fps=1,
            first_frame=0,
            extra={"rows": self._rows},
        )
        return Piece(number, self._rows[0], self._rows[-1]), data

    def _open(self, picture: Picture) -> None:
        self.size = (picture.w, picture.h)
        even = Size(picture.w + picture.w % 2, picture.h + picture.h % 2)
        self._frame, self._planes = new_frame(even)
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = even.w, even.h, "yuv420p"
        context.time_base, context.thread_count = Fraction(1, 30), 1
        context.colorspace = BT601
        context.flags |= av.codec.context.Flags.global_header
        context.options = dict(_OPTIONS)
        context.open()
        self._context = context

    def _keep(self, packets: Sequence[Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.pts is not None
            self._packets.append((annexb_to_avcc(bytes(packet)), packet.pts, packet.is_keyframe))


def pack_contents(pieces: Sequence[Piece]) -> bytes:
    """The table of contents: written last, so that an intermediate that has one is whole."""
    rows = [[p.number, p.first_row, p.last_row] for p in pieces]
    return json.dumps({"version": VERSION, "pieces": rows}).encode()


def parse_contents(data: bytes) -> tuple[Piece, ...]:
    return tuple(Piece(*row) for row in json.loads(data)["pieces"])


class IntermediateReader:
    """Gives the units of an intermediate, by rows of the track's index; a `player.UnitReader`."""

    codec = "h264"

    def __init__(
        self, index: TrackIndex, pieces: Sequence[Piece], fetch: Callable[[int], bytes], base: int = 0
    ) -> None:
        """`fetch(number)` reads the object of a piece; row 0 of `index` is row `base` of the whole track."""
        self._index = index
        self._base = base
        self._pieces = pieces
        self._first_rows = [p.first_row for p in pieces]
        self._piece = lru_cache(maxsize=2)(lambda number: _OpenPiece(fetch(number)))

    def keyframe_before(self, row: int) -> int:
        at = bisect_right(self._first_rows, row + self._base) - 1
        return self._piece(self._pieces[at].number).keyframe_before(row + self._base) - self._base if at >= 0 else -1

    def units(self, first_row: int, last_row: int) -> Iterator[AccessUnit]:
        at = max(0, bisect_right(self._first_rows, first_row + self._base) - 1)
        for piece in self._pieces[at:]:
            if piece.first_row - self._base > last_row:
                return
            for row, data, key in self._piece(piece.number).samples():
                if first_row <= row - self._base <= last_row:
                    yield self._unit(row - self._base, data, key)

    def _unit(self, row: int, data: bytes, key: bool) -> AccessUnit:
        index = self._index
        return AccessUnit(
            index=row,
            time_us=int(index.time_us[row]),
            ticks=int(index.ticks[row]),
            data=data,
            keyframe=key,
            complete=True,
            gap_before=False,
            clean=True,
            rotation=int(index.rotation[row]),
            width=int(index.width[row]),
            height=int(index.height[row]),
            samples=0,
        )


class _OpenPiece:
    """A piece in memory."""

    def __init__(self, data: bytes) -> None:
        header, self._samples = unpack_chunk(data)
        self._header: ChunkHeader = header
        self._rows = np.asarray(header.extra["rows"], np.int64)
        self._parameters = avcc_parameters(header.config)

    def keyframe_before(self, row: int) -> int:
        keys = self._rows[self._header.keyframes]
        return int(keys[np.searchsorted(keys, row, side="right") - 1])

    def samples(self) -> Iterator[tuple[int, bytes, bool]]:
        for row, data, key in zip(self._rows, self._samples, self._header.keyframes, strict=True):
            yield int(row), (self._parameters if key else b"") + avcc_to_annexb(data), bool(key)
