"""The entry point of `farm`: the whole command line, started as `farm.__main__` starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def main() -> None:
    """Runs the command that the arguments name."""
    from farm.__main__ import main as start

    start(_commands)


def _commands() -> click.Command:
    from scheduler_api.cli import main as commands

    return commands


if __name__ == "__main__":
    main()
