"""The page of an address that nobody in the CRM has."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from gateway.api.console.pages.person_parts import ids_with_page, parts_of_page
from gateway.api.console.rendering import render
from gateway.api.json_response import Using
from gateway.api.person_cursors import timeline_cursor
from gateway.store.engine.database import StoreTransaction
from gateway.store.views.address_page import SORTS, AddressPage, page_of
from gateway.store.views.timeline import TimelineQuery


async def show_address(
    request: Request,
    using: Using,
    address: str,
    timeline_query: TimelineQuery,
    *,
    path: str,
    types: list[str],
    problems: Mapping[str, str] | None = None,
    form: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """Return the page of an address (in lookup form); 404 if nothing is known about it.

    An address can be suppressed on that page, too.
    """

    def load(connection: StoreTransaction) -> tuple[AddressPage, set[str]]:
        page = page_of(connection, standings, address, timeline_query)
        return page, ids_with_page(connection, page.timeline.events)

    with using.standings() as standings:
        page, links = await using.database.read(load)
    return await render(
        request,
        "address.html",
        {
            **parts_of_page(
                *(request, using),
                suppressions=page.suppressions,
                prospects=(page.prospect,),
                recipient=address,
                persons=(),
            ),
            "address_shown": address,
            "person": None,
            "path": path,
            "refusals": page.refusals,
            "topics": sorted({left.topic for left in page.topic_opt_outs if not left.released_at}),
            "timeline": page.timeline.events,
            "references": (),
            "all_types": SORTS,
            "types": types,
            "linked": links,
            "following": timeline_cursor(page.timeline.end),
            "problems": problems or {},
            "given": form or {},
        },
        status=status if page.is_known or status != 200 else 404,
    )
