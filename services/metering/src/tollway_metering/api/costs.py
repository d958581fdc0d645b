"""Cost reports."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from tollway_contracts.http import Costs
from tollway_kit.auth import PeopleGate
from tollway_metering.api.documents import problems
from tollway_metering.api.parameters import READERS, From, Timezone, To, Workspace
from tollway_metering.errors import UnknownGroup
from tollway_metering.periods import Granularity, periods_of, span_of, zone_of
from tollway_metering.reports import Reports
from tollway_metering.store.reports import GROUP_KEYS

GroupBy = Annotated[
    str,
    Query(
        max_length=200,
        description=f"What to tell apart, separated by commas: {', '.join(GROUP_KEYS)}.",
        examples=["model,api_key"],
    ),
]
Length = Annotated[
    Granularity,
    Query(description="How long a period is, by the calendar and the clock of `tz`."),
]


def cost_routes(reports: Reports, gate: PeopleGate) -> APIRouter:
    """Return the operation that reports costs."""
    router = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["costs"])

    @router.get(
        "/costs",
        operation_id="report_costs",
        summary="Report what a workspace's usage cost",
        dependencies=[Depends(gate.allow(*READERS))],
        responses=problems(),
    )
    async def costs(
        workspace: Workspace,
        from_: From = None,
        to: To = None,
        group_by: GroupBy = "",
        granularity: Length = Granularity.TOTAL,
        tz: Timezone = "UTC",
    ) -> Costs:
        """Sum charges from `from` until before `to`, exactly, wherever these fall.

        By default that is this month until now. Each row has the group's values, the beginning of
        its period in `tz` (that of the span, where there is only one), the amount in US dollars as
        a decimal string, how many upstream attempts were charged (`requests`) and their meters.
        Attempts that have no price yet are in no row and no sum; `unpriced` counts them.
        """
        zone = zone_of(tz)
        span = span_of(from_, to, zone, datetime.now(UTC))
        periods = periods_of(span, granularity, zone)
        return await reports.costs(workspace, span, periods, _keys(group_by))

    return router


def _keys(group_by: str) -> tuple[str, ...]:
    """Return what to group by, each once. Raises UnknownGroup."""
    named = dict.fromkeys(name.strip() for name in group_by.split(",") if name.strip())
    unknown = [name for name in named if name not in GROUP_KEYS]
    if unknown:
        known = ", ".join(GROUP_KEYS)
        msg = f"group_by: {', '.join(unknown)!r} is not known; these are: {known}."
        raise UnknownGroup(msg)
    return tuple(named)
