"""What no container may be: root, writable, unlimited, unpinned, unwatched, told a password."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tollway_kit.command import GRACE_SECONDS

WITHOUT_HEALTHCHECK = {
    "collector": "its image holds the program alone, nothing that could ask it",
    "vault-unseal": "it listens nowhere; Vault's own check turns red when it fails",
}
SECRET_NAME = re.compile(r"(PASSWORD|TOKEN|SECRET|KEY|CREDENTIALS?)$")
PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:(?P<password>[^/@\s]+)@")
PINNED_IMAGE = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[A-Za-z0-9._-]*")

Document = dict[str, Any]


def runs_once(service: Document) -> bool:
    return bool(service.get("restart") == "no")


@pytest.fixture
def services(compose: Document) -> dict[str, Document]:
    return dict(compose["services"])


def test_compose_containers_are_no_root_and_have_no_powers(services: dict[str, Document]) -> None:
    for name, service in services.items():
        user = str(service.get("user", "")).split(":")[0]
        assert user.isdecimal(), f"{name} has no numeric user"
        assert int(user) > 0, name
        assert service.get("read_only") is True, name
        assert service.get("cap_drop") == ["ALL"], name
        assert "cap_add" not in service, name
        assert "no-new-privileges:true" in service.get("security_opt", []), name
        assert service.get("network_mode", "none") == "none", name
        assert not service.get("privileged"), name


def test_compose_containers_have_limits(services: dict[str, Document]) -> None:
    for name, service in services.items():
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service), name


def test_compose_containers_that_stay_are_watched(services: dict[str, Document]) -> None:
    unwatched = {
        name
        for name, service in services.items()
        if not runs_once(service) and "healthcheck" not in service
    }
    assert unwatched == set(WITHOUT_HEALTHCHECK)


def test_compose_waits_for_what_a_container_needs(services: dict[str, Document]) -> None:
    """A one-shot must have succeeded; whatever has a check must be healthy."""
    for name, service in services.items():
        for other, wish in service.get("depends_on", {}).items():
            if runs_once(services[other]):
                assert wish["condition"] == "service_completed_successfully", (name, other)
            elif (name, other) != ("vault-init", "vault"):  # a sealed Vault is not healthy
                assert wish["condition"] == "service_healthy", (name, other)


def test_compose_publishes_on_loopback_only(services: dict[str, Document]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_compose_mounts_nothing_of_the_host_but_files_of_ours_read_only(
    services: dict[str, Document],
) -> None:
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith((".", "/")):
                assert source.startswith(("./deploy/", "./services/")), (name, volume)
                assert rest.endswith(":ro"), (name, volume)


def test_compose_images_are_pinned(services: dict[str, Document]) -> None:
    for name, service in services.items():
        assert PINNED_IMAGE.fullmatch(service["image"]), (name, service["image"])


def test_compose_holds_no_password(services: dict[str, Document]) -> None:
    """Passwords are references that must be set; a URL takes its password by reference too."""
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET_NAME.search(variable):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), (name, variable)
            for found in PASSWORD_IN_URL.finditer(re.sub(r"\$\{\w+:\?[^}]+\}", "$$", value)):
                assert found["password"] == "$$", (name, variable)


def pods(workloads: dict[str, Document]) -> Iterator[tuple[str, Document, Document]]:
    """Yield each workload's name, its pod, and its only container."""
    for name, workload in workloads.items():
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert "initContainers" not in pod, name
        yield name, pod, container


def test_pods_meet_the_restricted_standard(workloads: dict[str, Document]) -> None:
    for name, pod, container in pods(workloads):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == 10001, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }, name
        assert not any("hostPath" in volume for volume in pod["volumes"]), name


def test_pods_have_limits_and_requests(workloads: dict[str, Document]) -> None:
    for name, _, container in pods(workloads):
        for part in ("requests", "limits"):
            assert set(container["resources"][part]) == {"cpu", "memory"}, name


def test_pods_that_serve_are_probed(workloads: dict[str, Document]) -> None:
    for name, _, container in pods(workloads):
        if workloads[name]["kind"] == "Job":
            continue
        paths = {
            probe: container[probe]["httpGet"]["path"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": "/livez",
            "livenessProbe": "/livez",
            "readinessProbe": "/readyz",
        }, name


def test_pods_have_time_to_finish_what_they_began(workloads: dict[str, Document]) -> None:
    for name, pod, container in pods(workloads):
        if workloads[name]["kind"] == "Job":
            continue
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] >= pause + GRACE_SECONDS + 10, name


def test_compose_gives_services_time_to_finish_what_they_began(
    services: dict[str, Document],
) -> None:
    for name in ("router", "registry", "secrets", "metering"):
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= GRACE_SECONDS + 10


def test_pod_images_are_pinned(workloads: dict[str, Document]) -> None:
    for name, _, container in pods(workloads):
        assert PINNED_IMAGE.fullmatch(container["image"]), name


def test_manifests_hold_no_secret(
    manifests: list[Document], workloads: dict[str, Document]
) -> None:
    assert "Secret" not in {item["kind"] for item in manifests}
    for item in manifests:
        for variable, value in item.get("data", {}).items():
            assert not SECRET_NAME.search(variable), variable
            assert not PASSWORD_IN_URL.search(value), variable
    for name, _, container in pods(workloads):
        for variable in container.get("env", []):
            assert "value" not in variable, (name, variable["name"])
