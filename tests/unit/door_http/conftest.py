"""The door over a copy of the small real recording and an empty Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.objects import StoreSpec
from tests.support.door import Door, copy_recording, open_door
from tests.support.valkey import Valkey


@pytest.fixture
async def drawing_door(tmp_path: Path, valkey: Valkey) -> AsyncIterator[Door]:
    """The same with a worker in its studio: plans, stills and uploads work."""
    keys = copy_recording(tmp_path)
    redis = valkey.client()
    async with open_door(StoreSpec(str(tmp_path)), keys, redis, draws=True) as opened:
        yield opened
    await redis.aclose()


@pytest.fixture
async def door(tmp_path: Path, valkey: Valkey) -> AsyncIterator[Door]:
    """The door in this process, as `all` roles."""
    keys = copy_recording(tmp_path)
    redis = valkey.client()
    async with open_door(StoreSpec(str(tmp_path)), keys, redis) as opened:
        yield opened
    await redis.aclose()
