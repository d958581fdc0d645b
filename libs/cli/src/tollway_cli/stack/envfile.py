"""`.tollway/env`: what a shell sources so that SDKs and the command line find a local stack."""

import re
import shlex

from tollway_cli.stack.home import Home, write_private
from tollway_cli.stack.services import Site

WORKSPACE = "demo"

_LINE = re.compile(r"export ([A-Z_]+)=(.*)")


_KEY_NAMES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


def write(site: Site, new_key: str | None = None) -> None:
    """Write the file, mode 600; without a new API key it keeps the one that it has."""
    values = _variables(site, new_key or api_key(site.home))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    write_private(site.home.env, "\n".join(lines) + "\n")


def api_key(home: Home) -> str | None:
    """Return the API key in the file, the only place that has it in plain text."""
    return read(home).get(_KEY_NAMES[0])


def read(home: Home) -> dict[str, str]:
    """Return what the file says, nothing when there is none. Lines of other shapes are skipped."""
    try:
        text = home.env.read_text()
    except FileNotFoundError:
        return {}
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match[1]: _unquoted(match[2]) for match in found if match}


def _variables(site: Site, key: str | None) -> dict[str, str]:
    router = site.url("router")
    of_sdks = {
        "OPENAI_BASE_URL": f"{router}/v1",
        "ANTHROPIC_BASE_URL": router,
        "GOOGLE_GEMINI_BASE_URL": router,
    }
    if key is not None:
        of_sdks |= dict.fromkeys(_KEY_NAMES, key)
    services = ("registry", "secrets", "router", "metering", "simulator")
    return {
        **of_sdks,
        "TOLLWAY_HOME": str(site.home.root),
        "TOLLWAY_WORKSPACE": WORKSPACE,
        "TOLLWAY_ADMIN_TOKEN": site.trust.admin_token(),
        **{f"TOLLWAY_{name.upper()}_URL": site.url(name) for name in services},
    }


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:  # an edited line with an open quote
        return value
