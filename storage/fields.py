"""Reads untrusted JSON field by field; every complaint names the document and the JSON path. Pure.

A field that is absent or null is the caller's `default` where one is given; a field of the wrong type, or
one that must be there and is not, raises MalformedDocument. It knows no document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from storage.errors import MalformedDocument

NS_PER_MS = 1_000_000
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MISSING: Any = object()


def parse_time_ns(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time (digits beyond nanoseconds are cut). Raises ValueError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no RFC 3339 time")
    date, clock, fraction, _, sign, hours, minutes = match.groups()
    second = datetime.fromisoformat(f"{date}T{clock}+00:00") - _EPOCH
    offset_s = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    return (second.days * 86400 + second.seconds - offset_s) * 10**9 + int((fraction or "").ljust(9, "0"))


class Fields:
    """One JSON object at `path` of the document `name`."""

    def __init__(self, name: str, value: object, path: str = "$") -> None:
        self.name, self.path = name, path
        if not isinstance(value, dict):
            raise MalformedDocument(name, path, f"an object is needed, not {_kind(value)}")
        self.value: dict[str, Any] = value

    def fault(self, key: str, reason: str) -> MalformedDocument:
        """The complaint about one field."""
        return MalformedDocument(self.name, f"{self.path}.{key}", reason)

    def text(self, key: str, default: str = _MISSING) -> str:
        """A string; half characters in it become U+FFFD, so that it can be written anywhere."""
        value = self._get(key, str, "a string", default)
        return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def identifier(self, key: str) -> str:
        """A string that is not empty."""
        value = self.text(key)
        if not value:
            raise self.fault(key, "it must not be empty")
        return value

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._get(key, bool, "true or false", default))

    def integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number in [low, high]; None if absent."""
        value: int | float | None = self._get(key, (int, float), "a number", None)
        if value is None:
            return None
        if isinstance(value, bool) or value != value or not low <= value <= high or value != int(value):
            raise self.fault(key, f"a whole number from {low} to {high} is needed, not {str(value)[:40]}")
        return int(value)

    def time_ns(self, key: str) -> int:
        """A time in Unix nanoseconds."""
        try:
            return parse_time_ns(self.text(key))
        except ValueError as error:
            raise self.fault(key, str(error)) from None

    def time_ns_or_none(self, key: str) -> int | None:
        """A time in Unix nanoseconds; None if it is absent or empty."""
        return self.time_ns(key) if self._get(key, str, "a string", "") else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty if absent."""
        items = self._get(key, list, "a list", [])
        if not all(isinstance(item, str) for item in items):
            raise self.fault(key, "a list of strings is needed")
        return tuple(items)

    def items(self, key: str) -> Iterator[tuple[str, object]]:
        """(path, value) of each item of a list, none if absent."""
        items = self._get(key, list, "a list", [])
        return ((f"{self.path}.{key}[{i}]", item) for i, item in enumerate(items))

    def child(self, key: str) -> Fields:
        """The object of one field, empty if absent."""
        return Fields(self.name, self._get(key, dict, "an object", {}), f"{self.path}.{key}")

    def _get(self, key: str, kind: type | tuple[type, ...], words: str, default: Any) -> Any:
        value = self.value.get(key)
        if value is None:
            if default is _MISSING:
                raise self.fault(key, f"{words} is needed")
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fault(key, f"{words} is needed, not {_kind(value)}")
        return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
