"""An office: everything that holds jobs, over a folder and a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scheduler_api.redis_client import redis_client
from storage.local import LocalStore
from tests.support.jobs import Office
from tests.support.valkey import Valkey

LEASE_S = 1.0


@pytest.fixture
async def office(valkey: Valkey, tmp_path: Path) -> AsyncIterator[Office]:
    """With short leases, to be waited for."""
    office = Office(redis_client(valkey.url), LocalStore(str(tmp_path)), LEASE_S)
    yield office
    await office.redis.aclose()
