"""A reader of fragmented MP4 of its own: it walks the boxes of an init segment and of media segments, and checks
every number in them, without the writer's code (ISO/IEC 14496-12, 8.8; 14496-14; 14496-15).

    init = read_init(data)
    segment = read_segment(data, init)            # BadFragment says what is wrong
    segment.video.first_tick, segment.video.durations

Streams with at most one H.264 and one AAC track, as HLS has them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex"}
_BASE_IS_MOOF, _TFHD_DURATION, _TFHD_SIZE, _TFHD_FLAGS = 0x020000, 0x08, 0x10, 0x20
_TFHD_BASE, _TFHD_ENTRY = 0x01, 0x02
_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE, _FLAGS, _SHIFT = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800
_NOT_SYNC = 0x00010000
_IDR, _SLICE = 5, 1


class BadFragment(Exception):
    """The bytes are not what a player may expect."""


@dataclass(frozen=True, slots=True)
class InitTrack:
    """What the init segment tells of a track."""

    track_id: int
    handler: str
    """`vide` or `soun`."""
    timescale: int
    size: tuple[int, int]
    """(0, 0) for sound."""
    config: bytes
    """The body of `avcC`, or the AudioSpecificConfig."""
    defaults: tuple[int, int, int]
    """Duration, size, flags of `trex`."""


@dataclass(frozen=True, slots=True)
class Init:
    """An init segment."""

    tracks: dict[int, InitTrack]

    def of(self, handler: str) -> InitTrack | None:
        return next((t for t in self.tracks.values() if t.handler == handler), None)


@dataclass(frozen=True, slots=True)
class Run:
    """One track's samples in a segment."""

    first_tick: int
    durations: tuple[int, ...]
    sync: tuple[bool, ...]
    samples: tuple[bytes, ...]

    @property
    def ticks(self) -> int:
        """How long they last together."""
        return sum(self.durations)


@dataclass(frozen=True, slots=True)
class Segment:
    """A media segment: one fragment."""

    number: int
    video: Run | None
    audio: Run | None


def read_init(data: bytes) -> Init:
    """Raises BadFragment."""
    top = dict(_boxes(data))
    if list(top) != [b"ftyp", b"moov"]:
        _bad(f"an init segment is ftyp and moov, not {list(top)}")
    movie = list(_boxes(top[b"moov"]))
    extends = {struct.unpack_from(">4xI", b)[0]: b for b in _all(dict(movie)[b"mvex"], b"trex")}
    tracks = [_track(body, extends) for kind, body in movie if kind == b"trak"]
    if not tracks or {t.track_id for t in tracks} != set(extends):
        _bad("there is not exactly one trex for each track")
    if b"elst" in data:
        _bad("an edit list shifts what decode times say")
    return Init({t.track_id: t for t in tracks})


def read_segment(data: bytes, init: Init) -> Segment:
    """Raises BadFragment."""
    boxes = list(_boxes(data))
    if [kind for kind, _ in boxes] != [b"moof", b"mdat"]:
        _bad(f"a media segment is moof and mdat, not {[kind for kind, _ in boxes]}")
    moof = list(_boxes(boxes[0][1]))
    if [kind for kind, _ in moof] != [b"mfhd", *[b"traf"] * (len(moof) - 1)]:
        _bad("a moof is mfhd and trafs")
    payload = (len(boxes[0][1]) + 16, len(data))
    runs = {track_id: (run, extent) for track_id, run, extent in (_run(b, init, data) for _, b in moof[1:])}
    if len(runs) != len(moof) - 1 or set(runs) != set(init.tracks):
        _bad(f"fragments of tracks {sorted(runs)}, the init segment has {sorted(init.tracks)}")
    _check_tiling([extent for _, extent in runs.values()], payload)
    by_handler = {init.tracks[track_id].handler: run for track_id, (run, _) in runs.items()}
    number: int = struct.unpack(">4xI", moof[0][1])[0]
    return Segment(number, by_handler.get("vide"), by_handler.get("soun"))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            _bad(f"{len(data) - at} stray bytes")
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            _bad(f"box {kind!r} of {size} bytes does not fit into its parent")
        yield kind, data[at + 8 : at + size]
        at += size


