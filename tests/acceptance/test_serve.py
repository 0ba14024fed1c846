"""`farm serve` as its users meet it: one command, the seed's flow over HTTP, a clean end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support.mp4_check import check_mp4
from tests.support.serving import SMALL, Serving, eventually, living


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("serve")) as serving:
        yield serving


def test_it_prints_where_everything_is(farm: Serving) -> None:
    assert [line.split(" ")[0] for line in farm.lines] == ["API", "Dashboard", "Composer"]
    assert httpx.get(f"{farm.address}/healthz").status_code == 200
    assert httpx.get(farm.said("Dashboard")[0], timeout=20).status_code == 200
    page, _, token = farm.said("Composer")[0].partition("#user_token=")
    assert page == f"{farm.address}/composer/{farm.keys.recording_id}"
    answer = httpx.get(
        f"{farm.address}/recordings/{farm.keys.recording_id}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json()["room_id"] == farm.keys.room_id


def test_from_a_token_to_the_finished_file(farm: Serving, tmp_path: Path) -> None:
    person = farm.person()
    job_id = person.export(SMALL)
    job = person.outcome(job_id)
    assert job["status"] == "ready", job
    assert {event["type"] for event in person.events} >= {"status", "progress"}
    facts = check_mp4(person.download(job_id, tmp_path / "meeting.mp4"))
    assert facts.problems == []
    assert (facts.width, facts.height, facts.fps, facts.faststart) == (320, 180, 15, True)
    assert facts.frames == pytest.approx(20 * 15, abs=15)


def test_a_stranger_sees_nothing(farm: Serving) -> None:
    answer = httpx.get(f"{farm.address}/recordings/{farm.keys.recording_id}")
    assert answer.status_code == 401


def test_secrets_and_data_are_the_owners_alone(farm: Serving) -> None:
    assert (farm.state / "development-secrets.json").stat().st_mode & 0o077 == 0
    assert (farm.state / "valkey").stat().st_mode & 0o077 == 0
    sockets = [found for process in farm.processes() for found in process.net_connections("inet")]
    assert {found.laddr.ip for found in sockets if found.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_what_reads_recordings_inherits_no_secret(farm: Serving) -> None:
    made = json.loads((farm.state / "development-secrets.json").read_text())
    holders = [process for process in farm.processes() if set(made.values()) & set(process.environ().values())]
    assert ["dispatcher" in process.cmdline() for process in holders] == [True], "it signs for the webhook"


def test_a_second_one_on_the_same_state_ends_with_a_clear_line(farm: Serving, tmp_path: Path) -> None:
    second = Serving(tmp_path, env={"FARM_STATE_DIR": str(farm.state)})
    with pytest.raises(AssertionError, match="another `farm serve` works in"):
        second.start()
    assert second.wait() == 1


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_it_leaves_nothing_behind_and_jobs_go_on_at_the_next_start(tmp_path: Path, how: str) -> None:
    farm = Serving(tmp_path)
    farm.start()
    person = farm.person()
    plan_once(person, farm)   # so that the studio's processes are there
    job_id = person.export(SMALL)
    for event in person.listen(job_id):
        if event["type"] == "progress":
            break
    before = farm.processes()
    began = time.monotonic()
    if how == "terminate":
        assert farm.stop() == 0
    else:
        farm.kill()
    eventually(lambda: not any(map(living, before)), f"gone: {alive(before)}", 30)
    print(f"{how}: gone after {time.monotonic() - began:.1f} s; ready had taken {farm.ready_s:.1f} s")
    with farm:
        person.address = farm.address
        assert person.outcome(job_id)["status"] == "ready"
        assert check_mp4(person.download(job_id, tmp_path / "out.mp4")).problems == []


def plan_once(person: Any, farm: Serving) -> None:
    answer = person.ask("POST", f"/recordings/{farm.keys.recording_id}/plan", json=SMALL)
    assert answer.status_code == 200, answer.text


def alive(processes: list[psutil.Process]) -> list[str]:
    return [" ".join(process.cmdline())[:100] for process in processes if living(process)]
