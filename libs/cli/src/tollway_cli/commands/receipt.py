"""A receipt: from the provider's own usage numbers over each line's arithmetic to the total."""

from rich.text import Text

from tollway_cli import exact_json
from tollway_cli.commands.meters import stated
from tollway_cli.output import Column, Object, result_console, shown, write_fields, write_table
from tollway_cli.terminal import printable

_HEAD = ("charge_id", "request_id", "attempt", "model", "deployment", "provider", "occurred_at")
_COLUMNS = (
    Column("meter"),
    Column("quantity", number=True),
    Column("unit price USD", number=True),
    Column("per", number=True),
    Column("USD", number=True),
    Column("price"),
    Column("in force from"),
)


def write_receipt(receipt: Object) -> None:
    """Write a receipt."""
    console = result_console()
    head = [(name.replace("_", " "), shown(receipt[name])) for name in _HEAD]
    if receipt["flags"]:
        head.append(("flags", shown(receipt["flags"])))
    write_fields(head, console)
    console.print(Text("\nWhat the provider said", style="bold"))
    if receipt["raw_usage"] is None:
        console.print(Text("nothing" + (", so it is estimated" if receipt["estimated"] else "")))
    else:
        console.print(Text(printable(exact_json.dumps(receipt["raw_usage"]), keep="\n")))
    console.print(Text("\nWhat was metered", style="bold"))
    console.print(Text(printable(stated(receipt["meters"]))))
    console.print(Text("\nWhat it costs", style="bold"))
    write_table(_COLUMNS, [_line(line) for line in receipt["lines"]], console)
    for line in receipt["lines"]:
        console.print(Text(f"{line['meter']}: {line['arithmetic']}", style="dim"))
    console.print(Text(f"\ntotal {receipt['total']} {receipt['currency']}", style="bold"))


def _line(line: Object) -> list[str]:
    return [
        line["meter"],
        shown(line["quantity"]),
        line["unit_price_usd"],
        shown(line["per_units"]),
        line["amount"],
        f"{line['price_name']} (revision {line['price_revision']})",
        line["valid_from"],
    ]
