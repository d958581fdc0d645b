"""`tollway secrets`: care of the keys that encrypt credentials."""

from typing import Annotated

import typer
from rich.text import Text

from tollway_cli.api.client import Api
from tollway_cli.api.settings import Connection, Service
from tollway_cli.commands.parameters import WorkspaceOption
from tollway_cli.commands.place import workspace_path
from tollway_cli.errors import CommandError
from tollway_cli.output import result_console
from tollway_cli.terminal import err

LONGEST_SECONDS = 600.0


def secrets_group() -> typer.Typer:
    """Return the commands."""
    group = typer.Typer(no_args_is_help=True, help="The keys that encrypt credentials.")
    group.callback()(_only_commands)
    group.command("rewrap")(rewrap)
    return group


def _only_commands() -> None:
    """The keys that encrypt credentials."""


def rewrap(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Give the key a new version first.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Encrypt the workspace's credentials with the newest version of its key, unseen.

    What is cut short continues when it is run again.
    """
    api = Api(Service.SECRETS, Connection.here(), answer_seconds=LONGEST_SECONDS)
    path = f"{workspace_path(api, workspace)}/rewrap"
    console = err()
    if console.is_terminal:
        with console.status("rewrapping"):
            report = api.post(path, {"rotate": rotate}).body
    else:
        report = api.post(path, {"rotate": rotate}).body
    if report.get("key_version") is None:
        result_console().print(Text("The workspace has no credentials."))
        return
    text = (
        f"key version {report['key_version']}: {report['rewrapped']} rewrapped, "
        f"{report['current']} had it already"
    )
    result_console().print(Text(text))
    if unreadable := report.get("unreadable"):
        names = ", ".join(str(name) for name in unreadable)
        raise CommandError(f"These do not open any more; give them their secrets anew: {names}")
