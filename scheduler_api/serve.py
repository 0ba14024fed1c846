"""A process of `farm serve`: the API of one role, or of all, or the dispatcher.

`python -m scheduler_api.serve all LISTENER_FD REPORT_FD` and `… dispatcher REPORT_FD` are how the supervisor starts
them; `run` is the same in the calling process. What a role does not need, its process does not import.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence

from farm.errors import BadSetting, FarmError, exit_message
from farm.forkserver import start_early
from scheduler_api.child import UNUSABLE, end_with_parent
from scheduler_api.logs import configure_logging
from scheduler_api.settings import DoorSettings, ProcessRole, load_door_settings
from scheduler_api.startup import forget_secrets, listen


def run(
    settings: DoorSettings, role: ProcessRole, *, listener_fd: int | None = None, report_fd: int | None = None
) -> None:
    """Runs a process of this role until it is told to stop. Raises BadSetting, ClusterUnreachable."""
    configure_logging(settings.log_format)
    if role == "dispatcher":
        forget_secrets()   # what reads the recordings is started from here
        start_early()   # what workers import is imported beside the rest of the start
        from scheduler_api.dispatcher_process import run_dispatcher

        run_dispatcher(settings, report_fd)
        return
    from scheduler_api.api_process import run_api

    listener = listen(settings) if listener_fd is None else socket.socket(fileno=listener_fd)
    asyncio.run(run_api(settings, role, listener, report_fd))


def main(role: ProcessRole, descriptors: Sequence[int]) -> int:
    """A process under the supervisor; gives the exit status."""
    *inherited, report_fd = descriptors
    try:
        run(load_door_settings(), role, listener_fd=next(iter(inherited), None), report_fd=report_fd)
    except FarmError as error:
        print(f"farm: {exit_message(error)}", file=sys.stderr)
        return UNUSABLE if isinstance(error, BadSetting) else 1
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1], [*map(int, sys.argv[2:])]))  # type: ignore[arg-type]
