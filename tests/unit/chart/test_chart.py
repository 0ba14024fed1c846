"""The Helm chart: a real Helm engine renders it, Kubernetes' schemas hold for what comes out, and nobody gets in."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml
from prometheus_client import CollectorRegistry

from farm.autoscale import parse_pool
from scheduler_api.autoscaler_process import AutoscalerMeters
from scheduler_api.cli import main
from scheduler_api.jobs.meters import JobMeters
from scheduler_api.metrics import Metrics
from scheduler_api.settings import DoorSettings
from tests.support.helm import CHART, KINDS, HelmRefused, Rendered, lint, render

SETS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
KUBERNETES = ("1.29", "1.33")
PARTS = {"gateway", "dispatcher", "scheduler", "worker-cpu", "worker-gpu", "autoscaler", "valkey", "gc"}


@cache
def values_of(name: str) -> dict[str, Any]:
    return yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text("utf-8")) or {}


@cache
def rendered(name: str) -> Rendered:
    return render(values_of(name))


def pod_of(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The pod template of a workload; None for another kind."""
    spec = manifest.get("spec") or {}
    spec = spec.get("jobTemplate", {}).get("spec") or spec
    template: Mapping[str, Any] | None = spec.get("template")
    return template


def workloads(release: Rendered) -> dict[str, Mapping[str, Any]]:
    """The pod template of each component."""
    pods = ((m["metadata"]["labels"].get("app.kubernetes.io/component", ""), pod_of(m)) for m in release.manifests)
    return {component: pod for component, pod in pods if pod}


def containers(release: Rendered) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, pod in workloads(release).items():
        for container in pod["spec"]["containers"]:
            yield name, container


def test_there_are_the_sets_that_are_promised() -> None:
    assert SETS == ["default", "external", "gpu", "minimal"]


@pytest.mark.parametrize("name", SETS)
def test_helm_finds_nothing_wrong(name: str) -> None:
    severe = [message for message in lint(values_of(name)) if "'Severity': 1" not in message]
    assert severe == []


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", SETS)
def test_each_manifest_is_valid(name: str, version: str) -> None:
    builtin = [m for m in rendered(name).manifests if m["apiVersion"] != "monitoring.coreos.com/v1"]
    assert len(builtin) > 10
    for manifest in builtin:
        assert manifest["kind"] in KINDS[manifest["apiVersion"]]
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("", {"replica": 3}),
        ("redis/persistence/size", "much"),
        ("autoscaling/mode", "keda"),
        ("storage/url", "https://bucket"),
        ("storage/url", "s3://key:secret@bucket"),
        ("secrets/mediaKeys", "k1:short"),
        ("gateway/replicas", 0),
        ("gateway/replicas", "two"),
        ("workers/gpu/slots", 0),
        ("workers/cpu/resources", {"request": {"cpu": "1"}}),
        ("settings", {"OTHER_VARIABLE": "1"}),
        ("image/digest", "sha256:1234"),
    ],
)
def test_wrong_values_are_refused(where: str, wrong: Any) -> None:
    values: Any = wrong
    for step in reversed(where.split("/") if where else []):
        values = {step: values}
    with pytest.raises(HelmRefused, match="schema"):
        render(values)


def test_an_external_redis_without_its_secret_is_refused() -> None:
    with pytest.raises(HelmRefused, match=r"redis\.external\.existingSecret"):
        render({"redis": {"enabled": False}})


def described(schema: Mapping[str, Any], values: Any, path: str) -> Iterator[str]:
    """What is in one and not in the other, or has no description."""
    names = set(schema["properties"]) - {"global"}
    yield from (f"{path}.{name}" for name in names ^ set(values))
    for name in names & set(values):
        about = schema["properties"][name]
        if not about.get("description"):
            yield f"{path}.{name} has no description"
        if "properties" in about:
            yield from described(about, values[name], f"{path}.{name}")


def test_every_value_is_in_the_schema_with_its_meaning() -> None:
    assert list(described(SCHEMA, VALUES, "")) == []


def test_the_readme_is_what_the_schema_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHART.parents[1] / "scripts"))
    import chart_readme

    assert (CHART / "README.md").read_text("utf-8") == chart_readme.readme(), "run scripts/chart_readme.py"
    sys.modules.pop("chart_readme")


# ---- commands and environment ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_commands_are_the_farms_own(name: str) -> None:
    for component, container in containers(rendered(name)):
        if component == "valkey":
            continue
        assert "command" not in container, "it would go around the image's entrypoint, which hands signals on"
        program, command, *arguments = container["args"]
        assert program == "farm"
        found = main.get_command(click.Context(main), command)
        assert found is not None, command
        found.make_context(command, list(arguments))   # raises for an option that there is not


