"""A kind of resource as data: where it lies, what a list shows of it, what may be typed."""

from dataclasses import dataclass

from tollway_cli.api.settings import Service
from tollway_cli.commands.fields import Field
from tollway_cli.output import Column
from tollway_contracts.vocabulary import NAME_PATTERN


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a list: its title, and the path of what it shows."""

    title: str
    path: str
    number: bool = False

    @property
    def column(self) -> Column:
        """The column."""
        return Column(self.title, self.number)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: `word` in sentences, `plural` as command and in addresses.

    `summary` is the help of its group, and `note` ends that of creation. `exact` says that all its
    numbers with a fraction are amounts.
    """

    word: str
    plural: str
    summary: str
    service: Service
    columns: tuple[Shown, ...]
    fields: tuple[Field, ...]
    name_pattern: str = NAME_PATTERN
    exact: bool = False
    note: str = ""
    in_workspace: bool = True

    @property
    def changeable(self) -> tuple[Field, ...]:
        """The fields that an update may change."""
        return tuple(field for field in self.fields if not field.fixed)
