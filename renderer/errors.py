"""What can go wrong in the renderer.

RendererError
    CorruptChunk       a cached chunk is damaged
    ChunksDoNotMatch   chunks that cannot be one file
"""

from __future__ import annotations

from typing import ClassVar, Literal

Blame = Literal["input", "storage", "ours"]


class RendererError(Exception):
    """Base of all errors of this package. Every field is positional, so that each survives pickling."""

    blame: ClassVar[Blame] = "ours"
    retryable: ClassVar[bool] = False


class CorruptChunk(RendererError):
    """A cached chunk is damaged. The remedy is to delete it: it is rendered again."""

    blame: ClassVar[Blame] = "storage"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"the cached chunk {self.key!r} is damaged: {self.reason}. Delete it: it is rendered again."


class ChunksDoNotMatch(RendererError):
    """Chunks that cannot be one file: other settings, a gap, an overlap."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the chunks do not make one file: {self.reason}"
