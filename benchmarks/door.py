"""How much the API answers, and how soon: `python -m benchmarks.door [--part requests|listeners|jobs] [--seconds N]`.

requests    status, token issue, Verify over gRPC, media: per second and p99 on 1 and 32 connections, as ratios of
            Starlette's own static files behind the same uvicorn. The two are asked in turn.
listeners   500 event streams of one job: from an event's publishing until all have it, memory, Redis connections.
jobs        from the request for an export to its first progress event; from the death of a dispatcher until another
            works on its job.

All processes are real ones on this machine: `farm serve` roles over a folder and a Valkey, one process of each. Prints
one JSON document; progress goes to standard error. Have the machine alone for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import numpy as np
import psutil
from grpc import aio

from benchmarks.http_load import Tally, load, request
from benchmarks.listeners import Crowd
from benchmarks.machine import describe_machine
from farm.job import Job, Progress, moment, new_job
from scheduler_api.grpc.pb import composition_tokens_pb2 as tokens_pb
from scheduler_api.grpc.pb import composition_tokens_pb2_grpc as tokens_grpc
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.messages import progress_event, status_event
from scheduler_api.jobs.records import JobRecords
from storage.objects import StoreSpec, open_store
from tests.support.previews import make_preview
from tests.support.s3 import free_port
from tests.support.serving import SMALL, Person, Serving
from tests.support.valkey import Valkey

CONNECTIONS = (1, 32)
FILM_BYTES = 16 << 20
EXPORTS = 5
"""That the recording has had: its status tells of them."""
ROUNDS = 3
"""API and static files are asked in turn, so often; the middle one counts."""
LISTENERS = 500
EVENTS = 40
EVENT_EVERY_S = 0.25


@dataclass
class Gateway:
    """A running gateway over a recording with a preview and some exports, and its Valkey."""

    serving: Serving
    valkey: Valkey
    person: Person
    tokens_port: int
    folder: Path

    @property
    def port(self) -> int:
        return urlsplit(self.serving.address).port or 0

    @property
    def process(self) -> psutil.Process:
        return self.serving.find("scheduler_api", "gateway")


@contextlib.contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """Starts everything that answers, and ends it."""
    tokens_port = free_port()
    with Valkey() as valkey:
        env = {"FARM_TOKENS_PORT": str(tokens_port), "FARM_METRICS_PORT": str(free_port())}
        serving = Serving(folder, "--redis", valkey.url, "--role", "gateway", env=env)
        recording = serving.store / serving.keys.prefix
        make_preview(recording, recording / "preview")
        records = JobRecords(open_store(StoreSpec(str(serving.store))))
        for n in range(EXPORTS):
            records.create(_done(serving, n))
        film = serving.store / serving.keys.export(_job_id(0))
        film.parent.mkdir(parents=True, exist_ok=True)
        film.write_bytes(random.Random(1).randbytes(FILM_BYTES))
        with serving:
            yield Gateway(serving, valkey, serving.person(), tokens_port, folder)


def _job_id(n: int) -> str:
    return f"{n:032x}"


def _done(serving: Serving, n: int) -> Job:
    keys, at = serving.keys, moment(time.time() - 100 + n)
    asked = {"composition_id": "0" * 32, "preset": "draft", "format": "mp4"}
    job = new_job(_job_id(n), "export", keys.room_id, keys.recording_id, request=asked, created_by="ada", at=at)
    job = job.moved("processing", at, epoch=1)
    return job.moved("ready", at, result={"output": keys.export(_job_id(0)), "thumbnails": []})


# ---- requests ------------------------------------------------------------------------------------------------


async def measure_requests(seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="door-") as scratch, gateway(Path(scratch)) as here:
        with _static_files(here.serving.store) as static_port:
            found = await _answers(here, static_port, seconds)
            found["media"] = await _media(here, static_port, seconds)
        found["verify"] = {str(n): (await _verify(here, n, seconds)).figures() for n in CONNECTIONS}
        return found


@contextlib.contextmanager
def _static_files(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.static_files", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _answers(here: Gateway, static_port: int, seconds: float) -> dict[str, Any]:
    """Endpoints that answer with a document, against a static file as large as the status."""
    auth, keys = f"Bearer {here.person.user_token}", here.serving.keys
    path = f"/recordings/{keys.recording_id}"
    small = here.serving.store / "status.json"
    small.write_text(json.dumps(here.person.recording()))
    asked = {
        "recording": request("GET", path, Authorization=auth),
        "job": request("GET", f"/jobs/{_job_id(1)}", Authorization=auth),
        "token": request("POST", f"{path}/composition/token", Authorization=auth),
        "health": request("GET", "/healthz"),
    }
    compared = _Compared(here.port, static_port, request("GET", "/status.json"), seconds)
    return {name: {str(n): await compared.figures(one, n) for n in CONNECTIONS} for name, one in asked.items()}


async def _media(here: Gateway, static_port: int, seconds: float) -> dict[str, Any]:
    """The same bytes from both: an export of 16 MB, a segment, a playlist."""
    told = here.person.recording()
    peer = next(iter(told["preview"]["peers"].values()))["av"]
    urls = {
        "film": told["export"]["url"],
        "segment": peer.replace("av.m3u8", "av_0002.m4s"),
        "playlist": peer,
    }
    found: dict[str, Any] = {}
    for name, url in urls.items():
        path = urlsplit(url).path
        plain = "/" + path.split("/", 3)[3].replace("%25", "%")
        compared = _Compared(here.port, static_port, request("GET", plain), seconds)
        counts = (1, 4) if name == "film" else CONNECTIONS
        found[name] = {str(n): await compared.figures(request("GET", path), n) for n in counts}
    return found


@dataclass
class _Compared:
    """Asks the API and the static files in turn."""

    port: int
    static_port: int
    static: bytes
    seconds: float

    async def figures(self, asked: bytes, connections: int) -> dict[str, Any]:
        rounds = []
        for _ in range(ROUNDS):
            ours = await load("127.0.0.1", self.port, itertools.repeat(asked), connections, self.seconds)
            theirs = await load("127.0.0.1", self.static_port, itertools.repeat(self.static), connections, self.seconds)
            rounds.append((ours.per_second / theirs.per_second, ours, theirs))
        ratio, ours, theirs = sorted(rounds, key=lambda one: one[0])[ROUNDS // 2]
        _say(f"  {ours.per_second:9.1f}/s {ours.mb_per_second:8.1f} MB/s, {ratio:.2f} of static files")
        told = {"mb_per_second": round(ours.mb_per_second, 1), "static": theirs.figures()}
        return ours.figures() | told | {"ratio": round(ratio, 3), "p99_ratio": _ratio_p99(ours, theirs)}


def _ratio_p99(ours: Tally, theirs: Tally) -> float:
    return round(ours.percentile_ms(99) / theirs.percentile_ms(99), 2)


async def _verify(here: Gateway, callers: int, seconds: float) -> Tally:
    """Verify of tokens that were issued before, each of them once."""
    auth, path = f"Bearer {here.person.user_token}", f"/recordings/{here.serving.keys.recording_id}"
    tokens = await _issued(here.port, request("POST", f"{path}/composition/token", Authorization=auth), seconds)
    tally, began, until = Tally(), time.perf_counter(), time.perf_counter() + seconds
    async with aio.insecure_channel(f"127.0.0.1:{here.tokens_port}") as channel:
        verify = tokens_grpc.CompositionTokensStub(channel).Verify

        async def call() -> None:
            while tokens and time.perf_counter() < until:
                asked = tokens_pb.VerifyRequest(
                    token=tokens.pop(), action="export:create", recording_id=here.serving.keys.recording_id
                )
                at = time.perf_counter()
                answer = await verify(asked)
                assert answer.ok
                tally.seconds.append(time.perf_counter() - at)

        await asyncio.gather(*(call() for _ in range(callers)))
    tally.wall_s = time.perf_counter() - began
    _say(f"  verify, {callers} callers: {tally.per_second:.1f}/s, p99 {tally.percentile_ms(99):.2f} ms")
    return tally


async def _issued(port: int, asked: bytes, seconds: float) -> list[str]:
    """Enough tokens for so long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    tokens = []
    for _ in range(int(800 * seconds)):
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        tokens.append(json.loads(await reader.readexactly(int(length.split(b":")[1])))["token"])
    writer.close()
    return tokens


