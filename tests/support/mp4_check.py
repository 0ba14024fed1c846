"""An MP4 reader of its own: it walks the boxes and checks every number in them, without the writer's code.

`check_mp4` takes a path, gives what a player would see (`Mp4Facts`) and the list of what is wrong. Files with
at most one H.264 and one AAC track, not fragmented. Times are exact fractions of a second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

_CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl"}
_ONCE_PER_TRACK = (b"tkhd", b"mdhd", b"hdlr", b"stsd", b"stts", b"stsc", b"stsz", b"dref")


@dataclass
class Mp4Facts:
    """What a file holds. `problems` is empty for a sound file."""

    frames: int = 0
    fps: Fraction | None = None
    """None where the steps between frames differ."""
    video_pts: list[Fraction] = field(default_factory=list)
    """Presentation times of the frames in seconds, ascending, after the edit list."""
    keyframes: list[int] = field(default_factory=list)
    """Numbers of the keyframes, in decoding order."""
    video_s: Fraction = Fraction(0)
    audio_s: Fraction = Fraction(0)
    audio_skipped_samples: int = 0
    """Audio samples that the edit list leaves out at the front."""
    audio_packets: int = 0
    width: int = 0
    height: int = 0
    colour: tuple[int, int, int, int] | None = None
    """Primaries, transfer, matrix, full range flag."""
    brand: str = ""
    faststart: bool = False
    large_offsets: bool = False
    problems: list[str] = field(default_factory=list)


@dataclass
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


@dataclass
class _Samples:
    """One track's samples, expanded: seconds and bytes."""

    handler: bytes
    timescale: int
    dts: list[int]
    cts: list[int]
    durations: list[int]
    offsets: list[int]
    sizes: list[int]
    sync: set[int]
    edit_s: Fraction
    media_time: int
    delay_s: Fraction


def check_mp4(path: Path | str, *, read_samples: bool = True) -> Mp4Facts:
    """Read the file's tables and, unless told otherwise, each sample's bytes."""
    facts = Mp4Facts()
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        top = list(_walk(file, 0, size, facts.problems))
        kinds = [box.kind for box in top]
        for kind in (b"ftyp", b"moov", b"mdat"):
            if kinds.count(kind) != 1:
                facts.problems.append(f"{kinds.count(kind)} boxes {kind.decode()}")
                return facts
        facts.faststart = kinds.index(b"moov") < kinds.index(b"mdat")
        facts.brand = _body(file, top[kinds.index(b"ftyp")])[:4].decode()
        mdat = top[kinds.index(b"mdat")]
        tracks = _movie(file, top[kinds.index(b"moov")], facts)
        _check_layout(tracks, mdat, facts)
        for track in tracks:
            _present(track, facts)
            if read_samples:
                _check_bytes(file, track, facts)
    return facts


def _walk(file: BinaryIO, at: int, end: int, problems: list[str]) -> Iterator[_Box]:
    while at < end:
        file.seek(at)
        head = file.read(min(16, end - at))
        if len(head) < 8:
            problems.append(f"{len(head)} stray bytes at {at}")
            return
        size, kind = struct.unpack_from(">I4s", head)
        header = 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack_from(">Q", head, 8)[0], 16
        if size < header or at + size > end:
            problems.append(f"box {kind!r} at {at} of {size} bytes does not fit in its parent")
            return
        yield _Box(kind, at, at + header, at + size)
        at += size


def _body(file: BinaryIO, box: _Box) -> bytes:
    file.seek(box.body)
    return file.read(box.end - box.body)


def _tree(file: BinaryIO, parent: _Box, problems: list[str]) -> dict[bytes, list[bytes]]:
    """All leaves below a box, by kind."""
    leaves: dict[bytes, list[bytes]] = {}
    for box in _walk(file, parent.body, parent.end, problems):
        if box.kind in _CONTAINERS:
            for kind, bodies in _tree(file, box, problems).items():
                leaves.setdefault(kind, []).extend(bodies)
        else:
            leaves.setdefault(box.kind, []).append(_body(file, box))
    return leaves


def _movie(file: BinaryIO, moov: _Box, facts: Mp4Facts) -> list[_Samples]:
    boxes = list(_walk(file, moov.body, moov.end, facts.problems))
    timescale, duration = _scale_and_duration(next(_body(file, b) for b in boxes if b.kind == b"mvhd"))
    tracks, durations = [], []
    for trak in (box for box in boxes if box.kind == b"trak"):
        leaves = _tree(file, trak, facts.problems)
        missing = [kind.decode() for kind in _ONCE_PER_TRACK if len(leaves.get(kind, [])) != 1]
        if missing:
            facts.problems.append(f"a track has not exactly one of each of {missing}")
            continue
        durations.append(_tkhd_duration(leaves[b"tkhd"][0]))
        tracks.append(_track({kind: bodies[0] for kind, bodies in leaves.items()}, timescale, facts))
        if Fraction(durations[-1], timescale) != tracks[-1].edit_s + tracks[-1].delay_s:
            facts.problems.append("tkhd's duration is not the sum of the edits")
    if durations and duration != max(durations):
        facts.problems.append(f"mvhd lasts {duration}, the longest track {max(durations)}")
    return tracks


