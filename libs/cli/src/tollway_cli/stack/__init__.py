"""The local stack: PostgreSQL, OpenBao, a Kafka broker and Tollway's services on one machine.

`Stack` is the way in; it prints nothing and raises `StackError` with sentences for a person.
"""

from tollway_cli.stack.errors import StackError
from tollway_cli.stack.progress import Observer, Phase, Progress
from tollway_cli.stack.stack import Addresses, Stack, Started, Status

__all__ = [
    "Addresses",
    "Observer",
    "Phase",
    "Progress",
    "Stack",
    "StackError",
    "Started",
    "Status",
]
