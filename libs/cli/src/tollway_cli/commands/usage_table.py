"""Usage events as a table."""

from collections.abc import Sequence

from rich.text import Text

from tollway_cli.commands.meters import used
from tollway_cli.output import Column, Object, result_console, shown, write_table

_COLUMNS = (
    Column("occurred at"),
    Column("request"),
    Column("attempt", number=True),
    Column("model"),
    Column("deployment"),
    Column("outcome"),
    Column("used"),
    Column("USD", number=True),
    Column("charge"),
)


def write_usage(items: Sequence[Object]) -> None:
    """Write a line for each upstream attempt; one that no price covers says so."""
    write_table(_COLUMNS, [_row(item) for item in items], result_console())


def _row(item: Object) -> list[str | Text]:
    amount = item["amount"]
    priced = Text("unpriced", style="yellow") if amount is None else Text(amount)
    return [
        item["occurred_at"],
        item["request_id"],
        shown(item["attempt"]),
        item["model"],
        item["deployment"],
        f"{item['outcome']}, estimated" if item["estimated"] else item["outcome"],
        used(item["meters"]),
        priced,
        shown(item["charge_id"]),
    ]
