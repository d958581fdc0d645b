"""What the command line reads from its environment. The only place that does."""

import os

_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
_PASSED_ON_TO = {
    "simulator": ("TOLLWAY_SIMULATOR_CORPUS",),
    "router": ("TOLLWAY_EGRESS_PRIVATE", "TOLLWAY_SPOOL_SYNC"),
}
_PASSED_ON_TO_SERVICES = ("TOLLWAY_LOG_LEVEL",)
_PASSED_ON_PREFIXES = ("LC_", "OTEL_")


def passed_on_environment() -> dict[str, str]:
    """Return the variables that a local stack's processes inherit.

    Everything else stays out: a shell full of provider keys must not reach eight processes.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }


def service_environment(name: str) -> dict[str, str]:
    """Return the variables of our own that a person may set for one service of a local stack."""
    wanted = (*_PASSED_ON_TO_SERVICES, *_PASSED_ON_TO.get(name, ()))
    return {variable: os.environ[variable] for variable in wanted if variable in os.environ}