# ---- listeners -----------------------------------------------------------------------------------------------


async def measure_listeners() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="door-") as scratch, gateway(Path(scratch)) as here:
        async with _job_under_way(here) as (board, job):
            before = here.process.memory_info().rss, here.valkey.connections()
            began = time.perf_counter()
            crowd = await Crowd.gather(
                "127.0.0.1", here.port, f"/jobs/{job.job_id}/events", here.person.user_token, LISTENERS
            )
            joined_s = time.perf_counter() - began
            after = here.process.memory_info().rss, here.valkey.connections()
            cpu_s = _cpu_s(here.process)
            last, each = await _publish(board, job, crowd)
            cpu_s = _cpu_s(here.process) - cpu_s
            crowd.close()
    _say(f"  an event reaches all {LISTENERS} in {np.median(last):.1f} ms, p99 {np.percentile(last, 99):.1f} ms")
    return {
        "listeners": LISTENERS,
        "joined_s": round(joined_s, 2),
        "event_to_all_ms": _spread(last),
        "event_to_each_ms": _spread(each),
        "cpu_ms_per_event": round(1000 * cpu_s / EVENTS, 1),
        "rss_mb": [round(rss / 1e6, 1) for rss in (before[0], after[0])],
        "kb_per_listener": round((after[0] - before[0]) / LISTENERS / 1000, 1),
        "redis_connections": [before[1], after[1]],
    }


