"""Usage events one by one, and the receipts of their charges."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from tollway_kit.auth import PeopleGate
from tollway_kit.paging import DEFAULT_LIMIT
from tollway_metering.api.documents import problems
from tollway_metering.api.parameters import (
    PRINTABLE,
    READERS,
    ApiKeyFilter,
    Cursor,
    From,
    Limit,
    ModelFilter,
    RequestFilter,
    Timezone,
    To,
    Workspace,
    place_of,
)
from tollway_metering.periods import instant_of, zone_of
from tollway_metering.reports import Reports
from tollway_metering.schemas import Receipt, UnpricedSummary, UsagePage
from tollway_metering.store.usage import Wanted

JSON = "application/json"

ChargeId = Annotated[
    str, Path(pattern=PRINTABLE, description="The charge's id, as usage has it in `charge_id`.")
]


def usage_routes(reports: Reports, gate: PeopleGate) -> APIRouter:
    """Return the operations on single usage events."""
    router = APIRouter(
        prefix="/v1/workspaces/{workspace}",
        tags=["usage"],
        dependencies=[Depends(gate.allow(*READERS))],
    )

    @router.get(
        "/usage",
        operation_id="list_usage",
        summary="List upstream attempts with what each used and cost, the earliest first",
        response_model=UsagePage,
        responses=problems(),
    )
    async def usage(
        workspace: Workspace,
        request_id: RequestFilter = None,
        model: ModelFilter = None,
        api_key: ApiKeyFilter = None,
        from_: From = None,
        to: To = None,
        tz: Timezone = "UTC",
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response:
        zone = zone_of(tz)
        wanted = Wanted(
            request_id=request_id,
            model=model,
            api_key=api_key,
            start=None if from_ is None else instant_of("from", from_, zone),
            end=None if to is None else instant_of("to", to, zone),
        )
        page = await reports.usage(workspace, wanted, place_of(cursor), limit)
        return Response(page, media_type=JSON)

    @router.get(
        "/usage/unpriced",
        operation_id="summarize_unpriced_usage",
        summary="Sum up what waits for a price, by model and by the meter that lacks one",
        responses=problems(),
    )
    async def unpriced(workspace: Workspace) -> UnpricedSummary:
        return await reports.unpriced(workspace)

    @router.get(
        "/charges/{charge_id}/receipt",
        operation_id="get_receipt",
        summary="Show what a charge rests on: the provider's numbers, prices, arithmetic",
        response_model=Receipt,
        responses=problems(404),
    )
    async def receipt(workspace: Workspace, charge_id: ChargeId) -> Response:
        return Response(await reports.receipt(workspace, charge_id), media_type=JSON)

    return router
