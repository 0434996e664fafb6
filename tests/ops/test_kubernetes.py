"""Kubernetes' manifests: well-formed, confined, and fitting what the code does."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import operator_rules
from entrypoints.cli.processes import SHUTDOWN_MS
from entrypoints.metrics import Metrics
from entrypoints.settings import load
from ops.known import metric_names

KUBERNETES = Path(__file__).parents[2] / "ops" / "kubernetes"
OURS = ("migrate", "service", "production/migrate", "production/service")
OLDEST = "1.29"
FOREIGN = {"PodMonitor", "PrometheusRule", "ScaledObject"}
LONG = ("worker", "dispatcher")
AUTHORITIES = "/etc/allie-xero/authorities"
SECRETS = {
    "DATABASE_URL": "postgresql://somebody@somewhere/allie?sslmode=verify-full",
    "AMQP_URL": "amqps://somebody@somewhere/allie",
    "XERO_CLIENT_ID": "id",
    "XERO_CLIENT_SECRET": "secret",
}

Manifest = dict[str, Any]


def built(name: str) -> list[Manifest]:
    kubectl = Path(sys.executable).with_name("kubectl")
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run(
        [kubectl, "kustomize", KUBERNETES / name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def everything() -> dict[str, list[Manifest]]:
    return {name: built(name) for name in OURS}


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: dict[str, list[Manifest]]) -> dict[str, Manifest]:
    """Every pod's specification, by its name."""
    found = of_kind(manifests["migrate"], "Job") | of_kind(manifests["service"], "Deployment")
    return {name: one["spec"]["template"] for name, one in found.items()}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_kubernetes_would_take_them(everything: dict[str, list[Manifest]], name: str, version: str) -> None:
    for manifest in everything[name]:
        if manifest["kind"] not in FOREIGN:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_pods_are_confined(everything: dict[str, list[Manifest]]) -> None:
    assert pods(everything).keys() == {"migrate", "operator", *LONG}
    for name, pod in pods(everything).items():
        spec, (container,) = pod["spec"], pod["spec"]["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["serviceAccountName"] == name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for bound in ("requests", "limits"):
            assert {"cpu", "memory"} <= container["resources"][bound].keys()


def test_a_pod_may_take_longer_to_end_than_the_service_does(everything: dict[str, list[Manifest]]) -> None:
    for name in LONG:
        grace = pods(everything)[name]["spec"]["terminationGracePeriodSeconds"]
        assert SHUTDOWN_MS / 1000 + 10 <= grace <= 60


def test_life_and_readiness_are_asked_where_they_are_answered(everything: dict[str, list[Manifest]]) -> None:
    for name in LONG:
        (container,) = pods(everything)[name]["spec"]["containers"]
        assert container["ports"] == [{"name": "metrics", "containerPort": 9191}]
        paths = {
            probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")
        }
        assert {one["port"] for one in paths.values()} == {"metrics"}
        assert [paths[probe]["path"] for probe in paths] == ["/live", "/live", "/ready"]


def test_settings_are_ones_that_the_code_takes(everything: dict[str, list[Manifest]]) -> None:
    for name in ("service", "production/service"):
        (settings,) = of_kind(everything[name], "ConfigMap").values()
        assert load({**SECRETS, **settings["data"]}).environment == "production"
        documented = (KUBERNETES.parents[1] / "docs" / "settings.md").read_text()
        assert [key for key in settings["data"] if f"`{key}`" not in documented] == []


def test_the_key_ring_is_where_the_settings_say(everything: dict[str, list[Manifest]]) -> None:
    (settings,) = of_kind(everything["service"], "ConfigMap").values()
    for name in LONG:
        spec = pods(everything)[name]["spec"]
        mounts = {one["mountPath"]: one["name"] for one in spec["containers"][0]["volumeMounts"]}
        volume = mounts[settings["data"]["ALLIE_XERO_KEYRING_FILE"]]
        (secret,) = [one["secret"] for one in spec["volumes"] if one["name"] == volume]
        assert not secret["defaultMode"] & 0o007
        assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]


def test_every_pod_may_be_given_certificates_to_trust(everything: dict[str, list[Manifest]]) -> None:
    told = (KUBERNETES.parents[1] / "docs" / "operations.md").read_text()
    example = (KUBERNETES / "production" / "yours" / "kustomization.yaml").read_text()
    assert f"sslrootcert={AUTHORITIES}/postgresql.pem" in told
    assert f"AMQP_CA_FILE={AUTHORITIES}/rabbitmq.pem" in told
    assert f"AMQP_CA_FILE={AUTHORITIES}/rabbitmq.pem" in example
    for pod in pods(everything).values():
        mounts = {one["mountPath"]: one for one in pod["spec"]["containers"][0]["volumeMounts"]}
        mount = mounts[AUTHORITIES]
        assert mount["readOnly"] is True
        (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == mount["name"]]
        assert volume["configMap"] == {"name": "authorities", "optional": True}


