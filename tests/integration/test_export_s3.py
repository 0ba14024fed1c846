"""Exports from and to a real S3 server: the same bytes as from a folder, and only the bytes that are needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.recordings import looped
from storage.objects import StoreSpec, open_store
from tests.support.buckets import keys, upload
from tests.support.counting_proxy import CountingProxy
from tests.support.exports import digest
from tests.support.farm_cli import HERE, SMALL, farm
from tests.support.recordings import recording_dir
from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

EIGHT_SECONDS = ("--start", "4", "--end", "12")


@pytest.fixture
def kickoff(tmp_path: Path) -> Path:
    """The small real recording in a folder of its own."""
    source = recording_dir("kickoff")
    return shutil.copytree(source, tmp_path / "local" / "rooms" / source.parent.name / source.name)


def test_an_export_from_and_to_a_bucket_is_that_of_a_folder(kickoff: Path, s3_spec: StoreSpec) -> None:
    address, env = upload(kickoff, s3_spec), {"FARM_S3_ENDPOINT": str(s3_spec.endpoint)}
    here = farm("export", kickoff, *SMALL, *HERE, *EIGHT_SECONDS, "--json")
    there = farm("export", address, *SMALL, *HERE, *EIGHT_SECONDS, "--thumbnails", "2", "--json", env=env)
    assert there.exit_code == 0, there.stderr
    assert there.json["output"].startswith(f"{address}/processed/exports/")
    assert Path(there.json["output"]).name == Path(here.json["output"]).name
    result = there.json["output"].removeprefix(f"{s3_spec.url}/")
    assert open_store(s3_spec).get(result) == Path(here.json["output"]).read_bytes()
    assert len(there.json["thumbnails"]) == 4
    assert set(there.json["thumbnails"]) <= set(keys(s3_spec))


def test_processes_of_their_own_reach_the_bucket(kickoff: Path, s3_spec: StoreSpec, tmp_path: Path) -> None:
    address = upload(kickoff, s3_spec)
    env = {"FARM_S3_ENDPOINT": str(s3_spec.endpoint), "FARM_DASHBOARD": "false"}
    two = farm("export", address, *SMALL, "--workers", "2", "--output", tmp_path / "two.mp4", "--json", env=env)
    assert two.exit_code == 0, two.stderr
    assert farm("export", kickoff, *SMALL, *HERE, "--output", tmp_path / "one.mp4").exit_code == 0
    assert digest(tmp_path / "two.mp4") == digest(tmp_path / "one.mp4")
    again = farm("export", address, *SMALL, *HERE, "--output", tmp_path / "again.mp4", "--json", env=env)
    assert again.json["chunks"] == {"total": 3, "rendered": 0, "cached": 3}


def test_a_small_range_reads_a_small_share(s3_server: S3Server, s3_spec: StoreSpec, tmp_path: Path) -> None:
    recording = looped(recording_dir("kickoff"), tmp_path / "long", minutes=4)
    address, size = upload(recording, s3_spec), sum(p.stat().st_size for p in (recording / "tracks").iterdir())
    assert farm("inspect", address, env={"FARM_S3_ENDPOINT": s3_server.endpoint}).exit_code == 0
    out = tmp_path / "out.mp4"
    with CountingProxy(s3_server.port) as proxy:
        ran = farm("export", address, *SMALL, *HERE, "--start", "120", "--end", "128", "--output", out, "--json",
                   env={"FARM_S3_ENDPOINT": proxy.endpoint})  # fmt: skip
    assert ran.exit_code == 0, ran.stderr
    assert ran.json["chunks"]["rendered"] == 1
    assert 0.02 < proxy.received("/tracks/") / size < 0.15, proxy.received("/tracks/") / size
    assert proxy.requests() < 300


def test_a_bucket_or_a_recording_that_is_not_there(s3_server: S3Server, s3_spec: StoreSpec) -> None:
    env = {"FARM_S3_ENDPOINT": s3_server.endpoint}
    ran = farm("export", "s3://no-such-bucket/rooms/r/x", *HERE, env=env)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "there is no bucket 'no-such-bucket'" in ran.stderr
    ran = farm("export", f"{s3_spec.url}/rooms/r/x", *HERE, env=env)
    assert ran.exit_code == 1
    assert f"no recording at {s3_spec.url}/rooms/r/x" in ran.stderr


def test_wrong_credentials(kickoff: Path, s3_spec: StoreSpec) -> None:
    address = upload(kickoff, s3_spec)
    env = {"FARM_S3_ENDPOINT": str(s3_spec.endpoint), "AWS_SECRET_ACCESS_KEY": "not-the-secret"}
    ran = farm("export", address, *HERE, env=env)
    assert ran.exit_code == 1
    assert "refuses access" in ran.stderr
    assert "AWS_*" in ran.stderr
    assert "not-the-secret" not in ran.stderr
