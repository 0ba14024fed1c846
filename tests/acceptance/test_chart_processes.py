"""The chart's processes, with its own commands and variables, over real S3 and a real Valkey: the seed's flow.

One worker at first. An export makes the autoscaler ask for more; one of those at work is told to go (SIGTERM), as when
its node is drained; nothing is lost, no chunk is rendered twice, and when the work is done the workers go again. The
tests of this file are steps of one story, in this order.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from scheduler_api.auth.claims import UserClaims, UserTokens
from storage.keys import RecordingKeys
from storage.objects import ObjectStore, StoreSpec, open_store
from tests.support.buckets import upload
from tests.support.helm import render
from tests.support.meetings import Meeting, Peer, write_meeting
from tests.support.mp4_check import check_mp4
from tests.support.node import Node, Pod, chunks_said
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from tests.support.serving import Person, eventually

pytestmark = pytest.mark.s3

SECONDS = 80
CHUNKS = SECONDS // 8
STATE: dict[str, Any] = {"layout": "grid", "export": {"resolution": "960x540", "fps": 25}}
MOST = 3
"""Workers."""


@dataclass
class Scene:
    """What runs, and somebody who uses it."""

    node: Node
    store: ObjectStore
    keys: RecordingKeys
    person: Person


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("chart")
    truth = write_meeting(Meeting(duration_ms=SECONDS * 1000, peers=(Peer(1, "Ada"), Peer(2, "Ben"))), folder)
    keys = RecordingKeys(truth.path.parent.name, truth.path.name)
    bucket = s3_server.new_bucket()
    values = {
        "storage": {"url": f"s3://{bucket}", "endpoint": s3_server.endpoint,
                    "accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY},
        "redis": {"persistence": {"enabled": False}},
        "gateway": {"replicas": 1, "studioWorkers": 1, "shelf": {"enabled": False}},
        "dispatcher": {"replicas": 1},
        "workers": {"graceSeconds": 60, "cpu": {"minReplicas": 1, "maxReplicas": MOST}},
        "autoscaling": {"mode": "dask", "intervalSeconds": 1, "cooldownSeconds": 4},
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in s3_server.env.items():
            patch.setenv(name, value)
        spec = StoreSpec(f"s3://{bucket}", endpoint=s3_server.endpoint)
        upload(truth.path, spec)
        node = stack.enter_context(Node(render(values), folder, {"AWS_EC2_METADATA_DISABLED": "true"}))
        node.wait_until_ready()
        yield Scene(node, open_store(spec), keys, _person(node, keys))


def _person(node: Node, keys: RecordingKeys) -> Person:
    """A host of the room, with a token that Shelves signed with the release's secret."""
    tokens = UserTokens.with_secret(node.secret("secrets", "user-token-secret"), time.time)
    claims = UserClaims("ada", True, {keys.room_id: "host"}, frozenset())
    return Person(f"http://{node.address('gateway')}:8000", keys.recording_id, tokens.issue(claims))


