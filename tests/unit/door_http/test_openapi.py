"""What the OpenAPI document promises, tried out: schemathesis finds no server error, nor an undocumented answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from storage.objects import StoreSpec
from tests.support.door import Door, copy_recording, open_door, served
from tests.support.valkey import Valkey

BURNING = {"createPreview", "createExport", "saveComposition"}
OPERATIONS = sorted(
    BURNING
    | {"issueToken", "recording", "composition", "plan", "still", "forecast", "label", "uploadAsset"}
    | {"job", "jobEvents", "cancelJob", "media", "health", "ready"}
)


NOTHING_TO_BREAK = {"health", "ready", "media"}
"""Operations for which every input fits the document."""
ATTEMPTS = [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
ATTEMPTS += [(o, GenerationMode.NEGATIVE) for o in OPERATIONS if o not in NOTHING_TO_BREAK]


class Running:
    """The door behind a server in a thread of its own, for a client that is not asynchronous."""

    def __init__(self, folder: Path, valkey: Valkey) -> None:
        self._folder, self._valkey = folder, valkey
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self.address = ""

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()
        self._loop.close()

    def token(self) -> dict[str, str]:
        """A fresh composition token."""
        return asyncio.run_coroutine_threadsafe(self.door.token(), self._loop).result(10)

    async def _run(self) -> None:
        self._done = asyncio.Event()
        keys, redis = copy_recording(self._folder), self._valkey.client()
        spec = StoreSpec(str(self._folder))
        async with open_door(spec, keys, redis, draws=True) as door, served(door.app) as address:
            await redis.set("farm:queue:attended", 1)   # a dispatcher, for as long as this takes
            self.door: Door = door
            self.address = address
            self._up.set()
            await self._done.wait()
        await redis.aclose()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, valkey_server: Valkey) -> Iterator[Running]:
    valkey_server.clear()
    found = Running(tmp_path_factory.mktemp("door"), valkey_server)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def described(running: Running) -> Any:
    return schemathesis.openapi.from_url(f"{running.address}/openapi.json")


@pytest.mark.parametrize(("operation_id", "mode"), ATTEMPTS, ids=lambda value: getattr(value, "value", value))
def test_no_request_is_a_server_error(
    operation_id: str, mode: GenerationMode, described: Any, running: Running
) -> None:
    operation = described.find_operation_by_id(operation_id)
    door = running.door

    @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Case) -> None:
        if "recording_id" in (case.path_parameters or {}):
            case.path_parameters["recording_id"] = door.keys.recording_id   # else all is 404
        headers = running.token() if operation_id in BURNING else door.user()
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=[not_a_server_error, status_code_conformance, content_type_conformance])

    attempt()


def test_every_operation_is_described(running: Running) -> None:
    document = running.door.app.openapi()
    told = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert sorted(told) == OPERATIONS
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            good = [code for code in operation["responses"] if code.startswith("2")]
            assert good, (method, path)
    by_id = {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}
    assert [name for name in ("saveComposition", "uploadAsset") if "409" not in by_id[name]["responses"]] == []
    bodies = document["components"]["schemas"]
    for name in ("PreviewRequest", "ExportRequest", "TokenRequest", "PartRequest"):
        assert bodies[name]["examples"]
    assert "HTTPValidationError" not in bodies
