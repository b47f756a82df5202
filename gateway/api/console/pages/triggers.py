"""Triggers: what is due, what they do, and how they and their templates are changed."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from gateway.api.console.access import Fields, Looks, Manages, said
from gateway.api.console.acts import did
from gateway.api.console.languages import LANGUAGES, NAMES
from gateway.api.console.rendering import render, see_other
from gateway.api.problems import Problem
from gateway.api.replies import Text, Using
from gateway.api.services import ApiServices, NotDone, TemplateText
from gateway.core.triggers.events.registry import EVENTS

router = APIRouter(prefix="/triggers")

T = TypeVar("T")
_DAYS = 14
_MOST_RUNS = 20
_LONGEST = 200_000  #: Characters of a text somebody writes.
KINDS = ("bulk", "individual")


@router.get("")
async def show_all(request: Request, using: Using, user: Looks) -> Response:  # noqa: ARG001
    """Show what is due in the next days as a calendar, the triggers, templates, what waits."""

    def look() -> dict[str, Any]:
        changes = using.trigger_changes
        return {
            "triggers": changes.triggers(),
            "templates": changes.templates(),
            "waiting": using.triggers.waiting(),
            "held": changes.held(),
            "problem": "",
        }

    values = await _looked(look)
    try:
        values["calendar"] = await _looked(lambda: using.trigger_changes.calendar(_DAYS))
    except NotDone as error:  # Some trigger can't be read: the list below says which.
        values["calendar"] = None
        values["problem"] = str(error)
    calendar = values["calendar"] or {"due": []}
    values["due"] = {(due["trigger"], due["day"]): due for due in calendar["due"]}
    return await render(request, "triggers.html", values)


@router.post("/hold")
async def hold(request: Request, using: Using, user: Manages, form: Fields) -> Response:
    """Hold all triggered mail."""
    note = _text(form, "note")
    await _looked(lambda: using.trigger_changes.hold(by=user.name, note=note))
    await did(request, user, "triggers.hold")
    sentence = said(request, "Triggered mail is held until somebody lets it go.")
    return await see_other(request, "/console/triggers", sentence)


@router.post("/resume")
async def resume(request: Request, using: Using, user: Manages) -> Response:
    """Let triggered mail go again."""
    released = await _looked(using.trigger_changes.resume)
    await did(request, user, "triggers.resume")
    sentence = said(request, "Triggered mail goes again; {count} were held.", count=released)
    return await see_other(request, "/console/triggers", sentence)


@router.get("/history")
async def show_history(request: Request, using: Using, user: Looks) -> Response:  # noqa: ARG001
    """Show the last runs, and what was changed of triggers and templates, and by whom."""

    def look() -> dict[str, Any]:
        edits = using.trigger_changes.edits(what=None, name=None, limit=50)
        return {"runs": using.triggers.history(50), "edits": edits}

    return await render(request, "triggers_history.html", await _looked(look))


@router.get("/new")
async def show_new(request: Request, using: Using, user: Manages) -> Response:  # noqa: ARG001
    """Show the form for a new trigger; its template comes first."""
    return await _new(request, using, {})


@router.post("/new")
async def create(request: Request, using: Using, user: Manages, form: Fields) -> Response:
    """Make a trigger, which is off; it is shown then whom it would mail."""
    name = _text(form, "name")
    lines = {key: _text(form, key) for key in ("event", "template", "kind", "report_to")}
    # A name in quotes is the same in JSON and TOML.
    text = "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in lines.items()
        if value
    )
    text += _text(form, "settings")
    try:
        await _looked(
            lambda: using.trigger_changes.keep_trigger(
                name, changes=None, text=text, version="", by=user.name, token=""
            )
        )
    except NotDone as error:
        return await _new(request, using, _given(form), problem=str(error), status=error.status)
    await did(request, user, "trigger.create", about=name)
    sentence = said(
        request, "“{name}” is made and off. Look whom it would mail, then turn it on.", name=name
    )
    return await see_other(request, f"/console/triggers/{quote(name)}", sentence)


async def _new(
    request: Request,
    using: ApiServices,
    given: Mapping[str, str],
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    templates = await _looked(using.trigger_changes.templates)
    blank = dict.fromkeys(("name", "event", "template", "kind", "report_to", "settings"), "")
    return await render(
        request,
        "trigger_new.html",
        {
            "given": {**blank, "kind": KINDS[0], **given},
            "templates": [(template["name"], template["name"]) for template in templates],
            "events": [(name, name) for name in EVENTS],
            "kinds": kind_names(request),
            "problem": problem,
        },
        status=status,
    )


@router.get("/templates/new")
async def show_new_template(
    request: Request,
    using: Using,
    user: Manages,  # noqa: ARG001
    example: Annotated[Text, Query(max_length=100)] = "",
) -> Response:
    """Show the form for a new template, with the texts of a shipped example where one is named."""
    texts: dict[str, TemplateText] = {}
    if example:
        shown = await _looked(lambda: using.trigger_changes.example(example))
        texts = {text["language"]: _as_text(text) for text in shown}
    return await _template_page(request, using, name="", texts=texts, version="")


@router.post("/templates/new")
async def create_template(request: Request, using: Using, user: Manages, form: Fields) -> Response:
    """Make a template, or show what it says so far."""
    return await _template_form(request, using, user.name, form, name=_text(form, "name"))


@router.get("/templates/{name}")
async def show_template(request: Request, using: Using, user: Looks, name: Text) -> Response:  # noqa: ARG001
    """Show a template in each language, with what it says to somebody beside."""
    known = await _looked(lambda: using.trigger_changes.template(name))
    texts = {text["language"]: _as_text(text) for text in known["texts"]}
    return await _template_page(
        request, using, name=name, texts=texts, version=known["version"], known=known
    )


@router.post("/templates/{name}")
async def change_template(
    request: Request, using: Using, user: Manages, name: Text, form: Fields
) -> Response:
    """Change a template, or show what it would say."""
    return await _template_form(request, using, user.name, form, name=name)


async def _template_form(
    request: Request, using: ApiServices, by: str, form: FormData, *, name: str
) -> Response:
    version = _text(form, "version")
    texts: dict[str, TemplateText] = {}
    for language in LANGUAGES:
        subject, text = _text(form, f"subject-{language}"), _text(form, f"text-{language}")
        html = _text(form, f"html-{language}")
        if subject or text or html:
            texts[language] = TemplateText(subject=subject, text=text, html=html)
    known = None
    if version:
        known = await _looked(lambda: using.trigger_changes.template(name))
    before = {text["language"] for text in known["texts"]} if known else set()
    wanted: dict[str, TemplateText | None] = {
        **dict.fromkeys(before - texts.keys()),
        **texts,
    }
    problem, status, doubts, clash = "", 200, list[str](), None
    is_kept = _text(form, "do") == "save"
    try:
        if is_kept:
            await _looked(
                lambda: using.trigger_changes.keep_template(name, wanted, version=version, by=by)
            )
        else:
            proposal = await _looked(
                lambda: using.trigger_changes.propose_template(name, wanted, version=version)
            )
            doubts = proposal["doubts"]
    except NotDone as error:
        problem, status, clash = str(error), error.status, _clash(error)
        is_kept = False
    if is_kept:
        await did(request, request.state.user, "template.save", about=name)
        sentence = said(request, "The template is saved and used from now on.")
        return await see_other(request, f"/console/triggers/templates/{quote(name)}", sentence)
    return await _template_page(
        request,
        using,
        name=name,
        texts=texts,
        version=version,
        known=known,
        problem=problem,
        doubts=doubts,
        clash=clash,
        # What somebody is still writing is shown as it is, with what is wrong beside.
        status=200 if "hx-request" in request.headers else status,
    )


async def _template_page(
    request: Request,
    using: ApiServices,
    *,
    name: str,
    texts: Mapping[str, TemplateText],
    version: str,
    known: Any = None,
    problem: str = "",
    doubts: list[str] | None = None,
    clash: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    def samples() -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        for language, text in texts.items():
            try:
                shown.append(dict(using.trigger_changes.sample(language, text, "")))
            except NotDone as error:
                shown.append({"language": language, "problem": str(error)})
        return shown

    return await render(
        request,
        "template.html",
        {
            "name": name,
            "texts": texts,
            "version": version,
            "known": known,
            "problem": problem,
            "doubts": doubts or [],
            "clash": clash,
            "samples": await _looked(samples),
            "template_languages": [(code, NAMES[code]) for code in LANGUAGES],
            "examples": [] if known else await _looked(using.trigger_changes.examples),
        },
        status=status,
    )


@router.get("/{name}")
async def show(request: Request, using: Using, user: Looks, name: Text) -> Response:  # noqa: ARG001
    """Show a trigger: what it does, whom it mails next, its runs and its file."""
    return await _shown(request, using, name)


@router.get("/{name}/preview")
async def preview(
    request: Request,
    using: Using,
    user: Looks,  # noqa: ARG001
    name: Text,
    on: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show the mails of a day, rendered, and who gets none and why."""
    try:
        day = date.fromisoformat(on) if on else None
    except ValueError:
        raise Problem(422, said(request, "This is no day.")) from None
    shown = await _looked(lambda: using.triggers.preview(name, day))
    return await render(request, "trigger_preview.html", {"name": name, "preview": shown, "on": on})


