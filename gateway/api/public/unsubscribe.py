"""The page behind unsubscribe links (RFC 8058): open to everybody who has the link.

    HEAD, GET /u/TOKEN     a page with one button; never changes anything, as whoever scans mail
                           for harmful links fetches them
    POST /u/TOKEN          `List-Unsubscribe=One-Click`, by a mail program or by that button: no
                           more mailings; again and again, always 200

There is no login, no cookie and no script, and nothing is loaded from elsewhere.
"""

import base64
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response

from gateway.api.public.client_rates import ClientRates
from gateway.core.bounces.unsubscribe import ONE_CLICK, PATH, is_one_click
from gateway.core.bounces.unsubscribe_words import WORDS, UnsubscribeWords
from gateway.core.languages import accepted_languages, in_language

ROUTE = f"{PATH}{{token:path}}"
_MOST_FIELDS = 20
_AROUND = "<>()[].,;/ "  #: Characters that programs include in a link within text.
_CHOICE, _ALL, _TOPIC = "choice", "all", "topic"
#: The cost of a request to its client in terms of `ClientRates`.
_LOOK, _ACT, _MISS = 1.0, 0.1, 4.0
_OF_LINK = 4.0  #: Cost for one of our links if the client has no requests left.


class LinkState(Enum):
    """The state of a link."""

    OPEN = "open"  #: It can be used.
    DONE = "done"  #: The recipient has unsubscribed.
    EXPIRED = "expired"  #: It is ours, but its mail is no longer known.
    UNKNOWN = "unknown"
    SAMPLE = "sample"
    AWAY = "away"  #: The store is unavailable.


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """What a page shows."""

    state: LinkState
    language: str = ""  #: The person's; empty if unknown.
    address: str = ""  #: Masked; empty if unknown.
    topic: str = ""  #: The topic that can be declined separately; empty: all mailings only.
    declined_topic: str = ""  #: Empty: all mailings.


class UnsubscribeAdapter(Protocol):
    """What the page needs from the gateway."""

    def contact(self) -> str:
        """Return the address to write to instead; empty if unknown."""

    def default_language(self) -> str:
        """Return the language of pages if the reader is unknown."""

    async def is_ours(self, token: str) -> bool:
        """Whether the gateway made a link; doesn't query the store."""

    async def link_view(self, token: str) -> LinkView:
        """Return the state of a link; changes nothing."""

    async def unsubscribe(self, token: str, *, topic: str, choice: str) -> LinkView:
        """Unsubscribe the recipient of the link's mail, from a topic or (if empty) all mailings.

        Can be repeated, with the same result. `choice` is the text of what was chosen.
        """


_STATUS: Mapping[LinkState, int] = {
    LinkState.EXPIRED: 410,
    LinkState.UNKNOWN: 404,
    LinkState.AWAY: 503,
}
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}button{font:inherit;padding:.6rem 1.6rem;border:0;"
    "border-radius:.3rem;background:#0b5394;color:#fff;cursor:pointer}"
    "button:focus-visible,input:focus-visible{outline:3px solid #f1a33c}"
    "label{display:block;margin:.6rem 0}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow, noarchive",
    "cache-control": "no-store",
}


