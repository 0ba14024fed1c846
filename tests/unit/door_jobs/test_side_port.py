"""The side port and callers who do not behave."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from scheduler_api.side_port import Pulse, serve_side_port
from tests.support.s3 import free_port


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    stop = serve_side_port("127.0.0.1", port, CollectorRegistry(), Pulse())
    yield port
    stop()


def test_a_silent_caller_keeps_nobody_waiting(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"GET /healthz HT")
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200


def test_a_silent_caller_is_left(
    port: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scheduler_api.side_port._Quiet.timeout", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as silent:
        assert silent.recv(1) == b""
    assert capfd.readouterr().err == "", "that is worth no trace"
