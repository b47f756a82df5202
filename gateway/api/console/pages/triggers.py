"""Triggers: what is due, what they do, and editing them and their templates."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from gateway.api.console.access import (
    LOOKS,
    MANAGES,
    FormFields,
    Looks,
    Manages,
    language_of,
    text_for,
)
from gateway.api.console.acts import doing
from gateway.api.console.languages import LANGUAGES, NAMES
from gateway.api.console.pages import template_words
from gateway.api.console.pages.template_words import TemplateFault, fault_in, remaining_problems
from gateway.api.console.rendering import render, see_other
from gateway.api.console.sentences import retell
from gateway.api.console.trigger_form import (
    SHOWN,
    YES,
    changes,
    event_names,
    field_values,
    groups,
    sorted_out,
    typed_values,
)
from gateway.api.json_response import PlainText, Using
from gateway.api.problems import Problem
from gateway.api.services import ApiServices, ApplicationNews, EventRefused, NotDone, TemplateText
from gateway.api.threads import in_thread
from gateway.core.languages import AcceptedLanguages
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.trigger import BEFORE_SEND, ApplicationEvent, TriggerEvent
from gateway.store.people import vocabulary
from gateway.store.views import application_list

router = APIRouter(prefix="/triggers")

_DAYS = 14
_MOST_RUNS = 20
_LONGEST = 200_000  #: Characters of a text written in the form.


@router.get("", dependencies=[LOOKS])
async def show_all(request: Request, using: Using) -> Response:
    """Show a calendar of the next days, the triggers, the templates, and what waits."""

    def load() -> dict[str, Any]:
        editing = using.trigger_changes
        return {
            "event_titles": {name: event.title for name, event in EVENTS.items()},
            "triggers": editing.triggers(),
            "templates": editing.templates(),
            "waiting": using.triggers.list_waiting_mail(),
            "held": editing.why_held(),
            "problem": "",
        }

    values = await in_thread(load)
    try:
        values["calendar"] = await in_thread(using.trigger_changes.calendar, _DAYS)
    except NotDone as error:  # Some trigger can't be read: the list below says which.
        values["calendar"] = None
        values["problem"] = str(error)
    calendar = values["calendar"] or {"due": []}
    values["due"] = {(due["trigger"], due["day"]): due for due in calendar["due"]}
    return await render(request, "triggers.html", values)


@router.post("/all/hold")  # A trigger may be called hold: its own page posts to its name.
async def hold(request: Request, using: Using, user: Manages, form: FormFields) -> Response:
    """Hold all triggered mail."""
    note = _text(form, "note")
    async with doing(request, user, "triggers.hold"):
        await in_thread(using.trigger_changes.hold, by=user.name, note=note)
    sentence = text_for(request, "Triggered mail is held until somebody lets it go.")
    return await see_other(request, "/console/triggers", sentence)


@router.post("/all/resume")
async def resume(request: Request, using: Using, user: Manages) -> Response:
    """Resume triggered mail."""
    async with doing(request, user, "triggers.resume"):
        released = await in_thread(using.trigger_changes.resume)
    sentence = text_for(
        request,
        "Triggered mail goes again; {count} was held.|"
        "Triggered mail goes again; {count} were held.",
        count=released,
    )
    return await see_other(request, "/console/triggers", sentence)


@router.get("/history", dependencies=[LOOKS])
async def show_history(request: Request, using: Using) -> Response:
    """Show the last runs, and changes to triggers and templates with who made them."""

    def load() -> dict[str, Any]:
        edits = using.trigger_changes.edits(what=None, name=None, limit=50)
        return {"runs": using.triggers.history(50), "edits": edits}

    return await render(request, "triggers_history.html", await in_thread(load))


@router.get("/new", dependencies=[MANAGES])
async def show_new(
    request: Request, using: Using, event: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Show the form for a new trigger; choosing its template comes first."""
    return await _show_new_form(request, using, {"event": event})


@router.post("/new")
async def create(request: Request, using: Using, user: Manages, form: FormFields) -> Response:
    """Create a trigger, turned off; its page then shows whom it would mail."""
    form_values = typed_values(form)
    if _text(form, "do") == "fields":
        return await _show_new_form(request, using, form_values)
    event, name = _event(form_values), form_values.get("name", "")
    changed_keys = {"event": form_values.get("event", ""), **changes(event, form_values, {})}
    try:
        async with doing(request, user, "trigger.create", about=name):
            await in_thread(
                using.trigger_changes.keep_trigger,
                name,
                changes=changed_keys,
                text=None,
                version="",
                by=user.name,
                token="",
            )
    except NotDone as error:
        return await _show_new_form(request, using, form_values, error=error)
    sentence = text_for(
        request, "“{name}” is made and off. Look whom it would mail, then turn it on.", name=name
    )
    return await see_other(request, f"/console/triggers/{quote(name)}", sentence)