@pytest.mark.parametrize("name", SETS)
def test_variables_are_settings_of_the_farm(name: str) -> None:
    known = {f"FARM_{field.upper()}" for field in DoorSettings.model_fields}
    for component, container in containers(rendered(name)):
        names = [variable["name"] for variable in container.get("env", ())]
        assert [n for n in names if n.startswith("FARM_") and n not in known] == [], component
        assert len(names) == len(set(names)), component


@pytest.mark.parametrize("name", SETS)
def test_no_secret_stands_in_a_pod(name: str) -> None:
    secret = re.compile(r"SECRET|PASSWORD|_KEYS?$")
    for component, container in containers(rendered(name)):
        for variable in container.get("env", ()):
            if secret.search(variable["name"]):
                assert "value" not in variable, (component, variable["name"])


def test_a_release_makes_its_secrets_and_each_use_has_its_own() -> None:
    data = rendered("default").one("Secret", "secrets")["data"]
    assert set(data) == {"user-token-secret", "composition-keys", "media-keys", "service-key", "webhook-key"}
    assert len(set(data.values())) == len(data)


# ---- pods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_pods_have_no_more_rights_than_they_need(name: str) -> None:
    for component, pod in workloads(rendered(name)).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], component
        assert spec["automountServiceAccountToken"] is (component == "autoscaler" and name != "external"), component
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"], component
            assert not security["allowPrivilegeEscalation"], component
            assert security["capabilities"] == {"drop": ["ALL"]}, component
            assert "memory" in container["resources"]["limits"], component
            assert "cpu" not in container["resources"]["limits"], "a throttled event loop is a late one"


@pytest.mark.parametrize("name", SETS)
def test_everything_that_serves_is_probed(name: str) -> None:
    for component, container in containers(rendered(name)):
        if component == "gc":
            continue
        assert {"readinessProbe", "livenessProbe"} <= set(container), component
        ports = {port["name"] for port in container["ports"]}
        for probe in (container["readinessProbe"], container["livenessProbe"]):
            assert "exec" in probe or probe["httpGet"]["port"] in ports, component


def test_the_image_of_the_queue_is_said_to_be_what_its_pod_needs() -> None:
    (container,) = workloads(rendered("default"))["valkey"]["spec"]["containers"]
    probes = [container[f"{kind}Probe"]["exec"]["command"][-1] for kind in ("startup", "readiness", "liveness")]
    programs = {container["command"][0], *(probe.split()[0] for probe in probes)}
    said = SCHEMA["properties"]["redis"]["properties"]["image"]["properties"]["tag"]["description"]
    assert [program for program in programs if f"`{program}`" not in said] == []
    assert {program.partition("-")[0] for program in programs} == {"valkey"}


def test_workers_have_time_to_go() -> None:
    for pool in ("cpu", "gpu"):
        worker = rendered("gpu").one("Deployment", f"worker-{pool}")["spec"]["template"]["spec"]
        words = worker["containers"][0]["args"]
        assert worker["terminationGracePeriodSeconds"] > float(words[words.index("--grace") + 1])


def test_the_gpu_pool_is_one_of_nvidias() -> None:
    worker = rendered("gpu").one("Deployment", "worker-gpu")["spec"]["template"]["spec"]
    container = worker["containers"][0]
    assert worker["runtimeClassName"] == "nvidia"
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in worker["tolerations"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["args"][-2:] == ["--resources", "nvenc=4,nvdec=4"]
    dispatcher = rendered("gpu").one("Deployment", "dispatcher")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "FARM_POOLS", "value": "nvenc,nvdec"} in dispatcher["env"]
    assert not [v for v in workloads(rendered("default"))["dispatcher"]["spec"]["containers"][0]["env"]
                if v["name"] == "FARM_POOLS"]  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_a_forecast_and_its_export_know_the_same_of_the_cluster(name: str) -> None:
    """Encoder and number of workers are what an export is forecast by."""
    told = {part: {v["name"]: v.get("value") for v in pod["spec"]["containers"][0]["env"]}
            for part, pod in workloads(rendered(name)).items() if part in ("gateway", "dispatcher")}  # fmt: skip
    for variable in ("FARM_SCHEDULER", "FARM_POOLS", "FARM_EXPECTED_WORKERS"):
        assert told["gateway"].get(variable) == told["dispatcher"].get(variable)
    assert told["gateway"]["FARM_SCHEDULER"].startswith("tcp://")
    assert int(told["gateway"]["FARM_EXPECTED_WORKERS"]) >= 1


# ---- scaling ----------------------------------------------------------------------------------------------------


