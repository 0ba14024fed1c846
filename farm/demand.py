"""How much work there is for each pool of workers: a page of the scheduler, `/farm/demand`, and what it says.

A pool is what workers with the same kind of resources are: `gpu` for those that declare one of NVIDIA's, `cpu` for
the others. A task belongs to the pool whose resources it asks for. The page is JSON:

    {"pools": {"cpu": {"tasks": 7, "workers": {"worker-cpu-1": 2}}, "gpu": {"tasks": 0, "workers": {}}}}

tasks: those that wait for a worker or have one; workers: how many of these each has, by its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from distributed.http.utils import RequestHandler

POOLS: Final = ("cpu", "gpu")
GPU_RESOURCES: Final = frozenset({"nvenc", "nvdec"})
WANTED_STATES: Final = frozenset({"processing", "queued", "no-worker"})
"""Of tasks, as Dask's scheduler has them: given to a worker; waiting in line; waiting for a worker of that kind."""


def pool_of(resources: Iterable[str]) -> str:
    """The pool of a worker that declares, or a task that asks for, these resources."""
    return "gpu" if GPU_RESOURCES.intersection(resources) else "cpu"


def demand_of(scheduler: Any) -> dict[str, Any]:
    """What the page says. Called on the scheduler's event loop."""
    pools: dict[str, dict[str, Any]] = {name: {"tasks": 0, "workers": {}} for name in POOLS}
    for task in scheduler.tasks.values():
        if task.state in WANTED_STATES:
            pools[pool_of(task.resource_restrictions or ())]["tasks"] += 1
    for worker in scheduler.workers.values():
        pools[pool_of(worker.resources)]["workers"][str(worker.name)] = len(worker.processing)
    return {"pools": pools}


class Demand(RequestHandler):
    """The page. That it answers says, too, that the scheduler's event loop turns."""

    def get(self) -> None:
        self.write(demand_of(self.server))


routes: list[tuple[str, type[Demand], dict[str, Any]]] = [("/farm/demand", Demand, {})]