def _event(form_values: Mapping[str, object]) -> TriggerEvent:
    """Return the chosen event, or the first one if none was chosen."""
    return EVENTS.get(str(form_values.get("event", "")), next(iter(EVENTS.values())))


async def _show_new_form(
    request: Request,
    using: ApiServices,
    form_values: Mapping[str, str],
    *,
    error: NotDone | None = None,
) -> Response:
    event = _event(form_values)
    if form_values.get(SHOWN) != event.name:  # Its own fields are shown for the first time.
        form_values = {**field_values(event, {}), BEFORE_SEND: YES, **form_values}
    form = await _form(request, using, event, form_values, error=error)
    return await render(
        request,
        "trigger_new.html",
        {
            **form,
            "given": {"name": "", **form_values},
            "event": event,
            "events": event_names(request),
        },
        status=error.status if error else 200,
    )


async def _form(
    request: Request,
    using: ApiServices,
    event: TriggerEvent,
    form_values: Mapping[str, str],
    *,
    name: str = "",
    file: str = "",
    error: NotDone | None = None,
) -> dict[str, Any]:
    """Return a trigger's fields with their errors, and all other errors."""
    templates = await in_thread(using.trigger_changes.template_names)
    known_words = await using.database.read(vocabulary.read)
    problems = _problems(error) if error else []
    language = language_of(request)
    name = name or form_values.get("name", "")
    starts = (file or using.trigger_changes.trigger_file(name), name)
    by_field, others = sorted_out(problems, starts, form_values, event)
    by_field = {field: retell(language, problem) for field, problem in by_field.items()}
    about_name = [problem for problem in others if problem.startswith(f"{name}: ")]
    return {
        "groups": groups(
            request,
            event,
            form_values,
            templates=templates,
            vocabulary=known_words,
            problems=by_field,
        ),
        "name_problem": text_for(
            request,
            "Letters from a to z (no ü, no é), digits, . _ and - only, and not the name of another "
            "trigger.",
        )
        if about_name
        else "",
        "problem": "\n".join(retell(language, line) for line in others if line not in about_name),
    }


@router.get("/templates/new", dependencies=[MANAGES])
async def show_new_template(
    request: Request, using: Using, example: Annotated[PlainText, Query(max_length=100)] = ""
) -> Response:
    """Show the form for a new template, with the texts of a shipped example if one is named."""
    texts: dict[str, TemplateText] = {}
    if example:
        example_texts = await in_thread(using.trigger_changes.example, example)
        texts = {text["language"]: _as_text(text) for text in example_texts}
    return await _template_page(request, using, name="", texts=texts, version="")


@router.post("/templates/new")
async def create_template(
    request: Request, using: Using, user: Manages, form: FormFields
) -> Response:
    """Create a template, or preview it."""
    return await _template_form(request, using, user.name, form, name=_text(form, "name"))


@router.get("/templates/{name}", dependencies=[LOOKS])
async def show_template(request: Request, using: Using, name: PlainText) -> Response:
    """Show a template in each language, with a sample beside it."""
    template = await in_thread(using.trigger_changes.template, name)
    texts = {text["language"]: _as_text(text) for text in template["texts"]}
    return await _template_page(
        request, using, name=name, texts=texts, version=template["version"], template=template
    )


@router.post("/templates/{name}")
async def change_template(
    request: Request, using: Using, user: Manages, name: PlainText, form: FormFields
) -> Response:
    """Change a template, or preview the change."""
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
    template = None
    if version:
        template = await in_thread(using.trigger_changes.template, name)
    before = {text["language"] for text in template["texts"]} if template else set()
    new_texts: dict[str, TemplateText | None] = {
        **dict.fromkeys(before - texts.keys()),
        **texts,
    }
    problems, status, doubts, clash = list[str](), 200, list[str](), None
    is_kept = _text(form, "do") == "save"
    try:
        if is_kept:
            async with doing(request, request.state.user, "template.save", about=name):
                await in_thread(
                    using.trigger_changes.keep_template, name, new_texts, version=version, by=by
                )
        else:
            proposal = await in_thread(
                using.trigger_changes.propose_template, name, new_texts, version=version
            )
            doubts = proposal["doubts"]
    except NotDone as error:
        problems, status, clash = _problems(error), error.status, _clash(error)
        is_kept = False
    if is_kept:
        sentence = text_for(request, "The template is saved and used from now on.")
        return await see_other(request, f"/console/triggers/templates/{quote(name)}", sentence)
    return await _template_page(
        request,
        using,
        name=name,
        texts=texts,
        version=version,
        template=template,
        problems=problems,
        doubts=doubts,
        clash=clash,
        # A text still being written is shown as it is, with its errors beside it.
        status=200 if "hx-request" in request.headers else status,
    )


