"""The commands of operators: `farm scheduler | worker | gc`.

The first two are the parts of a Dask cluster as processes of their own, the way the farm wants them; both run until
SIGTERM. The last one tidies up.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from farm.errors import exit_message

PORT = click.IntRange(0, 65535)


class _Resources(click.ParamType[dict[str, float]]):
    """`nvenc=4,nvdec=4`."""

    name = "resources"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        if isinstance(value, dict):
            return value
        try:
            parts = (part.split("=") for part in value.split(",") if part)
            return {name: float(amount) for name, amount in parts}
        except ValueError:
            return self.fail(f"{value} is not NAME=AMOUNT,…", param, ctx)


@click.group()
def operations() -> None:
    """The commands of operators."""


@operations.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. It asks for no password.")
@click.option("--port", type=PORT, default=8786, show_default=True, help="Where workers and clients connect.")
@click.option("--dashboard-port", type=PORT, default=8787, show_default=True, help="Of the page, and /farm/demand.")
def scheduler(host: str, port: int, dashboard_port: int) -> None:
    """The scheduler of a Dask cluster, set up for the farm."""
    from farm.scheduler import run_scheduler

    with _process():
        run_scheduler(host, port, dashboard_port)


@operations.command()
@click.option("--scheduler", "address", metavar="ADDRESS", required=True, help="Of the scheduler, tcp://host:port.")
@click.option("--name", help="What the worker is called; else its address.")
@click.option("--host", help="Where the others reach it; else it finds out.")
@click.option("--port", type=PORT, default=0, help="Where the others reach it; 0: a free one.")
@click.option("--dashboard-port", type=PORT, default=0, help="Of /health, /farm/ready and /metrics; 0: a free one.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Tasks at the same time.")
@click.option("--resources", type=_Resources(), default="", help="What it has: nvenc=4 for NVIDIA's encoder.")
@click.option("--grace", "grace_s", type=click.FloatRange(0), default=120.0, show_default=True,
              help="Seconds for the chunk in work when it is told to go.")  # fmt: skip
def worker(address: str, **options: Any) -> None:
    """A worker of a Dask cluster: one process, to be started once for each core.

    On SIGTERM it takes nothing more, ends the chunk in work, gives the rest back, and leaves.
    """
    with _process():
        from farm.settings import load_settings
        from farm.worker import WorkerOptions, run_worker

        run_worker(WorkerOptions(address, scratch=load_settings().scratch_dir, **options))


@operations.command()
@click.argument("source", required=False)
@click.option("--storage", envvar="FARM_STORAGE", metavar="URL", help="Without SOURCE: all recordings in here.")
@click.option("--older-than", "days", type=click.FloatRange(0), default=30.0, show_default=True, metavar="DAYS",
              help="What jobs of as many days need is kept.")  # fmt: skip
@click.option("--jobs-older-than", "job_days", type=click.FloatRange(0), default=90.0, show_default=True,
              metavar="DAYS", help="Jobs that ended so long ago are forgotten.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Says what would go, and removes nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def gc(
    source: str | None, storage: str | None, days: float, job_days: float, dry_run: bool, as_json: bool
) -> None:
    """Removes what is cached and nothing needs (chunks, intermediates, indexes, stills), and records of old jobs.

    Recordings, saved compositions, previews and exports are never touched, nor anything younger than DAYS. Exit status
    1 where the storage failed, were it for one recording of many.
    """
    from farm.gc import collect

    with _errors():
        if source is None and storage is None:
            raise click.UsageError("name a SOURCE, or with --storage the folder or bucket that contains rooms/")
        found = collect(source, storage, days, dry_run, job_days)
    click.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2) if as_json else found.summary())
    if found.failed:
        sys.exit(1)


@contextmanager
def _process() -> Iterator[None]:
    """Logs to standard error, as a process among others does, and every error as one line and exit status 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with _errors():
        yield


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise
    except Exception as error:
        click.echo(f"farm: {exit_message(error)}", err=True)
        sys.exit(1)


def add_to(group: click.Group) -> None:
    """Makes these commands some of `group`'s."""
    for command in operations.commands.values():
        group.add_command(command)
