"""Alembic's entry point."""

from tollway_kit.migration import run
from tollway_registry.tables import METADATA

run(METADATA)
