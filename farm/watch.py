"""An observer that keeps what happened and when: for a notebook or a benchmark to look at afterwards.

Takes events, and a clock; gives each event with its time in seconds since the watch was made, and the tasks that
were done with their begin and end. Executors call it on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from farm.events import Event, TaskDone, TaskStarted
from farm.show.tasks import Ran, task_stream


class Watch:
    """Call it with each event."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = clock()
        self._started: dict[str, float] = {}
        self.events: list[tuple[float, Event]] = []
        """(seconds, event), in order."""
        self.tasks: list[Ran] = []
        """Those that are done, in the order of their ends."""

    def __call__(self, event: Event) -> None:
        now_s = self._clock() - self._began_s
        self.events.append((now_s, event))
        if isinstance(event, TaskStarted):
            self._started[event.key] = now_s
        elif isinstance(event, TaskDone):
            begun_s = self._started.pop(event.key, now_s - event.seconds)
            self.tasks.append(Ran(event.key, event.name, event.worker, begun_s, now_s))

    def rows(self) -> list[dict[str, Any]]:
        """The events as plain values, each with `at_s`: rows of a table."""
        return [{"at_s": round(at_s, 4), **event.to_json()} for at_s, event in self.events]

    def __repr__(self) -> str:
        return f"Watch({len(self.events)} events, {len(self.tasks)} tasks done)"

    def _repr_html_(self) -> str:
        return task_stream(self.tasks)