@router.post("/{name}")
async def change(
    request: Request, using: Using, user: Manages, name: Text, form: Fields
) -> Response:
    """Change a trigger's file, turn it on or off: shown first, kept after a yes."""
    version, token = _text(form, "version"), _text(form, "token")
    turn = _text(form, "turn")
    changes = {"enabled": turn == "on"} if turn else None
    text = None if turn else _text(form, "text")
    asked: dict[str, Any] = {"turn": turn, "text": text, "version": version}
    try:
        proposal = await _looked(
            lambda: using.trigger_changes.propose_trigger(
                name, changes=changes, text=text, version=version
            )
        )
        if _text(form, "do") != "save":
            return await _shown(request, using, name, asked=asked, proposal=proposal)
        kept = await _looked(
            lambda: using.trigger_changes.keep_trigger(
                name, changes=changes, text=text, version=version, by=user.name, token=token
            )
        )
    except NotDone as error:
        if error.more.get("reach"):  # It reaches others than were shown: they are shown now.
            return await _shown(
                request, using, name, asked=asked, proposal=proposal, problem=str(error), status=409
            )
        return await _shown(
            request,
            using,
            name,
            asked=asked,
            problem=str(error),
            clash=_clash(error),
            status=error.status,
        )
    if kept is not None:
        act = {"on": "trigger.enable", "off": "trigger.disable"}.get(turn, "trigger.change")
        await did(request, user, act, about=name)
    sentence = {
        "on": said(request, "It is on."),
        "off": said(request, "It is off."),
    }.get(turn, said(request, "The trigger is saved."))
    return await see_other(request, f"/console/triggers/{quote(name)}", sentence)


