"""Addresses, files, tokens and names that one part of a deployment gives and another takes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

SERVING = ("router", "registry", "secrets", "metering")
Document = dict[str, Any]


@pytest.fixture
def configuration(manifests: list[Document]) -> dict[str, dict[str, str]]:
    """Each service's ConfigMap, without the suffix that its content gives its name."""
    maps = [item for item in manifests if item["kind"] == "ConfigMap"]
    return {re.sub(r"-[a-z0-9]+$", "", item["metadata"]["name"]): item["data"] for item in maps}


def of_kind(manifests: list[Document], kind: str) -> dict[str, Document]:
    return {item["metadata"]["name"]: item for item in manifests if item["kind"] == kind}


def pod_of(workload: Document) -> Document:
    pod: Document = workload["spec"]["template"]["spec"]
    return pod


def is_under(path: str, folders: list[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def paths_in(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if value.startswith("/")}


def test_compose_mounts_every_file_that_a_variable_names(
    compose: Document, filled_in: Callable[[str], str]
) -> None:
    for name in SERVING:
        service = compose["services"][name]
        folders = [volume.split(":")[1] for volume in service["volumes"]]
        given = {key: filled_in(value) for key, value in service["environment"].items()}
        for variable, path in paths_in(given).items():
            assert is_under(path, folders), (name, variable)


def test_pods_mount_every_file_that_a_variable_names(
    configuration: dict[str, dict[str, str]], workloads: dict[str, Document]
) -> None:
    for name in SERVING:
        (container,) = pod_of(workloads[f"tollway-{name}"])["containers"]
        folders = [mount["mountPath"] for mount in container["volumeMounts"]]
        for variable, path in paths_in(configuration[f"tollway-{name}"]).items():
            assert is_under(path, folders), (name, variable)


def test_compose_services_name_each_other_by_address_and_port(compose: Document) -> None:
    services = compose["services"]
    secrets = urlsplit(services["router"]["environment"]["TOLLWAY_SECRETS_URL"])
    assert str(secrets.port) == services[secrets.hostname]["environment"]["TOLLWAY_PORT"]
    collector = urlsplit(services["router"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"])
    assert collector.hostname in services
    shared = [set(services[name]["networks"]) for name in ("router", "secrets", "collector")]
    assert shared[0] & shared[1]
    assert shared[0] & shared[2]


def test_compose_publishes_the_port_that_a_service_listens_on(compose: Document) -> None:
    for name in (*SERVING, "simulator"):
        service = compose["services"][name]
        port = service["environment"]["TOLLWAY_PORT"]
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_collector_asks_every_service_for_its_metrics(
    compose: Document, repository: Path
) -> None:
    document = yaml.safe_load((repository / "deploy/docker/collector.yaml").read_text())
    (job,) = document["receivers"]["prometheus"]["config"]["scrape_configs"]
    targets = {target for group in job["static_configs"] for target in group["targets"]}
    assert targets == {
        f"{name}:{compose['services'][name]['environment']['TOLLWAY_PORT']}" for name in SERVING
    }
    for name in SERVING:
        assert "telemetry" in compose["services"][name]["networks"]


def test_the_collectors_pipelines_use_what_it_defines(repository: Path) -> None:
    document = yaml.safe_load((repository / "deploy/docker/collector.yaml").read_text())
    for pipeline in document["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(document[part])


def test_kubernetes_services_reach_the_port_that_the_process_listens_on(
    manifests: list[Document],
    workloads: dict[str, Document],
    configuration: dict[str, dict[str, str]],
) -> None:
    services = of_kind(manifests, "Service")
    for name in SERVING:
        workload = workloads[f"tollway-{name}"]
        (container,) = pod_of(workload)["containers"]
        port = int(configuration[f"tollway-{name}"]["TOLLWAY_PORT"])
        assert [item["containerPort"] for item in container["ports"]] == [port]
        spec = services[f"tollway-{name}"]["spec"]
        assert [item["port"] for item in spec["ports"]] == [port]
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert spec["selector"].items() <= labels.items()


def test_the_routers_token_is_the_one_that_secrets_believes(
    workloads: dict[str, Document], configuration: dict[str, dict[str, str]]
) -> None:
    pod = pod_of(workloads["tollway-router"])
    assert configuration["tollway-secrets"]["TOLLWAY_ROUTER_SUBJECT"] == (
        f"system:serviceaccount:tollway:{pod['serviceAccountName']}"
    )
    (identity,) = [item["projected"] for item in pod["volumes"] if item["name"] == "identity"]
    (token,) = [item["serviceAccountToken"] for item in identity["sources"]]
    assert token["audience"] == "tollway-secrets"
    file = Path(configuration["tollway-router"]["TOLLWAY_SECRETS_TOKEN_FILE"])
    assert token["path"] == file.name


def test_the_secrets_service_finds_its_projected_files(
    workloads: dict[str, Document], configuration: dict[str, dict[str, str]]
) -> None:
    pod = pod_of(workloads["tollway-secrets"])
    (identity,) = [item["projected"] for item in pod["volumes"] if item["name"] == "identity"]
    projected = {path for source in identity["sources"] for path in _paths(source)}
    wanted = {
        Path(configuration["tollway-secrets"][variable]).name
        for variable in (
            "TOLLWAY_SERVICE_JWKS_TOKEN_FILE",
            "TOLLWAY_SERVICE_JWKS_CA_FILE",
            "TOLLWAY_VAULT_KUBERNETES_TOKEN_FILE",
        )
    }
    assert projected == wanted


def _paths(source: Document) -> list[str]:
    if "serviceAccountToken" in source:
        return [source["serviceAccountToken"]["path"]]
    return [item["path"] for item in source["configMap"]["items"]]


def test_every_workload_has_an_account_and_serving_ones_a_disruption_budget(
    manifests: list[Document], workloads: dict[str, Document]
) -> None:
    accounts = of_kind(manifests, "ServiceAccount")
    budgets = of_kind(manifests, "PodDisruptionBudget")
    for name, workload in workloads.items():
        assert pod_of(workload)["serviceAccountName"] in accounts
        if workload["kind"] == "Job":
            continue
        assert workload["spec"]["replicas"] >= 2
        selector = workload["spec"]["selector"]
        assert selector == budgets[name]["spec"]["selector"]
        for spread in pod_of(workload)["topologySpreadConstraints"]:
            assert spread["labelSelector"] == selector


def test_the_routers_state_outlives_its_pod(workloads: dict[str, Document]) -> None:
    spec = workloads["tollway-router"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (container,) = pod_of(workloads["tollway-router"])["containers"]
    mounted = {item["name"]: item["mountPath"] for item in container["volumeMounts"]}
    assert mounted[claim["metadata"]["name"]] == "/var/lib/tollway"
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}


def test_pods_take_no_call_that_no_policy_allows(manifests: list[Document]) -> None:
    policies = of_kind(manifests, "NetworkPolicy")
    assert policies["deny-ingress"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}


def test_of_our_own_services_the_router_alone_may_call_secrets(manifests: list[Document]) -> None:
    callers = [
        peer
        for policy in of_kind(manifests, "NetworkPolicy").values()
        if selects(policy["spec"]["podSelector"], "tollway-secrets")
        for rule in policy["spec"].get("ingress", [])
        for peer in rule["from"]
        if "podSelector" in peer
    ]
    router = {"matchLabels": {"app.kubernetes.io/name": "tollway-router"}}
    assert callers == [{"podSelector": router}]


def selects(selector: Document, name: str) -> bool:
    """Whether a pod selector selects the pods of a service of that name."""
    labels = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    return labels.get("app.kubernetes.io/name", name) == name and all(
        name in expression["values"] for expression in expressions
    )
