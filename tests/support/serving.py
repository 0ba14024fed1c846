"""`farm serve` as a process of its own over a copy of the small recording, or over a store that is given, and a person
who uses it over HTTP.

    with Serving(folder) as farm:
        person = farm.person()
        job_id = person.export(SMALL)
        assert person.outcome(job_id)["status"] == "ready"
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from storage.keys import RecordingKeys
from tests.support.recordings import ROOT, recording_dir

SMALL: dict[str, Any] = {"layout": "grid", "export": {"resolution": "320x180", "fps": 15}}
"""A composition that is rendered in a few seconds."""

READY_S, STOP_S = 120.0, 40.0
"""Generous: the machine may be busy with other things."""


def eventually(holds: Callable[[], bool], what: str, seconds: float) -> float:
    """Waits until `holds`, and gives how long that took in seconds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def copy_recording(store: Path) -> RecordingKeys:
    """The small recording, as it was stored, below `store`, unless it is there; its keys."""
    source = recording_dir("kickoff")
    kept = shutil.ignore_patterns("cache", "processed", "preview", "jobs", "composition")
    target = store / "rooms" / source.parent.name / source.name
    if not target.exists():
        shutil.copytree(source, target, ignore=kept)
    return RecordingKeys(source.parent.name, source.name)


def living(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


class Serving:
    """`farm serve` on a free port. State and storage lie below `folder`, for all that are given the same; with `keys`,
    those of a recording, the storage is another one that `options` name."""

    def __init__(
        self, folder: Path, *options: str, env: Mapping[str, str] | None = None, keys: RecordingKeys | None = None
    ) -> None:
        self.store = folder / "store"
        self.state = folder / "state"
        self.log = folder / "log"
        self.keys = keys or copy_recording(self.store)
        self.lines: list[str] = []
        self.ready_s = 0.0
        """From the start until it was ready."""
        self._options = ("--storage", str(self.store), "--port", "0", *options)
        self._env = {**os.environ, "FARM_STATE_DIR": str(self.state), "FARM_LOG_FORMAT": "text", **(env or {})}
        self._process: subprocess.Popen[str]
        self._reader: threading.Thread

    def start(self) -> None:
        """Returns when it is ready."""
        began = time.monotonic()
        self.lines.clear()
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scheduler_api", "serve", *self._options],
                cwd=ROOT,
                env=self._env,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        eventually(lambda: self._ended() or bool(self.lines), "a first line", READY_S)
        eventually(lambda: self._ended() or self.is_ready(), "ready", READY_S)
        assert not self._ended(), self.log.read_text()
        self.ready_s = time.monotonic() - began

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, to the supervisor alone."""
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        status = self._process.wait(STOP_S)
        self._reader.join(5)
        if self._process.stdout and not self._reader.is_alive():
            self._process.stdout.close()
        return status

    def said(self, word: str) -> list[str]:
        """What stands behind `word` in the printed lines."""
        return [line.removeprefix(f"{word} ") for line in list(self.lines) if line.startswith(f"{word} ")]

    @property
    def address(self) -> str:
        return self.said("API")[0]

    def is_ready(self) -> bool:
        """Whether its API says so; a dispatcher alone is ready when it has said where its dashboard is."""
        if not self.said("API"):
            return bool(self.said("Dashboard"))
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200
        return False

    def processes(self) -> list[psutil.Process]:
        """The supervisor, and all below it."""
        with suppress(psutil.NoSuchProcess):
            supervisor = psutil.Process(self._process.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        return []

    def find(self, *words: str) -> psutil.Process:
        """The one process whose command line holds these words, waited for."""
        found: list[psutil.Process] = []

        def there() -> bool:
            found[:] = [process for process in self.processes() if _holds(process, words)]
            return bool(found)

        eventually(there, f"a process with {words}", 30)
        return found[0]

    def person(self, sub: str = "ada", *, host: bool = True) -> Person:
        """A host of the recording's room, or nobody there, with a token that `farm user-token` made."""
        room = ("--room", self.keys.room_id) if host else ()
        made = subprocess.run(
            [sys.executable, "-m", "scheduler_api", "user-token", "--sub", sub, *room],
            cwd=ROOT, env=self._env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return Person(self.address, self.keys.recording_id, made.stdout.strip())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended():
            self.stop()

    def _ended(self) -> bool:
        return self._process.poll() is not None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))


