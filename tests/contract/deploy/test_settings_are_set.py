"""Compose and Kubernetes set the variables that the services read: all that are needed, no others.

The strongest form: each service's settings class is built from exactly the environment that the
files give it.
"""

import importlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from tollway_kit.settings import ServiceSettings
from tollway_simulator.settings import SimulatorSettings

REPOSITORY = Path(__file__).resolve().parents[3]
SERVICES = tuple(
    sorted(path.parents[2].name for path in REPOSITORY.glob("services/*/src/*/settings.py"))
)
PREFIX = "TOLLWAY_"
STANDARD = frozenset({"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_RESOURCE_ATTRIBUTES"})
"""Variables of other programs' making that a service may be given."""

Environment = Mapping[str, str]


def settings_class(service: str) -> type[ServiceSettings]:
    """Return the settings class that a service's `settings.py` defines."""
    module = importlib.import_module(f"tollway_{service}.settings")
    found = [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, ServiceSettings)
        and item.__module__ == module.__name__
    ]
    assert len(found) == 1, f"{module.__name__} should define one settings class, not {found}"
    return found[0]


def variables(settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Return a class's fields by the variable that sets them."""
    return {_variable(name, field): field for name, field in settings.model_fields.items()}


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{PREFIX}{name.upper()}"


def shown_default(field: FieldInfo) -> str:
    """Return a field's default as docs/configuration.md shows it."""
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


@pytest.fixture
def compose_environment(
    compose: dict[str, Any], filled_in: Callable[[str], str]
) -> Callable[[str], Environment]:
    def of(service: str) -> Environment:
        given = compose["services"][service].get("environment", {})
        return {name: filled_in(value) for name, value in given.items()}

    return of


@pytest.fixture
def pod_environment(
    manifests: list[dict[str, Any]], workloads: dict[str, dict[str, Any]]
) -> Callable[[str], Environment]:
    maps = {item["metadata"]["name"]: item["data"] for item in manifests if "data" in item}

    def of(workload: str) -> Environment:
        (container,) = workloads[workload]["spec"]["template"]["spec"]["containers"]
        given: dict[str, str] = {}
        for source in container.get("envFrom", []):
            given |= maps[source["configMapRef"]["name"]]
        for item in container.get("env", []):
            given[item["name"]] = item.get("value") or _of_secret(item["valueFrom"])
        return given

    return of


def _of_secret(source: dict[str, Any]) -> str:
    """Stand in for what an operator puts into a Secret."""
    key = source["secretKeyRef"]["key"]
    query = "sslmode=verify-full&sslrootcert=/etc/tollway/authorities/postgres.crt"
    return f"postgresql+psycopg://someone:word@db.example.com/x?{query}" if key == "url" else "x"


def build(
    service: str, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> ServiceSettings:
    """Build a service's settings from this environment and nothing else."""
    for name in list(os.environ):
        if name.startswith((PREFIX, "OTEL_")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return settings_class(service)()


def assert_known(service: str, environment: Environment) -> None:
    known = variables(settings_class(service))
    unknown = set(environment) - set(known) - STANDARD
    assert not unknown, f"{service} does not read {sorted(unknown)}"


def assert_complete(service: str, environment: Environment) -> None:
    needed = {n for n, field in variables(settings_class(service)).items() if field.is_required()}
    missing = needed - set(environment)
    assert not missing, f"{service} needs {sorted(missing)}"


@pytest.mark.parametrize("service", SERVICES)
def test_variables_have_the_prefix(service: str) -> None:
    """Settings built of several classes take their configuration from one of them."""
    assert settings_class(service).model_config.get("env_prefix") == PREFIX


@pytest.mark.parametrize("service", SERVICES)
def test_compose_sets_what_the_service_reads(
    service: str,
    compose_environment: Callable[[str], Environment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = compose_environment(service)
    assert_known(service, environment)
    assert_complete(service, environment)
    assert build(service, environment, monkeypatch).port == int(environment["TOLLWAY_PORT"])


@pytest.mark.parametrize("service", SERVICES)
def test_kubernetes_sets_what_the_service_reads(
    service: str,
    pod_environment: Callable[[str], Environment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = pod_environment(f"tollway-{service}")
    assert_known(service, environment)
    assert_complete(service, environment)
    assert build(service, environment, monkeypatch).port == int(environment["TOLLWAY_PORT"])


def test_migrations_start_with_the_settings_of_their_service(
    workloads: dict[str, dict[str, Any]],
    compose: dict[str, Any],
    pod_environment: Callable[[str], Environment],
    compose_environment: Callable[[str], Environment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owners = [name for name in SERVICES if "database_url" in settings_class(name).model_fields]
    for service in owners:
        build(service, pod_environment(f"tollway-{service}-migrate"), monkeypatch)
        build(service, compose_environment(f"{service}-migrate"), monkeypatch)
    assert {f"tollway-{name}-migrate" for name in owners} == {
        name for name, item in workloads.items() if item["kind"] == "Job"
    }
    assert {f"{name}-migrate" for name in owners} == {
        name for name in compose["services"] if name.endswith("-migrate")
    }


def test_compose_sets_what_the_simulator_reads(
    compose_environment: Callable[[str], Environment],
) -> None:
    assert set(compose_environment("simulator")) <= set(variables(SimulatorSettings))


def documented_rows(page: str) -> set[tuple[str, str]]:
    """Return the variable and default of each row of the page's tables."""
    row = re.compile(r"^\| `([A-Z_]+)` \| ([^|]+) \|", re.MULTILINE)
    return {(name, default.strip()) for name, default in row.findall(page)}


def test_every_setting_is_documented_with_its_default() -> None:
    classes: list[type[BaseSettings]] = [*map(settings_class, SERVICES), SimulatorSettings]
    expected = {
        (name, shown_default(field))
        for settings in classes
        for name, field in variables(settings).items()
    }
    documented = documented_rows((REPOSITORY / "docs/configuration.md").read_text())
    assert not expected - documented, "docs/configuration.md lacks these rows"
    assert not documented - expected, "docs/configuration.md has rows that no service reads so"
