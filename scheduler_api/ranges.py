"""Byte ranges and entity tags of HTTP (RFC 9110, sections 8.8, 13 and 14). Pure.

Only a single range is served as one; several ranges, and what is no range, are ignored, as the RFC allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes [start, end) of an object."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


class Unsatisfiable(Exception):
    """A range that begins after the object's end."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range asked for, cut at `size`; None for the whole object. Raises Unsatisfiable."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start == end:
        raise Unsatisfiable
    return ByteRange(start, end)


def matches(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match names `etag` (a quoted, strong tag), by weak comparison."""
    return header is not None and (header.strip() == "*" or etag in _TAG.findall(header))


def range_applies(if_range: str | None, etag: str) -> bool:
    """Whether a Range counts under this If-Range: only a strong tag that is the same. Dates are never known here."""
    return if_range is None or if_range.strip() == etag
