"""The executor on a Dask cluster: the same promise as the local one, on workers that may die.

This is the door: it owns the client, knows what the cluster offers, and hands what workers say to the run
that it belongs to. How one run goes is in `dask_run`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from distributed import Client

from farm.errors import ClusterUnreachable, NoSuchPool
from farm.executors.base import CancelToken, Observer, Task
from farm.executors.dask_run import DaskRun


class DaskExecutor:
    """Runs tasks through `client`, which it owns. Several threads may call `run` at the same time."""

    def __init__(
        self,
        client: Client,
        *,
        address: str,
        worker_wait_s: float = 300.0,
        expected_workers: int = 1,
        pools: Collection[str] = (),
        dashboard: bool = True,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """`address` names the cluster in messages; `on_close` is called after the client is closed.

        `expected_workers` is how many there may be once there is work for them, `pools` the resources that are
        offered even while no worker is there to offer them. `dashboard` says whether the page that the scheduler
        tells of is one to look at.
        """
        self._client: Any = client   # most of its methods have no types
        self._address = address
        self._worker_wait_s = worker_wait_s
        self._expected_workers = expected_workers
        self._pools = frozenset(pools)
        self._has_dashboard = dashboard
        self._on_close = on_close
        self._closed = False
        self._runs: dict[str, DaskRun] = {}
        self._topic = f"farm-{client.id}"
        self._client.subscribe_topic(self._topic, self._receive)

    @property
    def workers(self) -> int:
        return max(1, self._expected_workers, self._count_threads())

    @property
    def dashboard(self) -> str | None:
        with suppress(KeyError):   # a scheduler without a dashboard
            return str(self._client.dashboard_link) if self._has_dashboard else None
        return None

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        self._check_pools(tasks)
        run = DaskRun(
            client=self._client,
            address=self._address,
            topic=self._topic,
            name=uuid.uuid4().hex[:8],
            observer=observer,
            offers=self._offers,
            worker_wait_s=self._worker_wait_s,
        )
        self._runs[run.name] = run
        try:
            return run.drive(tasks, cancel)
        finally:
            del self._runs[run.name]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._client.close()
        finally:
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self, event: tuple[float, dict[str, Any]]) -> None:
        """Called in the client's thread with each message of a worker."""
        message = event[1]
        if run := self._runs.get(message["run"]):
            run.inbox.put(message)

    def _check_pools(self, tasks: Sequence[Task]) -> None:
        needs = sorted({need for task in tasks for need in task.resources.items() if need[0] not in self._pools})
        if needs:
            check_pools(needs, self._offers())

    def _offers(self) -> list[dict[str, float]]:
        """The resources of each worker that is there."""
        return [worker["resources"] for worker in self._identity()["workers"].values()]

    def _count_threads(self) -> int:
        return int(self._identity()["total_threads"])

    def _identity(self) -> dict[str, Any]:
        """What the scheduler says of itself and its workers, now."""
        try:
            return dict(self._client.sync(self._client.scheduler.identity))
        except Exception as error:
            raise ClusterUnreachable(self._address, str(error) or type(error).__name__) from error


def check_pools(needs: Iterable[tuple[str, float]], offers: Sequence[Mapping[str, float]]) -> None:
    """Raise NoSuchPool for a need that no single worker can meet: Dask would let it wait for ever."""
    offered = tuple(sorted({f"{name}={amount:g}" for offer in offers for name, amount in offer.items()}))
    for name, amount in needs:
        if not any(offer.get(name, 0) >= amount for offer in offers):
            raise NoSuchPool(name, offered)
