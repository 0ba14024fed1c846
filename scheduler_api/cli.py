"""The whole command line: the commands of `farm.cli`, and those that need the door, `serve` and `user-token`.

What is asked for on the command line goes before the environment. `serve` with the role `all` starts processes and
keeps them running; with another role it is that process. The imports of the door happen inside the commands: none of
the others waits for them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farm.cli import main as farm_commands
from farm.errors import BadSetting, FarmError, exit_message

if TYPE_CHECKING:
    from scheduler_api.secrets import Secrets
    from scheduler_api.settings import DoorSettings
    from scheduler_api.supervisor import Program

LAST_PORT = 65535

ROLES = ("all", "api", "gateway", "composition", "dispatcher")


@click.group()
def door_commands() -> None:
    """The commands that need the door."""


@door_commands.command()
@click.option("--storage", metavar="URL", help="Folder or s3://bucket that contains rooms/. [default: this folder]")
@click.option("--redis", metavar="URL", help="A running Redis or Valkey; else one is started here.")
@click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler; else workers are started here.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Of the API; 0: a free one. [default: 8000]")
@click.option("--role", type=click.Choice(ROLES), default="all", show_default=True, help="One part as a process alone.")
def serve(role: str, **asked: Any) -> None:
    """Serves the HTTP API and the composer page, and runs the jobs.

    Prints the addresses of the API, of Dask's dashboard and, in development, of each recording's composer page with a
    token to open it. Ends on Ctrl-C and SIGTERM; jobs go on at the next start.
    """
    with _one_line_for_errors():
        settings = _settings(asked)
        if role == "all":
            sys.exit(_supervise(settings))
        if settings.redis is None:
            raise click.UsageError(f"--role {role} needs --redis, or FARM_REDIS: the roles share one")
        from scheduler_api import serve as processes

        processes.run(settings, role)  # type: ignore[arg-type]


@door_commands.command()
@click.option("--demand", "demand_url", metavar="URL", required=True, help="Of the scheduler's page /farm/demand.")
@click.option("--pool", "pools", multiple=True, required=True, metavar="NAME=DEPLOYMENT:MIN:MAX:SLOTS",
              help="A pool of workers and its bounds; repeatable.")  # fmt: skip
@click.option("--interval", "interval_s", type=click.FloatRange(0.1), default=5.0, show_default=True)
@click.option("--cooldown", "cooldown_s", type=click.FloatRange(0), default=120.0, show_default=True,
              help="Seconds for which workers must have been too many before some go.")  # fmt: skip
@click.option("--deletion-cost/--no-deletion-cost", "marks_pods", default=True, show_default=True,
              help="Marks idle pods to go first, for which it must be allowed to patch pods.")  # fmt: skip
@click.option("--watch-only", is_flag=True, help="Tells by metrics what is wanted, and sets nothing.")
def autoscale(demand_url: str, pools: tuple[str, ...], **options: Any) -> None:
    """Has the workers of a Kubernetes cluster follow the work there is.

    Runs in a pod, by its service account, until SIGTERM. Metrics: FARM_METRICS_PORT.
    """
    from farm.autoscale import parse_pool
    from scheduler_api.autoscaler_process import run_autoscaler
    from scheduler_api.settings import load_door_settings

    try:
        parsed = [parse_pool(pool) for pool in pools]
    except ValueError as error:
        raise click.UsageError(f"--pool: {error}") from error
    with _one_line_for_errors():
        run_autoscaler(load_door_settings(), demand_url, parsed, **options)


@door_commands.command(name="user-token")
@click.option("--sub", required=True, metavar="USER", help="Whose token.")
@click.option("--room", "rooms", multiple=True, metavar="ROOM", help="A room in which the role holds; repeatable.")
@click.option("--role", type=click.Choice(["host", "co_host", "participant"]), default="host", show_default=True)
@click.option("--shelf-room", "shelves", multiple=True, metavar="ROOM", help="Whose shelf may be opened; repeatable.")
def user_token(sub: str, rooms: tuple[str, ...], role: Any, shelves: tuple[str, ...]) -> None:
    """A user token for trying things out, signed as Shelves would sign it.

    Its secret is that of the development service of this user, or FARM_USER_TOKEN_SECRET.
    """
    from scheduler_api.auth.access import UserClaims
    from scheduler_api.settings import load_door_settings
    from scheduler_api.startup import secrets_of, user_tokens

    with _one_line_for_errors():
        claims = UserClaims(sub, True, dict.fromkeys(rooms, role), frozenset(shelves))
        click.echo(user_tokens(secrets_of(load_door_settings())).issue(claims))


main = click.CommandCollection(
    name="farm",
    sources=[farm_commands, door_commands],
    help=farm_commands.help,
    params=[*farm_commands.params],
    context_settings=farm_commands.context_settings,
)


def _settings(asked: dict[str, Any]) -> DoorSettings:
    from scheduler_api.settings import load_door_settings

    settings = load_door_settings(**asked)
    if "://" in settings.storage:
        return settings
    folder = Path(settings.storage).absolute()
    if not folder.is_dir():
        raise BadSetting("FARM_STORAGE", f"{folder} is no folder; name the one that contains rooms/")
    return settings.model_copy(update={"storage": str(folder)})


def _supervise(settings: DoorSettings) -> int:
    """Everything in one: the embedded Valkey unless a Redis is named, the API, the dispatcher."""
    from scheduler_api.logs import configure_logging
    from scheduler_api.startup import listen, secrets_of
    from scheduler_api.supervisor import Supervisor

    configure_logging(settings.log_format)
    secrets = secrets_of(settings)   # makes them, or refuses, before anything starts
    with listen(settings) as listener:
        listener.set_inheritable(True)
        programs = stages_of(settings, secrets, listener.fileno())

        async def run() -> int:
            return await Supervisor(programs, lambda line: click.echo(line)).run()

        return asyncio.run(run())


def stages_of(settings: DoorSettings, secrets: Secrets, listener_fd: int) -> list[list[Program]]:
    """What the role `all` consists of. The API listens on `listener_fd`. Raises BadSetting."""
    from scheduler_api.embedded import url_of
    from scheduler_api.startup import state_dir_of, without_secrets
    from scheduler_api.supervisor import Program

    valkey = state_dir_of(settings) / "valkey"
    env = {**os.environ, "FARM_STORAGE": settings.storage, "FARM_REDIS": settings.redis or url_of(valkey)}
    env |= {"FARM_SCHEDULER": settings.scheduler} if settings.scheduler else {}
    python = (sys.executable, "-m")
    embedded = Program("valkey", (*python, "scheduler_api.embedded", str(valkey)), env)
    api = Program("api", (*python, "scheduler_api.serve", "all", str(listener_fd)), env, (listener_fd,))
    dispatcher = Program(
        "dispatcher",
        (*python, "scheduler_api.serve", "dispatcher"),
        without_secrets(env) | _of_dispatcher(settings, secrets),
    )
    return [*([] if settings.redis else [[embedded]]), [api, dispatcher]]


def _of_dispatcher(settings: DoorSettings, secrets: Secrets) -> dict[str, str]:
    """Variables of the dispatcher beside the API: the one secret that it needs, and a port that is not taken."""
    own = {"FARM_WEBHOOK_KEY": secrets.webhook_key} if secrets.webhook_key else {}
    if settings.metrics_port is None:
        return own
    if settings.metrics_port == LAST_PORT:
        raise BadSetting("FARM_METRICS_PORT", f"the dispatcher takes the next port: at most {LAST_PORT - 1}")
    return own | {"FARM_METRICS_PORT": str(settings.metrics_port + 1)}


@contextmanager
def _one_line_for_errors() -> Iterator[None]:
    try:
        yield
    except FarmError as error:
        click.echo(f"farm: {exit_message(error)}", err=True)
        sys.exit(1)
