"""A discrete-event model of the farm: jobs through dispatchers and the Dask scheduler to workers. Pure.

Takes what things cost (`Costs`), how many there are (`House`) and jobs; gives when what was done. What a job consists
of is the farm's: spans are cut by `farm.plan.cut_spans`, the same function that the farm calls. Three servers matter:

- a dispatcher runs a few jobs at a time, exports in all slots but one, and plans them one after another;
- the scheduler handles one thing at a time: each task costs it some milliseconds, and what workers tell (heartbeats,
  progress) takes a share of its time that grows with their number;
- a worker runs one task at a time. Previews go before exports, first segments before others, then the order of
  submission counts; a task that runs is never interrupted.

What is left out: the store's bandwidth, workers that die, and the time that it takes to start a worker.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

from farm.plan import MAX_CHUNKS_PER_SPAN, cut_spans
from farm.preview_plan import MAX_SPAN_SECONDS, MIN_SPAN_SECONDS
from renderer.spec import VideoChunk

CHUNK_S = 8
SEGMENT_S = 4
BUSY_LIMIT = 0.95
"""Beyond that share of its time spent on messages the scheduler is reckoned to be saturated, not infinitely slow."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of one core, of a meeting of `tracks` tracks and `streams` previews."""

    chunk_s: float
    """Eight seconds of picture."""
    lead_in_s: float
    """What a span costs before its first frame."""
    sound_s: float
    """Eight seconds of sound."""
    index_s: float
    """One hour of one track."""
    tracks: int
    streams: int
    first_segment_s: float
    preview_s: float
    """One second of one stream."""
    plan_s: float
    """Planning an hour, in the dispatcher."""
    stitch_s: float
    """One hour."""
    noise: float
    """Standard deviation of the logarithm of a task's time."""
    scheduler_task_s: tuple[tuple[int, float], ...]
    """(workers, seconds of the scheduler a task), rising."""
    scheduler_worker_share: float
    """Of the scheduler's time, that a busy worker takes by heartbeats and progress."""

    def scheduler_s(self, workers: int) -> float:
        """Seconds of the scheduler for a task, between the sizes that were measured; beyond them as the last one."""
        points = self.scheduler_task_s
        for (a, at_a), (b, at_b) in pairwise(points):
            if workers <= b:
                return at_a + (at_b - at_a) * max(0.0, (workers - a) / (b - a))
        return points[-1][1]


def task_s(run: dict[str, Any]) -> float:
    """Seconds of the scheduler's processor time that a task took in a run, without what its workers' heartbeats did."""
    idle = run["idle"]["scheduler_load"]
    return float(min((t["scheduler_cpu_s"] - idle * t["wall_s"]) / t["tasks"] for t in run["throughput"]))


@dataclass(frozen=True, slots=True)
class House:
    """What the farm has, and how it cuts."""

    workers: int
    dispatchers: int = 1
    slots: int = 2
    fair: bool = False
    """Whether spans are cut for a job's share of the workers, instead of for all of them (what the farm does)."""


@dataclass(eq=False, slots=True)
class Job:
    """A preview or an export, and what became of it; times are seconds since the start."""

    kind: str
    length_s: float
    arrived_s: float = 0.0
    began_s: float = 0.0
    first_s: float = 0.0
    """When every stream had its first segment."""
    done_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """A run of the model."""

    jobs: list[Job]
    busy_s: float = 0.0
    """Of all workers together."""
    tasks: int = 0
    scheduler_s: float = 0.0
    """Spent on tasks; what messages take comes on top."""
    message_s: float = 0.0

    @property
    def makespan_s(self) -> float:
        return max(job.done_s for job in self.jobs)


@dataclass(eq=False, slots=True)
class _Batch:
    """Tasks of one job that are submitted together; `first` of them are urgent."""

    left: int
    first_left: int
    on_first: Callable[[], None]
    on_done: Callable[[], None]


@dataclass(eq=False, slots=True)
class _Dispatcher:
    running: list[str] = field(default_factory=list)
    free_at_s: float = 0.0