def test_the_autoscaler_may_set_the_pools_and_nothing_else() -> None:
    release = rendered("gpu")
    words = release.one("Deployment", "autoscaler")["spec"]["template"]["spec"]["containers"][0]["args"]
    pools = [parse_pool(words[i + 1]) for i, word in enumerate(words) if word == "--pool"]
    assert [(p.name, p.minimum, p.maximum, p.slots) for p in pools] == [("cpu", 0, 200, 1), ("gpu", 0, 8, 4)]
    role = release.one("Role", "autoscaler")
    scales = next(rule for rule in role["rules"] if rule["resources"] == ["deployments/scale"])
    assert scales["resourceNames"] == [pool.target for pool in pools]
    names = {m["metadata"]["name"] for m in release.all("Deployment")}
    assert {pool.target for pool in pools} <= names
    assert all("*" not in rule["verbs"] and rule["resources"] != ["secrets"] for rule in role["rules"])


def test_where_idle_pods_are_not_marked_there_is_no_right_to_pods() -> None:
    def autoscaler_of(values: dict[str, Any]) -> tuple[list[Any], list[str]]:
        release = render(values)
        (container,) = workloads(release)["autoscaler"]["spec"]["containers"]
        return [rule["resources"] for rule in release.one("Role", "autoscaler")["rules"]], container["args"]

    rights, words = autoscaler_of({"autoscaling": {"podDeletionCost": False}})
    assert rights == [["deployments/scale"]]
    assert "--no-deletion-cost" in words
    rights, words = autoscaler_of({})
    assert rights == [["deployments/scale"], ["pods"]]
    assert "--no-deletion-cost" not in words


def test_who_is_scaled_has_no_fixed_number() -> None:
    assert "replicas" not in rendered("default").one("Deployment", "worker-cpu")["spec"]
    assert rendered("minimal").one("Deployment", "worker-cpu")["spec"]["replicas"] == 1
    assert "replicas" not in rendered("external").one("Deployment", "gateway")["spec"]


def test_a_plain_autoscaler_goes_by_a_metric_that_there_is() -> None:
    scaler = rendered("external").one("HorizontalPodAutoscaler", "worker-cpu")["spec"]
    external = scaler["metrics"][0]["external"]
    assert external["metric"]["name"] in metric_names()
    assert external["metric"]["selector"]["matchLabels"]["pool"] == "cpu"
    (watcher,) = workloads(rendered("external"))["autoscaler"]["spec"]["containers"]
    assert "--watch-only" in watcher["args"]
    assert not rendered("external").all("Role")


# ---- network ----------------------------------------------------------------------------------------------------


class Network:
    """Who may reach whom, by the policies of a release."""

    def __init__(self, release: Rendered) -> None:
        self._policies = release.all("NetworkPolicy")
        self._labels = {name: pod["metadata"]["labels"] for name, pod in workloads(release).items()}
        self._ports = {name: {p["name"]: p["containerPort"] for p in pod["spec"]["containers"][0].get("ports", ())}
                       for name, pod in workloads(release).items()}  # fmt: skip

    def reached_by(self, component: str, port: int) -> set[str]:
        """The components that may connect to that port; `outside` for others than the release's own."""
        names = {n for n, number in self._ports[component].items() if number == port} | {port}
        found: set[str] = set()
        for rule in self._rules("ingress", component):
            if not rule.get("ports") or any(p["port"] in names for p in rule["ports"]):
                found |= self._peers(rule.get("from"))
        return found

    def is_closed(self, component: str) -> bool:
        """Whether what no policy allows is denied, both ways."""
        kinds = [set(p["spec"]["policyTypes"]) for p in self._of(component)]
        return {"Ingress", "Egress"} in kinds

    def may_call(self, component: str, port: int) -> bool:
        """Whether it may connect to that port of somebody."""
        rules = self._rules("egress", component)
        return any(not rule.get("ports") or port in [p["port"] for p in rule["ports"]] for rule in rules)

    def _of(self, component: str) -> list[Mapping[str, Any]]:
        labels = self._labels[component]
        return [p for p in self._policies if _selects(p["spec"]["podSelector"], labels)]

    def _rules(self, way: str, component: str) -> Iterator[Mapping[str, Any]]:
        for policy in self._of(component):
            yield from policy["spec"].get(way) or ()

    def _peers(self, peers: list[Mapping[str, Any]] | None) -> set[str]:
        found = set() if peers else {"outside"}
        for peer in peers or ():
            inside = {n for n, labels in self._labels.items() if _selects(peer.get("podSelector", {}), labels)}
            found |= inside if set(peer) == {"podSelector"} and inside else {"outside"}
        return found


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    listed = [e for e in selector.get("matchExpressions", ()) if e["operator"] == "In"]
    return all(labels.get(expression["key"]) in expression["values"] for expression in listed)


