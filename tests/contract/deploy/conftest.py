"""What the deployment files say, read the way their tools read them."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
COMPOSE = REPOSITORY / "docker-compose.yml"
PASSWORDS = (
    "POSTGRES_PASSWORD",
    "REGISTRY_DATABASE_PASSWORD",
    "SECRETS_DATABASE_PASSWORD",
    "METERING_DATABASE_PASSWORD",
    "VALKEY_PASSWORD",
)

Document = dict[str, Any]
_REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def dotenv() -> Mapping[str, str]:
    """What .env holds: nothing but passwords."""
    return {name: f"password-of-{name.lower()}" for name in PASSWORDS}


@pytest.fixture(scope="session")
def compose() -> Document:
    """The file as it stands, references to variables in place, anchors merged."""
    document: Document = yaml.safe_load(COMPOSE.read_text())
    return document


@pytest.fixture(scope="session")
def filled_in(dotenv: Mapping[str, str]) -> Callable[[str], str]:
    """Put the variables of .env, or their defaults, into a value."""

    def fill(value: str) -> str:
        return _REFERENCE.sub(
            lambda found: dotenv.get(found["name"], found["default"] or ""), value
        )

    return fill


@pytest.fixture(scope="session")
def manifests() -> list[Document]:
    """Every document of the Kubernetes base, as `kubectl apply -k` would send it."""
    kubectl = required_program("kubectl")
    base = REPOSITORY / "deploy" / "k8s" / "base"
    rendered = subprocess.run(
        [kubectl, "kustomize", str(base)], check=True, capture_output=True, text=True, timeout=60
    )
    return list(yaml.safe_load_all(rendered.stdout))


@pytest.fixture(scope="session")
def workloads(manifests: list[Document]) -> dict[str, Document]:
    """Whatever makes pods, by name."""
    kinds = ("Deployment", "StatefulSet", "Job")
    return {item["metadata"]["name"]: item for item in manifests if item["kind"] in kinds}


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Import a script of deploy/docker, which is no package, by its path there."""

    def load(path: str) -> ModuleType:
        file = REPOSITORY / "deploy" / "docker" / path
        name = f"deploy_docker_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look themselves up there
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def compose_command() -> list[str]:
    """Docker Compose, the plugin or the older program."""
    docker = shutil.which("docker")
    plugin = [docker, "compose"] if docker else []
    if plugin and subprocess.run([*plugin, "version"], capture_output=True).returncode == 0:
        return [part for part in plugin if part]
    return [required_program("docker-compose")]


def required_program(name: str) -> str:
    """Return where a program is; without it the test stands aside, except in CI, where it fails."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed, so the deployment files cannot be read with it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