async def _template_page(
    request: Request,
    using: ApiServices,
    *,
    name: str,
    texts: Mapping[str, TemplateText],
    version: str,
    template: Any = None,
    problems: Sequence[str] | None = None,
    doubts: Sequence[str] = (),
    clash: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """Return the template page; without `problems` of a sent form, it shows those of the files."""
    faults: set[TemplateFault] = set()

    def samples() -> list[dict[str, Any]]:
        sample_documents: list[dict[str, Any]] = []
        for language, text in texts.items():
            try:
                sample_documents.append(dict(using.trigger_changes.sample(language, text, "")))
            except NotDone as error:
                fault = fault_in(str(error))
                if fault is not None:
                    faults.add(fault)
                problem = template_words.retell_by_field(request, str(error))
                if not text.subject.strip():
                    problem = text_for(request, "Write a subject: no mail goes without.")
                sample_documents.append({"language": language, "problem": problem})
        return sample_documents

    sample_documents = await in_thread(samples)
    problems = template["problems"] if template and problems is None else problems or ()
    others = remaining_problems(problems, faults)
    return await render(
        request,
        "template.html",
        {
            "name": name,
            "texts": texts,
            "version": version,
            "known": template,
            "problems": [template_words.retell_by_field(request, problem) for problem in others],
            "doubts": [template_words.retell_by_field(request, doubt) for doubt in doubts],
            "clash": clash,
            "samples": sample_documents,
            "template_languages": [(code, NAMES[code]) for code in LANGUAGES],
            "examples": [] if template else await in_thread(using.trigger_changes.examples),
        },
        status=status,
    )


@router.get("/{name}", dependencies=[LOOKS])
async def show(request: Request, using: Using, name: PlainText) -> Response:
    """Show a trigger: what it does, whom it mails next, its runs and its file."""
    return await _trigger_page(request, using, name)


@router.get("/{name}/preview")
async def preview(
    request: Request,
    using: Using,
    user: Looks,
    name: PlainText,
    *,
    on: Annotated[str, Query(max_length=10)] = "",
    reference: Annotated[str, Query(max_length=200)] = "",
    status: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the rendered mails of a day, or about an application, and who gets none and why."""
    try:
        day = date.fromisoformat(on) if on else None
    except ValueError:
        raise Problem(422, text_for(request, "This is no day.")) from None
    values = (await in_thread(using.trigger_changes.trigger, name))["values"]
    event = _event(values)
    if isinstance(event, ApplicationEvent):
        happened = ApplicationNews(
            references=(reference.strip(),),
            status=None if event.by_candidate else status or str(values.get("status", "")),
            by=None if event.by_candidate else user.name,
            languages=AcceptedLanguages((language_of(request),)),
            signed_in=user.name,
            dry_run=True,
        )
        return await _about_an_application(request, using, name, event, happened)
    day_preview = await in_thread(using.triggers.preview, name, day)
    return await render(
        request,
        "trigger_preview.html",
        {"name": name, "event": None, "preview": day_preview, "on": on},
    )


async def _about_an_application(
    request: Request,
    using: ApiServices,
    name: str,
    event: ApplicationEvent,
    happened: ApplicationNews,
) -> Response:
    """Show whom a change to an application would mail; nothing is changed."""
    preview, problem = None, ""
    if happened.references != ("",) and happened.status != "":
        apply = await in_thread(using.applications.open)
        try:
            preview = await using.database.write(apply, happened)
        except EventRefused as error:
            problem = str(error)
        else:
            (change,) = preview["applications"]
            preview, problem = (None, change["error"]) if change["error"] else (preview, "")
    statuses = await using.database.read(application_list.statuses_of_applications)
    return await render(
        request,
        "trigger_preview.html",
        {
            "name": name,
            "event": event,
            "preview": preview,
            "problem": retell(language_of(request), problem) if problem else "",
            "reference": happened.references[0],
            "status": happened.status,
            "statuses": [(status.crm_id, status.name or status.crm_id) for status in statuses],
        },
        status=422 if problem else 200,
    )


@router.post("/{name}")
async def change(
    request: Request, using: Using, user: Manages, name: PlainText, form: FormFields
) -> Response:
    """Change a trigger's file, or turn it on or off: first shown, then saved once confirmed."""
    version, token = _text(form, "version"), _text(form, "token")
    turn, form_values = _text(form, "turn"), typed_values(form)
    text = _text(form, "text") if "text" in form and not turn else None
    submission: dict[str, Any] = {
        "turn": turn,
        "text": text,
        "version": version,
        "given": form_values,
    }
    if not version or turn not in ("", "on", "off"):  # An empty one would create something new.
        raise Problem(
            422, text_for(request, "This page was too old or not ours; open it again and retry.")
        )
    try:
        changed_keys = await in_thread(_changed_keys, using, name, turn, form_values, text)
        proposal = await in_thread(
            using.trigger_changes.propose_trigger,
            name,
            changes=changed_keys,
            text=text,
            version=version,
        )
        if _text(form, "do") != "save":
            return await _trigger_page(
                request, using, name, submission=submission, proposal=proposal
            )
        act = {"on": "trigger.enable", "off": "trigger.disable"}.get(turn, "trigger.change")
        async with doing(request, user, act, about=name) as change_of_it:
            saved_edit = await in_thread(
                using.trigger_changes.keep_trigger,
                name,
                changes=changed_keys,
                text=text,
                version=version,
                by=user.name,
                token=token,
            )
            change_of_it.is_done = saved_edit is not None
    except NotDone as error:
        if error.more.get("reach"):  # It reaches other people than those shown: show them now.
            return await _trigger_page(
                request, using, name, submission=submission, proposal=proposal, error=error
            )
        return await _trigger_page(request, using, name, submission=submission, error=error)
    sentence = {
        "on": text_for(request, "It is on."),
        "off": text_for(request, "It is off."),
    }.get(turn, text_for(request, "The trigger is saved."))
    return await see_other(request, f"/console/triggers/{quote(name)}", sentence)


def _changed_keys(
    using: ApiServices, name: str, turn: str, form_values: Mapping[str, str], text: str | None
) -> Mapping[str, object] | None:
    """Return the keys with changed values; None if a text is given."""
    if turn:
        return {"enabled": turn == "on"}
    if text is not None:
        return None
    values = using.trigger_changes.trigger(name)["values"]
    return changes(_event(values), form_values, values)


async def _trigger_page(
    request: Request,
    using: ApiServices,
    name: str,
    *,
    submission: Mapping[str, Any] | None = None,
    proposal: Any = None,
    error: NotDone | None = None,
) -> Response:
    def load() -> dict[str, Any]:
        file = using.trigger_changes.trigger(name)
        edits = using.trigger_changes.edits(what="trigger", name=name, limit=10)
        runs = using.triggers.runs(name)[:_MOST_RUNS]
        return {"file": file, "edits": edits, "runs": runs}

    values = await in_thread(load)
    file = values["file"]
    text = file["text"] if submission is None or submission["text"] is None else submission["text"]
    event = _event(file["values"])
    form_values: Mapping[str, str] = submission["given"] if submission else {}
    is_form = SHOWN in form_values
    form = await _form(
        request,
        using,
        event,
        form_values if is_form else field_values(event, file["values"]),
        name=name,
        file=file["file"],
        error=error,
    )
    return await render(
        request,
        "trigger.html",
        {
            **values,
            **form,
            "name": name,
            "text": text,
            "event": event,
            # A file that can't be read as a trigger is corrected as text.
            "is_text": bool(file["problems"])
            or (submission is not None and submission["text"] is not None),
            "asked": submission,
            "proposal": proposal,
            "clash": _clash(error) if error else None,
        },
        status=error.status if error else 200,
    )


def _problems(error: NotDone) -> list[str]:
    """Return the individual problems that prevent a change."""
    problems: Any = error.more.get("problems", [str(error)])
    return list(problems)


def _clash(error: NotDone) -> Mapping[str, Any] | None:
    """Return both versions by file, if somebody else changed it meanwhile."""
    if "now" not in error.more:
        return None
    return {"now": error.more["now"], "yours": error.more["yours"]}


def _as_text(document: Any) -> TemplateText:
    return TemplateText(
        subject=document["subject"], text=document["text"], html=document["html"] or ""
    )


def _text(form: FormData, name: str) -> str:
    """Return the typed text; refuse one that is too long, as text cut off unseen would be lost."""
    value = form.get(name, "")
    text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
    if len(text) > _LONGEST:
        raise NotDone(422, f"{name} is longer than {_LONGEST} characters")
    if "\x00" in text:
        raise NotDone(422, f"{name} has a character that no text has (U+0000)")
    return text
