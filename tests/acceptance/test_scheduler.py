"""An export on a cluster that was there before: a scheduler and workers of their own, as an operator starts them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.farm_cli import farm
from tests.support.recordings import KICKOFF


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers of one thread each."""
    folder = tmp_path_factory.mktemp("cluster")
    about = folder / "scheduler.json"
    common = ["--scheduler-file", str(about)]
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *common]
    worker = ["worker", "--nthreads", "1", "--nworkers", "2", "--no-dashboard", *common]
    worker += ["--local-directory", str(folder)]
    processes = [_dask(scheduler)]
    try:
        address = _address(about, processes[0])
        processes.append(_dask(worker))
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(20)


def _dask(arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "spawn"}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _address(about: Path, scheduler: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and scheduler.poll() is None:
        if about.exists() and about.stat().st_size:
            return str(json.loads(about.read_text())["address"])
        time.sleep(0.05)
    raise AssertionError("the scheduler did not come up")


def _copy(folder: Path) -> Path:
    source = next(KICKOFF.glob("rooms/*/*"))
    return Path(shutil.copytree(source, folder / source.relative_to(KICKOFF)))


SMALL = ("--preset", "draft", "--resolution", "640x360", "--end", "10")


def test_an_export_on_another_cluster_is_the_export_made_here(cluster: str, tmp_path: Path) -> None:
    there, here = _copy(tmp_path / "there"), _copy(tmp_path / "here")
    report = farm("export", there, *SMALL, "--scheduler", cluster, "--json")
    assert report.exit_code == 0, report.stderr
    made = report.json
    assert made["chunks"] == {"total": 2, "rendered": 2, "cached": 0}
    alone = farm("export", here, *SMALL, "--workers", "0", "--json").json
    assert Path(made["output"]).name == Path(alone["output"]).name
    assert Path(made["output"]).read_bytes() == Path(alone["output"]).read_bytes()


def test_a_file_asked_for_here_lies_here(cluster: str, tmp_path: Path) -> None:
    output = tmp_path / "meeting.mp4"
    report = farm("export", _copy(tmp_path / "r"), *SMALL, "--scheduler", cluster, "--output", output)
    assert report.exit_code == 0, report.stderr
    assert output.stat().st_size > 100_000
    assert [p.name for p in tmp_path.iterdir() if p.name != "r"] == ["meeting.mp4"]
