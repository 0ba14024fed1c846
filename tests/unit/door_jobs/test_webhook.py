"""The webhook against a real HTTP server: signed so that a receiver can tell, repeated until it arrives."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from farm.job import Job
from scheduler_api.jobs.webhook import PAUSES_S, Webhook, no_webhook
from tests.support.jobs import a_job
from tests.support.s3 import free_port

pytestmark = pytest.mark.anyio

KEY = "a webhook key of some length, for tests"
NOW_S = 1769940000.25


@dataclass
class Receiver:
    """Answers with the given statuses, in order, then with 204; keeps what it got."""

    statuses: list[int]
    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver(*statuses: int) -> Iterator[Receiver]:
    state = Receiver(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(state.statuses.pop(0) if state.statuses else 204)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


async def deliver(url: str, job: Job) -> list[float]:
    """Tells `url` of the job; gives the pauses that were made."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with httpx.AsyncClient() as client:
        await Webhook(url, KEY, client, lambda: NOW_S, sleep=sleep)(job)
    return pauses


def ended() -> Job:
    job = a_job()
    return job.moved("failed", job.created_at, reason="cancelled", message="“gone”", result={"output": "rooms/x"})


async def test_a_receiver_can_tell_that_it_is_from_us_whole_and_of_now() -> None:
    job = ended()
    with receiver() as there:
        assert await deliver(there.url, job) == []
    ((headers, body),) = there.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (job.job_id, "1769940000")
    told = json.loads(body)
    assert (told["type"], told["timestamp"]) == ("job.failed", "2026-02-01T10:00:00.250Z")
    assert told["data"]["message"] == "“gone”"
    assert (told["data"]["recording_id"], told["data"]["reason"]) == ("rec-1", "cancelled")


async def test_it_says_nothing_of_the_store_nor_of_who_asked() -> None:
    with receiver() as there:
        await deliver(there.url, ended())
    told = json.loads(there.got[0][1])["data"]
    assert not {"result", "request", "created_by", "idempotency"} & told.keys()


@pytest.mark.parametrize("status", [500, 503, 408, 425, 429])
async def test_it_is_repeated_until_it_arrives(status: int) -> None:
    with receiver(status, status) as there:
        assert await deliver(there.url, ended()) == list(PAUSES_S[:2])
    assert len(there.got) == 3
    assert len({(headers["webhook-id"], body) for headers, body in there.got}) == 1


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
async def test_a_final_answer_is_final(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with receiver(status) as there:
        assert await deliver(there.url, ended()) == []
    assert len(there.got) == 1
    assert f"status {status}" in caplog.text


async def test_it_gives_up_in_the_end_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert await deliver(f"http://127.0.0.1:{free_port()}/", ended()) == list(PAUSES_S)
    assert [line.levelno for line in caplog.records if "webhook" in line.message][-1] == logging.ERROR
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("begins", "drips", "pauses"),
    [(b"HTTP/1.1 200 OK\r\nX-More: ", b"x", list(PAUSES_S)), (b"HTTP/1.1 200 OK\r\n\r\n", b"x", [])],
    ids=["an endless head", "an endless body"],
)
async def test_an_answer_that_never_ends_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch, begins: bytes, drips: bytes, pauses: list[float]
) -> None:
    monkeypatch.setattr("scheduler_api.jobs.webhook.TIMEOUT_S", 0.2)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(begins)
            while not reader.at_eof():
                writer.write(drips)
                await writer.drain()
                await _within(reader, 0.02)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        address = "http://{}:{}/".format(*server.sockets[0].getsockname())
        assert await asyncio.wait_for(deliver(address, ended()), 5) == pauses


async def _within(reader: asyncio.StreamReader, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(65536), seconds)


async def test_without_an_address_nobody_is_told() -> None:
    await no_webhook(ended())