def _all(data: bytes, wanted: bytes) -> list[bytes]:
    """The bodies of all boxes of a kind, at any depth."""
    found: list[bytes] = []
    for kind, body in _boxes(data):
        found += [body] if kind == wanted else _all(body, wanted) if kind in _CONTAINERS else []
    return found


def _one(data: bytes, wanted: bytes) -> bytes:
    found = _all(data, wanted)
    if len(found) != 1:
        _bad(f"{len(found)} boxes {wanted!r}")
    return found[0]


def _track(trak: bytes, extends: dict[int, bytes]) -> InitTrack:
    tkhd, mdhd = _one(trak, b"tkhd"), _one(trak, b"mdhd")
    track_id = struct.unpack_from(">20xI" if tkhd[0] else ">12xI", tkhd)[0]
    timescale = struct.unpack_from(">20xI" if mdhd[0] else ">12xI", mdhd)[0]
    handler = _one(trak, b"hdlr")[8:12].decode()
    for name in (b"stts", b"stsc", b"stco"):
        if _one(trak, name) != bytes(8):
            _bad(f"{name!r} of an init segment must be empty")
    size, config = _entry(_one(trak, b"stsd"), handler)
    told = tuple(side >> 16 for side in struct.unpack(">II", tkhd[-8:]))
    if told != size:
        _bad(f"tkhd says {told}, the sample entry {size}")
    if track_id not in extends:
        _bad(f"no trex for track {track_id}")
    entry, *defaults = struct.unpack_from(">8xIIII", extends[track_id])
    if entry != 1:
        _bad("trex names another sample entry than the first")
    return InitTrack(track_id, handler, timescale, size, config, (defaults[0], defaults[1], defaults[2]))


def _entry(stsd: bytes, handler: str) -> tuple[tuple[int, int], bytes]:
    """Size and codec configuration of the only sample entry."""
    ((kind, body),) = _boxes(stsd[8:])
    if (handler, kind) == ("vide", b"avc1"):
        w, h = struct.unpack_from(">24xHH", body)
        return (w, h), dict(_boxes(body[78:]))[b"avcC"]
    if (handler, kind) == ("soun", b"mp4a"):
        channels, bits, rate = struct.unpack_from(">16xHH4xI", body)
        if (channels, bits, rate) != (2, 16, 48_000 << 16):
            _bad(f"sound of {channels} channels, {bits} bits, {rate >> 16} Hz")
        return (0, 0), _specific_config(dict(_boxes(body[28:]))[b"esds"][4:])
    raise BadFragment(f"a {handler} track of {kind!r}")


def _specific_config(esds: bytes) -> bytes:
    """ES_Descriptor (3) > DecoderConfigDescriptor (4) > DecoderSpecificInfo (5): ISO/IEC 14496-1, 7.2.6."""
    outer = _descriptor(esds, 3)[3:]
    decoder = _descriptor(outer, 4)
    if decoder[:2] != bytes([0x40, 0x15]):
        _bad("esds does not tell of AAC")
    return _descriptor(decoder[13:], 5)


def _descriptor(data: bytes, tag: int) -> bytes:
    at, length = 1, 0
    while True:
        length = length << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            break
    if data[0] != tag or at + length > len(data):
        _bad(f"descriptor {data[0]} of {length} bytes where {tag} is due")
    return data[at : at + length]


def _run(traf: bytes, init: Init, segment: bytes) -> tuple[int, Run, tuple[int, int]]:
    """Track, samples, and where in the segment they lie."""
    parts = list(_boxes(traf))
    if [kind for kind, _ in parts] != [b"tfhd", b"tfdt", b"trun"]:
        _bad(f"a traf is tfhd, tfdt, trun, not {[kind for kind, _ in parts]}")
    (tfhd, tfdt, trun) = (body for _, body in parts)
    track_id, defaults = _tfhd(tfhd, init)
    first_tick = struct.unpack(">4xQ" if tfdt[0] else ">4xI", tfdt)[0]
    durations, sizes, flags, offset = _trun(trun, defaults)
    samples, at = [], offset
    for size in sizes:
        samples.append(segment[at : at + size])
        at += size
    sync = tuple(not flag & _NOT_SYNC for flag in flags)
    run = Run(first_tick, tuple(durations), sync, tuple(samples))
    _check_samples(run, init.tracks[track_id])
    return track_id, run, (offset, at)