def holds(check: Callable[[], bool], what: str, scene: Scene, seconds: float = 90.0) -> None:
    try:
        eventually(check, what, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{scene.node.last_words()}") from None


def busy(scene: Scene) -> dict[str, int]:
    """How many tasks each worker has, as the scheduler says."""
    page = httpx.get(f"http://{scene.node.address('scheduler')}:8787/farm/demand", timeout=10).json()
    workers: dict[str, int] = page["pools"]["cpu"]["workers"]
    return workers


def test_each_process_runs_and_passes_its_probes(scene: Scene) -> None:
    for component in ("gateway", "dispatcher", "scheduler", "worker-cpu", "valkey", "autoscaler"):
        pods = scene.node.pods(component)
        assert pods, component
        assert all(pod.passes("livenessProbe") for pod in pods), component
    assert scene.node.crashes == []
    assert scene.node.replicas("worker-cpu") == 1


def test_workers_come_with_the_demand_one_is_told_to_go_and_nothing_is_lost(scene: Scene, tmp_path: Path) -> None:
    node, person = scene.node, scene.person
    job_id = person.export(STATE, preset="standard")
    holds(lambda: node.replicas("worker-cpu") == MOST, "as many workers as there may be", scene)
    holds(lambda: len(chunks_said(node.pods("dispatcher"), job_id)) >= 1, "a first chunk", scene)
    leaver = _one_at_work(scene)
    node.delete(leaver)
    outcome = person.outcome(job_id)
    assert outcome["status"] == "ready", (outcome, node.last_words())

    holds(lambda: leaver.name in [ended.name for ended in node.ended], "the worker's end", scene)
    (ended,) = [ended for ended in node.ended if ended.name == leaver.name]
    assert ended.status == 0
    assert ended.seconds < leaver.grace_s

    rendered = chunks_said(node.pods("dispatcher"), job_id)
    assert len(rendered) == len(set(rendered)) == CHUNKS, "each chunk once, also those of the worker that went"
    assert check_mp4(person.download(job_id, tmp_path / "out.mp4")).problems == []
    record = json.loads(scene.store.get(scene.keys.job(job_id)))
    assert (record["status"], record["attempts"], record["result"]["frames"]) == ("ready", 1, SECONDS * 25)
    assert node.crashes == []


def _one_at_work(scene: Scene) -> Pod:
    found: list[Pod] = []

    def there() -> bool:
        load = busy(scene)
        found[:] = [pod for pod in scene.node.pods("worker-cpu") if load.get(pod.name)]
        return bool(found)

    holds(there, "a worker at work", scene)
    return found[0]


def test_when_the_work_is_done_the_workers_go(scene: Scene) -> None:
    node = scene.node
    holds(lambda: len(node.pods("worker-cpu")) == 1 and node.replicas("worker-cpu") == 1, "one worker again", scene)
    numbers = [replicas for _, replicas in node.seen_replicas]
    assert max(numbers) == MOST
    assert numbers[-1] == 1
    holds(lambda: len(busy(scene)) == 1, "the scheduler knows of one", scene)
    assert [ended for ended in node.ended if ended.status != 0] == []


def test_the_same_again_renders_nothing(scene: Scene) -> None:
    job_id = scene.person.export(STATE, preset="standard")
    assert scene.person.outcome(job_id)["status"] == "ready"
    assert chunks_said(scene.node.pods("dispatcher"), job_id) == []


def test_the_metrics_tell_of_it(scene: Scene) -> None:
    (dispatcher,) = scene.node.pods("dispatcher")
    text = httpx.get(f"http://{dispatcher.address}:9100/metrics", timeout=10).text
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("farm_"))
    assert float(told['farm_jobs_total{blame="",kind="export",outcome="ready",reason=""}']) == 2
    assert float(told['farm_chunks_total{kind="video",source="rendered"}']) == CHUNKS
    assert float(told['farm_chunks_total{kind="video",source="cached"}']) >= CHUNKS
    assert float(told['farm_chunk_stage_seconds_total{kind="video",stage="encode"}']) > 0
    (autoscaler,) = scene.node.pods("autoscaler")
    pools = httpx.get(f"http://{autoscaler.address}:9100/metrics", timeout=10).text
    assert 'farm_pool_workers_max{pool="cpu"} 3.0' in pools


def test_a_scheduler_that_goes_takes_no_job_with_it(scene: Scene) -> None:
    node = scene.node
    job_id = scene.person.export({**STATE, "layout": "speaker"}, preset="standard")
    holds(lambda: len(chunks_said(node.pods("dispatcher"), job_id)) >= 1, "a first chunk", scene)
    (scheduler,) = node.pods("scheduler")
    node.delete(scheduler)
    outcome = scene.person.outcome(job_id)
    assert outcome["status"] == "ready", (outcome, node.last_words())
    assert json.loads(scene.store.get(scene.keys.job(job_id)))["attempts"] == 1
    said = [line.get("message", "") for pod in node.pods("dispatcher") for line in pod.said()]
    assert any("cannot be reached" in message for message in said), "it has waited for the scheduler"
