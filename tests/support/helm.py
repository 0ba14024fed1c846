"""A real Helm engine over a loopback fake of the Kubernetes API: lint a chart, render it, or be told what is wrong.

    rendered = render({"workers": {"gpu": {"enabled": True}}})
    rendered.one("Deployment", "farm-recording-farm-worker-gpu")

Helm renders as `helm install` does: values checked against the schema, what is rendered built against the API's
discovery; nothing is installed anywhere. Its storage of releases is chosen by an environment variable that has to be
there before Python starts, so each call is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "recording-farm"
RELEASE, NAMESPACE = "farm", "media"

KINDS: dict[str, tuple[str, ...]] = {
    "v1": ("Secret", "Service", "ServiceAccount", "ConfigMap", "Pod", "PersistentVolumeClaim"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "batch/v1": ("CronJob", "Job"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "monitoring.coreos.com/v1": ("ServiceMonitor", "PrometheusRule"),
}
"""What the fake API knows, by group and version."""


class HelmRefused(Exception):
    """Helm's own words."""


@dataclass(frozen=True)
class Rendered:
    """The manifests of a release."""

    text: str

    @cached_property
    def manifests(self) -> list[dict[str, Any]]:
        return [document for document in yaml.safe_load_all(self.text) if document]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The manifests of this kind."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """The manifest of this kind whose name is the release's, then `name`."""
        full = f"{RELEASE}-recording-farm{f'-{name}' if name else ''}"
        (found,) = [m for m in self.all(kind) if m["metadata"]["name"] == full]
        return found


def render(values: Mapping[str, Any]) -> Rendered:
    """Raises HelmRefused."""
    return Rendered(_helm("render", values)["manifest"])


def lint(values: Mapping[str, Any]) -> list[str]:
    """What `helm lint` finds with these values, errors and warnings."""
    return [str(message) for message in _helm("lint", values)["messages"]]


def _check_engine() -> None:
    """Skips the test where there is no engine; in CI that is a failure."""
    if find_spec("helm_sdkpy") is None:
        reason = "no Helm engine: scripts/helm-engine installs one"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)


def _helm(action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    _check_engine()
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.helm", action, json.dumps(values)],
            cwd=ROOT,
            env={**os.environ, "HELM_DRIVER": "memory", "HOME": home},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode:
        raise HelmRefused(done.stdout + done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


class _Api(BaseHTTPRequestHandler):
    """Discovery, and an empty cluster in which everything can be created."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        document = _discovery(path)
        if document is None:
            self._answer(404, _status("NotFound", 404))
        else:
            self._answer(200, document)

    def do_POST(self) -> None:
        self._answer(201, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, code: int, document: Mapping[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:   # noqa: A002
        """Nothing is said."""


def _status(reason: str, code: int) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}


def _discovery(path: str) -> dict[str, Any] | None:
    if path == "version":
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.0"}
    if path == "api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(v) for v in KINDS if "/" in v]}
    version = path.removeprefix("apis/").removeprefix("api/")
    if version not in KINDS:
        return None
    resources = [_resource(kind) for kind in KINDS[version]]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _group(group_version: str) -> dict[str, Any]:
    group, version = group_version.split("/")
    about = {"groupVersion": group_version, "version": version}
    return {"name": group, "versions": [about], "preferredVersion": about}


def _resource(kind: str) -> dict[str, Any]:
    plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
    verbs = ["get", "list", "create", "update", "patch", "delete"]
    return {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}


@contextmanager
def _kubeconfig() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": address}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "nobody", "namespace": NAMESPACE}}],
        "current-context": "fake",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        yield file.name
    server.shutdown()
    server.server_close()


async def _act(action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    import helm_sdkpy  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with _kubeconfig() as kubeconfig:
        config = helm_sdkpy.Configuration(namespace=NAMESPACE, kubeconfig=kubeconfig)
        if action == "lint":
            return await _lint(helm_sdkpy.Lint(config), values)
        release = await helm_sdkpy.Install(config).run(RELEASE, str(CHART), values=dict(values), wait=False)
        return {"manifest": release["manifest"]}


async def _lint(action: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """`Lint` takes a folder and no values: a copy of the chart with these as its own."""
    import shutil

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / CHART.name
        shutil.copytree(CHART, copy)
        own = yaml.safe_load((copy / "values.yaml").read_text("utf-8"))
        (copy / "values.yaml").write_text(yaml.safe_dump(_over(own, values)))
        found = await action.run(str(copy))
    return {"messages": found.get("Messages") or found.get("messages") or []}


def _over(base: Any, over: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: _over(base.get(key), value) for key, value in over.items()}}


def main() -> int:
    try:
        print(json.dumps(asyncio.run(_act(sys.argv[1], json.loads(sys.argv[2])))))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
