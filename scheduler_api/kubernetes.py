"""The little of the Kubernetes API that an autoscaler needs, by the service account of its pod.

The token is read anew for each call: the kubelet renews it. Raises httpx.HTTPError.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx

from farm.errors import BadSetting

GOES_FIRST = "controller.kubernetes.io/pod-deletion-cost"
"""Annotation by which a Deployment that gets smaller chooses: the pods with the lowest number go first."""

TIMEOUT_S = 10.0
_MERGE = {"Content-Type": "application/merge-patch+json"}


class Kubernetes:
    """The Deployments and pods of one namespace."""

    def __init__(self, client: httpx.AsyncClient, namespace: str, token_file: Path | None) -> None:
        self._client = client
        self._namespace = namespace
        self._token_file = token_file

    @classmethod
    def of_this_pod(cls, environ: Mapping[str, str], account: Path) -> Kubernetes:
        """By the folder `account` of its service account. Raises BadSetting outside of a cluster."""
        host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
        if not host or not (account / "token").exists():
            raise BadSetting("KUBERNETES_SERVICE_HOST", "this is no pod with a service account; use --watch-only")
        trusted = ssl.create_default_context(cafile=str(account / "ca.crt"))
        address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        client = httpx.AsyncClient(base_url=address, verify=trusted, timeout=TIMEOUT_S)
        namespace = environ.get("POD_NAMESPACE") or (account / "namespace").read_text().strip()
        return cls(client, namespace, account / "token")

    async def replicas(self, deployment: str) -> int:
        """How many there are to be."""
        answer = await self._client.get(self._scale(deployment), headers=self._headers())
        return int(answer.raise_for_status().json()["spec"].get("replicas", 0))

    async def set_replicas(self, deployment: str, replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        answer = await self._client.patch(self._scale(deployment), json=body, headers=self._headers() | _MERGE)
        answer.raise_for_status()

    async def set_deletion_cost(self, pod: str, cost: int) -> None:
        """Nothing happens if there is no such pod."""
        body = {"metadata": {"annotations": {GOES_FIRST: str(cost)}}}
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}"
        answer = await self._client.patch(path, json=body, headers=self._headers() | _MERGE)
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()

    async def aclose(self) -> None:
        await self._client.aclose()

    def _scale(self, deployment: str) -> str:
        return f"/apis/apps/v1/namespaces/{self._namespace}/deployments/{deployment}/scale"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token_file.read_text().strip()}"} if self._token_file else {}
