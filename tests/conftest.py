"""Fixtures for all tests: the real S3 server and the real browser, each started once for a run that needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from storage.objects import StoreSpec
from tests.support.browser import Browser, missing_parts
from tests.support.previews import Previews
from tests.support.s3 import S3Server, missing_programs
from tests.support.valkey import Valkey


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3 server on loopback. Mark the test `s3`. Without Ceph: skipped, but a failure in CI."""
    if missing := missing_programs():
        reason = f"no S3 server: {', '.join(missing)} not installed (apt-get install radosgw ceph-mon ceph-osd)"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = S3Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def s3_spec(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> StoreSpec:
    """A new, empty bucket of the server, with its credentials in the environment for this test."""
    for name, value in s3_server.env.items():
        monkeypatch.setenv(name, value)
    return StoreSpec(f"s3://{s3_server.new_bucket()}", endpoint=s3_server.endpoint)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A running Valkey server on loopback."""
    with Valkey() as server:
        yield server


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """The Valkey server, running and empty."""
    valkey_server.clear()
    return valkey_server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium with hls.js. Mark the test `browser`. Where either is missing: skipped, but a failure in CI."""
    if reason := missing_parts():
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Browser() as running:
        yield running


@pytest.fixture(scope="session")
def previews(tmp_path_factory: pytest.TempPathFactory) -> Previews:
    """Previews of recordings, each made when it is first asked for."""
    return Previews(tmp_path_factory.mktemp("previews"))