def _holds(process: psutil.Process, words: tuple[str, ...]) -> bool:
    with suppress(psutil.NoSuchProcess):
        line = " ".join(process.cmdline())
        return all(word in line for word in words)
    return False


@dataclass
class Person:
    """Somebody at the API. What cannot be answered at the moment is asked again, as a browser's page would."""

    address: str
    recording_id: str
    user_token: str
    patience_s: float = 60.0
    composition_address: str = ""
    """Of the composition service, where it is another one."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """All events that `outcome` has seen."""

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """The first answer that is one: not of a service that is just starting again."""
        headers = {"Authorization": f"Bearer {token or self.user_token}", **options.pop("headers", {})}
        until = time.monotonic() + self.patience_s
        address = self.composition_address if token and self.composition_address else self.address
        while True:
            try:
                answer = httpx.request(method, f"{address}{path}", headers=headers, timeout=15, **options)
            except httpx.TransportError:
                assert time.monotonic() < until, f"{method} {path} is not answered"
            else:
                if answer.status_code != 503 or time.monotonic() > until:
                    return answer
            time.sleep(0.1)

    def composition_token(self, *scope: str) -> str:
        answer = self.ask("POST", f"{self._path}/composition/token", json={"scope": list(scope)} if scope else None)
        return str(answer.raise_for_status().json()["token"])

    def save(self, composition: Mapping[str, Any]) -> str:
        """Saves a composition; its id."""
        token = self.composition_token("composition:write")
        answer = self.ask("PUT", f"{self._path}/composition", token, json=composition)
        return str(answer.raise_for_status().json()["composition_id"])

    def export(self, composition: Mapping[str, Any], **asked: Any) -> str:
        """Saves a composition and asks for its export; the job's id."""
        body = {"composition_id": self.save(composition), "preset": "draft", "format": "mp4", **asked}
        token = self.composition_token("export:create")
        return str(self.ask("POST", f"{self._path}/export", token, json=body).raise_for_status().json()["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("GET", f"/jobs/{job_id}").raise_for_status().json()
        return answer

    def recording(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("GET", self._path).raise_for_status().json()
        return answer

    def listen(self, job_id: str) -> Iterator[dict[str, Any]]:
        """The job's events until it has ended, over any number of connections."""
        last_id = ""
        until = time.monotonic() + 240
        while time.monotonic() < until:
            headers = {"Authorization": f"Bearer {self.user_token}", **({"Last-Event-ID": last_id} if last_id else {})}
            with suppress(httpx.TransportError):
                url = f"{self.address}/jobs/{job_id}/events"
                with httpx.stream("GET", url, headers=headers, timeout=httpx.Timeout(10, read=30)) as answer:
                    for line in answer.iter_lines() if answer.status_code == 200 else ():
                        name, _, value = line.partition(": ")
                        if name == "id":
                            last_id = value
                        elif name == "data":
                            event = json.loads(value)
                            self.events.append(event)
                            yield event
                            if event.get("status") in ("ready", "failed"):
                                return
            time.sleep(0.2)
        raise AssertionError(f"job {job_id} did not end: {self.job(job_id)}")

    def outcome(self, job_id: str) -> dict[str, Any]:
        """The job when it has ended, all its events listened to."""
        for _ in self.listen(job_id):
            pass
        return self.job(job_id)

    def download(self, job_id: str, to: Path) -> Path:
        """The file of an export, by its signed address, which needs no token."""
        (found,) = [export for export in self.recording()["exports"] if export["export_id"] == job_id]
        url = httpx.URL(self.address).join(found["url"])
        to.write_bytes(httpx.get(url, timeout=30).raise_for_status().content)
        return to

    @property
    def _path(self) -> str:
        return f"/recordings/{self.recording_id}"
