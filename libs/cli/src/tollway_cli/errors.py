"""Errors that the command line shows to a person instead of a traceback."""


class CommandError(Exception):
    """What went wrong, where, and what to do: shown as it stands, exit code 1."""
