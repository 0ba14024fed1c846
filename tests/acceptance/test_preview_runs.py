"""How `farm preview` behaves as a command: damaged recordings, runs that are killed, repeated, cut short, changed.

Whatever happened on the way, a run that ends leaves the bytes of an undisturbed one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import m3u8
import psutil
import pytest

from farm import preview_plan
from farm.errors import OutputUnusable
from farm.events import ChunkStored, Event, TaskDone
from farm.executors.base import CancelToken, Observer, Task
from farm.executors.local import LocalExecutor
from farm.preview import PreviewOptions, preview
from farm.run import Surroundings
from farm.settings import FarmSettings
from storage.objects import StoreSpec, open_store
from tests.support.buckets import keys, upload
from tests.support.damage import KINDS, NAMED_AS, Kind, damage
from tests.support.exports import digest, opened
from tests.support.farm_cli import HERE, farm, leftovers, start_farm, wait_until
from tests.support.hls_check import check_stream, read_stream
from tests.support.meetings import Camera, Meeting, Peer, Screen, Truth, write_meeting

TWO = ("--workers", "2")
SHORT = ("--segment-seconds", "2", "--preset", "low")
CAMERA = Camera(w=160, h=90, fps=10, bitrate=60_000)
LARGE = replace(CAMERA, bitrate=500_000)
"""Its file is the largest: the one that is damaged."""
SCREEN = Screen(0, 3500, Camera(w=320, h=180, fps=4.0, bitrate=60_000))
Stamps = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Four seconds of two peers, one of whom shares a screen."""
    peers = (Peer(1, "Ada", camera=LARGE), Peer(2, "Ben", camera=CAMERA, screens=(SCREEN,)))
    return write_meeting(Meeting(peers, duration_ms=4000), tmp_path_factory.mktemp("short"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Twenty seconds: ten segments of 2 s for each of two peers."""
    camera = Camera(w=320, h=180, fps=30, bitrate=300_000)
    peers = (Peer(1, "Ada", camera=camera), Peer(2, "Ben", camera=replace(camera, codec="h264")))
    return write_meeting(Meeting(peers, duration_ms=20_000), tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="module")
def finished(long: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preview of `long`, made in one process; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    counts = rerun(copied(long, folder), folder / "out")
    assert counts == {"total": 20, "rendered": 20, "cached": 0}
    return folder / "out"


@pytest.fixture(scope="module")
def undisturbed(finished: Path) -> dict[str, str]:
    """Digests of all files of the finished preview."""
    return files(finished)


def copied(truth: Truth, base: Path) -> Path:
    """A copy of a recording without what was made of it."""
    target = base / truth.path.relative_to(truth.base)
    shutil.copytree(truth.path, target, ignore=shutil.ignore_patterns("cache", "preview"))
    return target


def files(folder: Path) -> dict[str, str]:
    """Digests of all that readers may find, by path; what a kill left half-written is hidden from them."""
    found = (p for p in folder.rglob("*") if p.is_file() and not any(x[0] == "." for x in p.relative_to(folder).parts))
    return {str(p.relative_to(folder)): digest(p) for p in sorted(found)}


def stamps(folder: Path) -> Stamps:
    """(inode, time of change) of every file: an object that is written again has another inode."""
    found = ((p, p.stat()) for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): (s.st_ino, s.st_mtime_ns) for p, s in found}


def segments(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.m4s"))


def check_all(folder: Path, seconds: int, duration_ms: int) -> None:
    playlists = sorted(folder.rglob("*.m3u8"))
    assert playlists
    for playlist in playlists:
        check_stream(read_stream(playlist), seconds=seconds, duration_ms=duration_ms)


# ---- recordings as crashes leave them ----------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_recording_has_whole_previews_and_the_damage_named(
    kind: Kind, short: Truth, tmp_path: Path
) -> None:
    recording = copied(short, tmp_path)
    damage(recording, kind)
    before = {path: path.read_bytes() for path in recording.rglob("*") if path.is_file()}
    ran = farm("preview", recording, *HERE, "--segment-seconds", "2", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.codes >= NAMED_AS.get(kind, set())
    assert {path: path.read_bytes() for path in before} == before
    assert 3700 <= ran.json["duration_ms"] <= 4100
    check_all(recording / "preview", 2, ran.json["duration_ms"])
    streams = {str(p.relative_to(recording / "preview")) for p in (recording / "preview").rglob("*.m3u8")}
    assert "peers/peer-1/av.m3u8" in streams
    assert "screenshare/peer-2/video.m3u8" in streams


def test_a_recording_without_any_media_still_has_its_peers(short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    shutil.rmtree(recording / "tracks")
    ran = farm("preview", recording, *HERE, "--json")
    assert ran.exit_code == 0, ran.stderr
    assert "segment-missing" in ran.codes
    check_all(recording / "preview", 4, 4000)


# ---- the same bytes, whatever happens ----------------------------------------------------------------------


def finish(process: subprocess.Popen[str]) -> dict[str, int]:
    """Waits for the end; how many segments were rendered, how many kept."""
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    counts: dict[str, int] = json.loads(stdout)["segments"]
    return counts


def rerun(recording: Path, out: Path, *options: str) -> dict[str, int]:
    """Once more, in this process."""
    ran = farm("preview", recording, *HERE, *SHORT, "--output", out, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    counts: dict[str, int] = ran.json["segments"]
    return counts


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    (server,) = (p for p in psutil.Process(process.pid).children() if "forkserver" in " ".join(p.cmdline()))
    found: list[psutil.Process] = server.children()
    return found


def started(recording: Path, out: Path, segments_there: int) -> subprocess.Popen[str]:
    """A run with two workers, in the middle of its work."""
    process = start_farm("preview", recording, *TWO, *SHORT, "--output", out, "--json")
    wait_until(lambda: len(segments(out)) >= 2 * segments_there, process)
    return process


def test_two_workers_give_the_same_bytes(long: Truth, undisturbed: dict[str, str], tmp_path: Path) -> None:
    finish(start_farm("preview", copied(long, tmp_path), *TWO, *SHORT, "--output", tmp_path / "out", "--json"))
    assert files(tmp_path / "out") == undisturbed


def test_a_worker_that_is_killed_costs_its_segment_and_nothing_shows(
    long: Truth, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = started(copied(long, tmp_path), out, 5)
    workers_of(process)[0].kill()
    before = stamps(out)
    finish(process)
    assert files(out) == undisturbed
    after = stamps(out)
    again = [name for name in before if name.endswith(".m4s") and after[name] != before[name]]
    assert len(again) <= 2, again


def test_a_command_that_is_killed_outright_goes_on_where_it_was(
    long: Truth, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    recording, out = copied(long, tmp_path), tmp_path / "out"
    process = started(recording, out, 8)
    helpers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    for helper in helpers:
        with suppress(psutil.NoSuchProcess):
            helper.kill()
    process.communicate()
    psutil.wait_procs(helpers, timeout=10)
    assert not (out / "manifest.json").exists()
    check_unfinished(out)
    counts = rerun(recording, out)
    assert counts["cached"] >= 6, counts
    assert files(out) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_that_is_stopped_leaves_what_can_be_played(
    number: signal.Signals, long: Truth, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    recording, out = copied(long, tmp_path), tmp_path / "out"
    process = started(recording, out, 4)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (1, "")
    assert number.name in stderr.splitlines()[-1]
    assert leftovers(out) == []
    assert not (out / "manifest.json").exists()
    check_unfinished(out)
    assert rerun(recording, out)["cached"] >= 3
    assert files(out) == undisturbed


def check_unfinished(out: Path) -> None:
    """Playlists list what is there, from the first segment on, and do not end."""
    for playlist in out.rglob("*.m3u8"):
        told = m3u8.loads(playlist.read_text())
        assert not told.is_endlist or len(told.segments) == 10
        names = [f"{playlist.stem}_{k:04d}.m4s" for k in range(1, len(told.segments) + 1)]
        assert [s.uri for s in told.segments] == names
        if told.segments:
            read_stream(playlist)


@pytest.fixture
def tampered(long: Truth, finished: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A recording and a copy of its finished preview: (recording, folder)."""
    return copied(long, tmp_path), Path(shutil.copytree(finished, tmp_path / "out"))


@pytest.fixture
def made(tampered: tuple[Path, Path], undisturbed: dict[str, str]) -> Iterator[tuple[Path, Path]]:
    """The same, for what ends in the same bytes again."""
    yield tampered
    assert files(tampered[1]) == undisturbed


def test_a_second_run_renders_nothing_and_writes_nothing(made: tuple[Path, Path]) -> None:
    before = stamps(made[1])
    assert rerun(*made) == {"total": 20, "rendered": 0, "cached": 20}
    assert stamps(made[1]) == before


def test_what_is_lost_is_made_again_and_no_more(made: tuple[Path, Path]) -> None:
    recording, out = made
    (out / "peers/peer-1/av_0004.m4s").unlink()
    (out / "peers/peer-2/av_low_0010.m4s").write_bytes(b"")
    data = (out / "peers/peer-2/av_0007.m4s").read_bytes()
    (out / "peers/peer-2/av_0007.m4s").write_bytes(data[: len(data) // 2])
    assert rerun(recording, out) == {"total": 20, "rendered": 3, "cached": 17}


def test_what_tells_of_segments_is_told_again_without_rendering(made: tuple[Path, Path]) -> None:
    recording, out = made
    for name in ("manifest.json", "peers/peer-1/av.m3u8", "peers/peer-1/av_low_init.mp4", "peers/peer-2/waveform.json"):
        (out / name).unlink()
    (out / "peers/peer-2/av.m3u8").write_text("#EXTM3U\n")
    assert rerun(recording, out) == {"total": 20, "rendered": 0, "cached": 20}


@pytest.mark.parametrize("how", ["lost", "corrupt", "older"])
def test_without_records_segments_are_made_again(how: str, made: tuple[Path, Path]) -> None:
    recording, out = made
    (record,) = (out / ".records" / "camera" / "peer-1").iterdir()
    if how == "lost":
        record.unlink()
    else:
        text = record.read_text()
        record.write_text(text[:-100] if how == "corrupt" else text.replace('"version": 2', '"version": 1'))
    assert rerun(recording, out) == {"total": 20, "rendered": 10, "cached": 10}


def test_everything_is_rendered_anew_where_that_is_asked_for(made: tuple[Path, Path]) -> None:
    assert rerun(*made, "--no-cache") == {"total": 20, "rendered": 20, "cached": 0}


# ---- what changes ------------------------------------------------------------------------------------------


def test_a_changed_track_is_rendered_where_it_changed(tampered: tuple[Path, Path], tmp_path: Path) -> None:
    recording, out = tampered
    before = stamps(out)
    flip_a_byte(next((recording / "tracks").glob("peer-2-video-*.rtp")), share=0.83)
    counts = rerun(recording, out)
    assert 1 <= counts["rendered"] <= 2, counts
    after = stamps(out)
    changed = {name for name in before if name.endswith(".m4s") and after.get(name) != before[name]}
    assert changed
    assert all(name.startswith("peers/peer-2/") for name in changed)
    fresh = copied_as_it_is(recording, tmp_path / "fresh")
    rerun(fresh, tmp_path / "fresh-out")
    assert files(out) == files(tmp_path / "fresh-out")


def flip_a_byte(path: Path, share: float) -> None:
    """Turns over a byte of the payload of a packet so far into a segment file."""
    data = bytearray(path.read_bytes())
    at = 32
    while at < share * len(data):
        at += 10 + int.from_bytes(data[at + 8 : at + 10], "big")
    data[at + 10 + 100] ^= 0xFF
    path.write_bytes(data)


def copied_as_it_is(recording: Path, base: Path) -> Path:
    target = base / "rooms" / recording.parent.name / recording.name
    shutil.copytree(recording, target, ignore=shutil.ignore_patterns("cache", "preview"))
    return target


def test_a_recording_that_grew_renders_its_end(tmp_path: Path) -> None:
    """Nine seconds of a meeting that goes on, then all fifteen: what was whole stays."""
    peers = (Peer(1, "Ada", camera=CAMERA), Peer(2, "Ben", camera=replace(CAMERA, codec="h264")))
    early = write_meeting(Meeting(peers, 9000, running=True), tmp_path / "early")
    late = write_meeting(Meeting(peers, 15_000), tmp_path / "late")
    out = tmp_path / "out"
    assert rerun(early.path, out)["rendered"] == 2 * 5
    before = stamps(out)
    counts = rerun(late.path, out)
    assert counts["total"] == 2 * 8
    assert counts["cached"] >= 2 * 3, counts
    kept = {f"peers/{p}/av_{k:04d}.m4s" for p in ("peer-1", "peer-2") for k in (1, 2, 3)}
    after = stamps(out)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    rerun(late.path, tmp_path / "fresh")
    assert files(out) == files(tmp_path / "fresh")


def test_other_settings_replace_the_older_preview(short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    for options, seconds in ((("--segment-seconds", "2", "--audio"), 2), ((), 4)):
        ran = farm("preview", recording, *HERE, *options, "--json")
        assert ran.exit_code == 0, ran.stderr
        check_all(recording / "preview", seconds, 4000)
    there = files(recording / "preview")
    assert not any("audio" in name or "_0002" in name for name in there)
    fresh = copied(short, tmp_path / "fresh")
    assert farm("preview", fresh, *HERE).exit_code == 0
    assert there == files(fresh / "preview")


def test_to_ask_for_sound_alone_or_not_any_more_makes_no_picture_anew(short: Truth, tmp_path: Path) -> None:
    recording, out = copied(short, tmp_path), tmp_path / "out"
    first = rerun(recording, out)
    plain, before = files(out), stamps(out)
    more = rerun(recording, out, "--audio")
    heard = [name for name in files(out) if "/audio_" in name and name.endswith(".m4s")]
    assert heard
    assert more == {"total": first["total"] + len(heard), "rendered": len(heard), "cached": first["total"]}
    after = stamps(out)
    pictures = [name for name in before if name.endswith((".m4s", ".jpg"))]
    assert {name: after[name] for name in pictures} == {name: before[name] for name in pictures}
    check_all(out / "peers" / "peer-2", 2, 4000)
    assert rerun(recording, out)["rendered"] == 0
    assert files(out) == plain


# ---- while it is made --------------------------------------------------------------------------------------


class Onlooker:
    """Looks at all playlists whenever something happens, as players might."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lengths: dict[str, list[int]] = {}
        self._texts: dict[Path, str] = {}

    def __call__(self, event: Event) -> None:
        if getattr(event, "name", "") != "preview":
            return
        for playlist in self.folder.rglob("*.m3u8"):
            text = playlist.read_text()
            assert text.startswith(self._texts.get(playlist, "")), "an EVENT is only ever appended to"
            self._texts[playlist] = text
            told = m3u8.loads(text)
            assert told.playlist_type == "event"
            named = [s.uri for s in (*told.segments, *told.segment_map)]
            assert all((playlist.parent / uri).stat().st_size for uri in named)
            self.lengths.setdefault(playlist.stem, []).append(len(told.segments))
            assert not (self.folder / "manifest.json").exists()


def test_playlists_are_valid_at_every_moment_and_name_only_what_is_there(long: Truth, tmp_path: Path) -> None:
    recording, out = copied(long, tmp_path), tmp_path / "out"
    onlooker = Onlooker(out)
    asked = PreviewOptions("low", 2, output=out)
    clock = iter(range(10**9))   # a second passes with each look: every growth is told
    around = Surroundings(FarmSettings(), LocalExecutor(), onlooker, clock=lambda: float(next(clock)))
    report = preview(opened(recording), asked, around)
    assert report.segments.rendered == 20
    assert set(onlooker.lengths["av"]) >= {0, 1, 10}
    assert len(set(onlooker.lengths["av"])) > 5, "it grows segment by segment"
    assert m3u8.load(str(out / "peers/peer-1/av.m3u8")).is_endlist


def test_a_span_is_listed_whole_when_it_ends(long: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands, so nothing is told for the sake of the time that has passed."""
    monkeypatch.setattr(preview_plan, "MIN_SPAN_SECONDS", 4)
    monkeypatch.setattr(preview_plan, "MAX_SPAN_SECONDS", 4)
    out, listed = tmp_path / "out", list[int]()

    def look(event: Event) -> None:
        if isinstance(event, TaskDone) and event.key.startswith("preview/camera/peer-1/"):
            listed.append(len(m3u8.load(str(out / "peers/peer-1/av.m3u8")).segments))

    around = Surroundings(FarmSettings(), LocalExecutor(), look, clock=lambda: 0.0)
    preview(opened(copied(long, tmp_path)), PreviewOptions("low", 2, output=out), around)
    assert listed == [1, 3, 5, 7, 10]


def test_whoever_looks_on_hears_what_each_segment_cost(long: Truth, tmp_path: Path) -> None:
    events: list[Event] = []
    around = Surroundings(FarmSettings(), LocalExecutor(), events.append)
    report = preview(opened(copied(long, tmp_path)), PreviewOptions("low"), around)
    told = [event.seconds for event in events if isinstance(event, ChunkStored)]
    assert len(told) == report.segments.rendered
    assert all(seconds["encode"] > 0 for seconds in told)
    assert {stage for seconds in told for stage in seconds} == {"decode", "draw", "encode", "mix"}


def test_what_is_about_to_be_overwritten_is_withdrawn_first(tampered: tuple[Path, Path]) -> None:
    """The same folder again with longer segments: at no moment does a playlist name one of the other run."""
    recording, out = tampered
    old = {p: digest(p) for p in segments(out)}
    stale: list[str] = []

    def look(event: Event) -> None:
        if getattr(event, "name", "") != "preview":
            return
        assert not (out / "manifest.json").exists()
        for playlist in out.rglob("*.m3u8"):
            listed = [playlist.parent / s.uri for s in m3u8.loads(playlist.read_text()).segments]
            stale.extend(str(p) for p in listed if old.get(p) == digest(p))

    around = Surroundings(FarmSettings(), LocalExecutor(), look)
    preview(opened(recording), PreviewOptions("low", 4, output=out), around)
    assert stale == []


def test_somebody_who_watches_two_workers_finds_every_segment_that_is_listed(long: Truth, tmp_path: Path) -> None:
    recording, out = copied(long, tmp_path), tmp_path / "out"
    process = start_farm("preview", recording, *TWO, *SHORT, "--output", out, "--json")
    looks = 0
    while process.poll() is None:
        for playlist in out.rglob("*.m3u8"):
            told = m3u8.loads(playlist.read_text())
            assert all((playlist.parent / s.uri).exists() for s in told.segments)
            looks += bool(told.segments)
        time.sleep(0.02)
    finish(process)
    assert looks > 10


# ---- where it goes -----------------------------------------------------------------------------------------


def test_foreign_files_in_the_output_folder_are_left_alone(short: Truth, tmp_path: Path) -> None:
    recording, out = copied(short, tmp_path), tmp_path / "out"
    mine = ("av.mp4", "av_0001.m4s.bak", "deep/av_0001.m4s", "av_init.mp4~")
    foreign = ["notes.txt", "av.m3u8", "a/b/av.m3u8", "peers/readme.md", "screenshare/x.json",
               *(f"peers/peer-1/{name}" for name in mine)]  # fmt: skip
    for name in foreign:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
    for options in ((), ("--audio",), ()):
        assert farm("preview", recording, *HERE, "--output", out, *options).exit_code == 0
    assert {name: (out / name).read_text() for name in foreign} == {name: name for name in foreign}
    assert not (recording / "preview").exists()
    check_all(out / "peers" / "peer-2", 4, 4000)


def test_an_output_that_is_no_folder_is_refused_before_the_work(short: Truth, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    (tmp_path / "file").write_text("no folder")
    ran = farm("preview", recording, *HERE, "--output", tmp_path / "file" / "out")
    assert ran.exit_code == 1
    assert "cannot be written" in ran.stderr
    assert not (recording / "cache").exists()


class Elsewhere(LocalExecutor):
    """Workers whose disks are their own: what they write under a path is not here."""

    def __init__(self, disk: Path) -> None:
        super().__init__()
        self._disk = disk

    def run(self, tasks: Sequence[Task], observer: Observer, cancel: CancelToken) -> dict[str, Any]:
        return super().run([self._moved(task) for task in tasks], observer, cancel)

    def _moved(self, task: Task) -> Task:
        if task.name != "preview":
            return task
        (work,) = task.args
        there = replace(work.target, store=StoreSpec(str(self._disk)))
        return replace(task, args=(replace(work, target=there),))


def test_workers_that_do_not_share_the_output_folder_are_found_out_at_once(short: Truth, tmp_path: Path) -> None:
    out = tmp_path / "out"
    around = Surroundings(FarmSettings(), Elsewhere(tmp_path / "elsewhere"), lambda event: None)
    with pytest.raises(OutputUnusable, match="the workers are elsewhere"):
        preview(opened(copied(short, tmp_path)), PreviewOptions(output=out), around)
    assert not any(m3u8.load(str(p)).segments for p in out.rglob("*.m3u8"))


@pytest.mark.s3
def test_previews_in_a_bucket_are_those_of_a_folder(short: Truth, s3_spec: StoreSpec, tmp_path: Path) -> None:
    recording = copied(short, tmp_path)
    address, env = upload(recording, s3_spec), {"FARM_S3_ENDPOINT": str(s3_spec.endpoint)}
    assert farm("preview", recording, *HERE, *SHORT).exit_code == 0
    there = farm("preview", address, *HERE, *SHORT, "--json", env=env)
    assert there.exit_code == 0, there.stderr
    store, prefix = open_store(s3_spec), f"{address.removeprefix(s3_spec.url + '/')}/preview/"
    stored = {key.removeprefix(prefix): store.get(key) for key in keys(s3_spec, prefix)}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in stored.items()} == files(recording / "preview")
    again = farm("preview", address, *HERE, *SHORT, "--json", env=env)
    assert again.json["segments"]["rendered"] == 0
