"""Rendering of pages: Jinja2, everything escaped, nothing loaded from other sites."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.filters import do_urlencode
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.responses import RedirectResponse

from gateway.api.console.access import ConsoleUser, guest_token, language_of, set_guest_cookie
from gateway.api.console.languages import DAY_FORMS, LANGUAGES, NAMES, say
from gateway.api.console.sentences import retell
from gateway.api.paths import quoted_path
from gateway.api.using import services
from gateway.core import ids
from gateway.core.mail.address import readable
from gateway.core.replies.document_types import type_in_words
from gateway.core.triggers.run_report import in_words
from gateway.core.written import colon
from gateway.store.console import console_sessions

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_CODE = re.compile(r"`([^`]+)`")
_HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
}
#: As written in notes, see config/templates/notes.
_RELEASE = re.compile(r"gateway suppress release (\S+)")

#: The navigation: each page's path below /console and its name.
NAVIGATION = (
    ("today", "Today"),
    ("send-failed", "Send failed"),
    ("people", "People"),
    ("inbox", "Inbox"),
    ("campaigns", "Campaigns"),
    ("triggers", "Triggers"),
    ("applications", "Applications"),
    ("feed", "Feed"),
    ("messages", "Messages"),
    ("outbox", "Outbox"),
)


async def render(
    request: Request, template: str, values: Mapping[str, Any] | None = None, *, status: int = 200
) -> Response:
    """Return a page; besides its values a template has `user`, `_`, `zone`, `language`, `query` ….

    A notice that a POST left for the next page is shown, and deleted.
    """
    using = services(request)
    user: ConsoleUser | None = getattr(request.state, "user", None)
    language = language_of(request)
    notice = ""
    if user is not None and user.session.notice and "hx-request" not in request.headers:
        notice, digest = user.session.notice, user.session.digest
        await using.database.write(console_sessions.set_notice, digest, "")

    def translated(text: str, /, **inserted: object) -> str | Markup:
        # Translations are our own; inserted values may come from anybody.
        return say(language, text, **inserted)

    body = (
        environment()
        .get_template(template)
        .render(
            {
                "user": user,
                "form_token": guest_token(request) if user is None else user.session.form_token,
                "request": request,
                "language": language,
                "languages": [(code, NAMES[code]) for code in LANGUAGES],
                "zone": using.zone(),
                "notice": notice,
                "navigation": NAVIGATION,
                "colon": colon(language),
                "here": quoted_path(request.url.path),
                "query": dict(request.query_params),
                "_": translated,
                "inert_html": using.inert_html,
                "run_words": cache(using.run_words),  # Read from files: at most once per page.
                **(values or {}),
            }
        )
    )
    response = Response(body, status, _HEADERS, "text/html; charset=utf-8")
    if user is None:
        set_guest_cookie(response, request)
    return response


async def see_other(request: Request, path: str, sentence: str = "") -> Response:
    """Redirect to another page after a POST, with a notice of what was done."""
    user: ConsoleUser | None = request.state.user
    if sentence and user is not None:
        digest = user.session.digest
        await services(request).database.write(console_sessions.set_notice, digest, sentence)
    return RedirectResponse(path, 303, headers={"cache-control": "no-store"})


@cache
def environment() -> Environment:
    """Return the Jinja environment."""
    made = Environment(
        loader=PackageLoader("gateway.api.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(_FILTERS)
    made.globals.update(_GLOBALS)
    return made


def compile_pages() -> None:
    """Compile all pages' templates, so that nobody has to wait for it on first use."""
    for name in environment().list_templates():
        environment().get_template(name)


@pass_context
def _time(context: Context, moment: datetime | None) -> str:
    """Format a time in the configured zone, in the format of the page's language."""
    if moment is None:
        return ""
    zone: tzinfo = context["zone"]
    local = moment.astimezone(zone)
    text = local.strftime(f"{DAY_FORMS[context['language']]} %H:%M")
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), text)


