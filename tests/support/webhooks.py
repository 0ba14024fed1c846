"""Somebody who is told of ended jobs, and checks by the rules of Standard Webhooks who tells it.

    with Webhooks(key) as told:
        …FARM_WEBHOOK_URL=told.url
        told.of(job_id)["data"]["status"]       # waits for it; raises if a delivery is not signed with the key

Written from the specification alone, without the sender's code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

TOLERANCE_S = 300
"""How old a delivery may be."""


class Webhooks:
    """Listens on loopback; keeps what it was told."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._deliveries: list[tuple[dict[str, str], bytes]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._http.serve_forever, name="webhooks")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/jobs"

    def of(self, job_id: str, within_s: float = 10.0) -> dict[str, Any]:
        """What was told of a job, once."""
        until = time.monotonic() + within_s
        while not (found := [d for d in list(self._deliveries) if d[0]["webhook-id"] == job_id]):
            assert time.monotonic() < until, f"nothing was told of job {job_id}"
            time.sleep(0.02)
        (delivery,) = found
        return self._read(*delivery)

    def _read(self, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """The message, if it comes from whom it says and is of now."""
        assert abs(time.time() - int(headers["webhook-timestamp"])) < TOLERANCE_S
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = hmac.new(self._key.encode(), signed, hashlib.sha256).digest()
        signatures = [one.partition(",") for one in headers["webhook-signature"].split(" ")]
        shown = [base64.b64decode(signature) for version, _, signature in signatures if version == "v1"]
        assert any(hmac.compare_digest(one, expected) for one in shown)
        message: dict[str, Any] = json.loads(body)
        return message

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        deliveries = self._deliveries

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                deliveries.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        return Handler