def _scale_and_duration(body: bytes) -> tuple[int, int]:
    """The timescale and duration of mvhd or mdhd."""
    found: tuple[int, int] = struct.unpack_from(">20xIQ" if body[0] else ">12xII", body)
    return found


def _tkhd_duration(body: bytes) -> int:
    return int(struct.unpack_from(">28xQ" if body[0] else ">20xI", body)[0])


def _track(leaves: dict[bytes, bytes], movie_timescale: int, facts: Mp4Facts) -> _Samples:
    problems = facts.problems
    timescale, media_duration = _scale_and_duration(leaves[b"mdhd"])
    sizes = _sizes(leaves[b"stsz"])
    durations = [value for count, value in _rows(leaves[b"stts"], "II") for _ in range(count)]
    dts = [0]
    for duration in durations:
        dts.append(dts[-1] + duration)
    shifts = [0] * len(sizes)
    if b"ctts" in leaves:
        form = "Ii" if leaves[b"ctts"][0] else "II"
        shifts = [value for count, value in _rows(leaves[b"ctts"], form) for _ in range(count)]
    if not len(sizes) == len(durations) == len(shifts):
        problems.append(f"{len(sizes)} sizes, {len(durations)} durations, {len(shifts)} composition offsets")
    if media_duration != dts[-1]:
        problems.append(f"mdhd lasts {media_duration}, its samples {dts[-1]}")
    offsets = _offsets(leaves, sizes, facts)
    sync = {n - 1 for (n,) in _rows(leaves[b"stss"], "I")} if b"stss" in leaves else set(range(len(sizes)))
    if not sync or min(sync) != 0 or max(sync) >= len(sizes):
        problems.append("the first sample is not a sync sample, or one does not exist")
    scales = movie_timescale, timescale
    edit_s, media_time, delay_s = _edit(leaves.get(b"elst"), *scales, media_duration, problems)
    cts = [d + s for d, s in zip(dts, shifts, strict=False)]
    _sample_entry(leaves[b"stsd"], facts)
    return _Samples(
        handler=leaves[b"hdlr"][8:12],
        timescale=timescale,
        dts=dts[:-1],
        cts=cts,
        durations=durations,
        offsets=offsets,
        sizes=sizes,
        sync=sync,
        edit_s=edit_s,
        media_time=media_time,
        delay_s=delay_s,
    )


def _rows(body: bytes, form: str) -> Iterator[tuple[int, ...]]:
    (count,) = struct.unpack_from(">I", body, 4)
    row = struct.Struct(">" + form)
    if len(body) != 8 + count * row.size:
        raise AssertionError(f"a table of {count} rows in {len(body)} bytes")
    return row.iter_unpack(body[8:])


def _sizes(stsz: bytes) -> list[int]:
    same, count = struct.unpack_from(">II", stsz, 4)
    return [same] * count if same else list(struct.unpack_from(f">{count}I", stsz, 12))


def _offsets(leaves: dict[bytes, bytes], sizes: list[int], facts: Mp4Facts) -> list[int]:
    """Each sample's place in the file, from stsc and stco or co64."""
    facts.large_offsets = b"co64" in leaves
    table, form = (leaves[b"co64"], "Q") if b"co64" in leaves else (leaves[b"stco"], "I")
    chunks = [offset for (offset,) in _rows(table, form)]
    steps = [*_rows(leaves[b"stsc"], "III"), (len(chunks) + 1, 0, 1)]
    if steps[0][0] != 1 or any(a[0] >= b[0] for a, b in pairwise(steps)):
        facts.problems.append("stsc does not ascend from chunk 1")
    offsets: list[int] = []
    for (first, per_chunk, _), (next_first, _, _) in pairwise(steps):
        for chunk in range(first - 1, next_first - 1):
            at = chunks[chunk]
            for _ in range(per_chunk):
                offsets.append(at)
                at += sizes[len(offsets) - 1] if len(offsets) <= len(sizes) else 0
    if len(offsets) != len(sizes):
        facts.problems.append(f"stsc places {len(offsets)} samples, stsz has {len(sizes)}")
    return offsets


def _edit(
    elst: bytes | None, movie_timescale: int, timescale: int, media_duration: int, problems: list[str]
) -> tuple[Fraction, int, Fraction]:
    """How long the track plays, from which media time, after what pause."""
    if elst is None:
        return Fraction(media_duration, timescale), 0, Fraction(0)
    delay = Fraction(0)
    edits: list[tuple[Fraction, int]] = []
    for duration, media_time, rate, rate_fraction in _rows(elst, "QqHH" if elst[0] else "IiHH"):
        if (rate, rate_fraction) != (1, 0):
            problems.append("an edit that changes the speed")
        if media_time < 0 and not edits:
            delay += Fraction(duration, movie_timescale)
        else:
            edits.append((Fraction(duration, movie_timescale), media_time))
    if len(edits) != 1:
        problems.append(f"{len(edits)} edits")
        return Fraction(0), 0, delay
    return edits[0][0], edits[0][1], delay


