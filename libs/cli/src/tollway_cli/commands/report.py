"""`tollway report`: what usage cost, and what each charge rests on.

An amount is shown as metering said it, digit for digit.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from tollway_cli.api.client import Api, Object
from tollway_cli.api.settings import Connection, Service
from tollway_cli.commands.costs_table import write_costs, write_costs_csv
from tollway_cli.commands.parameters import WorkspaceOption
from tollway_cli.commands.place import workspace_path
from tollway_cli.commands.receipt import write_receipt
from tollway_cli.commands.usage_table import write_usage
from tollway_cli.output import write_json, write_yaml
from tollway_cli.terminal import err

RECENT = timedelta(days=1)


class Granularity(StrEnum):
    """How long the periods of a report are."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


class CostsFormat(StrEnum):
    """How a cost report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class ReportFormat(StrEnum):
    """How other reports are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="WHEN",
        help="The beginning: a date (its midnight in --tz) or a time with its offset.",
    ),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="WHEN", help="The end, which is no longer part of it.")
]
TimezoneOption = Annotated[
    str | None, typer.Option("--tz", help="An IANA time zone such as Europe/Berlin; UTC without.")
]
ReportFormatOption = Annotated[
    ReportFormat, typer.Option("--format", "-o", help="How the result is written.")
]


def report_group() -> typer.Typer:
    """Return the commands."""
    group = typer.Typer(no_args_is_help=True, help="What usage cost, down to the arithmetic.")
    for command in (costs, usage, receipt):
        group.command(command.__name__)(command)
    return group


def costs(
    start: FromOption = None,
    end: ToOption = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="KEYS",
            help="With commas between: model, api_key, deployment, provider, outcome, cost_centre.",
        ),
    ] = None,
    granularity: Annotated[
        Granularity, typer.Option("--granularity", help="How long a period is.")
    ] = Granularity.TOTAL,
    timezone: TimezoneOption = None,
    workspace: WorkspaceOption = None,
    output: Annotated[
        CostsFormat, typer.Option("--format", "-o", help="How the result is written.")
    ] = CostsFormat.TABLE,
) -> None:
    """Sum up what a workspace's usage cost, in US dollars; this month's without a time."""
    params = {
        "from": start,
        "to": end,
        "group_by": group_by,
        "granularity": str(granularity),
        "tz": timezone,
    }
    report = _asked(workspace, "costs", params)
    if output is CostsFormat.JSON:
        write_json(report)
    elif output is CostsFormat.CSV:
        write_costs_csv(report)
    else:
        write_costs(report)


def usage(
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="Only the attempts of this request.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None,
    api_key: Annotated[str | None, typer.Option("--key", help="Only this API key.")] = None,
    start: FromOption = None,
    end: ToOption = None,
    timezone: TimezoneOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Attempts at most.")] = 1000,
    workspace: WorkspaceOption = None,
    output: ReportFormatOption = ReportFormat.TABLE,
) -> None:
    """List upstream attempts, what each used and cost; the last day's without a time."""
    if not (request_id or start or end):
        start = (datetime.now(UTC) - RECENT).strftime("%Y-%m-%dT%H:%M:%SZ")
    params = {
        "request_id": request_id,
        "model": model,
        "api_key": api_key,
        "from": start,
        "to": end,
        "tz": timezone,
    }
    api, path = _metering(workspace)
    found = list(islice(api.items(f"{path}/usage", _given(params)), limit + 1))
    items = found[:limit]
    if output is ReportFormat.TABLE:
        write_usage(items)
    else:
        _write(items, output)
    if len(found) > limit:
        note = f"There is more than the first {limit}: raise --limit, or name a time with --from."
        err().print(Text(note, style="yellow"))


def receipt(
    charge_id: Annotated[
        str, typer.Argument(metavar="CHARGE_ID", help="As `report usage` has it.")
    ],
    workspace: WorkspaceOption = None,
    output: ReportFormatOption = ReportFormat.TABLE,
) -> None:
    """Show what one charge rests on: the provider's numbers, the prices, the arithmetic."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", charge_id, re.ASCII):
        raise typer.BadParameter("that is no id of a charge", param_hint="'CHARGE_ID'")
    found = _asked(workspace, f"charges/{charge_id}/receipt", {})
    if output is ReportFormat.TABLE:
        write_receipt(found)
    else:
        _write(found, output)


def _asked(workspace: str | None, what: str, params: Mapping[str, str | None]) -> Object:
    api, path = _metering(workspace)
    return api.get(f"{path}/{what}", _given(params)).body


def _metering(workspace: str | None) -> tuple[Api, str]:
    api = Api(Service.METERING, Connection.here())
    return api, workspace_path(api, workspace)


def _given(params: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


def _write(value: object, form: ReportFormat) -> None:
    if form is ReportFormat.JSON:
        write_json(value)
    else:
        write_yaml(value)
