"""What goes wrong ends well: damaged recordings are exported with each fault named, and a command that cannot do
its work says why in one line, with the right exit status, and leaves nothing half-done behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.support.damage import NAMED_AS, Kind, damage
from tests.support.exports import digest
from tests.support.farm_cli import HERE, SMALL, Ran, farm, leftovers, start_farm, stored, wait_until
from tests.support.meetings import Camera, Meeting, Peer, Truth, write_meeting
from tests.support.mp4_check import check_mp4
from tests.support.s3 import free_port

CAMERA = Camera(w=160, h=90, fps=10, bitrate=60_000)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Four seconds of two peers; not to be changed but for its cache."""
    large = replace(CAMERA, bitrate=500_000)  # its file is the largest: the one that is damaged
    peers = (Peer(1, "Ada", camera=large), Peer(2, "Ben", camera=CAMERA))
    return write_meeting(Meeting(peers, duration_ms=4000), tmp_path_factory.mktemp("short"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Forty seconds: five chunks."""
    peers = (Peer(1, "Ada", camera=CAMERA), Peer(2, "Ben", camera=CAMERA))
    return write_meeting(Meeting(peers, duration_ms=40_000), tmp_path_factory.mktemp("long"))


def copied(truth: Truth, base: Path) -> Path:
    """A copy of a recording without its cache, to be hurt."""
    target = base / truth.path.relative_to(truth.base)
    shutil.copytree(truth.path, target, ignore=shutil.ignore_patterns("cache"))
    return target


def assert_one_line(ran: Ran, exit_code: int, *words: str) -> None:
    assert ran.exit_code == exit_code, (ran.exit_code, ran.stderr)
    assert ran.stdout == ""
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("farm: " if exit_code == 1 else "Error: "), ran.stderr
    assert "Traceback" not in ran.stderr
    assert "our fault" not in last
    assert [word for word in words if word not in last] == [], last


# ---- recordings as crashes leave them ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", NAMED_AS)
def test_a_damaged_recording_is_exported_and_the_damage_named(kind: Kind, short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    damage(recording, kind)
    before = {path: path.read_bytes() for path in recording.rglob("*") if path.is_file()}
    ran = farm("export", recording, *SMALL, *HERE, "--output", tmp_path / "out.mp4", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.codes >= NAMED_AS[kind]
    assert 38 <= ran.json["frames"] <= 41
    assert check_mp4(tmp_path / "out.mp4").problems == []
    assert {path: path.read_bytes() for path in before} == before


def test_a_recording_without_any_media_says_so(short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    for file in (recording / "tracks").iterdir():
        file.unlink()
    for name in ("metadata.json", "timeline.json"):
        (recording / name).unlink()
    ran = farm("export", recording, *SMALL, *HERE, "--output", tmp_path / "out.mp4")
    assert_one_line(ran, 1, "nothing to show", "no packet with media")
    assert not (tmp_path / "out.mp4").exists()


def test_damage_is_told_in_the_summary_for_people_too(short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    damage(recording, "no_timeline")
    ran = farm("export", recording, *SMALL, *HERE, "--output", tmp_path / "out.mp4")
    assert "timeline.json" in ran.stdout
    assert ran.exit_code == 0


# ---- what cannot be done -----------------------------------------------------------------------------------

STATES = {
    "unknown peer": '{"timeline": [{"t": 0, "type": "pin", "peer_id": "peer-9"}]}',
    "unknown field": '{"timeline": [{"t": 0, "type": "pin", "peer_id": "peer-1", "colour": "red"}]}',
    "not json": '{"layout": ',
    "unknown layout": '{"layout": "mosaic"}',
    "unknown asset": '{"style": {"image": {"asset": "logo.png", "rect": {"x": 0, "y": 0, "w": 0.1, "h": 0.1}}}}',
    "other recording": '{"recording_id": "00000000-0000-4000-8000-00000000000f"}',
    "empty range": '{"export": {"start_ms": 1000, "end_ms": 1000}}',
}
REFUSED_STATES = {
    "unknown peer": ("/timeline/0/peer_id", "'peer-9'", "peer-1, peer-2"),
    "unknown field": ("/timeline/0/colour", "unknown field"),
    "not json": ("not JSON",),
    "unknown layout": ("/layout", "'mosaic'", "speaker"),
    "unknown asset": ("'logo.png'", "upload it"),
    "other recording": ("/recording_id",),
    "empty range": ("/export", "end_ms must be after start_ms"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_cannot_be_used_is_refused_with_the_place(name: str, short: Truth, tmp_path: Path) -> None:
    state, out = tmp_path / "state.json", tmp_path / "out.mp4"
    state.write_text(STATES[name])
    ran = farm("export", short.path, *SMALL, *HERE, "--composition", state, "--output", out, "--json")
    assert_one_line(ran, 1, *REFUSED_STATES[name])
    assert not out.exists()


REFUSED_OPTIONS: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "start after the end of the recording": (("--start", "100"), 1, ("from 100000 ms on", "0 ms to 4000 ms")),
    "end before start": (("--start", "3", "--end", "2"), 2, ("--start, --end", "3000 to 2000")),
    "zero length": (("--start", "2", "--end", "2"), 2, ("--start, --end", "2000 to 2000")),
    "negative start": (("--start", "-1"), 2, ("--start",)),
    "no number": (("--start", "nan"), 2, ("--start", "nan is no time")),
    "odd side": (("--resolution", "161x90"), 2, ("--resolution", "even")),
    "no resolution": (("--resolution", "large"), 2, ("--resolution", "1920x1080")),
    "frame rate": (("--fps", "61"), 2, ("--fps",)),
    "unknown encoder": (("--encoder", "quick"), 2, ("--encoder", "x264")),
    "unknown preset": (("--preset", "best"), 2, ("--preset", "draft")),
    "two places to work": (("--scheduler", "tcp://127.0.0.1:1"), 2, ("--workers", "--scheduler")),
    "no such file": (("--composition", "nowhere.json"), 2, ("--composition", "nowhere.json")),
}


@pytest.mark.parametrize("name", REFUSED_OPTIONS)
def test_options_that_cannot_be_met_are_refused(name: str, short: Truth, tmp_path: Path) -> None:
    options, exit_code, words = REFUSED_OPTIONS[name]
    out = tmp_path / "out.mp4"
    ran = farm("export", short.path, *HERE, "--output", out, *options)
    assert_one_line(ran, exit_code, *words)
    assert not out.exists()


def test_an_encoder_that_is_not_there_is_refused_before_the_work(short: Truth, tmp_path: Path) -> None:
    from renderer.encode import opens

    if opens("nvenc"):
        pytest.skip("this machine has NVIDIA's encoder")
    ran = farm("export", short.path, *SMALL, *HERE, "--encoder", "nvenc", "--output", tmp_path / "out.mp4")
    assert_one_line(ran, 1, "'nvenc'", "--encoder auto or x264")


@pytest.mark.parametrize("command", [("inspect",), ("plan",), ("export",)])
def test_a_recording_that_is_not_there(command: tuple[str, ...], tmp_path: Path) -> None:
    assert_one_line(farm(*command, tmp_path / "rooms" / "r" / "none"), 1, "no recording at", "nothing is stored")
    assert_one_line(farm(*command, tmp_path), 1, "no recording at", "rooms/ROOM_ID/RECORDING_ID")


def test_a_store_that_nobody_answers_for_is_given_up_soon(tmp_path: Path) -> None:
    env = {"FARM_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}", "AWS_ACCESS_KEY_ID": "a",
           "AWS_SECRET_ACCESS_KEY": "very-secret"}  # fmt: skip
    began = time.monotonic()
    ran = farm("export", "s3://bucket/rooms/r/x", *SMALL, *HERE, "--output", tmp_path / "out.mp4", env=env)
    assert_one_line(ran, 1, "s3://bucket", "unavailable", "can be reached")
    assert time.monotonic() - began < 20
    assert "very-secret" not in ran.stderr


def test_a_scheduler_that_nobody_answers_for_is_given_up_soon(short: Truth, tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    ran = farm("export", short.path, "--scheduler", address, "--output", tmp_path / "out.mp4",
               env={"FARM_CONNECT_TIMEOUT_S": "1"})  # fmt: skip
    assert_one_line(ran, 1, address, "is it running")


# ---- outputs -----------------------------------------------------------------------------------------------


def test_folders_of_the_output_are_made(short: Truth, tmp_path: Path) -> None:
    out = tmp_path / "new" / "deep" / "out.mp4"
    assert farm("export", short.path, *SMALL, *HERE, "--output", out).exit_code == 0
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]


def test_an_output_that_cannot_be_written_is_refused_before_the_work(short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    (tmp_path / "file").write_text("no folder")
    ran = farm("export", recording, *SMALL, *HERE, "--output", tmp_path / "file" / "out.mp4")
    assert_one_line(ran, 1, "file/out.mp4 cannot be written", "is no folder", "--output")
    assert not (recording / "cache").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(short: Truth, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    ran = farm("export", short.path, *SMALL, *HERE, "--output", closed / "out.mp4")
    assert_one_line(ran, 1, "cannot be written", "Permission denied")


def test_a_still_of_another_kind_or_time_is_refused(short: Truth, tmp_path: Path) -> None:
    assert_one_line(farm("still", short.path, "--at", "1", "--output", tmp_path / "a.bmp"), 2, "--output", ".png")
    assert_one_line(farm("still", short.path, "--at", "99", "--output", tmp_path / "a.png"), 1, "99000 ms")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode
    if not mounted:
        pytest.skip("a file system of our own can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_under_the_output(long: Truth, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(250 << 10))
    ran = farm("export", long.path, *SMALL, *HERE, "--end", "8", "--output", small_disk / "out.mp4")
    assert_one_line(ran, 1, str(small_disk), "is full", "free space")
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_a_full_disk_under_the_cache(short: Truth, small_disk: Path, tmp_path: Path) -> None:
    recording = copied(short, small_disk)
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 8192)))
    ran = farm("export", recording, *SMALL, *HERE, "--output", tmp_path / "out.mp4")
    assert_one_line(ran, 1, "is full", "free space")
    assert not (tmp_path / "out.mp4").exists()
    assert leftovers(small_disk) == []


# ---- damaged caches ----------------------------------------------------------------------------------------


def exported(recording: Path, out: Path, *options: object) -> bytes:
    ran = farm("export", recording, *SMALL, *HERE, "--output", out, *options)
    assert ran.exit_code == 0, ran.stderr
    return out.read_bytes()


@pytest.mark.parametrize("how", ["cut", "emptied", "overwritten", "flipped"])
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_damaged_chunk_is_rendered_again(kind: str, how: str, short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    good = exported(recording, tmp_path / "out.mp4")
    (chunk,) = (p for p in (recording / "cache" / "chunks" / kind).rglob("*") if p.is_file())
    data = chunk.read_bytes()
    middle = len(data) // 2
    chunk.write_bytes(
        {
            "cut": data[:middle],
            "emptied": b"",
            "overwritten": bytes(len(data)),
            "flipped": data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :],
        }[how]
    )
    assert exported(recording, tmp_path / "again.mp4") == good
    assert chunk.read_bytes() == data


@pytest.mark.parametrize("how", [b"", b"no archive", b"PK\x03\x04" + bytes(500)])
def test_a_damaged_index_is_built_again(how: bytes, short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    good = exported(recording, tmp_path / "out.mp4")
    indexes = {path: path.read_bytes() for path in (recording / "cache").rglob("*.idx")}
    assert len(indexes) == 4
    for path in indexes:
        path.write_bytes(how)
    assert exported(recording, tmp_path / "again.mp4") == good
    assert {path: path.read_bytes() for path in indexes} == indexes


# ---- interrupted -------------------------------------------------------------------------------------------

TWO = ("--workers", "2")
LARGER = ("--preset", "draft", "--resolution", "1280x720", "--fps", "30")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("workers", [HERE, TWO], ids=["here", "two"])
def test_an_export_that_is_interrupted_leaves_what_can_be_used(
    number: signal.Signals, workers: tuple[str, str], long: Truth, tmp_path: Path
) -> None:
    recording, out = copied(long, tmp_path), tmp_path / "out" / "out.mp4"
    process = start_farm("export", recording, *LARGER, *workers, "--output", out, "--json")
    wait_until(lambda: bool(stored(recording, "video")), process)
    helpers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert_one_line(Ran(process.returncode, stdout, stderr), 1, "stopped before the end", number.name)
    assert psutil.wait_procs(helpers, timeout=10)[1] == []
    assert not out.exists()
    assert leftovers(tmp_path) == []
    assert all(path.stat().st_size for path in (recording / "cache").rglob("*") if path.is_file())


def test_a_worker_that_is_killed_costs_only_its_span(long: Truth, tmp_path: Path) -> None:
    recording, out = copied(long, tmp_path), tmp_path / "out.mp4"
    process = start_farm("export", recording, *LARGER, *TWO, "--output", out, "--json")
    wait_until(lambda: bool(stored(recording, "video")), process)
    before = stored(recording, "video")
    (server,) = (p for p in psutil.Process(process.pid).children() if "forkserver" in " ".join(p.cmdline()))
    workers = server.children()
    assert len(workers) == 2
    workers[0].kill()
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    after = stored(recording, "video")
    assert {key: after[key] for key in before} == before, "what was stored is not rendered again"
    assert json.loads(stdout)["chunks"]["total"] == 5
    quiet = copied(long, tmp_path / "quiet")
    assert farm("export", quiet, *LARGER, *HERE, "--output", tmp_path / "quiet.mp4").exit_code == 0
    assert digest(out) == digest(tmp_path / "quiet.mp4")
