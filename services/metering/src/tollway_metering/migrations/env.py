"""Alembic's entry."""

from tollway_kit.migration import run
from tollway_metering.tables import metadata

run(metadata)
