"""The door to BRTP: finds the records of a segment file in a stream of blocks, through damage. Sans-I/O.

Takes bytes, gives places of records and of damage; what it finds does not depend on how the bytes were cut
into blocks, and its memory is bounded by the largest block. It works at two speeds. Where nothing is wrong
a loop follows the lengths for thousands of records and NumPy checks them all at once. Where a check fails,
one record is judged on its own, by these rules, and the loop goes on:

- a record is framed if its length is 12 to 2048, the RTP version is 2, the SSRC is the track's and its
  arrival lies between 1970 and the year 10889;
- its arrival must be within 10 s before and 1 h after the latest one. One that is not, or that jumps ahead
  of a successor which did not jump, is damaged; if the successor jumped too, it was the server's clock or a
  pause;
- if a record is framed but what its length points at is not, then a record that is framed earlier than that
  tells that the length is damaged; else the record stands, and the damage follows it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from storage.segment import (
    HEADER_BYTES,
    MAX_PACKET_BYTES,
    MIN_PACKET_BYTES,
    RECORD_HEADER_BYTES,
    SegmentHeader,
    SegmentWriter,
    pack_header,
    pack_record,
    parse_header,
)

__all__ = [
    "HEADER_BYTES",
    "RECORD_HEADER_BYTES",
    "Damage",
    "RecordBatch",
    "SegmentHeader",
    "SegmentWriter",
    "pack_header",
    "pack_record",
    "parse_header",
    "scan",
]

MOST_RECORDS = 20_000  # of a batch
FEWEST_RECORDS = 64  # tried at once after damage
BACK_MS = 10_000
AHEAD_MS = 3_600_000

_FRAME_BYTES = RECORD_HEADER_BYTES + MIN_PACKET_BYTES
_SEARCH_BYTES = 2100
# What the judgement of one record may look at: itself, a search behind it, and a successor of what is found.
_LOOKAHEAD = _SEARCH_BYTES + 2 * (RECORD_HEADER_BYTES + MAX_PACKET_BYTES + _FRAME_BYTES)
_FRAME = np.dtype([("arrival", ">i8"), ("length", ">u2"), ("b0", "u1"), ("rest", "V7"), ("ssrc", ">u4")])
_length_at = struct.Struct(">H").unpack_from
_arrival_at = struct.Struct(">q").unpack_from


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Consecutive records, as places in `data`; n rows.

    `offsets` (n,) int64: where a record's 10-byte header begins in `data`; `lengths` (n,) int64: bytes of its
    RTP packet, which lies right behind that header; `arrival_ms` (n,) int64: Unix ms. `base` is where data[0]
    lies in the segment file.
    """

    data: bytes
    base: int
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    arrival_ms: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets)

    def packet(self, row: int) -> bytes:
        """The RTP packet of one row."""
        start = int(self.offsets[row]) + RECORD_HEADER_BYTES
        return self.data[start : start + int(self.lengths[row])]


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [offset, offset + length) of the segment file that hold no record."""

    offset: int
    length: int
    reason: str


def scan(
    blocks: Iterable[bytes], ssrc: int, base: int = HEADER_BYTES, start_time_ms: int | None = None
) -> Iterator[RecordBatch | Damage]:
    """The records in `blocks`, in order of the file, and what lies between them that is none.

    `blocks` are the bytes of a segment file from position `base` on, where a record begins. `start_time_ms`,
    from the header, is what the first arrivals are checked against where it is given.
    """
    scanner = _Scanner(ssrc, base, start_time_ms)
    for block in blocks:
        yield from scanner.feed(block)
    yield from scanner.finish()


def _frame_pattern(ssrc: int) -> re.Pattern[bytes]:
    """Matches the first 22 bytes of a framed record: arrival, length, RTP version, SSRC."""
    length = rb"(?:\x00[\x0c-\xff]|[\x01-\x07].|\x08\x00)"
    return re.compile(
        rb"\x00\x00.{6}" + length + rb"[\x80-\xbf].{7}" + re.escape(ssrc.to_bytes(4, "big")), re.S
    )


def _agree(earlier_ms: int, later_ms: int) -> bool:
    return -BACK_MS <= later_ms - earlier_ms <= AHEAD_MS


class _Scanner:
    def __init__(self, ssrc: int, base: int, start_time_ms: int | None) -> None:
        self._ssrc = ssrc
        self._pattern = _frame_pattern(ssrc)
        self._latest_ms = start_time_ms
        self._base = base  # position in the file of _data[0]
        self._data = b""
        self._at = 0  # where in _data the scan stands
        self._step = FEWEST_RECORDS
        self._damage_at: int | None = None  # position in the file where damage began that is not told yet
        self._reason = ""

    def feed(self, block: bytes) -> Iterator[RecordBatch | Damage]:
        """What can be told once `block` has come."""
        self._base += self._at
        self._data = self._data[self._at :] + block
        self._at = 0
        return self._run(len(self._data) - _LOOKAHEAD)

    def finish(self) -> Iterator[RecordBatch | Damage]:
        """The rest, once the file has ended."""
        end = len(self._data)
        yield from self._run(end)
        if self._at < end:
            self._damaged("the file ends within a record")
            self._at = end
        yield from self._told()

    def _run(self, limit: int) -> Iterator[RecordBatch | Damage]:
        """Judges the records that begin before `limit`: those that need no more bytes to be judged."""
        while self._at < limit and len(self._data) - self._at >= _FRAME_BYTES:
            batch = self._clean_run()
            if batch is None and self._stands(self._at):
                if self._end_of(self._at) > len(self._data):
                    return
                batch = self._single()
            if batch is None:
                self._resync(limit)
                continue
            yield from self._told()
            yield batch
            self._at = int(batch.offsets[-1] + batch.lengths[-1]) + RECORD_HEADER_BYTES

    # Where nothing is wrong.

    def _clean_run(self) -> RecordBatch | None:
        """The records from here that are beyond doubt, each confirmed by its successor; or None."""
        offsets = self._follow_lengths()
        if len(offsets) < 2:
            return None
        octets = sliding_window_view(np.frombuffer(self._data, np.uint8), _FRAME_BYTES)
        frames = octets[offsets].view(_FRAME)[:, 0]
        lengths, arrival = frames["length"].astype(np.int64), frames["arrival"].astype(np.int64)
        framed = self._framed(frames, lengths, arrival)
        good = framed[:-1] & framed[1:] & self._in_time(arrival)
        n = len(good) if good.all() else int(np.argmin(good))
        self._step = min(2 * self._step, MOST_RECORDS) if n == len(good) else FEWEST_RECORDS
        if n == 0:
            return None
        latest_ms = int(arrival[:n].max())
        self._latest_ms = latest_ms if self._latest_ms is None else max(self._latest_ms, latest_ms)
        return RecordBatch(self._data, self._base, offsets[:n], lengths[:n], arrival[:n])

    def _follow_lengths(self) -> npt.NDArray[np.int64]:
        """The offsets of some records, each pointed at by the length of the one before."""
        offsets: list[int] = []
        data, at, append, length_at = self._data, self._at, offsets.append, _length_at
        last = len(data) - _FRAME_BYTES
        for _ in range(self._step):
            if at > last:
                break
            append(at)
            at += RECORD_HEADER_BYTES + length_at(data, at + 8)[0]
        return np.array(offsets, np.int64)

    def _framed(
        self, frames: npt.NDArray[np.void], lengths: npt.NDArray[np.int64], arrival: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """What `_pattern` says, for many records at once."""
        framed: npt.NDArray[np.bool_] = (
            (frames["ssrc"] == self._ssrc)
            & (frames["b0"] >> 6 == 2)
            & (lengths >= MIN_PACKET_BYTES)
            & (lengths <= MAX_PACKET_BYTES)
            & (arrival >> 48 == 0)
        )
        return framed

    def _in_time(self, arrival: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(n - 1,) whether an arrival agrees with the latest before it and with its successor."""
        before = arrival[0] if self._latest_ms is None else self._latest_ms
        latest = np.maximum.accumulate(np.concatenate(([before], arrival[:-2])))
        ahead, after = arrival[:-1] - latest, np.diff(arrival)
        return (ahead >= -BACK_MS) & (ahead <= AHEAD_MS) & (after >= -BACK_MS) & (after <= AHEAD_MS)

    # Where something may be.

    def _single(self) -> RecordBatch:
        """The record here, which stands."""
        arrival_ms = self._arrival(self._at)
        latest_ms = self._latest_ms
        # A clock that was set back, or far ahead, is followed from here on.
        followed = latest_ms is None or not _agree(latest_ms, arrival_ms)
        self._latest_ms = arrival_ms if followed or latest_ms is None else max(latest_ms, arrival_ms)
        length = self._end_of(self._at) - self._at - RECORD_HEADER_BYTES
        row = (np.array([value], np.int64) for value in (self._at, length, arrival_ms))
        return RecordBatch(self._data, self._base, *row)

    def _stands(self, at: int) -> bool:
        """Whether a record stands here, by the rules above."""
        if not self._is_framed(at) or not self._is_timely(at):
            return False
        end = self._end_of(at)
        if end + _FRAME_BYTES > len(self._data) or self._is_framed(end):
            return True
        earlier = self._find(at + _FRAME_BYTES, at + _SEARCH_BYTES)
        return earlier is None or earlier > end

    def _is_timely(self, at: int) -> bool:
        """Whether the arrival of a framed record agrees with the latest, or the successor takes its side."""
        arrival_ms, latest_ms, end = self._arrival(at), self._latest_ms, self._end_of(at)
        timely = latest_ms is None or _agree(latest_ms, arrival_ms)
        if not self._is_framed(end):
            return timely
        next_ms = self._arrival(end)
        next_is_timely = latest_ms is None or _agree(latest_ms, next_ms)
        if _agree(arrival_ms, next_ms):
            return timely or not next_is_timely
        return timely and not next_is_timely

    def _resync(self, limit: int) -> None:
        """Goes on to the next place where a record may be, or to `limit`."""
        self._damaged("no record can be read here")
        found = self._find(self._at + 1, limit)
        self._at = max(limit, self._at + 1) if found is None else found

    def _find(self, start: int, limit: int) -> int | None:
        """The first framed and timely record that begins in [start, limit)."""
        while match := self._pattern.search(self._data, start, limit + _FRAME_BYTES - 1):
            if self._is_timely(match.start()):
                return match.start()
            start = match.start() + 1
        return None

    def _is_framed(self, at: int) -> bool:
        return self._pattern.match(self._data, at) is not None

    def _end_of(self, at: int) -> int:
        length: int = _length_at(self._data, at + 8)[0]
        return at + RECORD_HEADER_BYTES + length

    def _arrival(self, at: int) -> int:
        arrival_ms: int = _arrival_at(self._data, at)[0]
        return arrival_ms

    def _damaged(self, reason: str) -> None:
        if self._damage_at is None:
            self._damage_at, self._reason = self._base + self._at, reason

    def _told(self) -> Iterator[Damage]:
        """The damage that ends here, if there is any."""
        if self._damage_at is not None:
            yield Damage(self._damage_at, self._base + self._at - self._damage_at, self._reason)
            self._damage_at = None
