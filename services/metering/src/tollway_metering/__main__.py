"""`python -m tollway_metering serve|migrate|check-config`."""

from tollway_kit.command import Service, run
from tollway_kit.db import migrate
from tollway_metering.app import create_app
from tollway_metering.settings import MeteringSettings

if __name__ == "__main__":
    raise SystemExit(
        run(
            Service(
                name="metering",
                settings=MeteringSettings,
                create_app=create_app,
                migrate=lambda settings: migrate(settings, "tollway_metering"),
            )
        )
    )
