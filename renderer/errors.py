"""What can go wrong in the renderer.

RendererError
    CorruptChunk       a cached chunk is damaged
    ChunksDoNotMatch   chunks that cannot be one file
    MalformedPayload   an access unit whose packets break their payload format
    CorruptIndex       a saved index that cannot be read
    SourceChanged      a segment that is not what the index was made from
    EncoderUnavailable this machine cannot open the encoder that was asked for
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


class MalformedPayload(RendererError):
    """The payloads of one access unit break the payload format of their codec; the unit cannot be decoded."""

    blame: ClassVar[Blame] = "input"

    def __init__(self, codec: str, reason: str) -> None:
        super().__init__(codec, reason)
        self.codec, self.reason = codec, reason

    def __str__(self) -> str:
        return f"malformed {self.codec} payload: {self.reason}; the access unit is treated as lost"


class CorruptIndex(RendererError):
    """A saved index cannot be read. The remedy is to delete it: it is built again."""

    blame: ClassVar[Blame] = "storage"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"a saved track index cannot be read ({self.reason}). Delete it: it is built again."


class SourceChanged(RendererError):
    """A segment is no longer what the track's index was made from."""

    blame: ClassVar[Blame] = "storage"
    retryable: ClassVar[bool] = True

    def __init__(self, track_id: str, file_name: str) -> None:
        super().__init__(track_id, file_name)
        self.track_id, self.file_name = track_id, file_name

    def __str__(self) -> str:
        return (
            f"segment {self.file_name} of track {self.track_id} is not what its index was made from; "
            "build the index again"
        )


class EncoderUnavailable(RendererError):
    """This machine cannot open the encoder that was asked for."""

    blame: ClassVar[Blame] = "input"

    def __init__(self, encoder: str, reason: str) -> None:
        super().__init__(encoder, reason)
        self.encoder, self.reason = encoder, reason

    def __str__(self) -> str:
        return f"the encoder {self.encoder!r} does not open here ({self.reason}); use --encoder auto or x264"
