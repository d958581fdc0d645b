"""The simulator as a process: settings from the environment, commands, a clean stop."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx2
import pytest
from pydantic import ValidationError

from tollway_simulator.settings import SimulatorSettings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tollway_simulator", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLWAY_PORT", "9999")
    monkeypatch.setenv("TOLLWAY_SIMULATOR_KEYS", "canary-1, canary-2,")
    monkeypatch.setenv("TOLLWAY_SIMULATOR_CORPUS", "")
    settings = SimulatorSettings()
    assert settings.port == 9999
    assert settings.accepted_keys() == ["canary-1", "canary-2"]
    assert settings.simulator_corpus is None
    assert "canary" not in repr(settings)


def test_defaults_fit_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOLLWAY_")]:
        monkeypatch.delenv(name)
    settings = SimulatorSettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8090)
    assert settings.accepted_keys() == []


def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLWAY_PORT", "99999")
    with pytest.raises(ValidationError, match="port"):
        SimulatorSettings()


def test_check_config_shows_settings_without_keys() -> None:
    with command("check-config", TOLLWAY_SIMULATOR_KEYS="canary") as process:
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert "127.0.0.1" in output
    assert "canary" not in output


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve", "now"]])
def test_a_wrong_command_says_how_to_use_it(arguments: list[str]) -> None:
    with command(*arguments) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.startswith("usage: ")


def test_a_wrong_setting_is_named() -> None:
    with command("serve", TOLLWAY_PORT="many") as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "port" in errors


def test_it_serves_writes_no_log_and_stops_although_an_answer_hangs() -> None:
    port = free_port()
    body = {"model": "m;hang=60", "messages": [{"role": "user", "content": "x"}]}
    with command("serve", TOLLWAY_PORT=str(port)) as process:
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as http:
                wait_until_alive(http)
                assert http.post("/v1/chat/completions", json={**body, "model": "m"}).is_success
                with pytest.raises(httpx2.RemoteProtocolError):
                    http.post("/v1/chat/completions", json={**body, "model": "m;cut=5"})
                with pytest.raises(httpx2.ReadTimeout):
                    http.post("/v1/chat/completions", json=body, timeout=0.1)
        finally:
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=20)
    assert (output, errors) == ("", "")


def wait_until_alive(http: httpx2.Client) -> None:
    for _ in range(200):
        try:
            assert http.get("/livez").json() == {"status": "ok"}
        except httpx2.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the simulator did not start")
