"""The entry point of `farm` and of `python -m farm`: the command line, started with its workers in mind.

An export with workers of its own spends its first second importing, here and in each worker. The server that workers
are forked from is started before anything else, so both happen at once.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def _commands() -> click.Command:
    from farm.cli import main as commands

    return commands


def main(load: Callable[[], click.Command] = _commands) -> None:
    """Runs the command that the arguments name, of those that `load` imports."""
    if _starts_workers(sys.argv[1:]):
        from farm.forkserver import start_early

        start_early()
    gc.disable()  # importing makes many objects and no garbage: looking for some takes a tenth of the time
    commands = load()
    gc.freeze()
    gc.enable()
    commands(prog_name="farm")


def _starts_workers(arguments: list[str]) -> bool:
    """A guess from the arguments; where it is wrong, a process has imported in vain."""
    elsewhere = any(a.startswith("--scheduler") for a in arguments) or os.environ.get("FARM_SCHEDULER")
    return arguments[:1] in (["export"], ["preview"]) and "--help" not in arguments and not elsewhere


if __name__ == "__main__":
    main()
