"""Alembic's entry."""

from tollway_kit.migration import run
from tollway_secrets.tables import metadata

run(metadata)
