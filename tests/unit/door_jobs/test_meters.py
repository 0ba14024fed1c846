"""What a dispatcher counts and logs; the port that tells of it; how an autoscaler calls Kubernetes."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from farm.autoscale import Pool
from farm.errors import BadSetting, Cancelled, ClusterUnreachable, PoisonTask, VersionMismatch, WorkerLost
from farm.events import ChunksFound, ChunkStored, Event, TaskDone, TaskFailed, TaskRetried
from farm.job import KINDS, Job, new_job
from renderer.errors import ChunksDoNotMatch
from scheduler_api.autoscaler_process import BUSY_COST, IDLE_COST, Autoscaler
from scheduler_api.jobs.failures import ABANDONED, CANCELLED, Failure, blame_for, failure_of
from scheduler_api.jobs.meters import JobMeters
from scheduler_api.kubernetes import GOES_FIRST, Kubernetes
from scheduler_api.logs import bind, configure_logging
from scheduler_api.side_port import ALIVE_S, READY_S, Pulse, serve_side_port
from storage.errors import RecordingNotFound, StoreUnavailable
from tests.support.s3 import free_port

AT = datetime(2026, 2, 1, tzinfo=UTC)
TASK = {"key": "video/1", "name": "render-video"}
CHUNK = ChunkStored(**TASK, worker="w1", chunk="ab" * 32, kind="video", bytes=9, seconds={"decode": 0.5, "encode": 2.0})


def told(meters: JobMeters, **labels: str) -> dict[str, float]:
    """All samples that have these labels, by name."""
    return {
        sample.name: sample.value
        for metric in meters.registry.collect()
        for sample in metric.samples
        if labels.items() <= sample.labels.items()
    }


def heard(*events: Event) -> JobMeters:
    meters, passed = JobMeters(), []
    hear = meters.hearing(passed.append)
    for event in events:
        hear(event)
    assert passed == list(events), "all are passed on"
    return meters


def ended(status: str, failure: Failure | None = None) -> Job:
    job = new_job("j", "export", "r", "i", request={}, created_by="ada", at=AT).moved("processing", AT, started_at=AT)
    told = failure._asdict() if failure else {}
    return job.moved(status, AT + timedelta(seconds=7), **told)  # type: ignore[arg-type]


def test_chunks_are_counted_by_where_they_came_from_and_their_time_by_stage() -> None:
    meters = heard(CHUNK, CHUNK, ChunksFound(kind="video", chunks=5), ChunksFound(kind="audio", chunks=0))
    assert told(meters, kind="video", source="rendered")["farm_chunks_total"] == 2
    assert told(meters, kind="video", source="cached")["farm_chunks_total"] == 5
    assert told(meters, kind="video", stage="encode")["farm_chunk_stage_seconds_total"] == 4.0


def test_retries_and_failures_are_counted_by_blame() -> None:
    meters = heard(
        TaskRetried(**TASK, reason="slow down", blame="storage"),
        TaskRetried(**TASK, reason="w1 died"),
        TaskFailed(**TASK, reason="no answer", blame="storage"),
        TaskDone(**TASK, worker="w1", seconds=3.0),
    )
    assert told(meters, task="render-video", blame="ours")["farm_task_retries_total"] == 1
    assert told(meters, where="task")["farm_store_errors_total"] == 2
    assert told(meters, task="render-video")["farm_task_seconds_count"] == 1


@pytest.mark.parametrize(
    ("error", "blame"),
    [
        (RecordingNotFound("s3://b", "no such folder"), "input"),
        (StoreUnavailable("s3://b", "timeout"), "storage"),
        (ClusterUnreachable("tcp://x", "refused"), "ours"),
        (PoisonTask("render-video-1", "died"), "ours"),
        (ValueError("what"), "ours"),
        (Cancelled("SIGTERM"), "ours"),
    ],
)
def test_a_failed_job_says_whose_fault_it_is(error: Exception, blame: str) -> None:
    failure = failure_of(error, "s3://b")
    meters = JobMeters()
    meters.ended(ended("failed", failure))
    assert told(meters, outcome="failed", reason=failure.reason, blame=blame)["farm_jobs_total"] == 1
    assert told(meters, where="job")["farm_store_errors_total"] == (blame == "storage")


def test_what_alerts_wait_for_begins_at_zero() -> None:
    meters = JobMeters()
    errors = (PoisonTask("video-1", "died"), WorkerLost("video-1", ()), ClusterUnreachable("tcp://x", "refused"),
              VersionMismatch("av", "1", "2"), ChunksDoNotMatch("x"), KeyError("x"), Cancelled())  # fmt: skip
    for kind in KINDS:
        for error in errors:
            reason = failure_of(error, "s3://b").reason
            assert told(meters, kind=kind, reason=reason, blame="ours")["farm_jobs_total"] == 0
        assert told(meters, kind=kind, reason=ABANDONED.reason, blame="ours")["farm_jobs_total"] == 0
    for where in ("task", "job", "dispatcher"):
        assert told(meters, where=where)["farm_store_errors_total"] == 0


def test_cancelled_and_abandoned_jobs_and_those_that_went_well() -> None:
    assert blame_for(*CANCELLED) == "nobody"
    assert blame_for(*ABANDONED) == "ours"
    meters = JobMeters()
    meters.ended(ended("ready"))
    assert told(meters, outcome="ready", blame="")["farm_jobs_total"] == 1
    assert told(meters, kind="export")["farm_job_seconds_sum"] == 7.0


def test_a_job_runs_while_it_runs() -> None:
    meters = JobMeters()
    with meters.job("export"):
        assert told(meters, kind="export")["farm_jobs_running"] == 1
    assert told(meters, kind="export")["farm_jobs_running"] == 0


def test_each_chunk_is_one_line_that_its_job_can_be_found_by() -> None:
    stream = StringIO()
    before = logging.getLogger().handlers[:]
    try:
        configure_logging("json", stream)
        with bind(job_id="job-1"):
            heard(CHUNK)
    finally:
        logging.basicConfig(handlers=before, force=True)
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    wanted = {"job_id": "job-1", "chunk": CHUNK.chunk, "kind": "video", "worker": "w1", "encode_s": 2.0, "bytes": 9}
    assert wanted.items() <= line.items()


# ---- the side port ----------------------------------------------------------------------------------------------


def test_a_loop_that_hangs_is_seen_and_one_that_does_not_get_on() -> None:
    now_s = 0.0
    pulse = Pulse(lambda: now_s)
    port = free_port()
    stop = serve_side_port("127.0.0.1", port, JobMeters().registry, pulse)

    def answers(path: str) -> int:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code

    try:
        assert (answers("/healthz"), answers("/readyz")) == (200, 503), "begun, and nothing done yet"
        pulse.beat()
        assert (answers("/healthz"), answers("/readyz"), answers("/metrics")) == (200, 200, 200)
        now_s = READY_S + 1
        pulse.beat(success=False)
        assert (answers("/healthz"), answers("/readyz")) == (200, 503)
        now_s += ALIVE_S + 1
        assert answers("/healthz") == 503
    finally:
        stop()


# ---- the autoscaler ---------------------------------------------------------------------------------------------


class World:
    """A scheduler that says what it is told to, and a Kubernetes that writes down what it is asked."""

    def __init__(self, replicas: int) -> None:
        self.replicas = replicas
        self.costs: dict[str, int] = {}
        self.tasks = 0
        self.load: dict[str, int] = {}
        self.gone: set[str] = set()
        self.broken = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/farm/demand":
            pools = {"cpu": {"tasks": self.tasks, "workers": self.load}}
            return httpx.Response(503 if self.broken else 200, json={"pools": pools})
        assert request.headers["Authorization"] == "Bearer of-today"
        if path.endswith("/pods/" + path.rsplit("/", 1)[1]) and request.method == "PATCH":
            return self._annotate(path.rsplit("/", 1)[1], json.loads(request.content))
        assert path == "/apis/apps/v1/namespaces/media/deployments/farm-worker-cpu/scale"
        if request.method == "PATCH":
            assert request.headers["Content-Type"] == "application/merge-patch+json"
            self.replicas = json.loads(request.content)["spec"]["replicas"]
        return httpx.Response(200, json={"spec": {"replicas": self.replicas} if self.replicas else {}})

    def _annotate(self, pod: str, body: Any) -> httpx.Response:
        if pod in self.gone:
            return httpx.Response(404)
        self.costs[pod] = int(body["metadata"]["annotations"][GOES_FIRST])
        return httpx.Response(200, json={})


def scaler(world: World, folder: Path, *, acts: bool = True, minimum: int = 0, marks_pods: bool = True) -> Autoscaler:
    token = folder / "token"
    token.write_text("of-today\n")
    transport = httpx.MockTransport(world.answer)
    kubernetes = Kubernetes(httpx.AsyncClient(transport=transport, base_url="https://k8s"), "media", token)
    client = httpx.AsyncClient(transport=transport)
    pool = Pool("cpu", "farm-worker-cpu", minimum, 4)
    return Autoscaler(client, "http://scheduler/farm/demand", [pool], kubernetes if acts else None, 10, marks_pods)


@pytest.mark.anyio
async def test_workers_follow_the_demand_and_the_idle_ones_go(tmp_path: Path) -> None:
    world = World(replicas=0)
    autoscaler = scaler(world, tmp_path)
    world.tasks = 9
    await autoscaler.look(0)
    assert world.replicas == 4, "from zero, to the most"
    world.tasks, world.load, world.gone = 2, {"a": 1, "b": 0, "c": 1, "d": 0}, {"d"}
    await autoscaler.look(5)
    assert world.replicas == 4, "not yet"
    await autoscaler.look(16)
    assert world.replicas == 2
    assert world.costs == {"a": BUSY_COST, "b": IDLE_COST, "c": BUSY_COST}, "a pod that is gone is no matter"
    world.tasks, world.load = 0, {}
    await autoscaler.look(40)
    assert world.replicas == 0


@pytest.mark.anyio
async def test_without_the_right_to_pods_none_is_marked_and_the_pool_still_follows(tmp_path: Path) -> None:
    world = World(replicas=3)
    world.load = {"a": 0, "b": 0, "c": 0}
    autoscaler = scaler(world, tmp_path, marks_pods=False)
    await autoscaler.look(0)
    await autoscaler.look(11)
    assert (world.replicas, world.costs) == (0, {})


@pytest.mark.anyio
async def test_an_autoscaler_that_was_restarted_sends_nobody_away_at_once(tmp_path: Path) -> None:
    world = World(replicas=3)
    world.load = {"a": 0, "b": 0, "c": 0}
    autoscaler = scaler(world, tmp_path)
    seen = {}
    for now_s in (100, 105, 111):
        await autoscaler.look(now_s)
        seen[now_s] = world.replicas
    assert seen == {100: 3, 105: 3, 111: 0}, "after the cooldown of 10 s, as without a restart"


@pytest.mark.anyio
async def test_one_that_was_restarted_keeps_to_the_bounds(tmp_path: Path) -> None:
    world = World(replicas=9)
    await scaler(world, tmp_path).look(0)
    assert world.replicas == 4


@pytest.mark.anyio
async def test_who_only_watches_sets_nothing(tmp_path: Path) -> None:
    world = World(replicas=1)
    world.tasks, world.load = 3, {"a": 1}
    autoscaler = scaler(world, tmp_path, acts=False)
    await autoscaler.look(0)
    assert world.replicas == 1
    seen = {s.name: s.value for m in autoscaler.meters.registry.collect() for s in m.samples if s.labels}
    assert (seen["farm_pool_workers"], seen["farm_pool_workers_wanted"], seen["farm_pool_tasks"]) == (1, 3, 3)


@pytest.mark.anyio
async def test_no_news_is_no_reason_to_send_workers_away(tmp_path: Path) -> None:
    world = World(replicas=3)
    world.broken = True
    with pytest.raises(httpx.HTTPError):
        await scaler(world, tmp_path).look(0)
    assert world.replicas == 3


def test_outside_of_a_cluster_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="--watch-only"):
        Kubernetes.of_this_pod({}, tmp_path)
