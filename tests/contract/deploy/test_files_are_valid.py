"""The deployment files are what Compose and Kubernetes take."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

KUBERNETES = "1.34"


@pytest.fixture
def env_file(tmp_path: Path, dotenv: Mapping[str, str]) -> Path:
    file = tmp_path / "env"
    file.write_text("".join(f"{name}={value}\n" for name, value in dotenv.items()))
    return file


def config(
    command: list[str], env_file: Path, repository: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "--env-file", str(env_file), "config", "--quiet"],
        cwd=repository,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(env_file.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_compose_takes_the_file(
    compose_command: list[str], env_file: Path, repository: Path
) -> None:
    answer = config(compose_command, env_file, repository)
    assert answer.returncode == 0, answer.stderr


def test_compose_refuses_to_start_without_passwords(
    compose_command: list[str], env_file: Path, repository: Path
) -> None:
    env_file.write_text("TOLLWAY_LOG_LEVEL=info\n")
    answer = config(compose_command, env_file, repository)
    assert answer.returncode != 0
    assert "PASSWORD" in answer.stderr


def test_kubernetes_knows_every_field(manifests: list[dict[str, Any]]) -> None:
    for document in manifests:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_everything_is_in_one_namespace(manifests: list[dict[str, Any]]) -> None:
    namespaced = [item for item in manifests if item["kind"] != "Namespace"]
    assert {item["metadata"]["namespace"] for item in namespaced} == {"tollway"}


def test_no_two_documents_have_one_name(manifests: list[dict[str, Any]]) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in manifests]
    assert len(names) == len(set(names))


def test_environment_script_writes_every_password_that_compose_asks_for(
    compose_command: list[str], tmp_path: Path, repository: Path
) -> None:
    """It writes beside the compose file, so it runs from a copy of the folders."""
    folder = tmp_path / "deploy" / "docker"
    folder.mkdir(parents=True)
    maker = folder / "environment.sh"
    maker.write_text((repository / "deploy/docker/environment.sh").read_text())
    subprocess.run(["sh", str(maker)], check=True, capture_output=True, timeout=20)
    written = tmp_path / ".env"
    assert written.stat().st_mode & 0o777 == 0o600
    assert config(compose_command, written, repository).returncode == 0
    values = [line.split("=", 1)[1] for line in written.read_text().splitlines()]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 and value.isalnum() for value in values)

    again = subprocess.run(["sh", str(maker)], capture_output=True, timeout=20)
    assert again.returncode != 0
    assert [line.split("=", 1)[1] for line in written.read_text().splitlines()] == values
