"""Where a kind's resources lie, and how one of them is changed safely."""

import re
from dataclasses import dataclass
from urllib.parse import quote

import typer

from tollway_cli.api.client import Answer, Api, Object
from tollway_cli.api.failure import Refused
from tollway_cli.api.settings import Connection
from tollway_cli.commands.kind import Kind
from tollway_cli.errors import CommandError
from tollway_contracts.vocabulary import NAME_PATTERN


@dataclass(frozen=True, slots=True)
class Place:
    """Where the resources of a kind lie: an API, and the address of their list."""

    kind: Kind
    api: Api
    path: str

    @classmethod
    def of(cls, kind: Kind, workspace: str | None) -> "Place":
        """Return the place of a kind in a workspace. Raises CommandError, BadParameter."""
        api = Api(kind.service, Connection.here())
        if not kind.in_workspace:
            return cls(kind, api, "/v1/workspaces")
        return cls(kind, api, f"{workspace_path(api, workspace)}/{kind.plural}")

    @classmethod
    def of_one(cls, kind: Kind, name: str, workspace: str | None) -> "Place":
        """The same, where one resource of a possible name is meant."""
        check_name(name, kind.name_pattern, kind.word)
        return cls.of(kind, workspace)

    def at(self, name: str) -> str:
        """Return the address of one resource."""
        return f"{self.path}/{quote(name, safe='')}"

    def update(self, name: str, body: Object, etag: str | None) -> Answer:
        """Change a resource that is still as it was read. Raises CommandError."""
        try:
            return self.api.patch(self.at(name), body, etag)
        except Refused as refused:
            if refused.problem.status != 412:
                raise
            again = f"tollway {self.kind.plural} get {name}"
            msg = (
                f"{self.kind.word} {name} has been changed by somebody else since it was read; "
                f"nothing was overwritten. Look at it and repeat your change: {again} "
                f"[{refused.problem.code}]"
            )
            raise CommandError(msg) from refused


def workspace_path(api: Api, named: str | None) -> str:
    """Return the address of the workspace's things. Raises CommandError, BadParameter."""
    api.connection.url(api.service)  # whoever has no stack at all lacks more than a workspace
    workspace = api.connection.workspace(named)
    check_name(workspace, NAME_PATTERN, "workspace")
    return f"/v1/workspaces/{workspace}"


def check_name(name: str, pattern: str, word: str) -> None:
    """Refuse what cannot be a name, before it becomes part of an address. Raises BadParameter."""
    if not re.fullmatch(pattern, name, re.ASCII):
        few = pattern == NAME_PATTERN
        allowed = "lower case letters, digits, . _ -" if few else "letters, digits, . _ : / -"
        raise typer.BadParameter(f"that is no name of a {word}, which consists of {allowed}")
