"""What happens while tasks run, as values: for a progress bar, an event stream, a notebook.

Executors emit them in the order in which they happened, on the thread that called `run`. They carry no time
of day: who observes them and has a clock adds it. Each one turns into plain JSON by `to_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from farm.errors import Blame

ChunkKind = Literal["video", "audio", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of all events."""

    def to_json(self) -> dict[str, Any]:
        """The fields, and `type`: the name of the class."""
        return {"type": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksQueued(Event):
    """A run was given `tasks` tasks of this name. Comes before anything else of that run."""

    name: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(Event):
    """A worker began a task; again after each retry."""

    key: str
    name: str
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress(Event):
    """How far a running task is: `done` of `total` units; at most a few a second for each task."""

    key: str
    name: str
    done: int
    total: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDone(Event):
    """A task returned; `seconds` is what its last, successful try took on the worker."""

    key: str
    name: str
    worker: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetried(Event):
    """A try of a task came to nothing (an error worth retrying, a worker that died); it will run again."""

    key: str
    name: str
    reason: str
    blame: Blame = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(Event):
    """A task failed for good; the run ends with its error."""

    key: str
    name: str
    reason: str
    blame: Blame = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStored(Event):
    """A running task has put a chunk into the cache, or preview segments under their names."""

    key: str
    name: str
    worker: str
    chunk: str
    """Its content key."""
    kind: ChunkKind
    bytes: int
    seconds: Mapping[str, float]
    """Processor-bound seconds by stage: decode, draw, encode; mix, encode; of a preview segment all of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunksFound(Event):
    """So many chunks of a run need no work: they are in the cache."""

    kind: ChunkKind
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Event):
    """A line for people."""

    message: str
