"""Current mail flow, what waits for a person, and health."""

from fastapi import APIRouter, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import Using, respond
from gateway.api.schemas import answers
from gateway.documents.today import TodayWithLightsDocument

router = APIRouter(prefix="/today", tags=["today"], dependencies=[READS])


@router.get("", responses=answers(TodayWithLightsDocument, "Mail flow, and what waits."))
async def show_today(request: Request, using: Using) -> Response:
    """Show a day of mail flow, what waits for a person, and what `gateway check` last found."""
    document: TodayWithLightsDocument = {
        **(await using.today.today()),
        "lights": using.today.lights(),
    }
    return respond(request, document)