def test_your_copy_migrates_with_your_image_settings_and_address_ranges(
    everything: dict[str, list[Manifest]],
) -> None:
    yours, theirs = everything["production/migrate"], everything["production/service"]
    for kind in ("NetworkPolicy", "ConfigMap", "Namespace"):
        assert of_kind(yours, kind) == of_kind(theirs, kind)
    (container,) = of_kind(yours, "Job")["migrate"]["spec"]["template"]["spec"]["containers"]
    (other,) = of_kind(theirs, "Deployment")["worker"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == other["image"]


def test_each_process_has_logins_of_its_own(everything: dict[str, list[Manifest]]) -> None:
    for name in LONG:
        sources = pods(everything)[name]["spec"]["containers"][0]["envFrom"]
        secrets = {one["secretRef"]["name"] for one in sources if "secretRef" in one}
        assert secrets == {name} | ({"xero"} if name == "worker" else set())
    container = pods(everything)["migrate"]["spec"]["containers"][0]
    (settings,) = of_kind(everything["migrate"], "ConfigMap")
    assert container["envFrom"] == [{"configMapRef": {"name": settings}}]
    (given,) = container["env"]
    assert given["name"] == "DATABASE_URL"
    assert given["valueFrom"]["secretKeyRef"]["name"] == "migrate"


def test_people_enter_a_pod_that_waits_for_them_and_holds_no_key(
    everything: dict[str, list[Manifest]],
) -> None:
    assert of_kind(everything["service"], "Deployment")["operator"]["spec"]["replicas"] == 1
    spec = pods(everything)["operator"]["spec"]
    (container,) = spec["containers"]
    assert container["envFrom"] == [
        {"configMapRef": {"name": container["envFrom"][0]["configMapRef"]["name"]}},
        {"secretRef": {"name": "operator"}},
    ]
    assert [one for one in spec["volumes"] if "secret" in one] == []
    assert container["command"] == ["sleep", "infinity"]


def test_two_of_each_run_and_an_upgrade_takes_none_away(everything: dict[str, list[Manifest]]) -> None:
    deployments = of_kind(everything["service"], "Deployment")
    for one in (deployments[name] for name in LONG):
        assert one["spec"]["replicas"] == 2
        assert one["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    budgets = of_kind(everything["service"], "PodDisruptionBudget")
    assert budgets.keys() == set(LONG)


def allowed(everything: dict[str, list[Manifest]], pod: str, kind: str) -> set[tuple[str, int]]:
    """The policies that let a pod through, with their ports."""
    found = set()
    labels = pods(everything)[pod]["metadata"]["labels"]
    for policy in of_kind(everything["service"], "NetworkPolicy").values():
        selector, rules = policy["spec"]["podSelector"], policy["spec"].get(kind.lower(), [])
        wanted = selector.get("matchExpressions", [{}])[0].get("values") or [
            selector.get("matchLabels", labels)["app.kubernetes.io/name"]
        ]
        if kind in policy["spec"]["policyTypes"] and labels["app.kubernetes.io/name"] in wanted:
            found |= {(policy["metadata"]["name"], port["port"]) for rule in rules for port in rule["ports"]}
    return found


def test_each_pod_reaches_what_it_needs_and_no_more(everything: dict[str, list[Manifest]]) -> None:
    names, database, broker = {("names", 53)}, {("database", 5432)}, {("broker", 5671), ("broker", 5672)}
    assert allowed(everything, "migrate", "Egress") == names | database
    assert allowed(everything, "dispatcher", "Egress") == names | database | broker
    assert allowed(everything, "operator", "Egress") == names | database | broker
    assert allowed(everything, "worker", "Egress") == names | database | broker | {("xero", 443)}
    assert allowed(everything, "migrate", "Ingress") == allowed(everything, "operator", "Ingress") == set()
    assert allowed(everything, "worker", "Ingress") == {("metrics", 9191)}
    everywhere = of_kind(everything["service"], "NetworkPolicy")["nothing"]["spec"]
    assert everywhere == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_prometheus_finds_every_pod_and_every_rule(everything: dict[str, list[Manifest]]) -> None:
    (monitor,) = of_kind(everything["production/service"], "PodMonitor").values()
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for name in LONG:
        pod = pods(everything)[name]
        assert wanted <= pod["metadata"]["labels"].items()
        assert endpoint["port"] in {one["name"] for one in pod["spec"]["containers"][0]["ports"]}
    assert operator_rules.PATH.read_text() == operator_rules.text(), (
        "run: python ops/prometheus/operator_rules.py"
    )


def test_workers_follow_what_waits(everything: dict[str, list[Manifest]]) -> None:
    (scaled,) = of_kind(everything["production/service"], "ScaledObject").values()
    deployment = of_kind(everything["production/service"], "Deployment")[
        scaled["spec"]["scaleTargetRef"]["name"]
    ]
    assert "replicas" not in deployment["spec"]
    (trigger,) = scaled["spec"]["triggers"]
    asked = set(re.findall(r"allie_xero_\w+", trigger["metadata"]["query"]))
    assert asked
    assert asked <= metric_names(Metrics())
    (settings,) = of_kind(everything["production/service"], "ConfigMap").values()
    assert trigger["metadata"]["threshold"] == settings["data"]["ALLIE_XERO_THREADS"]


def test_the_example_names_its_image_by_digest_alone(everything: dict[str, list[Manifest]]) -> None:
    for one in of_kind(everything["production/service"], "Deployment").values():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert re.fullmatch(r"registry\.example/allie-xero@sha256:[0-9a-f]{64}", container["image"])


def test_runbooks_name_pods_and_secrets_that_there_are(everything: dict[str, list[Manifest]]) -> None:
    text = "".join(path.read_text() for path in (KUBERNETES.parent / "runbooks").glob("*.md"))
    typed = "\n".join(line for line in text.splitlines() if "kubectl" in line)
    named = re.findall(
        r"(?:deploy/|deployment[/ ]|scaledobject |job/|get secret |kubernetes.io/name=)([a-z]+)", typed
    )
    assert len(named) > 10
    assert set(named) <= pods(everything).keys() | {"xero", "keyring"}
    assert set(re.findall(r" -l (\S+?)=", typed)) == {"app.kubernetes.io/name"}
    shown = re.findall(r"get secret .*'(.*)'", typed)
    assert shown == ["{.metadata.managedFields[*].time}"]  # `apply` keeps a whole secret in its annotations
