"""The cached chunk: one immutable object with the encoded samples of a fixed piece of recording time.

Takes the packets of one encoder run (video in AVCC form, see `h264_bytes`; raw AAC frames), gives one
blob that describes itself. Everything that an MP4 header needs stands in its first kilobytes, so a
stitcher reads them by range and knows the whole file's header before it copies the first sample. All
integers are big-endian:

    offset  size  what
         0     8  magic "FARMCHNK"
         8     2  version = 1
        10     2  reserved = 0
        12     4  J, length of the description in bytes
        16     4  n, number of samples
        20     8  length of the payload in bytes
        28     4  CRC-32 of bytes 0..27, the description and the tables
        32     J  the description: JSON, keys sorted (see `ChunkHeader`)
      32+J   9*n  tables: sizes (n x i32), composition offsets (n x i32), keyframes (n x u8)
  32+J+9*n        the payload: the samples one after another, in decoding order

The same packets give the same bytes. The digest in the description covers the payload, the CRC the rest: no
damage goes unseen. Must not know: what the samples show, MP4, object stores.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from renderer.errors import CorruptChunk

Int32s: TypeAlias = NDArray[np.int32]
Bools: TypeAlias = NDArray[np.bool_]
RangedReader: TypeAlias = Callable[[int, int], bytes]
"""`read(offset, length)`: the object's bytes [offset, offset + length), clipped to its end."""

AAC_FRAME_SAMPLES = 1024
HEADER_READ_BYTES = 16_384
"""The first request of `read_header`: holds the header of a chunk of 8 s at 60 fps."""

_MAGIC, _VERSION = b"FARMCHNK", 1
_PRELUDE = struct.Struct(">8sHHIIQI")
_MAX_DESCRIPTION_BYTES, _MAX_SAMPLES = 1 << 20, 1 << 20
_TABLE_BYTES_PER_SAMPLE = 9


@dataclass(frozen=True, eq=False)
class ChunkHeader:
    """What a chunk says of itself. Samples are numbered in decoding order, 0..n-1.

    Raises:
        ValueError: the fields contradict each other.
    """

    kind: Literal["video", "audio"]
    codec: Literal["h264", "aac"]
    config: bytes
    """The body of `avcC` for H.264; the AudioSpecificConfig for AAC."""
    width: int
    height: int
    """Pixels; 0 for audio."""
    ticks_per_second: int
    """fps for video, 48000 for audio."""
    sample_ticks: int
    """The constant duration of a sample: 1 (a frame) for video, 1024 for AAC."""
    first: int
    """Number of the first video frame, or of the first AAC frame, on the grid of recording time. AAC frame j
    carries samples [1024 j, 1024 (j + 1)) and needs frame j - 1 decoded before it. -1 is the priming."""
    sizes: Int32s
    """(n,) bytes."""
    composition_offsets: Int32s
    """(n,) ticks: presentation time minus i * sample_ticks, both from the chunk's start. Negative where a
    B-frame is shown before its place in decoding order; all 0 for audio."""
    keyframes: Bools
    """(n,) whether decoding can begin here; all true for audio."""
    digest: bytes
    """SHA-256 of the payload."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """JSON: encoder name, engine, statistics."""

    def __post_init__(self) -> None:
        n = len(self.sizes)
        for table in (self.sizes, self.composition_offsets, self.keyframes):
            if table.shape != (n,):
                raise ValueError("tables of different lengths")
        if n == 0 or int(self.sizes.min()) <= 0:
            raise ValueError("no samples, or an empty one")
        if (self.kind, self.codec) not in {("video", "h264"), ("audio", "aac")}:
            raise ValueError(f"{self.codec!r} as {self.kind!r}")
        if self.ticks_per_second <= 0 or self.sample_ticks <= 0 or len(self.digest) != 32 or not self.config:
            raise ValueError("no time base, no codec configuration, or no digest")
        if not self.keyframes[0]:
            raise ValueError("the first sample is not a keyframe")
        self._check_presentation()

    def _check_presentation(self) -> None:
        places = self.composition_offsets // self.sample_ticks + np.arange(self.count)
        on_grid = not np.any(self.composition_offsets % self.sample_ticks)
        if not on_grid or not np.array_equal(np.sort(places), np.arange(self.count)):
            raise ValueError("the samples' presentation times are not 0..n-1, each once")

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(self.sizes)

    @property
    def end(self) -> int:
        """The number of the first frame after this chunk."""
        return self.first + self.count

    @property
    def payload_bytes(self) -> int:
        return int(self.sizes.sum(dtype=np.int64))


def pack_chunk(
    samples: Sequence[bytes],
    *,
    kind: Literal["video", "audio"],
    codec: Literal["h264", "aac"],
    config: bytes,
    width: int,
    height: int,
    ticks_per_second: int,
    sample_ticks: int,
    first: int,
    composition_offsets: Sequence[int],
    keyframes: Sequence[bool],
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The chunk object of `samples`, in decoding order; the other fields as in `ChunkHeader`.

    Raises:
        ValueError: the fields contradict each other, or `extra` is not JSON.
    """
    payload = b"".join(samples)
    header = ChunkHeader(
        kind,
        codec,
        config,
        width,
        height,
        ticks_per_second,
        sample_ticks,
        first,
        np.fromiter(map(len, samples), np.int32, len(samples)),
        np.asarray(composition_offsets, np.int32),
        np.asarray(keyframes, np.bool_),
        hashlib.sha256(payload).digest(),
        extra or {},
    )
    return _header_bytes(header) + payload


