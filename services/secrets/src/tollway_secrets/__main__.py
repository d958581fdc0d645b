"""`python -m tollway_secrets serve|migrate|check-config`."""

from tollway_kit.command import Service, run
from tollway_kit.db import migrate
from tollway_secrets.app import NAME, create_app
from tollway_secrets.settings import SecretsSettings


def main() -> int:
    """Run the command line; return its exit code."""
    return run(
        Service(
            NAME,
            SecretsSettings,
            create_app,
            lambda settings: migrate(settings, "tollway_secrets"),
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
