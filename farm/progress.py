"""What a person sees while tasks run: bars on a terminal, plain lines elsewhere. Always on standard error.

Takes events in any number of runs; knows nothing of how they came about. A stage is all tasks of one name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Task as Row
from rich.text import Text

from farm.events import (
    Event,
    Log,
    TaskDone,
    TaskFailed,
    TaskProgress,
    TaskRetried,
    TasksQueued,
    TaskStarted,
)

TITLES = {
    "index-track": "indexing",
    "intermediate": "keyframes",
    "render-video": "picture",
    "render-audio": "sound",
    "measure-audio": "loudness",
    "stitch": "stitching",
    "preview": "preview",
}
"""What a stage is called; one that is not here goes by its tasks' name."""

WEIGHTS = {"index-track": 0.1, "render-video": 1.0, "render-audio": 0.1, "measure-audio": 0.1, "stitch": 0.1}
"""How long a task of a stage takes, roughly, in those of a picture task; others count as one."""

LINE_EVERY = 0.1
"""Without a terminal, a line is written whenever this share of a stage is done."""


@dataclass(slots=True)
class Stage:
    """How far the tasks of one name are."""

    name: str
    tasks: int = 0
    finished: int = 0
    running: dict[str, float] = field(default_factory=dict)
    """The share that is done of each running task, 0 to 1."""

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1."""
        return (self.finished + sum(self.running.values())) / self.tasks if self.tasks else 0.0


class Tally:
    """Adds up events."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}

    def add(self, event: Event) -> Stage | None:
        """The stage that `event` changed."""
        match event:
            case TasksQueued(name=name, tasks=tasks):
                self._stage(name).tasks += tasks
            case TaskStarted(name=name, key=key):
                self._stage(name).running[key] = 0.0
            case TaskProgress(name=name, key=key, done=done, total=total):
                self._stage(name).running[key] = min(1.0, done / total) if total else 0.0
            case TaskDone(name=name, key=key):
                self._stage(name).finished += 1
                self._stage(name).running.pop(key, None)
            case TaskRetried(name=name, key=key) | TaskFailed(name=name, key=key):
                self._stage(name).running.pop(key, None)
            case _:
                return None
        return self._stage(event.name)

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return sum(len(stage.running) for stage in self.stages.values())

    @property
    def share(self) -> float:
        """How much of everything that is known of is done, 0 to 1."""
        parts = [(WEIGHTS.get(stage.name, 1.0) * stage.tasks, stage.share) for stage in self.stages.values()]
        total = sum(weight for weight, _ in parts)
        return sum(weight * share for weight, share in parts) / total if total else 0.0

    def _stage(self, name: str) -> Stage:
        return self.stages.setdefault(name, Stage(name))


class ProgressDisplay:
    """An observer that shows what it hears. A context manager: it leaves the terminal as it should be."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        console = console or Console(stderr=True)
        self._face: _Bars | _Lines = _Bars(console, clock) if console.is_terminal else _Lines(console, clock)
        self._tally = Tally()

    def __call__(self, event: Event) -> None:
        stage = self._tally.add(event)
        match event:
            case Log(message=message):
                self._face.say(message)
            case TaskRetried(name=name, key=key, reason=reason):
                self._face.say(f"{name}-{key} is tried again: {reason}")
        if stage:
            self._face.show(stage, self._tally)

    def __enter__(self) -> Self:
        self._face.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._face.close()


class _Bars:
    """A bar for each stage, and one for the whole with the time left."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows: dict[str, TaskID] = {}
        columns: tuple[ProgressColumn, ...] = (
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TaskProgressColumn(),
            _Note(),
        )
        self._progress = Progress(*columns, console=console, transient=False)
        self._start_s = clock()

    def open(self) -> None:
        self._start_s = self._clock()
        self._progress.start()

    def close(self) -> None:
        self._progress.stop()

    def say(self, message: str) -> None:
        self._progress.console.print(message, markup=False, highlight=False)

    def show(self, stage: Stage, tally: Tally) -> None:
        left = time_left(tally.share, self._clock() - self._start_s)
        self._set("all", tally.share, f"{left}{tally.running} running")
        self._set(stage.title, stage.share, f"{stage.finished}/{stage.tasks}")

    def _set(self, title: str, share: float, note: str) -> None:
        if title not in self._rows:
            self._rows[title] = self._progress.add_task(title, total=1.0, note=note)
        self._progress.update(self._rows[title], completed=share, note=note)


class _Note(ProgressColumn):
    """The words behind a bar."""

    def render(self, task: Row) -> Text:
        return Text(str(task.fields["note"]), style="progress.remaining")


class _Lines:
    """A line now and then, for logs."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._start_s = clock()
        self._said: dict[str, float] = {}

    def open(self) -> None:
        self._start_s = self._clock()

    def close(self) -> None:
        """Nothing is left behind."""

    def say(self, message: str) -> None:
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def show(self, stage: Stage, tally: Tally) -> None:
        said, share = self._said.get(stage.name, 0.0), stage.share
        if share < said:   # more tasks came, or one is tried again
            self._said[stage.name] = share
        if share <= said or share < min(said + LINE_EVERY, 1.0):
            return
        self._said[stage.name] = share
        left = time_left(tally.share, self._clock() - self._start_s)
        line = f"{stage.title}: {stage.finished}/{stage.tasks}, {tally.share:.0%} of all, {left}"
        self.say(line.rstrip(", "))


def time_left(share: float, elapsed_s: float) -> str:
    """`0:12:11 left, ` at the pace so far; empty while nothing can be said."""
    if not 0.01 <= share < 1.0:
        return ""
    seconds = round(elapsed_s * (1 - share) / share)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left, "