def pack_video_chunk(
    packets: Sequence[tuple[bytes, int, bool]],
    *,
    config: bytes,
    width: int,
    height: int,
    fps: int,
    first_frame: int,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The chunk of H.264 `packets` (AVCC sample, pts in frames from the chunk's start, keyframe), in the
    encoder's order. The encoder's own dts is not asked for: it differs for chunks of one or two frames.

    Raises:
        ValueError: as `pack_chunk`.
    """
    return pack_chunk(
        [data for data, _, _ in packets],
        kind="video",
        codec="h264",
        config=config,
        width=width,
        height=height,
        ticks_per_second=fps,
        sample_ticks=1,
        first=first_frame,
        composition_offsets=[pts - i for i, (_, pts, _) in enumerate(packets)],
        keyframes=[keyframe for _, _, keyframe in packets],
        extra=extra,
    )


def pack_audio_chunk(
    packets: Sequence[bytes],
    *,
    config: bytes,
    first_packet: int,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The chunk of AAC `packets` first_packet, first_packet + 1, ... of recording time, 48 kHz.

    FFmpeg's encoder, fed from sample s = 1024 a, gives its first packet pts -1024: that one is number a - 1.

    Raises:
        ValueError: as `pack_chunk`.
    """
    return pack_chunk(
        packets,
        kind="audio",
        codec="aac",
        config=config,
        width=0,
        height=0,
        ticks_per_second=48_000,
        sample_ticks=AAC_FRAME_SAMPLES,
        first=first_packet,
        composition_offsets=[0] * len(packets),
        keyframes=[True] * len(packets),
        extra=extra,
    )


def read_header(read: RangedReader, key: str = "") -> tuple[ChunkHeader, int]:
    """The header of a chunk object and the offset of its payload, in at most two ranged reads.

    Args:
        read: a ranged reader of the object.
        key: its name, for errors.

    Raises:
        CorruptChunk: it is no chunk, of another version, cut or damaged.
    """
    head = read(0, HEADER_READ_BYTES)
    json_bytes, count, payload_bytes, crc = _parse_prelude(head, key)
    offset = _PRELUDE.size + json_bytes + _TABLE_BYTES_PER_SAMPLE * count
    if offset > len(head):
        head += read(len(head), offset - len(head))
    if len(head) < offset:
        raise CorruptChunk(key, f"its header of {offset} bytes is cut at byte {len(head)}")
    if zlib.crc32(head[_PRELUDE.size : offset], zlib.crc32(head[: _PRELUDE.size - 4])) != crc:
        raise CorruptChunk(key, "its header does not match its checksum")
    try:
        header = _parse_body(head[_PRELUDE.size : offset], json_bytes, count)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptChunk(key, f"its header makes no sense ({error})") from error
    if header.payload_bytes != payload_bytes:
        raise CorruptChunk(key, "its sample sizes do not add up to its payload")
    return header, offset


def unpack_chunk(blob: bytes, key: str = "") -> tuple[ChunkHeader, list[bytes]]:
    """The header and the samples of a whole chunk object.

    Raises:
        CorruptChunk: as `read_header`, or the payload is not what the digest says.
    """
    header, offset = read_header(lambda start, length: blob[start : start + length], key)
    if len(blob) != offset + header.payload_bytes:
        raise CorruptChunk(key, f"{len(blob)} bytes where {offset + header.payload_bytes} belong")
    if hashlib.sha256(memoryview(blob)[offset:]).digest() != header.digest:
        raise CorruptChunk(key, "its payload does not match its digest")
    ends = (offset + np.cumsum(header.sizes, dtype=np.int64)).tolist()
    return header, [blob[start:end] for start, end in zip([offset, *ends], ends, strict=False)]


def _header_bytes(header: ChunkHeader) -> bytes:
    description = {
        "codec": header.codec,
        "config": header.config.hex(),
        "digest": header.digest.hex(),
        "extra": dict(header.extra),
        "first": header.first,
        "height": header.height,
        "kind": header.kind,
        "sample_ticks": header.sample_ticks,
        "ticks_per_second": header.ticks_per_second,
        "width": header.width,
    }
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    tables = (
        header.sizes.astype(">i4").tobytes()
        + header.composition_offsets.astype(">i4").tobytes()
        + header.keyframes.astype(np.uint8).tobytes()
    )
    prelude = _PRELUDE.pack(_MAGIC, _VERSION, 0, len(text), header.count, header.payload_bytes, 0)[:-4]
    crc = zlib.crc32(text + tables, zlib.crc32(prelude))
    return prelude + crc.to_bytes(4, "big") + text + tables


def _parse_prelude(head: bytes, key: str) -> tuple[int, int, int, int]:
    if len(head) < _PRELUDE.size:
        raise CorruptChunk(key, f"only {len(head)} bytes")
    magic, version, _, json_bytes, count, payload_bytes, crc = _PRELUDE.unpack_from(head)
    if magic != _MAGIC:
        raise CorruptChunk(key, "it does not begin as a chunk does")
    if version != _VERSION:
        raise CorruptChunk(key, f"version {version}, where this program reads {_VERSION}")
    if json_bytes > _MAX_DESCRIPTION_BYTES or count > _MAX_SAMPLES:
        raise CorruptChunk(key, "its header has no plausible size")
    return json_bytes, count, payload_bytes, crc


def _parse_body(body: bytes, json_bytes: int, count: int) -> ChunkHeader:
    d = json.loads(body[:json_bytes])
    tables = np.frombuffer(body, ">i4", 2 * count, json_bytes).astype(np.int32)
    return ChunkHeader(
        kind=d["kind"],
        codec=d["codec"],
        config=bytes.fromhex(d["config"]),
        width=d["width"],
        height=d["height"],
        ticks_per_second=d["ticks_per_second"],
        sample_ticks=d["sample_ticks"],
        first=d["first"],
        sizes=tables[:count],
        composition_offsets=tables[count:],
        keyframes=np.frombuffer(body, np.uint8, count, json_bytes + 8 * count).astype(np.bool_),
        digest=bytes.fromhex(d["digest"]),
        extra=d["extra"],
    )
