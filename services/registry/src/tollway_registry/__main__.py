"""`python -m tollway_registry serve|migrate|check-config`."""

from tollway_kit.command import Service, run
from tollway_kit.db import migrate
from tollway_registry.app import create_app
from tollway_registry.settings import Settings

if __name__ == "__main__":
    raise SystemExit(
        run(
            Service(
                name="registry",
                settings=Settings,
                create_app=create_app,
                migrate=lambda settings: migrate(settings, "tollway_registry"),
            )
        )
    )