@pass_context
def _day(context: Context, day: date | str | None) -> str:
    """Format a day (of a time: in the configured zone; documents have `2026-03-12`)."""
    if day is None:
        return ""
    if isinstance(day, str):
        day = date.fromisoformat(day)
    if isinstance(day, datetime):
        day = day.astimezone(context["zone"]).date()
    text = day.strftime(DAY_FORMS[context["language"]])
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), text)


@pass_context
def _local_minute(context: Context, moment: datetime) -> str:
    """Format a time that is already local, as typed."""
    return moment.strftime(f"{DAY_FORMS[context['language']]} %H:%M")


@pass_context
def _in_page_language(context: Context, sentence: str) -> str | Markup:
    """Return a sentence of the gateway's in the page's language; unknown ones stay English."""
    language: str = context["language"]
    retold = retell(language, sentence)
    if language == "en" or retold != sentence:
        return retold
    return Markup('<span lang="en">{}</span>').format(sentence)


def _with_code(text: str | Markup) -> Markup:
    """Show text between backticks as code: "its `Precedence` matches `bulk|list`"."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # It is escaped.


@pass_context
def _of_page(context: Context, note: str) -> Markup:
    """Show a note with a link to the button instead of the command that releases somebody."""
    language: str = context["language"]
    pieces = []
    for place, piece in enumerate(_RELEASE.split(note)):
        if place % 2 == 0:
            pieces.append(escape(piece))
            continue
        way = do_urlencode(piece).replace("/", "%2F")
        whose = Markup('<a href="/console/people/{}">{}</a>').format(way, piece)
        instead = say(language, "“Release” on the page of {whom}", whom=whose)
        pieces.append(Markup(instead))  # noqa: S704  # A translation is ours.
    return Markup("").join(pieces)


@pass_context
def _inert(context: Context, html: str) -> Markup:
    """Show HTML from a mail within the page, with all links disabled."""
    return Markup(context["inert_html"](html))  # noqa: S704  # It is made safe there.


@pass_context
def _reason(context: Context, why: str) -> str:
    """Return why somebody got no triggered mail, in the words of a run's report."""
    words = context["run_words"]()
    language: str = context["language"]
    page_words = words.get(language) or next(iter(words.values()))
    return retell(language, in_words(why, page_words))


@pass_context
def _trigger_summary(context: Context, summary: str) -> str:
    """Return a timeline's `birthday: not active` or `birthday: Many happy returns (not active)`."""
    trigger, parted, rest = summary.partition(": ")
    parted = parted and colon(context["language"])
    subject, opening, why = rest.rpartition(" (")
    if opening and why.endswith(")"):
        return f"{trigger}{parted}{subject} ({_reason(context, why[:-1])})"
    return f"{trigger}{parted}{_reason(context, rest)}"


@pass_context
def _document_type(context: Context, name: str) -> str:
    """Return a document's type in the page's language."""
    return type_in_words(name, context["language"])


@pass_context
def _address(context: Context, **changes: object) -> str:
    """Return this page's URL with other query values; None or "" removes one."""
    query = {**context["query"], **changes}
    parameters = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{context['here']}?{urlencode(parameters)}" if parameters else str(context["here"])


@cache
def static_file(name: str) -> bytes | None:
    """Return a static file of the console; None if there is none."""
    if name not in ("console.css", "console.js", "htmx.min.js"):
        return None
    return resources.files("gateway.api.console").joinpath("static", name).read_bytes()


@cache
def asset(name: str) -> str:
    """Return the URL of such a file, which changes with its content."""
    content = static_file(name)
    assert content is not None, name
    return f"/console/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


#: Template filters besides Jinja's own. Names of people and triggers are in many links, and on
#: every page.
_FILTERS = {
    "urlencode": lru_cache(10_000)(do_urlencode),
    "time": _time,
    "day": _day,
    "local_minute": _local_minute,
    "moment": datetime.fromisoformat,
    "id": ids.show,
    "readable": readable,
    "of_page": _of_page,
    "with_code": _with_code,
}
_GLOBALS = {
    "asset": asset,
    "address": _address,
    "told": _in_page_language,
    "inert": _inert,
    "reason": _reason,
    "triggered": _trigger_summary,
    "document_type": _document_type,
}