def _tfhd(body: bytes, init: Init) -> tuple[int, tuple[int, int, int]]:
    flags, track_id = struct.unpack_from(">II", body)
    if track_id not in init.tracks:
        _bad(f"a fragment of track {track_id}, which the init segment does not have")
    if not flags & _BASE_IS_MOOF or flags & (_TFHD_BASE | _TFHD_ENTRY):
        _bad("offsets do not count from the moof")
    values = list(init.tracks[track_id].defaults)
    present = [i for i, bit in enumerate((_TFHD_DURATION, _TFHD_SIZE, _TFHD_FLAGS)) if flags & bit]
    if len(body) != 8 + 4 * len(present):
        _bad("tfhd is not as long as its flags say")
    for place, i in enumerate(present):
        values[i] = struct.unpack_from(">I", body, 8 + 4 * place)[0]
    return track_id, (values[0], values[1], values[2])


def _trun(body: bytes, defaults: tuple[int, int, int]) -> tuple[list[int], list[int], list[int], int]:
    """Durations, sizes and flags of the samples, and the offset of the first from the front of the moof."""
    flags, count = struct.unpack_from(">II", body)
    flags &= 0xFFFFFF
    if flags & _SHIFT or not flags & _OFFSET:
        _bad("a run with composition offsets, or without a data offset")
    columns = [bit for bit in (_DURATION, _SIZE, _FLAGS) if flags & bit]
    head = 12 + 4 * bool(flags & _FIRST_FLAGS)
    if not count or len(body) != head + 4 * count * len(columns):
        _bad(f"trun of {count} samples has {len(body)} bytes")
    (offset,) = struct.unpack_from(">i", body, 8)
    table = list(struct.iter_unpack(f">{len(columns)}I", body[head:])) if columns else [()] * count
    told = [dict(zip(columns, row, strict=True)) for row in table]
    found = [[row.get(bit, value) for row in told] for bit, value in zip((_DURATION, _SIZE, _FLAGS), defaults,
                                                                         strict=True)]  # fmt: skip
    if flags & _FIRST_FLAGS:
        found[2][0] = struct.unpack_from(">I", body, 12)[0]
    return found[0], found[1], found[2], offset


def _check_samples(run: Run, track: InitTrack) -> None:
    if not all(run.durations) or not all(run.samples):
        _bad("a sample without length or bytes")
    if track.handler == "soun":
        if not all(run.sync) or any(sample[:2] == b"\xff\xf1" for sample in run.samples):
            _bad("AAC frames are all sync samples, and have no ADTS header in MP4")
        return
    for sync, sample in zip(run.sync, run.samples, strict=True):
        kinds = [nal[0] & 31 for nal in nal_units(sample)]
        if {7, 8} & set(kinds):
            _bad("parameter sets belong into the init segment")
        if (_IDR in kinds) != sync or not {_IDR, _SLICE} & set(kinds):
            _bad(f"a sample of NAL units {kinds} is told to be{'' if sync else ' no'} keyframe")


def nal_units(sample: bytes) -> list[bytes]:
    """The NAL units of a sample, each behind its length of 4 bytes."""
    found, at = [], 0
    while at < len(sample):
        (size,) = struct.unpack_from(">I", sample, at)
        if not size or at + 4 + size > len(sample):
            _bad(f"a NAL unit of {size} bytes does not fit into its sample")
        found.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _check_tiling(extents: Sequence[tuple[int, int]], payload: tuple[int, int]) -> None:
    """The runs fill the mdat, one behind the other."""
    ordered = sorted(extents)
    edges = [(payload[0], payload[0]), *ordered, (payload[1], payload[1])]
    if any(a[1] != b[0] for a, b in pairwise(edges)):
        _bad(f"samples lie at {ordered}, the mdat at {payload}")


def _bad(reason: str) -> NoReturn:
    raise BadFragment(reason)
