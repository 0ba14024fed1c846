"""What can be wrong with a composition.

    CompositingError            base of all; never raised itself
    ├── InvalidState            the saved Composition State is not one: every problem with its JSON pointer
    ├── UnknownPeer             the state names a peer who was never in this recording
    ├── WrongRecording          the state was saved for another recording or room
    ├── InvalidRange            the range asked for holds nothing of the recording
    ├── InvalidPlan             a JSON document is not a plan
    ├── AssetUnknown            no image of that name was uploaded
    ├── AssetTooLarge           an uploaded image has too many bytes or pixels
    └── AssetNotAnImage         an uploaded file is no PNG or JPEG, or a broken one

All are the caller's input. Fields go positionally to `super().__init__`, so every error survives pickling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

Problem = tuple[str, str]
"""(JSON pointer of RFC 6901, what is wrong there); the pointer of the whole document is empty."""

_SHOWN = 8


class CompositingError(Exception):
    """Base of what this room raises."""

    blame: ClassVar[Literal["input", "storage", "ours"]] = "input"
    retryable: ClassVar[bool] = False


class InvalidState(CompositingError):
    """A Composition State breaks the schema; `problems` holds each place and what is wrong there."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [f"{pointer or 'the document'}: {message}" for pointer, message in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"and {len(self.problems) - _SHOWN} more")
        return "the composition is not valid: " + "; ".join(lines)


class UnknownPeer(CompositingError):
    """The state names, at `path`, a peer who is not one of the recording's `known` peers."""

    def __init__(self, path: str, peer_id: str, known: Sequence[str]) -> None:
        self.path = path
        self.peer_id = peer_id
        self.known = tuple(known)
        super().__init__(path, peer_id, self.known)

    def __str__(self) -> str:
        return f"{self.path}: no peer {self.peer_id!r} in this recording; it has {_brief(self.known)}"


class WrongRecording(CompositingError):
    """The state says, at `path`, that it belongs to `given`, but it is used for `expected`."""

    def __init__(self, path: str, given: str, expected: str) -> None:
        self.path = path
        self.given = given
        self.expected = expected
        super().__init__(path, given, expected)

    def __str__(self) -> str:
        return (
            f"{self.path}: the composition was saved for {self.given!r}, this is {self.expected!r}; "
            "leave the field out or correct it"
        )


class InvalidRange(CompositingError):
    """[start_ms, end_ms) holds nothing of what runs over [from_ms, to_ms)."""

    def __init__(self, start_ms: int, end_ms: int, from_ms: int, to_ms: int) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.from_ms = from_ms
        self.to_ms = to_ms
        super().__init__(start_ms, end_ms, from_ms, to_ms)

    def __str__(self) -> str:
        if self.to_ms <= self.from_ms:
            return "there is nothing to show: the recording has no length (no packet with media was found)"
        if self.start_ms >= self.to_ms:
            found = f"there is nothing from {self.start_ms} ms on"
        else:
            found = f"the range from {self.start_ms} ms to {self.end_ms} ms is empty"
        return f"{found}; ask for a part of {self.from_ms} ms to {self.to_ms} ms"


class InvalidPlan(CompositingError):
    """A JSON document is not a plan of this version."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"not a plan: {self.reason}"


class AssetUnknown(CompositingError):
    """The composition shows the image `name`, and none of that name was uploaded."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)

    def __str__(self) -> str:
        return (
            f"there is no image {self.name!r} among the recording's assets; "
            "upload it, or take it out of the style"
        )


class AssetTooLarge(CompositingError):
    """The image `name` measures `found`, more than `limit`."""

    def __init__(self, name: str, found: str, limit: str) -> None:
        self.name = name
        self.found = found
        self.limit = limit
        super().__init__(name, found, limit)

    def __str__(self) -> str:
        return f"the image {self.name!r} has {self.found}, at most {self.limit} are allowed; make it smaller"


class AssetNotAnImage(CompositingError):
    """The file `name` cannot be decoded as PNG or JPEG."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(name, reason)

    def __str__(self) -> str:
        return f"the file {self.name!r} is no readable PNG or JPEG ({self.reason}); export it again as PNG"


def _brief(names: Sequence[str]) -> str:
    if not names:
        return "no peers"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