@pytest.mark.parametrize("name", ["default", "gpu", "external"])
def test_dask_and_redis_hear_the_farms_own_pods_only(name: str) -> None:
    network, there = Network(rendered(name)), set(workloads(rendered(name)))
    workers = there & {"worker-cpu", "worker-gpu"}
    assert all(network.is_closed(component) for component in there)
    assert network.reached_by("scheduler", 8786) == {"dispatcher", *workers}
    assert network.reached_by("scheduler", 8787) == {"autoscaler"}
    for worker in workers:
        assert network.reached_by(worker, 8788) == {"scheduler", *workers}
    if "valkey" in there:
        assert network.reached_by("valkey", 6379) == {"gateway", "dispatcher"}
    assert "outside" in network.reached_by("gateway", 8000)


def test_metrics_and_the_unencrypted_port_are_for_those_who_are_named() -> None:
    closed, opened = Network(rendered("default")), Network(rendered("gpu"))
    for component, port in (("gateway", 9100), ("dispatcher", 9100), ("worker-cpu", 8789), ("gateway", 9090)):
        assert closed.reached_by(component, port) == set()
        assert opened.reached_by(component, port) == {"outside"}


def test_each_may_call_what_it_needs() -> None:
    network = Network(rendered("default"))
    needs = {"gateway": {6379, 443}, "dispatcher": {6379, 8786, 443}, "worker-cpu": {8786, 443}, "gc": {443},
             "autoscaler": {8787, 6443}}  # fmt: skip
    for component, ports in needs.items():
        assert [port for port in {*ports, 53} if not network.may_call(component, port)] == [], component
    assert not any(network.may_call(c, 443) for c in ("scheduler", "valkey"))
    assert not network.may_call("worker-cpu", 6379)
    assert not network.may_call("gateway", 8786)


# ---- monitoring -------------------------------------------------------------------------------------------------


def registries() -> list[CollectorRegistry]:
    """Those of processes that have just begun."""
    return [Metrics().registry, JobMeters().registry, AutoscalerMeters().registry]


def metric_names() -> set[str]:
    """All that our processes export."""
    names: set[str] = set()
    for registry in registries():
        for metric in registry.collect():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(metric.type, ("",))
            names |= {metric.name + suffix for suffix in suffixes}
    return names


def alerts() -> list[Mapping[str, Any]]:
    (group,) = rendered("gpu").all("PrometheusRule")[0]["spec"]["groups"]
    found: list[Mapping[str, Any]] = group["rules"]
    return found


def test_alerts_and_panels_go_by_metrics_that_there_are() -> None:
    dashboard = json.loads(rendered("gpu").one("ConfigMap", "dashboard")["data"]["recording-farm.json"])
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    expressions += [alert["expr"] for alert in alerts()]
    used = {name for text in expressions for name in re.findall(r"\bfarm_\w+", text)}
    assert len(used) > 15
    assert used - metric_names() == set()


def test_what_an_alert_looks_for_by_name_is_there_before_it_happens() -> None:
    """Prometheus sees no increase in a series that begins with 1, and nothing at all in one that never begins."""
    samples = [sample for registry in registries() for metric in registry.collect() for sample in metric.samples]
    series = re.compile(r'(farm_\w+_total)\{(\w+)="([^"]+)"')
    asked = [match for alert in alerts() for match in series.findall(alert["expr"])]
    assert {name for name, _, _ in asked} == {"farm_jobs_total", "farm_autoscaler_rounds_total"}
    for name, label, value in asked:
        assert [s for s in samples if s.name == name and s.labels[label] == value], (name, value)
    assert [s for s in samples if s.name == "farm_store_errors_total"]


def test_each_alert_has_a_page_of_what_to_do() -> None:
    runbook = (CHART.parents[1] / "docs" / "operations" / "runbook.md").read_text("utf-8")
    headings = set(re.findall(r"^## (\w+)$", runbook, re.MULTILINE))
    assert {alert["alert"] for alert in alerts()} == headings
    for alert in alerts():
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert (CHART.parents[1] / page).exists()
        assert anchor == alert["alert"].lower()


def test_prometheus_finds_every_pod_that_counts() -> None:
    release = rendered("gpu")
    selector = {"matchLabels": release.one("Service", "metrics")["spec"]["selector"]}
    found = {n for n, pod in workloads(release).items() if _selects(selector, pod["metadata"]["labels"])}
    assert found == {"gateway", "dispatcher", "worker-cpu", "worker-gpu", "autoscaler"}
    for name in found:
        ports = workloads(release)[name]["spec"]["containers"][0]["ports"]
        assert "metrics" in {port["name"] for port in ports}


def test_there_are_the_parts_that_are_promised() -> None:
    assert set(workloads(rendered("gpu"))) == PARTS
    assert set(workloads(rendered("minimal"))) == PARTS - {"worker-gpu", "autoscaler", "gc"}