def router(adapter: UnsubscribeAdapter, rates: ClientRates) -> APIRouter:
    """Build the routes of the page."""
    routes = APIRouter()

    async def is_allowed(client: str, cost: float, token: str) -> bool:
        """Whether to answer a request; one with a link of ours is answered, whatever others did.

        Behind a web server that isn't in `api.proxies`, all the world is one client, and few mail
        programs retry after a 429.
        """
        if rates.allows(client, cost):
            return True
        return await adapter.is_ours(token) and rates.allows(f"link {token.lower()}", _OF_LINK)

    @routes.api_route(ROUTE, methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> Response:
        client, token = rates.client(request), token.strip(_AROUND)
        if not await is_allowed(client, _LOOK, token):
            return _too_many()
        view = await adapter.link_view(token)
        if view.state in (LinkState.UNKNOWN, LinkState.EXPIRED):
            rates.allows(client, _MISS)
        return _page(adapter, request, view)

    @routes.post(ROUTE)
    async def unsubscribe(token: str, request: Request) -> Response:
        client, token = rates.client(request), token.strip(_AROUND)
        if not await is_allowed(client, _ACT, token):
            return _too_many()
        form = read_form(request.headers.get("content-type", ""), await request.body())
        view = await adapter.link_view(token)
        is_wanted = is_one_click(form)
        if not is_wanted or view.state in (LinkState.UNKNOWN, LinkState.EXPIRED):
            rates.allows(client, _MISS)
        elif view.state in (LinkState.OPEN, LinkState.DONE):
            words = _words(adapter, request, view.language)
            topic = view.topic if form.get(_CHOICE) == _TOPIC else ""
            # A mail program has its own button, and shows none of our text.
            choice_text = words.topic.format(topic) if topic else words.all
            choice = choice_text if _CHOICE in form else "=".join(ONE_CLICK)
            view = await adapter.unsubscribe(token, topic=topic, choice=choice)
        return _page(adapter, request, view, is_repeat=not is_wanted)

    return routes


def _too_many() -> Response:
    headers = {**HEADERS, "retry-after": "60"}
    return Response("Too many requests\n", 429, headers, media_type="text/plain")


def read_form(content_type: str, body: bytes) -> Mapping[str, str]:
    """Read the fields of a POST, of either type that RFC 8058 (3.2) names; otherwise none.

    A body without a type is treated as `application/x-www-form-urlencoded`.
    """
    kind = content_type.partition(";")[0].strip().casefold()
    if kind == "multipart/form-data":
        head = f"Content-Type: {' '.join(content_type.split())}\r\n\r\n"
        form: dict[str, str] = {}
        try:
            mail = BytesParser().parsebytes(head.encode("latin-1", "replace") + body)
            parts = list(mail.walk())[1 : _MOST_FIELDS + 1]
        except RecursionError:  # deeply nested parts
            return form
        for part in parts:
            name = part.get_param("name", header="content-disposition")
            value = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(value, bytes):
                form[name] = value.decode("utf-8", "replace").strip()
        return form
    if kind not in ("", "application/x-www-form-urlencoded"):
        return {}
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return {}
    return dict(pairs)


def _page(
    adapter: UnsubscribeAdapter, request: Request, view: LinkView, *, is_repeat: bool = False
) -> Response:
    """Render the page in the person's language, or else one the browser prefers."""
    words = _words(adapter, request, view.language)
    contact = adapter.contact()
    status = _STATUS.get(view.state, 400 if is_repeat else 200)
    text = _text(words, view, contact, is_repeat=is_repeat)
    body = (
        f'<!doctype html>\n<html lang="{words.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex, nofollow">\n'
        f"<title>{html.escape(words.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{html.escape(words.title)}</h1>\n{text}</main>\n</body>\n</html>\n"
    )
    headers = {**HEADERS, "content-language": words.language}
    if status == 503:
        headers["retry-after"] = "60"
    return Response(body, status, headers, media_type="text/html; charset=utf-8")


def _words(adapter: UnsubscribeAdapter, request: Request, language: str) -> UnsubscribeWords:
    accepted = accepted_languages(request.headers.get("accept-language", ""))
    otherwise = accepted.best(WORDS, adapter.default_language(), "en")
    return in_language(WORDS, language, otherwise)


def _text(words: UnsubscribeWords, view: LinkView, contact: str, *, is_repeat: bool) -> str:
    match view.state:
        case LinkState.OPEN:
            warning = f"<p>{html.escape(words.repeat)}</p>\n" if is_repeat else ""
            return warning + _form(words, view)
        case LinkState.DONE:
            done = (
                words.done_topic.format(view.declined_topic) if view.declined_topic else words.done
            )
            undo = words.mistake.format(_MARK) if contact else ""
            form = _form(words, view) if view.declined_topic else ""
            return f"<p>{html.escape(done)}</p>\n{_with_link(undo, contact, words)}{form}"
        case LinkState.SAMPLE:
            return f"<p>{html.escape(words.sample)}</p>\n"
        case LinkState.EXPIRED:
            sentence = words.expired
        case LinkState.UNKNOWN:
            sentence = words.unknown
        case LinkState.AWAY:
            sentence = words.away
    way_out = words.way_out.format(_MARK) if contact else words.way_out_of_nobody
    return f"<p>{html.escape(sentence)}</p>\n{_with_link(way_out, contact, words)}"


_MARK = "\0"  #: In a text, the place of the contact's address.


def _with_link(text: str, contact: str, words: UnsubscribeWords) -> str:
    if not text:
        return ""
    before, mark, behind = text.partition(_MARK)
    target = f"mailto:{quote(contact, safe='@')}?subject={quote(words.mail_subject)}"
    link = f'<a href="{html.escape(target)}">{html.escape(contact)}</a>' if mark else ""
    return f"<p>{html.escape(before)}{link}{html.escape(behind)}</p>\n"


def _form(words: UnsubscribeWords, view: LinkView) -> str:
    """Render the form; without JavaScript it posts what a mail program would, plus the choice."""
    question = words.question.format(view.address) if view.address else words.question_of_nobody
    key, value = ONE_CLICK
    choices = f'<input type="hidden" name="{_CHOICE}" value="{_ALL}">\n'
    if view.topic and not view.declined_topic:
        options = ((_ALL, words.all, " checked"), (_TOPIC, words.topic.format(view.topic), ""))
        choices = "".join(
            f'<label><input type="radio" name="{_CHOICE}" value="{choice}"{checked}> '
            f"{html.escape(text)}</label>\n"
            for choice, text, checked in options
        )
    return (
        f'<p>{html.escape(question)}</p>\n<form method="post">\n'
        f'<input type="hidden" name="{key}" value="{value}">\n{choices}'
        f'<p><button type="submit">{html.escape(words.button)}</button></p>\n</form>\n'
    )
