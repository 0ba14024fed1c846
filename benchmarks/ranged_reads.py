"""How much of an hour in a bucket is read for ten seconds of it: `python -m benchmarks.ranged_reads [--minutes N]`.

Starts an S3 server on loopback, puts a long recording into it, lets it be indexed, and exports ten seconds from
the middle through a proxy that counts. Prints one JSON document; progress goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.machine import describe_machine
from benchmarks.recordings import looped
from storage.objects import StoreSpec
from tests.support.buckets import upload
from tests.support.counting_proxy import CountingProxy
from tests.support.farm_cli import Ran, farm
from tests.support.recordings import KICKOFF
from tests.support.s3 import S3Server


@click.command()
@click.option("--minutes", type=click.IntRange(2), default=60, show_default=True)
@click.option("--seconds", type=click.IntRange(1), default=10, show_default=True)
@click.option("--resolution", default="1280x720", show_default=True)
def main(minutes: int, seconds: int, resolution: str) -> None:
    """Measures ranged reads."""
    server = S3Server()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            server.start()
            found = _measure(server, Path(scratch), minutes, seconds, resolution)
        finally:
            server.stop()
    print(json.dumps({"minutes": minutes, "seconds": seconds, **found, "machine": describe_machine()}, indent=2))


def _measure(server: S3Server, scratch: Path, minutes: int, seconds: int, resolution: str) -> dict[str, object]:
    os.environ.update(server.env)
    _say("writing the recording")
    recording = looped(next(KICKOFF.glob("rooms/*/*")), scratch / "long", minutes=minutes)
    size = sum(path.stat().st_size for path in (recording / "tracks").iterdir())
    _say(f"putting {size / 1e6:.0f} MB into the bucket")
    address = upload(recording, StoreSpec(f"s3://{server.new_bucket()}", server.endpoint))
    _say("indexing")
    index_s, _ = _timed(server.endpoint, "inspect", address, "--json")
    _say("exporting")
    start = minutes * 30
    with CountingProxy(server.port) as proxy:
        wall_s, ran = _timed(
            proxy.endpoint, "export", address, "--workers", "0", "--preset", "draft", "--resolution", resolution,
            "--start", start, "--end", start + seconds, "--output", scratch / "out.mp4", "--json",
        )  # fmt: skip
    parts = {"media": "/tracks/", "indexes": "/cache/index/", "chunks": "/cache/chunks/"}
    return {
        "recording_bytes": size,
        "index_s": round(index_s, 1),
        "export_s": round(wall_s, 2),
        "stages": ran.json["stages"],
        "lead_in_pictures": ran.json["lead_in_units"],
        "requests": proxy.requests(),
        "bytes_read": proxy.received(),
        "share_of_recording": round(proxy.received() / size, 5),
        **{f"{name}_requests": proxy.requests(part) for name, part in parts.items()},
        **{f"{name}_bytes_read": proxy.received(part) for name, part in parts.items()},
    }


def _timed(endpoint: str, *arguments: object) -> tuple[float, Ran]:
    began = time.perf_counter()
    ran = farm(*arguments, env={"FARM_S3_ENDPOINT": endpoint})
    if ran.exit_code:
        raise SystemExit(ran.stderr)
    return time.perf_counter() - began, ran


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
