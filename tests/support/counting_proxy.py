"""A proxy on loopback that counts what goes through it: the honest measure of what a farm asks of an S3 server.

    with CountingProxy(server.port) as proxy:
        ...                          # FARM_S3_ENDPOINT=proxy.endpoint, in any number of processes
    proxy.exchanges                  # (method, target, bytes received, bytes sent), headers included

Bytes pass unchanged. It relies on what HTTP/1.1 clients do: one request after the other on a connection.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

_REQUEST = re.compile(rb"^(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r\n")


@dataclass(slots=True)
class Exchange:
    """A request and its answer; bytes as the client sees them."""

    method: str
    target: str
    received: int = 0
    sent: int = 0


@dataclass
class CountingProxy:
    """Forwards to `port` of loopback."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def received(self, part: str = "") -> int:
        """Bytes that clients received for targets that contain `part`."""
        return sum(exchange.received for exchange in self.exchanges if part in exchange.target)

    def requests(self, part: str = "") -> int:
        """How many requests there were for targets that contain `part`."""
        return sum(part in exchange.target for exchange in self.exchanges)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in [self._listener, *self._open]:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            self._open += [client, server]
            current: list[Exchange] = []
            threading.Thread(target=self._up, args=(client, server, current), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client, current), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, current: list[Exchange]) -> None:
        def note(data: bytes) -> None:
            if found := _REQUEST.match(data):
                current[:] = [Exchange(found[1].decode(), found[2].decode())]
                self.exchanges.append(current[0])
            if current:
                current[0].sent += len(data)

        _forward(client, server, note)

    def _down(self, server: socket.socket, client: socket.socket, current: list[Exchange]) -> None:
        def note(data: bytes) -> None:
            if current:
                current[0].received += len(data)

        _forward(server, client, note)


def _forward(source: socket.socket, target: socket.socket, note: Callable[[bytes], None]) -> None:
    try:
        while data := source.recv(1 << 16):
            note(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
