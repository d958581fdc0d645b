"""`python -m tollway_simulator serve` starts the simulator; `check-config` reads its settings."""

import sys

from pydantic import ValidationError

from tollway_simulator.server import server_of
from tollway_simulator.settings import SimulatorSettings

_USAGE = "usage: python -m tollway_simulator serve|check-config\n"


def main(arguments: list[str]) -> int:
    """Run a command; 0 is success, 1 a failed start, 2 a wrong command or setting."""
    if arguments not in (["serve"], ["check-config"]):
        sys.stderr.write(_USAGE)
        return 2
    try:
        settings = SimulatorSettings()
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if arguments == ["check-config"]:
        sys.stdout.write(f"{settings!r}\n")
        return 0
    server = server_of(settings)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
