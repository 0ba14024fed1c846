"""The dispatcher: takes jobs as slots are free, keeps its leases, looks after cancels and what Redis has lost.

Any number of dispatchers work on one queue. Each of these goes on by itself and survives that Redis or the store is
away for a while:

- every tick: take what there is room for; stop what shall be stopped, also what only waits;
- every `renew_s`: renew the leases, then put jobs whose lease has run out to the front of the queue. After Redis was
  away others get the time to renew theirs first;
- every `sweep_s`: bring Redis to what the records say (`Recovery`).

With several slots exports never take all of them: an hour's export does not keep the page of others waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from redis.exceptions import RedisError

from farm.errors import StaleEpoch
from farm.job import KINDS, JobKind
from scheduler_api.jobs.queue import RENEW_S, Claim
from scheduler_api.jobs.recovery import Recovery
from scheduler_api.jobs.turn import House, Turn
from scheduler_api.logs import bind
from storage.errors import StorageError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a dispatcher does what, in seconds."""

    tick_s: float = 0.25
    renew_s: float = RENEW_S
    sweep_s: float = 30.0
    stop_s: float = 3.0
    """How long it waits, when it stops, for a step to end, and for its jobs to be handed back."""


RHYTHM = Rhythm()


class Dispatcher:
    """One process's share of the work. `run` it until `stop` is called."""

    def __init__(
        self,
        house: House,
        dispatcher_id: str,
        slots: int = 2,
        rhythm: Rhythm = RHYTHM,
        attended: Callable[[bool], None] = lambda well: None,
        store_failed: Callable[[], None] = lambda: None,
    ) -> None:
        """`attended` is told each time that the queue was to be looked after, and whether that went well;
        `store_failed` each time that the storage fails in something which is not the run of a job."""
        self._house = house
        self._id = dispatcher_id
        self._slots = slots
        self._rhythm = rhythm
        self._recovery = Recovery(house.records, house.board, house.queue)
        self._turns: dict[Turn, asyncio.Task[None]] = {}
        self._leaving: list[Turn] = []
        """Turns that are over but whose threads have not ended yet."""
        self._stopping = asyncio.Event()
        self._sweep_now = asyncio.Event()
        self._reap_from_s = 0.0
        self._attended = attended
        self._store_failed = store_failed

    def stop(self) -> None:
        """Nothing more is taken; what runs is handed back; then `run` returns."""
        self._stopping.set()
        self._sweep_now.set()

    async def run(self) -> None:
        """Works until it is stopped."""
        steps = (
            self._keep(self._sweep, self._wait_to_sweep),
            self._keep(self._tend, lambda: self._wait(self._rhythm.renew_s)),
            self._keep(self._obey, lambda: self._wait(self._rhythm.tick_s)),
            self._keep(self._take, lambda: self._wait(self._rhythm.tick_s)),
        )
        tasks = [asyncio.create_task(step) for step in steps]
        try:
            await self._stopping.wait()
            await asyncio.wait(tasks, timeout=self._rhythm.stop_s)   # longer only if Redis does not answer
        finally:
            await _cancel(tasks)
            await self._hand_back()

    @property
    def free_slots(self) -> int:
        """How many more jobs it would run now."""
        return self._slots - len(self._running())

    def _running(self) -> list[JobKind]:
        """What is in the slots."""
        self._leaving = [turn for turn in self._leaving if turn.occupied]
        return [turn.claim.kind for turn in (*self._turns, *self._leaving) if turn.occupied]

    def _wanted(self) -> tuple[JobKind, ...]:
        """What there is room for, in the order in which it is taken."""
        running = self._running()
        if len(running) >= self._slots:
            return ()
        return KINDS if running.count("export") < max(1, self._slots - 1) else ("preview",)

    # ---- what it does now and then -----------------------------------------------------------------------

    async def _keep(self, step: Callable[[], Awaitable[None]], wait: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            try:
                await step()
            except (RedisError, StorageError) as error:
                _log.warning("dispatcher %s waits: %s", self._id, error)
                self._count(error)
                self._reap_from_s = _loop_s() + 2 * self._rhythm.renew_s
            except Exception:   # the other steps, and the jobs that run, need not suffer from it
                _log.exception("dispatcher %s goes on", self._id)
            await wait()

    async def _wait(self, seconds: float) -> None:
        await _set_within(self._stopping, seconds)

    async def _wait_to_sweep(self) -> None:
        if await _set_within(self._sweep_now, self._rhythm.sweep_s):
            self._sweep_now.clear()
            await self._wait(self._rhythm.tick_s)

    async def _sweep(self) -> None:
        await self._recovery.sweep()

    async def _tend(self) -> None:
        self._attended(False)
        await self._house.queue.attend()
        for turn in list(self._turns):
            if not await self._house.queue.renew(turn.claim):
                turn.end_early("lost")
        if _loop_s() >= self._reap_from_s:
            for job_id in await self._house.queue.reap():
                _log.warning("job %s is taken over: its dispatcher is silent", job_id)
        self._attended(True)

    async def _obey(self) -> None:
        for job_id in await self._house.board.cancels():
            if mine := [turn for turn in self._turns if turn.claim.job_id == job_id]:
                mine[-1].end_early("cancelled")
            elif claim := await self._house.queue.take_this(self._id, job_id):
                self._begin(claim)   # it ends at once and needs no slot

    async def _take(self) -> None:
        while kinds := self._wanted():
            claim = await self._house.queue.take(self._id, kinds)
            if claim is None:
                return
            if self._stopping.is_set():
                await self._house.queue.give_back(claim)
                return
            self._begin(claim)

    # ---- turns -------------------------------------------------------------------------------------------

    def _begin(self, claim: Claim) -> None:
        turn = Turn(claim, self._house)
        self._turns[turn] = asyncio.create_task(self._play(turn))

    async def _play(self, turn: Turn) -> None:
        job_id = turn.claim.job_id
        with bind(job_id=job_id):
            try:
                await turn.play()
            except StaleEpoch as error:
                _log.warning("%s", error)
                self._sweep_now.set()   # perhaps nobody has it: Redis may have lost its data
            except (RedisError, StorageError) as error:
                _log.warning("job %s is left until its lease runs out: %s", job_id, error)
                self._count(error)
            except Exception:
                _log.exception("job %s is left until its lease runs out", job_id)
            finally:
                del self._turns[turn]
                self._leaving.append(turn)

    def _count(self, error: RedisError | StorageError) -> None:
        if isinstance(error, StorageError) and error.blame == "storage":
            self._store_failed()

    async def _hand_back(self) -> None:
        for turn in self._turns:
            turn.end_early("stopping")
        if self._turns:
            _, late = await asyncio.wait(self._turns.values(), timeout=self._rhythm.stop_s)
            await _cancel(late)


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set, or was within this time."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
