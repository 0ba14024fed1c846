"""The autoscaler's process: asks the scheduler what there is to do, and sets the pools of workers, until SIGTERM.

Its metrics say what it sees; with `watch_only` that is all it does, and a HorizontalPodAutoscaler goes by them. While
the scheduler does not answer nothing is changed: no news is no reason to send workers away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, Counter, Gauge

from farm.autoscale import Pool, Steadily, going_first
from scheduler_api.kubernetes import Kubernetes
from scheduler_api.logs import configure_logging
from scheduler_api.settings import DoorSettings
from scheduler_api.side_port import Pulse, serve_side_port

TIMEOUT_S = 5.0

BUSY_COST, IDLE_COST = 1000, -1000
"""Of a pod: what a Deployment that gets smaller spares, and what it takes first."""

_log = logging.getLogger(__name__)


class AutoscalerMeters:
    """What the autoscaler sees."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.rounds = Counter("farm_autoscaler_rounds", "Looks at the demand.", ("outcome",), registry=registry)
        for outcome in ("done", "failed"):   # there from the start: what never succeeds shows no increase then
            self.rounds.labels(outcome)
        self.tasks = Gauge("farm_pool_tasks", "Tasks that wait or run.", ("pool",), registry=registry)
        self.workers = Gauge("farm_pool_workers", "Workers that are there.", ("pool",), registry=registry)
        self.wanted = Gauge("farm_pool_workers_wanted", "Workers that would be busy.", ("pool",), registry=registry)
        self.maximum = Gauge("farm_pool_workers_max", "The most that are allowed.", ("pool",), registry=registry)
        self.slots = Gauge("farm_pool_slots", "Tasks that the workers do at once.", ("pool",), registry=registry)

    def see(self, pool: Pool, tasks: int, workers: int, wanted: int) -> None:
        values = {self.tasks: tasks, self.workers: workers, self.wanted: wanted, self.maximum: pool.maximum}
        for gauge, value in (values | {self.slots: workers * pool.slots}).items():
            gauge.labels(pool.name).set(value)


class Autoscaler:
    """Looks once with each `look`. Without `kubernetes` it only looks; with `marks_pods` it says which go first."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        demand_url: str,
        pools: Sequence[Pool],
        kubernetes: Kubernetes | None,
        cooldown_s: float,
        marks_pods: bool = True,
    ) -> None:
        self.meters = AutoscalerMeters()
        self._client = client
        self._demand_url = demand_url
        self._pools = [(pool, Steadily(cooldown_s)) for pool in pools]
        self._kubernetes = kubernetes
        self._marks_pods = marks_pods

    async def look(self, now_s: float) -> None:
        """Raises httpx.HTTPError, and ValueError for a page that is none."""
        answer = await self._client.get(self._demand_url)
        page: Mapping[str, Any] = answer.raise_for_status().json()["pools"]
        for pool, steadily in self._pools:
            tasks, load = int(page[pool.name]["tasks"]), page[pool.name]["workers"]
            wanted = pool.wanted(tasks)
            self.meters.see(pool, tasks, len(load), wanted)
            if self._kubernetes is not None:
                present = await self._kubernetes.replicas(pool.target)
                if steadily.fresh:   # after a restart: who is there was wanted just now
                    steadily.replicas(min(present, pool.maximum), now_s)
                await self._set(self._kubernetes, pool, present, steadily.replicas(wanted, now_s), load)

    async def _set(
        self, kubernetes: Kubernetes, pool: Pool, present: int, replicas: int, load: Mapping[str, int]
    ) -> None:
        if replicas == present:
            return
        if replicas < present and self._marks_pods:
            await _mark(kubernetes, load, replicas)
        await kubernetes.set_replicas(pool.target, replicas)
        told = {"pool": pool.name, "replicas": replicas, "before": present, "workers": len(load)}
        _log.info("pool %s: %d workers instead of %d", pool.name, replicas, present, extra=told)


async def _mark(kubernetes: Kubernetes, load: Mapping[str, int], staying: int) -> None:
    """Says on each pod whether it is one of those that stay."""
    goers = set(going_first(load, len(load) - staying))
    for name in load:
        await kubernetes.set_deletion_cost(name, IDLE_COST if name in goers else BUSY_COST)


def run_autoscaler(
    settings: DoorSettings,
    demand_url: str,
    pools: Sequence[Pool],
    *,
    interval_s: float,
    cooldown_s: float,
    marks_pods: bool,
    watch_only: bool,
) -> None:
    """Follows the demand until SIGTERM. Raises BadSetting outside of a cluster, unless it only watches."""
    configure_logging(settings.log_format)
    logging.getLogger("httpx").setLevel(logging.WARNING)   # it would tell of each look
    kubernetes = None if watch_only else Kubernetes.of_this_pod(os.environ, settings.kubernetes_account)

    def autoscaler_over(client: httpx.AsyncClient) -> Autoscaler:
        return Autoscaler(client, demand_url, pools, kubernetes, cooldown_s, marks_pods)

    asyncio.run(_follow(settings, autoscaler_over, kubernetes, interval_s))


async def _follow(
    settings: DoorSettings,
    autoscaler_over: Callable[[httpx.AsyncClient], Autoscaler],
    kubernetes: Kubernetes | None,
    interval_s: float,
) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    pulse = Pulse()
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        autoscaler = autoscaler_over(client)
        if settings.metrics_port:
            serve_side_port(settings.metrics_host, settings.metrics_port, autoscaler.meters.registry, pulse)
        while not told.is_set():
            pulse.beat(await _one_round(autoscaler))
            await _within(told, interval_s)
    if kubernetes is not None:
        await kubernetes.aclose()


async def _one_round(autoscaler: Autoscaler) -> bool:
    try:
        await autoscaler.look(time.monotonic())
    except (httpx.HTTPError, ValueError, KeyError, OSError) as error:
        _log.warning("the workers stay as they are: %s: %s", type(error).__name__, error)
        autoscaler.meters.rounds.labels("failed").inc()
        return False
    autoscaler.meters.rounds.labels("done").inc()
    return True


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