@contextlib.asynccontextmanager
async def _job_under_way(here: Gateway) -> AsyncIterator[tuple[JobBoard, Job]]:
    keys, at = here.serving.keys, moment(time.time())
    job = new_job("f" * 32, "export", keys.room_id, keys.recording_id, request={}, created_by="ada", at=at)
    JobRecords(open_store(StoreSpec(str(here.serving.store)))).create(job)
    redis = here.valkey.client()
    board = JobBoard(redis)
    await board.put(job.moved("processing", at, epoch=1))
    await board.publish(job.job_id, status_event(job))
    yield board, job
    await redis.aclose()


async def _publish(board: JobBoard, job: Job, crowd: Crowd) -> tuple[list[float], list[float]]:
    """Milliseconds from the publishing of each event until the last has it, and until each has it."""
    last, each = [], []
    for n in range(1, EVENTS + 1):
        progress = Progress(done=n, total=EVENTS, unit="frames", fraction=n / EVENTS, eta_s=float(EVENTS - n))
        at = time.perf_counter()
        await board.publish(job.job_id, progress_event(job.job_id, progress))
        await crowd.heard(1 + n)
        each += [1000 * (t - at) for t in crowd.times_s]
        last.append(1000 * (max(crowd.times_s) - at))
        await asyncio.sleep(EVENT_EVERY_S)
    return last, each


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _spread(values: list[float]) -> dict[str, float]:
    return {name: round(float(np.percentile(values, at)), 1) for name, at in (("p50", 50), ("p99", 99), ("max", 100))}


# ---- jobs ----------------------------------------------------------------------------------------------------

LONG = {"layout": "grid", "export": {"resolution": "1920x1080", "fps": 30}}


def measure_jobs() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="door-") as scratch, Valkey() as valkey:
        folder, common = Path(scratch), ("--redis", valkey.url, "--role")
        env = {"FARM_WORKERS": "1"}
        with contextlib.ExitStack() as stack:
            front = stack.enter_context(Serving(folder, "--redis", valkey.url, env=env))
            others = [stack.enter_context(Serving(folder, *common, "dispatcher", env=env))]
            person = front.person()
            person.outcome(person.export(SMALL))   # the recording is indexed, workers have imported what they need
            first = [_first_progress_s(person, n) for n in range(5)]
            _say(f"  first progress after {sorted(first)[2]:.2f} s")
            return {
                "post_to_first_progress_s": [round(one, 2) for one in first],
                "takeover_s": [round(_takeover_s(person, [front, *others], valkey), 1)],
                "lease_s": 15,
            }


def _first_progress_s(person: Person, n: int) -> float:
    """From the request for an export until something is told of its pictures."""
    person.save({**SMALL, "style": {"gap": 2 * n}})   # nothing of it is cached
    token = person.composition_token("export:create")
    began = time.perf_counter()
    path = f"/recordings/{person.recording_id}/export"
    job_id = person.ask("POST", path, token, json={"preset": "draft"}).raise_for_status().json()["job_id"]
    events = person.listen(job_id)
    next(event for event in events if event["type"] == "progress")
    took_s = time.perf_counter() - began
    for _ in events:
        pass
    return took_s


def _takeover_s(person: Person, servings: list[Serving], valkey: Valkey) -> float:
    """From the death of the dispatcher that has a job until another has begun it again."""
    job_id = person.export(LONG, preset="high")
    events = person.listen(job_id)
    next(event for event in events if event["type"] == "progress")
    os.kill(_owner(job_id, servings, valkey), signal.SIGKILL)
    began = time.perf_counter()
    next(event for event in events if event.get("status") == "processing")
    took_s = time.perf_counter() - began
    person.ask("DELETE", f"/jobs/{job_id}")
    for _ in events:
        pass
    _say(f"  taken over after {took_s:.1f} s")
    return took_s


def _owner(job_id: str, servings: list[Serving], valkey: Valkey) -> int:
    """The process that works on a job, as the queue knows it; it must be one of ours."""
    import redis

    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        owner: Any = client.hget(f"farm:queue:job:{job_id}", "owner")
    pid = int(owner.split("-")[-2])
    assert pid in {process.pid for serving in servings for process in serving.processes()}
    return pid


PARTS: dict[str, Callable[[float], dict[str, Any]]] = {
    "requests": lambda seconds: asyncio.run(measure_requests(seconds)),
    "listeners": lambda seconds: asyncio.run(measure_listeners()),
    "jobs": lambda seconds: measure_jobs(),
}


@click.command()
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, default=tuple(PARTS))
@click.option("--seconds", type=click.FloatRange(0.2), default=2.0, show_default=True, help="Of each measurement.")
def main(parts: tuple[str, ...], seconds: float) -> None:
    """Measures the API."""
    found = {}
    for part in parts:
        _say(part)
        found[part] = PARTS[part](seconds)
    print(json.dumps({"seconds": seconds, **found, "machine": describe_machine()}, indent=2))


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
