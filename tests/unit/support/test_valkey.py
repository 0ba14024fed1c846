"""The server of the tests: what a restart brings back is what the test said."""

from __future__ import annotations

import redis

from tests.support.valkey import Data, Valkey


def test_a_restart_brings_back_what_was_said(valkey: Valkey) -> None:
    found: dict[Data, bytes | None] = {}
    modes: tuple[Data, ...] = ("all", "saved", "none")
    for data in modes:
        with redis.Redis.from_url(valkey.url) as client:
            client.set("k", "older")
            valkey.save()
            client.set("k", "newer")
            before = client.info("server")["run_id"]
        valkey.restart(data)
        with redis.Redis.from_url(valkey.url) as client:
            found[data] = client.get("k")
            assert client.info("server")["run_id"] != before
    assert found == {"all": b"newer", "saved": b"older", "none": None}
