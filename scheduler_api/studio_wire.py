"""What the studio and its worker processes say to each other: frames of a JSON header and a body of bytes.

    frame    length of header, length of body (two u32, big-endian), header (JSON object, UTF-8), body

Nothing is pickled: a worker decodes what strangers uploaded, and whoever takes one over shall not be able to make the
API run anything. An error goes as its class and its fields, and comes back as that class only where it is one of the
errors of this house. Both ends use this module; it knows neither sockets nor events.
"""

from __future__ import annotations

import importlib
import json
import struct
from collections.abc import Mapping
from typing import Any

LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 64 << 20

_ERRORS = ("compositing.errors", "storage.errors", "renderer.errors", "farm.errors")

Header = dict[str, Any]


class BrokenFrame(Exception):
    """The bytes are no frame of ours."""


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """One frame."""
    head = json.dumps(header).encode()
    return LENGTHS.pack(len(head), len(body)) + head + body


def lengths(data: bytes) -> tuple[int, int]:
    """Length of header and body. Raises BrokenFrame where they are more than any frame has."""
    header, body = LENGTHS.unpack(data)
    if header > MAX_HEADER_BYTES or body > MAX_BODY_BYTES:
        raise BrokenFrame(f"a frame of {header} and {body} bytes")
    return header, body


def parse_header(data: bytes) -> Header:
    """The header of a frame. Raises BrokenFrame."""
    try:
        header = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame(str(error)) from None
    if not isinstance(header, dict):
        raise BrokenFrame("the header is no object")
    return header


def describe_error(error: BaseException) -> Header:
    """An error as JSON; one that is not of this house as its text alone."""
    kind = type(error)
    if kind.__module__ in _ERRORS:
        return {"module": kind.__module__, "name": kind.__name__, "fields": error.args}
    return {"text": f"{kind.__name__}: {error}"}


def restore_error(described: Any) -> Exception | None:
    """The error that was described; None where it is not one of this house."""
    if not isinstance(described, dict) or described.get("module") not in _ERRORS:
        return None
    kind = vars(importlib.import_module(described["module"])).get(str(described.get("name")))
    if not (isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == described["module"]):
        return None
    try:
        return kind(*map(_frozen, described.get("fields", ())))
    except TypeError:
        return None


def _frozen(value: Any) -> Any:
    """JSON knows no tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
