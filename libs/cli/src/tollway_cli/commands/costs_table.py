"""A cost report as a table and as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from tollway_cli.commands.meters import in_order, used
from tollway_cli.output import Column, Object, result_console, shown, write, write_table
from tollway_cli.terminal import err

_OWN = ("period", "amount", "requests", "meters")


def write_costs(report: Object) -> None:
    """Write the rows, their total, and apart from them what has no price.

    A meter that nothing used has no column.
    """
    rows = report["rows"]
    keys = _keys(rows)
    meters = in_order(meter for row in rows for meter, count in row["meters"].items() if count)
    columns = [
        Column("period"),
        *(Column(key) for key in keys),
        *(Column(name, number=True) for name in ("requests", *meters, report["currency"])),
    ]
    lines: list[list[str | Text]] = [
        [
            row["period"],
            *(shown(row[key]) for key in keys),
            shown(row["requests"]),
            *(shown(row["meters"].get(meter)) for meter in meters),
            Text(row["amount"]),
        ]
        for row in rows
    ]
    blank = [""] * (len(columns) - 2)
    console = result_console()
    total: list[str | Text] = [Text("total", "bold"), *blank, Text(report["total"], "bold")]
    write_table(columns, [*lines, total], console)
    console.print(Text(f"from {report['from']} until before {report['to']}", style="dim"))
    if told := unpriced_text(report["unpriced"]):
        console.print(Text(told, style="yellow"))


def write_costs_csv(report: Object) -> None:
    """Write the rows as CSV; what has no price is told on standard error, for no row holds it."""
    rows = report["rows"]
    keys, meters = _keys(rows), in_order(meter for row in rows for meter in row["meters"])
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    amount = f"amount_{report['currency'].lower()}"
    table.writerow(["period", *keys, "requests", *meters, amount])
    for row in rows:
        named = ["" if row[key] is None else row[key] for key in keys]
        counted = [row["meters"].get(meter, "") for meter in meters]
        table.writerow([row["period"], *named, row["requests"], *counted, row["amount"]])
    write(text.getvalue())
    if told := unpriced_text(report["unpriced"]):
        err().print(Text(told, style="yellow"))


def unpriced_text(unpriced: Mapping[str, Any]) -> str:
    """Return a sentence about usage without a price, nothing where there is none."""
    requests = unpriced.get("requests")
    if not requests:
        return ""
    return (
        f"unpriced: {requests} requests ({used(unpriced['meters'])}) are in no sum above, "
        "for no price was in force; they are charged once there is one: tollway prices create"
    )


def _keys(rows: Iterable[Object]) -> list[str]:
    first = next(iter(rows), {})
    return [key for key in first if key not in _OWN]
