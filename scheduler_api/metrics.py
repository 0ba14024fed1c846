"""What Prometheus reads: requests, jobs in the queue, streams. On a port of its own, not on the API's.

A `Metrics` belongs to one process and has its own registry. The middleware counts requests by route, never by path,
and by methods that are known: whatever a caller may make up would make a series each.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler_api.jobs.queue import JobQueue
from scheduler_api.logs import bind

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""Those that are told apart; the parser of requests lets any word pass."""

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_log = logging.getLogger("scheduler_api.access")


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "farm_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "farm_http_request_seconds",
            "Until the first byte of the answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.sent_bytes = Counter("farm_http_sent_bytes", "Bytes of bodies.", ("route",), registry=self.registry)
        self.listeners = Gauge("farm_event_listeners", "Open event streams.", registry=self.registry)
        self.waiting = Gauge("farm_queue_waiting_jobs", "Jobs that wait.", ("kind",), registry=self.registry)
        self.oldest = Gauge("farm_queue_oldest_seconds", "Age of the job that waits longest.", registry=self.registry)

    async def observe_queue(self, queue: JobQueue) -> None:
        """Reads the queue's gauges anew. Raises RedisError."""
        for kind, depth in (await queue.depth()).items():
            self.waiting.labels(kind).set(depth)
        self.oldest.set(await queue.oldest_age_s())

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answers Prometheus on `host:port` from a thread; gives what stops it. Raises OSError."""
        server, thread = start_http_server(port, host, self.registry)
        return lambda: _stop(server, thread.join)


def _stop(server: WSGIServer, join: Callable[[], None]) -> None:
    server.shutdown()
    server.server_close()
    join()


class RequestLog:
    """An ASGI middleware: counts each request and logs one line when it is answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(send, time.perf_counter())
        with bind(request_id=secrets.token_hex(8)):
            try:
                await self._app(scope, receive, seen.send)
            finally:
                self._tell(scope, seen)

    def _tell(self, scope: Scope, seen: _Seen) -> None:
        method, route = _method(scope), _route(scope)
        self._metrics.requests.labels(method, route, str(seen.status)).inc()
        self._metrics.seconds.labels(method, route).observe(seen.first_byte_s)
        self._metrics.sent_bytes.labels(route).inc(seen.sent)
        level = logging.ERROR if seen.status >= 500 else logging.INFO
        ms = round(seen.first_byte_s * 1000, 1)
        told = {"method": method, "route": route, "status": seen.status, "bytes": seen.sent, "ms": ms}
        _log.log(level, "%s %s %s", method, route, seen.status, extra=told)


class _Seen:
    """What of an answer has passed by."""

    def __init__(self, send: Send, began: float) -> None:
        self._send, self._began = send, began
        self.status, self.sent, self.first_byte_s = 499, 0, 0.0  # 499: the caller left before there was an answer

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.first_byte_s = time.perf_counter() - self._began
        self.sent += len(message.get("body", b""))
        await self._send(message)


def _method(scope: Scope) -> str:
    """The method; for all that are none, one name."""
    method = str(scope["method"])
    return method if method in _METHODS else "other"


def _route(scope: Scope) -> str:
    """The route's template; for what matched none, one name."""
    route = scope.get("route")
    return str(getattr(route, "path", None) or "unknown")