def _sample_entry(stsd: bytes, facts: Mp4Facts) -> None:
    entries, size, kind = struct.unpack_from(">4xII4s", stsd)
    if entries != 1 or size != len(stsd) - 8:
        facts.problems.append("stsd has not one sample entry")
    elif kind == b"avc1":
        _check_avc1(stsd[16:], facts)
    elif kind == b"mp4a":
        channels, rate = struct.unpack_from(">16xH6xI", stsd[16:])
        if (channels, rate) != (2, 48_000 << 16) or stsd[16 + 28 + 4 :][:4] != b"esds":
            facts.problems.append(f"audio of {channels} channels at {rate >> 16} Hz")
    else:
        facts.problems.append(f"sample entry {kind!r}")


def _check_avc1(entry: bytes, facts: Mp4Facts) -> None:
    facts.width, facts.height = struct.unpack_from(">24xHH", entry)
    boxes: dict[bytes, bytes] = {}
    at = 78
    while at + 8 <= len(entry):
        size, kind = struct.unpack_from(">I4s", entry, at)
        boxes[kind] = entry[at + 8 : at + size]
        at += max(size, 8)
    config = boxes.get(b"avcC", b"")
    if len(config) < 7 or config[0] != 1 or config[4] & 3 != 3:
        facts.problems.append("avcC is missing or has no 4-byte lengths")
    if boxes.get(b"pasp", struct.pack(">II", 1, 1)) != struct.pack(">II", 1, 1):
        facts.problems.append("pixels that are not square")
    if boxes.get(b"colr", b"")[:4] == b"nclx":
        primaries, transfer, matrix, full = struct.unpack_from(">HHHB", boxes[b"colr"], 4)
        facts.colour = (primaries, transfer, matrix, full >> 7)


def _check_layout(tracks: list[_Samples], mdat: _Box, facts: Mp4Facts) -> None:
    """The samples fill mdat exactly, none on top of another."""
    places = sorted((o, s) for track in tracks for o, s in zip(track.offsets, track.sizes, strict=False))
    at = mdat.body
    for offset, size in places:
        if offset != at:
            facts.problems.append(f"a sample at {offset} where {at} was expected")
            return
        at += size
    if at != mdat.end:
        facts.problems.append(f"the samples end at {at}, mdat at {mdat.end}")


def _present(track: _Samples, facts: Mp4Facts) -> None:
    times = [track.delay_s + Fraction(c - track.media_time, track.timescale) for c in track.cts]
    end = track.delay_s + track.edit_s
    if track.handler == b"vide":
        facts.frames, facts.video_s = len(track.sizes), end
        facts.keyframes, facts.video_pts = sorted(track.sync), sorted(times)
        _check_frames(track, times, end, facts)
    else:
        facts.audio_packets, facts.audio_s = len(track.sizes), end
        facts.audio_skipped_samples = track.media_time
        last_end = track.dts[-1] + track.durations[-1]
        if last_end - track.media_time != track.edit_s * track.timescale:
            facts.problems.append("the audio edit does not end with the last packet's samples")
        if any(duration != 1024 for duration in track.durations[:-1]):
            facts.problems.append("an AAC packet that is not of 1024 samples")


def _check_frames(track: _Samples, times: list[Fraction], end: Fraction, facts: Mp4Facts) -> None:
    ordered = facts.video_pts
    steps = {b - a for a, b in pairwise(ordered)} or {end - ordered[0]}
    if len(steps) == 1 and next(iter(steps)) > 0:
        facts.fps = 1 / next(iter(steps))
    else:
        facts.problems.append(f"the steps between frames differ: {sorted(steps)[:4]}")
    if ordered[0] != 0:
        facts.problems.append(f"the first frame is shown at {ordered[0]} s")
    if facts.fps and ordered[-1] + 1 / facts.fps != end:
        facts.problems.append(f"the last frame ends at {ordered[-1] + 1 / facts.fps} s, the edit at {end} s")
    if any(c < d for c, d in zip(track.cts, track.dts, strict=True)):
        facts.problems.append("a frame is shown before it is decoded")


def _check_bytes(file: BinaryIO, track: _Samples, facts: Mp4Facts) -> None:
    """Video samples are NAL units with lengths, IDR where the sync table says; audio has no ADTS headers."""
    for n, (offset, size) in enumerate(zip(track.offsets, track.sizes, strict=False)):
        file.seek(offset)
        data = file.read(size)
        if track.handler == b"soun":
            if data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
                facts.problems.append(f"audio packet {n} has an ADTS header")
            continue
        kinds = _nal_kinds(data)
        if kinds is None or not any(1 <= kind <= 5 for kind in kinds):
            facts.problems.append(f"video sample {n} is not a row of NAL units with a slice")
        elif (5 in kinds) != (n in track.sync):
            facts.problems.append(f"video sample {n}: IDR and the sync table differ")


def _nal_kinds(data: bytes) -> list[int] | None:
    kinds, at = [], 0
    while at + 5 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kinds.append(data[at + 4] & 31)
        at += 4 + size
    return kinds if at == len(data) else None
