"""`.tollway/env`: what a shell makes of it."""

import stat
import subprocess
from pathlib import Path

import pytest

from tollway_cli.stack import envfile
from tollway_cli.stack.home import Home
from tollway_cli.stack.ports import Ports
from tollway_cli.stack.services import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    home = Home.at(tmp_path / "a home with 'quotes' and $HOME")
    home.prepare()
    site = Site(home, Ports(8000))
    site.trust.provide()
    return site


def sourced(site: Site) -> dict[str, str]:
    result = subprocess.run(
        ["sh", "-c", '. "$0" && env', str(site.home.env)],
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def test_a_shell_gets_every_variable_that_is_promised(site: Site) -> None:
    envfile.write(site, "tw_key")
    shell = sourced(site)
    assert {name: shell[name] for name in envfile.read(site.home)} == {
        "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
        "OPENAI_API_KEY": "tw_key",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:8000",
        "ANTHROPIC_API_KEY": "tw_key",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:8000",
        "GEMINI_API_KEY": "tw_key",
        "TOLLWAY_HOME": str(site.home.root),
        "TOLLWAY_WORKSPACE": "demo",
        "TOLLWAY_ADMIN_TOKEN": site.trust.admin_token(),
        "TOLLWAY_REGISTRY_URL": "http://127.0.0.1:8001",
        "TOLLWAY_SECRETS_URL": "http://127.0.0.1:8002",
        "TOLLWAY_ROUTER_URL": "http://127.0.0.1:8000",
        "TOLLWAY_METERING_URL": "http://127.0.0.1:8003",
        "TOLLWAY_SIMULATOR_URL": "http://127.0.0.1:8090",
    }


def test_it_reads_back_what_it_wrote(site: Site) -> None:
    envfile.write(site, "tw_key")
    shell = sourced(site)
    assert envfile.read(site.home).items() <= shell.items()


def test_the_key_stays_when_the_file_is_written_anew(site: Site) -> None:
    envfile.write(site, "tw_key")
    envfile.write(site)
    assert envfile.api_key(site.home) == "tw_key"


def test_without_a_key_no_key_variable_is_set(site: Site) -> None:
    envfile.write(site)
    assert envfile.api_key(site.home) is None
    assert not any(name.endswith("API_KEY") for name in sourced(site))


def test_only_its_owner_may_read_it(site: Site) -> None:
    envfile.write(site, "tw_key")
    assert stat.S_IMODE(site.home.env.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "nonsense\n", "export OPENAI_API_KEY='open\n"])
def test_an_edited_file_is_no_reason_to_fail(site: Site, text: str) -> None:
    site.home.env.write_text(text)
    envfile.read(site.home)
