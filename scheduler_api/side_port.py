"""The port beside the work of a process that has no API: is it alive, is it ready, what does it count.

Answers `/healthz`, `/readyz` and `/metrics` from threads of its own. Both checks look at when the process's own loop
said last that all is well, so a loop that hangs is seen although these threads do not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

ALIVE_S = 60.0
"""How long a loop may be silent before it counts as hanging."""

READY_S = 30.0
"""How long ago the last success may lie."""

PATIENCE_S = 10.0
"""How long a caller may be silent before it is left."""


class Pulse:
    """What a loop says of itself. Any thread may look."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat_s = clock()
        self._success_s = float("-inf")

    def beat(self, success: bool = True) -> None:
        """The loop turns; `success`: and did what it is there for."""
        self._beat_s = self._clock()
        if success:
            self._success_s = self._beat_s

    @property
    def alive(self) -> bool:
        return self._clock() - self._beat_s < ALIVE_S

    @property
    def ready(self) -> bool:
        return self._clock() - self._success_s < READY_S


class _Quiet(WSGIRequestHandler):
    timeout = PATIENCE_S

    def handle(self) -> None:
        """Answers one request, if it comes in time."""
        with suppress(TimeoutError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Probes are not worth a line."""


class _Server(ThreadingMixIn, WSGIServer):
    """One thread for each caller: one who is silent keeps no probe waiting."""

    daemon_threads = True


def serve_side_port(host: str, port: int, registry: CollectorRegistry, pulse: Pulse) -> Callable[[], None]:
    """Answers on `host:port`; gives what stops it. Raises OSError."""
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        checks = {"/healthz": pulse.alive, "/readyz": pulse.ready}
        good = checks.get(environ["PATH_INFO"])
        if good is None:
            answered: Iterable[bytes] = metrics(environ, start)
            return answered
        start("200 OK" if good else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ok\n" if good else b"unavailable\n"]

    server = make_server(host, port, answer, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="side port", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
