"""Log lines: objects that name the request, the recording and the job, and no credential."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from scheduler_api.logs import JsonFormatter, bind
from tests.support.door import Door
from tests.unit.door_http.test_served import link

pytestmark = pytest.mark.anyio


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as JSON lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    room = logging.getLogger("scheduler_api")
    before = room.level
    room.addHandler(handler)
    room.setLevel(logging.INFO)
    yield stream
    room.removeHandler(handler)
    room.setLevel(before)


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_each_request_is_one_line_with_its_ids(door: Door, lines: io.StringIO) -> None:
    token = await door.token()
    job = (await door.client.post(f"{door.path}/preview", headers=token, json={})).json()["job_id"]
    await door.client.get(f"/jobs/{job}", headers=door.user())
    told = [line for line in parsed(lines) if line["logger"] == "scheduler_api.access"]
    assert [(line["route"], line["status"]) for line in told] == [
        ("/recordings/{recording_id}/composition/token", 200),
        ("/recordings/{recording_id}/preview", 202),
        ("/jobs/{job_id}", 200),
    ]
    assert {line["recording_id"] for line in told} == {door.keys.recording_id}
    assert [line.get("job_id") for line in told] == [None, job, job]
    assert len({line["request_id"] for line in told}) == 3
    queued = next(line for line in parsed(lines) if line["message"] == "preview queued")
    assert (queued["job_id"], queued["recording_id"]) == (job, door.keys.recording_id)


async def test_no_line_holds_a_credential(door: Door, lines: io.StringIO) -> None:
    user, token = door.user(), await door.token()
    url = link(door, door.keys.export("e1"))
    for headers in (user, token, door.service(), door.service() | {"X-Compositer-Service-Key": "guessed-key"}):
        await door.client.post(f"{door.path}/export", headers=headers, json={"composition_id": "nonsense"})
    await door.client.get(url)
    secrets = [user["Authorization"], token["Authorization"], door.service()["X-Compositer-Service-Key"], "guessed-key",
               url.split("/")[2]]  # fmt: skip
    for secret in secrets:
        assert secret.removeprefix("Bearer ") not in lines.getvalue()


def test_a_line_keeps_what_was_passed_and_what_is_bound() -> None:
    told = {"msg": "told %s", "args": ("so",), "levelname": "INFO", "name": "x", "room_id": "r"}
    record = logging.makeLogRecord(told)
    with bind(job_id="j"):
        line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["room_id"], line["job_id"], line["level"]) == ("told so", "r", "j", "info")
    assert "job_id" not in json.loads(JsonFormatter().format(record))