async def _shown(
    request: Request,
    using: ApiServices,
    name: str,
    *,
    asked: Mapping[str, Any] | None = None,
    proposal: Any = None,
    problem: str = "",
    clash: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    def look() -> dict[str, Any]:
        file = using.trigger_changes.trigger(name)
        edits = using.trigger_changes.edits(what="trigger", name=name, limit=10)
        try:
            runs = using.triggers.one(name)["runs"][:_MOST_RUNS]
        except NotDone:  # The file can't be used: it says why itself.
            runs = []
        return {"file": file, "edits": edits, "runs": runs}

    values = await _looked(look)
    text = values["file"]["text"] if asked is None or asked["text"] is None else asked["text"]
    return await render(
        request,
        "trigger.html",
        {
            **values,
            "name": name,
            "text": text,
            "asked": asked,
            "proposal": proposal,
            "problem": problem,
            "clash": clash,
        },
        status=status,
    )


def _clash(error: NotDone) -> Mapping[str, Any] | None:
    """Return both versions by file, where somebody else changed it meanwhile."""
    if "now" not in error.more:
        return None
    return {"now": error.more["now"], "yours": error.more["yours"]}


async def _looked(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)


def _as_text(document: Any) -> TemplateText:
    return TemplateText(
        subject=document["subject"], text=document["text"], html=document["html"] or ""
    )


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.replace("\r\n", "\n").strip()[:_LONGEST] if isinstance(value, str) else ""


def _given(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def kind_names(request: Request) -> list[tuple[str, str]]:
    """Return the kinds of mail, in words."""
    return [
        ("bulk", said(request, "bulk: nobody who is suppressed gets it")),
        ("individual", said(request, "individual: about something of the person's own")),
    ]
