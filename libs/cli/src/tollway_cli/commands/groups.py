"""The groups of commands that speak to the services, by name."""

import typer

from tollway_cli.commands.credentials import credentials_group
from tollway_cli.commands.keys import show_created
from tollway_cli.commands.kinds import API_KEY, KINDS
from tollway_cli.commands.report import report_group
from tollway_cli.commands.resources import group_of
from tollway_cli.commands.rewrap import secrets_group


def resource_groups() -> tuple[tuple[str, typer.Typer], ...]:
    """Return a group for each kind of resource."""
    shows = {API_KEY.plural: show_created}
    typed = tuple((kind.plural, group_of(kind, shows.get(kind.plural))) for kind in KINDS)
    return (("credentials", credentials_group()), *typed)


def service_groups() -> tuple[tuple[str, typer.Typer], ...]:
    """Return the groups that are about more than one resource."""
    return (("secrets", secrets_group()), ("report", report_group()))
