"""From settings to an executor: in this process, on workers started here, or on a cluster at an address.

Workers started here are processes of one thread each, reachable on loopback only. They live as long as
their executor: closing it ends them quickly and in silence, and if this process is killed they go too.
Nothing is written to standard output or error.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, Literal

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Nanny
from distributed.system import MEMORY_LIMIT
from distributed.utils import get_mp_context
from distributed.versions import VersionMismatchWarning

from farm.dashboard import DashboardOnDemand
from farm.errors import ClusterUnreachable, VersionMismatch
from farm.executors.base import Executor
from farm.executors.dask import DaskExecutor
from farm.executors.local import LocalExecutor
from farm.forkserver import METHOD, ONE_THREAD, start_early
from farm.plugins import WarmUp
from farm.settings import FarmSettings

LOOPBACK = "127.0.0.1"

MIN_WORKER_MEMORY = 2**30
"""Bytes that a worker may use even if there are more workers than that in memory."""

STOP_S = 1.0
"""How long a worker that is still busy may take to stop before it is killed; its writes are atomic."""

SAME_PACKAGES = ("distributed", "av", "numpy", "cv2")
"""Their versions decide the pixels, or whether we understand each other at all."""

CONFIG: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 2,
    # One task at a time is given to a worker: when it dies, it is clear which one was running.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.nanny.pre-spawn-environ": ONE_THREAD,
    "distributed.worker.multiprocessing-method": METHOD,
    # A task's memory is its own, not Dask's to spill; a pausing worker would only stand still.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # Few tasks of a kind are given to workers at once, also to busy ones: from there one that is idle takes them.
    "distributed.scheduler.work-stealing": True,
    # It samples the stacks of all workers for a dashboard page.
    "distributed.worker.profile.enabled": False,
    # What polls many times a second for the sake of tasks that take milliseconds: ours take many seconds, and
    # every core is busy rendering.
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.scheduler.active-memory-manager.start": False,
}


def open_executor(
    settings: FarmSettings,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    resources: Mapping[str, float] | None = None,
) -> Executor:
    """The executor that `settings` ask for; `scheduler` and `workers`, where given, go before them.

    `workers=0` is this process. `resources` is what each worker started here declares to have. Raises
    ClusterUnreachable and VersionMismatch.
    """
    address = scheduler or (settings.scheduler if workers is None else None)
    count = workers if workers is not None else settings.workers
    if address:
        return connect(address, settings)
    if count == 0:
        return LocalExecutor()
    return start(count or CPU_COUNT, settings, resources or {})


def connect(address: str, settings: FarmSettings) -> DaskExecutor:
    """An executor on the cluster whose scheduler is at `address`."""
    _silence()
    problem = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)   # checked below, as an error
            client = _client(address, timeout=settings.connect_timeout_s)
    except (OSError, ValueError, TimeoutError) as error:
        problem = str(error) or type(error).__name__
    if problem:
        # What is left of the client closes itself when it is collected; were that while the next one starts,
        # both would wait for one lock, for ever. So it is collected now.
        gc.collect()
        raise ClusterUnreachable(address, problem)
    executor = DaskExecutor(
        client,
        address=address,
        worker_wait_s=settings.worker_wait_s,
        expected_workers=settings.expected_workers or 1,
        pools=settings.pools,
    )
    try:
        check_versions(client.get_versions(packages=list(SAME_PACKAGES)))
        client.register_plugin(WarmUp())
    except BaseException:
        executor.close()
        raise
    return executor


def start(count: int, settings: FarmSettings, resources: Mapping[str, float]) -> DaskExecutor:
    """An executor on `count` worker processes of its own."""
    _silence()
    with dask.config.set(CONFIG), _deaf_to_interrupts():
        get_mp_context()  # sets its own preload, once
        start_early()
        cluster: Any = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            worker_class=QuickNanny,
            host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:{settings.dashboard_port if settings.dashboard else 0}",
            scheduler_kwargs={"dashboard": False},   # loaded when it is opened; a port for the state alone till then
            memory_limit=max(MEMORY_LIMIT // count, MIN_WORKER_MEMORY),
            local_directory=str(settings.scratch_dir or tempfile.gettempdir()),
            silence_logs=logging.CRITICAL,
            resources=dict(resources),
            env={**os.environ, **ONE_THREAD},   # as it is now: the server that workers are forked from may be older
            config=CONFIG,   # for a worker that is started again later, when the setting above is over
        )
    try:
        if settings.dashboard:
            DashboardOnDemand(cluster.scheduler)
        client = _client(cluster)
        client.register_plugin(WarmUp())
    except BaseException:
        cluster.close()
        raise
    return DaskExecutor(
        client,
        address=str(cluster.scheduler_address),
        worker_wait_s=settings.worker_wait_s,
        dashboard=settings.dashboard,
        on_close=cluster.close,
    )


class QuickNanny(Nanny):
    """A nanny that does not wait long for a worker that is busy when it is told to stop."""

    async def close(   # type: ignore[override]
        self, timeout: float = STOP_S, reason: str = "nanny-close"
    ) -> Literal["OK"]:
        return await super().close(timeout=min(timeout, STOP_S), reason=reason)


def _client(to: Any, **options: Any) -> Any:
    """A client of a cluster or an address, typed as Any: most of its methods have no types."""
    return Client(to, set_as_default=False, **options)


def check_versions(versions: Mapping[str, Any]) -> None:
    """Raise VersionMismatch if a worker or the scheduler has other versions than this process.

    `versions` is what distributed's `Client.get_versions` gives.
    """
    here = _versions(versions["client"])
    for there in (versions["scheduler"], *versions["workers"].values()):
        for package, version in _versions(there).items():
            if version is not None and version != here[package]:
                raise VersionMismatch(package, str(here[package]), str(version))


def _versions(of: Mapping[str, Any]) -> dict[str, str | None]:
    python = ".".join(str(of["host"]["python"]).split(".")[:2])
    return {"python": python, **{package: of["packages"].get(package) for package in SAME_PACKAGES}}


def _silence() -> None:
    """Keep the libraries' logs off the terminal; what matters of them arrives as an error or an event."""
    for name in ("distributed", "bokeh", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Threads and processes begun inside never see Ctrl-C; this thread gets it at the end.

    A terminal sends SIGINT to all processes of the foreground group; only this one is to react, in its own
    order. Blocked signals are inherited, by the event loop's thread and from it by workers, restarted ones
    too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    resource_tracker.ensure_running()   # its own start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupt_on_terminate() -> Iterator[None]:
    """Inside, SIGTERM is a KeyboardInterrupt, as SIGINT is: everything is closed on the way out."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
