"""The account that PostgreSQL runs under: our own, or `nobody` where we are root."""

import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tollway_cli.stack import unprivileged
from tollway_cli.stack.errors import AccountError

_NAME = "nobody"
_INSTEAD = "Run `tollway up` as an ordinary user instead."


@dataclass(frozen=True, slots=True)
class Account:
    """Another account. Commands of its own start through `unprivileged.py`."""

    uid: int
    gid: int

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that runs `arguments` under this account."""
        launcher = str(Path(unprivileged.__file__))
        return [sys.executable, "-I", "-S", launcher, str(self.uid), str(self.gid), *arguments]


def other_account() -> Account | None:
    """Return the account to change to, None where our own will do; raise where none can be had."""
    if os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        raise AccountError(f"PostgreSQL refuses to run as root. {_INSTEAD}")
    if missing := unprivileged.missing_capabilities():
        raise AccountError(
            "PostgreSQL refuses to run as root, and this root may not start it under another "
            f"account (it lacks {', '.join(missing)}). {_INSTEAD}"
        )
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        raise AccountError(
            f"PostgreSQL refuses to run as root, and there is no account '{_NAME}' to run it "
            f"under. Make one, or do this: {_INSTEAD}"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)
