"""Where the time goes: seconds by stage, of a clock that somebody else reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Clock = Callable[[], float]
"""Seconds from any fixed point; only differences are used."""


class Stopwatch:
    """Adds up what stages take. They do not lie in each other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done inside is time of this stage; what raises is not counted."""
        began = self._clock()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + self._clock() - began

    def take(self) -> dict[str, float]:
        """Seconds by stage since the last time that they were taken."""
        taken, self._seconds = self._seconds, {}
        return taken
