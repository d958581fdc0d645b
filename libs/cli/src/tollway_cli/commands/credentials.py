"""`tollway credentials`: like the other kinds, but that what is written is secret."""

from typing import Annotated

import typer

from tollway_cli.commands.kinds import CREDENTIAL
from tollway_cli.commands.parameters import FormatOption, NameArgument, WorkspaceOption
from tollway_cli.commands.place import Place
from tollway_cli.commands.resources import add_reads_and_delete, done
from tollway_cli.commands.secret_source import Sources
from tollway_cli.output import Format
from tollway_contracts.vocabulary import CredentialType

TypeOption = Annotated[CredentialType, typer.Option("--type", help="What it is made of.")]
FromEnvOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from-env",
        metavar="[FIELD=]VARIABLE",
        help="Take a secret from this variable of the environment; repeatable.",
        show_default=False,
    ),
]
FromFileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from-file",
        metavar="[FIELD=]FILE",
        help="Take a secret from this file, - for standard input; repeatable.",
        show_default=False,
    ),
]


def credentials_group() -> typer.Typer:
    """Return the commands."""
    group = typer.Typer(no_args_is_help=True, help=CREDENTIAL.summary)
    add_reads_and_delete(group, CREDENTIAL)
    group.command("create")(create)
    group.command("update")(update)
    return group


def create(
    name: NameArgument,
    kind: TypeOption = CredentialType.API_KEY,
    from_env: FromEnvOption = None,
    from_file: FromFileOption = None,
    workspace: WorkspaceOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Create one credential. Without a source its secret is asked for, or read from a pipe.

    Fields of aws: access_key_id, secret_access_key, session_token; or bearer_token alone.
    """
    place = Place.of_one(CREDENTIAL, name, workspace)
    data = Sources(from_env or (), from_file or ()).read(kind)
    body = {"name": name, "type": str(kind), "data": data}
    done(CREDENTIAL, name, "created", place.api.post(place.path, body), output)


def update(
    name: NameArgument,
    from_env: FromEnvOption = None,
    from_file: FromFileOption = None,
    workspace: WorkspaceOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Give a credential other secrets; routers take them at once. A field not given stays."""
    place = Place.of_one(CREDENTIAL, name, workspace)
    found = place.api.get(place.at(name))
    data = Sources(from_env or (), from_file or ()).read(CredentialType(found.body["type"]))
    answer = place.update(name, {"data": data}, found.etag)
    done(CREDENTIAL, name, "updated", answer, output)
