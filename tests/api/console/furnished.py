"""An API with something of everything behind the console, and all of its routes."""

import contextlib
import inspect
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Mount

from gateway.core import ids
from gateway.core.kinds import State
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.bounces import bounces
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.api.console.test_bounces_page import FORGED
from tests.api.served import IDS, Served, served
from tests.api.test_campaign_actions import ACCOUNT, activate
from tests.api.test_reading import filed, keep, message
from tests.inbound.mails import forward
from tests.rig.sandbox import ScriptedSandbox

TRIGGER = 'event = "set_date"\ntemplate = "letter"\nenabled = false\ndates = [2026-12-24]\n'


@dataclass(frozen=True, slots=True)
class Furnished:
    """An API, and what stands in paths for things it has."""

    api: Served
    names: dict[str, str]  #: By page and name in the path, as `messages number`.

    def path(self, route: RouteContext) -> str:
        """Return the address of something that is there."""
        page = str(route.path_format).split("/")[1]

        def named(match: re.Match[str]) -> str:
            return self.names[f"{page} {match[1]}"]

        return "/console" + re.sub(r"{(\w+)}", named, str(route.path_format))


def console_routes(api: Served) -> list[RouteContext]:
    """Return every route of the console, as the application has it."""
    (mount,) = (route for route in api.app.routes if isinstance(route, Mount))
    found = list(iter_route_contexts(mount.routes))
    assert len(found) > 50
    return found


@contextlib.contextmanager
def account() -> Iterator[ScriptedSandbox]:
    """An account to try with."""
    with ScriptedSandbox() as opened:
        opened.furnish()
        yield opened


@contextlib.asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[Furnished]:
    """Serve an API that has something for each route."""
    for name in ("triggers", "templates/letter", "feed"):
        (folder / name).mkdir(parents=True)
    (folder / "templates/letter/nl.txt").write_text("Subject: Dag\n\nWoorden\n")
    (folder / "triggers/letter.toml").write_text(TRIGGER)
    with account() as sandbox:
        changes: list[tuple[str, Any]] = [
            ("mailchimp", {**ACCOUNT, "base_url": sandbox.url}),
            ("triggers", {"folder": str(folder / "triggers")}),
            ("templates", {"folder": str(folder / "templates")}),
            ("crm", {"folder": str(folder / "feed")}),
        ]
        async with served(f"sqlite:///{folder}/gateway.db", folder, changes) as api:
            activate(api)
            yield Furnished(api, await _fill(api))


async def _fill(api: Served) -> dict[str, str]:
    await api.feed("staff", '{"crm_id":"s1","name":"anna","email":"eva@crm.example"}')
    await api.feed("groups", '{"crm_id":"7","name":"Nieuws"}')
    await api.feed(
        "statuses",
        '{"kind":"application","crm_id":"new","name":"New","initial":true}',
        '{"kind":"application","crm_id":"ok","name":"Fine"}',
    )
    await api.feed("people", '{"crm_id":"17","emails":"ann@example.org","first_name":"Ann"}')
    await api.feed("memberships", '{"group":"7","person":"17"}')
    await api.feed("applications", '{"reference":"4711","person":"17","status":"new"}')
    await api.ask("POST", "/suppressions", json={"address": "ann@example.org", "scope": "all"})
    failed = message("ann@example.org", State.SEND_FAILED)
    keep(api, failed)
    mail = forward(subject="Something").as_bytes()
    row = InboxRow(
        id=IDS.next(),
        content=await api.blobs.put(mail),
        size=len(mail),
        state=InboxState.NEEDS_ATTENTION,
        reason="no_reference",
        origin="import",
    )
    draft = OutboxDraft(
        id=IDS.next(),
        type="dsn",
        key="k",
        recipient="a@x.org",
        body=b"",
        due=ids.moment_of(failed.id),
    )
    with api.database.writing() as connection:
        inbox.put(connection, row)
        outbox.put(connection, draft)
        bounces.add(connection, [FORGED])
    entry, document = await filed(api)
    templates = (await api.ask("GET", "/mailchimp/templates")).json()["items"]
    campaign = await api.ask(
        "POST",
        "/campaigns",
        json={
            "name": "Vacatures",
            "template": templates[0]["id"],
            "from_name": "CRM",
            "from_address": "office@crm.test",
        },
    )
    assert 201 == campaign.status_code, campaign.text
    return {
        "messages number": ids.show(failed.id),
        "outbox number": ids.show(draft.id),
        "inbox id": ids.show(row.id),
        "bounces mail": ids.show(FORGED.inbox),
        "bounces position": str(FORGED.position),
        "people person": "candidate:17",
        "applications reference": "4711",
        "replies id": entry,
        "replies document": document,
        "campaigns id": campaign.json()["id"],
        "triggers name": "letter",
        "feed state": "done",
        "feed name": "people.csv",
        "feed token": "unknown",
        "static name": "console.css",
    }


def reached(endpoint: Callable[..., Any]) -> set[Callable[..., Any]]:
    """Return a route's function and all of the API's functions that it may call."""
    known: set[Callable[..., Any]] = set()
    waiting = [endpoint]
    while waiting:
        function = waiting.pop()
        if function in known:
            continue
        known.add(function)
        waiting += _called(function, set(_names_in(function.__code__)))
    return known


def _called(function: Callable[..., Any], names: Collection[str]) -> Iterator[Callable[..., Any]]:
    """Yield the API's functions that a function names: `text_for`, or `page.show_campaign`."""
    known = function.__globals__
    modules = [known[name] for name in names if isinstance(known.get(name), ModuleType)]
    for where in (known, *map(vars, modules)):
        for name in names:
            called = where.get(name)
            if isinstance(called, FunctionType) and called.__module__.startswith("gateway.api"):
                yield called


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)


def fields_read(route: RouteContext) -> list[str]:
    """Return the names of the fields, of the query or a form, that a route reads."""
    assert route.endpoint is not None
    names = set(_in_query(route.dependant))
    for function in reached(route.endpoint):
        source = inspect.getsource(function)
        names.update(_READS.findall(source))
        names.update(f"{name}-nl" for name in re.findall(r'f"([a-z]+)-{language}"', source))
    return sorted(names - {"csrf"})


def _in_query(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _in_query(inner)


#: As `form.get("note")`, `_text(form, "at")`, `typed["search"]`, `_moment(request, "until", …)`.
_READS = re.compile(
    r"(?:(?:form|fields|query|typed)(?:\.get\(|\[)|getlist\("
    r'|(?:_text|_given|typed_text|_moment|_address)\((?:[^()"]|\([^()]*\))*)"([a-z_-]+)"'
)
