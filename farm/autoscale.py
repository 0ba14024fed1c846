"""How many workers a pool should have, from how many tasks there are. Pure: times are arguments.

More as soon as they are wanted; fewer only when fewer were enough for the whole of a while, so that the pause between
two jobs, or between the picture of an export and its stitching, does not cost the workers their warm start. When
workers go, the idle ones go first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of workers, and its bounds."""

    name: str
    target: str
    """The name of the Deployment."""
    minimum: int
    maximum: int
    slots: int = 1
    """How many tasks one worker does at the same time."""

    def wanted(self, tasks: int) -> int:
        """How many workers `tasks` keep busy, within the bounds."""
        return max(self.minimum, min(-(-tasks // self.slots), self.maximum))


def parse_pool(text: str) -> Pool:
    """`cpu=farm-worker-cpu:1:16:1`: name, target, minimum, maximum, slots. Raises ValueError."""
    name, equals, rest = text.partition("=")
    target, *numbers = rest.split(":")
    if not (name and equals and target) or len(numbers) != 3:
        raise ValueError(f"{text!r} is not NAME=TARGET:MINIMUM:MAXIMUM:SLOTS")
    minimum, maximum, slots = map(int, numbers)
    if not 0 <= minimum <= maximum or maximum < 1 or slots < 1:
        raise ValueError(f"{text!r}: 0 <= minimum <= maximum, 1 <= maximum, 1 <= slots")
    return Pool(name, target, minimum, maximum, slots)


@dataclass(slots=True)
class Steadily:
    """The most that was wanted over the last `cooldown_s` seconds."""

    cooldown_s: float
    _seen: deque[tuple[float, int]] = field(default_factory=deque)
    """(when, how many), the numbers falling."""

    @property
    def fresh(self) -> bool:
        """Whether nothing was ever wanted."""
        return not self._seen

    def replicas(self, wanted: int, now_s: float) -> int:
        """What to have now that `wanted` are wanted; `now_s` never falls."""
        while self._seen and self._seen[-1][1] <= wanted:
            self._seen.pop()
        self._seen.append((now_s, wanted))
        while self._seen[0][0] < now_s - self.cooldown_s:
            self._seen.popleft()
        return self._seen[0][1]


def going_first(load: Mapping[str, int], count: int) -> Sequence[str]:
    """The names of the `count` workers that are to go: those with the fewest tasks, by `load`."""
    return sorted(load, key=lambda name: (load[name], name))[: max(0, count)]
