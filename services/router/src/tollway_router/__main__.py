"""`python -m tollway_router serve | check-config`."""

from tollway_kit.command import Service, run
from tollway_router.app import create_app
from tollway_router.settings import RouterSettings

if __name__ == "__main__":
    raise SystemExit(run(Service("router", RouterSettings, create_app)))