class Farm:
    """The simulation. `run` it once."""

    def __init__(self, house: House, costs: Costs, seed: int) -> None:
        self._house, self._costs = house, costs
        self._random = random.Random(seed)
        self._now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._free = house.workers
        self._ready: list[tuple[int, int, float, bool, _Batch]] = []
        self._scheduler_at = 0.0
        self._dispatchers = [_Dispatcher() for _ in range(house.dispatchers)]
        self._queues: dict[str, deque[Job]] = {"preview": deque(), "export": deque()}
        self._active = 0

    def run(self, jobs: Sequence[Job]) -> Outcome:
        """Every job to its end."""
        self._out = Outcome(list(jobs))
        for job in jobs:
            self._at(job.arrived_s, partial(self._arrive, job))
        while self._heap:
            at, _, then = heapq.heappop(self._heap)
            self._pass_to(at)
            then()
        return self._out

    def _at(self, at_s: float, then: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at_s, self._number, then))

    def _pass_to(self, at_s: float) -> None:
        busy = self._house.workers - self._free
        self._out.busy_s += busy * (at_s - self._now)
        self._out.message_s += min(BUSY_LIMIT, busy * self._costs.scheduler_worker_share) * (at_s - self._now)
        self._now = at_s

    # ---- dispatchers -------------------------------------------------------------------------------------

    def _arrive(self, job: Job) -> None:
        self._queues[job.kind].append(job)
        self._take()

    def _take(self) -> None:
        """Each dispatcher takes what it has room for: previews first, and never exports alone."""
        for at in self._dispatchers:
            while job := self._next_for(at):
                at.running.append(job.kind)
                self._begin(job, at)

    def _next_for(self, at: _Dispatcher) -> Job | None:
        if len(at.running) >= self._house.slots:
            return None
        if self._queues["preview"]:
            return self._queues["preview"].popleft()
        room = at.running.count("export") < max(1, self._house.slots - 1)
        return self._queues["export"].popleft() if room and self._queues["export"] else None

    def _begin(self, job: Job, at: _Dispatcher) -> None:
        job.began_s = self._now
        self._active += 1
        hours = job.length_s / 3600

        def planned() -> None:
            at.free_at_s = max(self._now, at.free_at_s) + self._costs.plan_s * hours
            self._at(at.free_at_s, lambda: self._render(job, at))

        if job.kind == "preview":   # it comes first, and finds no index
            self._submit(job, [self._costs.index_s * hours] * self._costs.tracks, 0, planned)
        else:
            planned()

    def _render(self, job: Job, at: _Dispatcher) -> None:
        workers = max(1, self._house.workers // self._active) if self._house.fair else self._house.workers
        if job.kind == "preview":
            times = preview_tasks(self._costs, job.length_s, workers)
            self._submit(job, times, self._costs.streams, lambda: self._end(job, at), lambda: self._first(job))
        else:
            times = export_tasks(self._costs, job.length_s, workers)
            stitch = [self._costs.stitch_s * job.length_s / 3600]
            self._submit(job, times, 0, lambda: self._submit(job, stitch, 0, lambda: self._end(job, at)))

    def _first(self, job: Job) -> None:
        job.first_s = self._now

    def _end(self, job: Job, at: _Dispatcher) -> None:
        job.done_s = self._now
        self._active -= 1
        at.running.remove(job.kind)
        self._take()

    # ---- scheduler and workers ---------------------------------------------------------------------------

    def _submit(
        self,
        job: Job,
        seconds: Sequence[float],
        urgent: int,
        on_done: Callable[[], None],
        on_first: Callable[[], None] = lambda: None,
    ) -> None:
        """All tasks of previews go before those of exports, and of each the first `urgent` before the others."""
        batch = _Batch(len(seconds), urgent, on_first, on_done)
        for n, each in enumerate(seconds):
            self._number += 1
            took = each * self._random.lognormvariate(0.0, self._costs.noise)
            rank = 2 * (job.kind == "export") + (n >= urgent)
            heapq.heappush(self._ready, (rank, self._number, took, n < urgent, batch))
        self._assign()

    def _assign(self) -> None:
        while self._free and self._ready:
            _, _, took, urgent, batch = heapq.heappop(self._ready)
            self._free -= 1
            begin = self._through_scheduler()
            self._at(begin + took, partial(self._finish, urgent, batch))

    def _through_scheduler(self) -> float:
        """When a task that is handed out now reaches its worker."""
        busy = self._house.workers - self._free
        share = min(BUSY_LIMIT, busy * self._costs.scheduler_worker_share)
        cost = self._costs.scheduler_s(self._house.workers)
        self._out.tasks += 1
        self._out.scheduler_s += cost
        self._scheduler_at = max(self._now, self._scheduler_at) + cost / (1 - share)
        return self._scheduler_at

    def _finish(self, urgent: bool, batch: _Batch) -> None:
        self._free += 1
        batch.left -= 1
        if urgent:
            batch.first_left -= 1
            if not batch.first_left:
                batch.on_first()
        if not batch.left:
            batch.on_done()
        self._assign()


# ---- what a job consists of ------------------------------------------------------------------------------


def export_tasks(costs: Costs, length_s: float, workers: int) -> list[float]:
    """Seconds of each task that renders pictures, then of each that renders sound."""
    chunks = length_s / CHUNK_S
    spans = _span_chunks(round(chunks * 2), workers)
    pictures = [costs.lead_in_s + costs.chunk_s * n / 2 for n in spans]
    size = max(1, min(MAX_CHUNKS_PER_SPAN, -(-int(chunks + 0.5) // workers)))
    whole, rest = divmod(chunks, size)
    sounds = [costs.sound_s * size] * int(whole) + ([costs.sound_s * rest] if rest else [])
    return pictures + sounds


@lru_cache(maxsize=4096)
def _span_chunks(halves: int, workers: int) -> tuple[int, ...]:
    """Half chunks in each span, as the farm cuts them; the last chunk of a recording may be half a one."""
    nothing: Any = None
    chunks = [VideoChunk("", nothing, n, n + 1) for n in range(-(-halves // 2))]
    spans = cut_spans(chunks, workers)
    return tuple(sum(min(2, halves - 2 * chunk.first_frame) for chunk in span) for span in spans)


def preview_tasks(costs: Costs, length_s: float, workers: int) -> list[float]:
    """Seconds of the first segment of each stream, then of the spans (`farm.preview_plan.cut_spans`)."""
    rest_s = length_s - SEGMENT_S
    share_s = min(MAX_SPAN_SECONDS, max(MIN_SPAN_SECONDS, costs.streams * length_s / (3 * workers)))
    pieces = max(1, round(rest_s / share_s))
    span = costs.preview_s * rest_s / pieces
    return [costs.first_segment_s] * costs.streams + [span] * (pieces * costs.streams)


def meetings(count: int, length_s: float, over_s: float, seed: int) -> Iterator[Job]:
    """A preview and an export of each of `count` meetings, which end at random within `over_s` seconds."""
    dice = random.Random(seed)
    for at in sorted(dice.uniform(0, over_s) for _ in range(count)):
        yield Job("preview", length_s, at)
        yield Job("export", length_s, at)
