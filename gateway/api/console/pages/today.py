"""The page people open in the morning: mail flow, what waits, and health."""

from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.api.console.access import LOOKS, RUNS, FormFields, Runs, text_for
from gateway.api.console.acts import change_store
from gateway.api.console.flow_plot import flow_plot
from gateway.api.console.rendering import render, see_other
from gateway.api.console.state_words import state_words
from gateway.api.problems import Problem
from gateway.api.using import services
from gateway.documents.today import DECIDED_AT
from gateway.store.journal import message_lookup

router = APIRouter(prefix="/today")


@router.get("", dependencies=[LOOKS])
async def show_today(request: Request) -> Response:
    """Show mail flow, what waits for a person, and health."""
    return await render(request, "today.html", await _values(request))


@router.get("/live", dependencies=[LOOKS])
async def show_live(request: Request) -> Response:
    """Show the part that is refreshed every half minute."""
    return await render(request, "today_live.html", await _values(request))


@router.get("/pause", dependencies=[RUNS])
async def ask_to_pause(request: Request) -> Response:
    """Ask which mail to pause, and explain what then happens."""
    return await render(request, "pause.html")


@router.post("/pause")
async def pause(request: Request, user: Runs, fields: FormFields) -> Response:
    """Pause bulk mail or all mail, as `gateway pause` does."""
    what = fields.get("what")
    if what not in ("bulk", "all"):
        raise Problem(422, text_for(request, "Choose which mail to stop."))
    using = services(request)
    await change_store(
        *(request, user, "mail.pause"),
        lambda connection: message_lookup.pause(
            connection, str(what), now=using.clock(), by=user.name
        ),
        about=str(what),
    )
    return await see_other(
        request,
        "/console/today",
        text_for(request, "Stopped. The CRM is asked to try again later."),
    )


@router.post("/resume")
async def resume(request: Request, user: Runs) -> Response:
    """Resume mail, as `gateway resume` does."""
    lifted = await change_store(
        *(request, user, "mail.resume"),
        message_lookup.resume,
        about=lambda lifted: [" ".join(lifted)],
    )
    sentence = (
        text_for(request, "Mail goes again.")
        if lifted
        else text_for(request, "Nothing was stopped.")
    )
    return await see_other(request, "/console/today", sentence)


async def _values(request: Request) -> dict[str, Any]:
    using = services(request)
    today = await using.today.today()
    return {
        "plot": flow_plot(today["quarters"], using.zone()),
        "undecided": [
            {**entry, "page": DECIDED_AT[entry["what"]][1]} for entry in today["undecided"]
        ],
        "paused": today["paused"],
        "lights": using.today.lights(),
        "states": state_words(request),
    }
