"""What can go wrong with a local stack, as sentences for a person: what, where, what to do."""

from tollway_cli.errors import CommandError


class StackError(CommandError):
    """A local stack could not do what was asked. Its text is meant to be shown as it stands."""


class HomeError(StackError):
    """The state folder cannot be used."""


class StackBusyError(StackError):
    """Another `up` or `down` works on the same state folder."""


class PortTakenError(StackError):
    """A port that the stack needs is used by something else."""


class AccountError(StackError):
    """PostgreSQL cannot be given an account to run under."""


class ProcessError(StackError):
    """A process of the stack died, never became ready, or does not stop."""


class AbandonedError(ProcessError):
    """A process was not waited for any longer, because another one failed."""


class OpenBaoError(StackError):
    """OpenBao refused or could not be understood."""


class SeedError(StackError):
    """The demo workspace could not be seeded."""
