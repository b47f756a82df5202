"""The CRM's people, groups, statuses …: upserted and deleted, one or many."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import FeedToken
from gateway.api.idempotency import Key, in_steps, record_of_request
from gateway.api.json_response import JSON, Using, octets
from gateway.api.paths import with_slashes
from gateway.api.problems import TYPE, Problem
from gateway.api.schemas import answers, record
from gateway.api.services import ApiServices, FeedAdapter, FeedRefused, FeedTaken, FeedTerms
from gateway.core.feed.feed_mapping import column_key
from gateway.core.token import Token
from gateway.documents.feed import ImportReportDocument
from gateway.store.api.answers import StoredAnswer

DryRun = Annotated[bool, Query(description="Only show what would change.")]
Lift = Annotated[bool, Query(description="Apply it even if it lifts many suppressions.")]
Replace = Annotated[
    bool, Query(description="Remove what this source sent before and no longer has.")
]

Filename = Annotated[
    str,
    Query(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$", description="Its name in reports."),
]

LONGEST_LINE = 1024 * 1024  #: Octets in a line of the feed, which is read as a whole.
_HELD_BACK = "would lift too many suppressions: nothing was applied; lift=true if that is right"
_NO_FORM = (
    "the body is a form (multipart/form-data): send the file itself as the body, as "
    "curl --data-binary @FILE does"
)
#: Files imported at a time: the store has one writer anyway, and other requests continue.
FILE_TURN = anyio.CapacityLimiter(1)
#: Single records don't wait until a file of a million rows has been read.
_RECORD_TURN = anyio.CapacityLimiter(1)


def router(feed: FeedAdapter) -> APIRouter:
    """Return the routes for every kind of record."""
    made = APIRouter(prefix="/feed", tags=["feed"])
    for kind, columns in feed.kinds().items():
        routes = _Routes(kind)
        single_record = {
            "requestBody": {"required": True, "content": {JSON: {"schema": record(columns)}}}
        }
        for path, method, answer, what, extra in (
            ("", "POST", routes.upsert_many, "Upsert many", _LINES),
            ("/delete", "POST", routes.delete_many, "Delete many", _LINES),
            ("/{name:path}", "PUT", routes.upsert_one, "Upsert one of the", single_record),
            ("/{name:path}", "DELETE", routes.delete_one, "Delete one of the", None),
        ):
            made.add_api_route(
                f"/{kind}{path}",
                answer,
                methods=[method],
                summary=f"{what} {kind}",
                responses=answers(
                    ImportReportDocument, "What was changed, and what is wrong with which line."
                ),
                openapi_extra=extra,
                name=f"{answer.__name__}_{kind}",
            )
    return made


@dataclass(frozen=True, slots=True)
class _Routes:
    """The routes for one kind of record."""

    kind: str

    async def upsert_many(
        self,
        request: Request,
        using: Using,
        token: FeedToken,
        *,
        dry_run: DryRun = False,
        lift: Lift = False,
        replace: Replace = False,
        key: Key = None,
    ) -> Response:
        terms = FeedTerms(source=token.source, replace=replace, lift=lift, dry_run=dry_run)
        return await self._take_in_many(request, using, token, terms, key)

    async def take_file(
        self,
        request: Request,
        using: Using,
        token: FeedToken,
        *,
        filename: Filename = "",
        dry_run: DryRun = False,
        lift: Lift = False,
        replace: Replace = False,
        key: Key = None,
    ) -> Response:
        terms = FeedTerms(
            source=token.source, replace=replace, lift=lift, dry_run=dry_run, is_file=True
        )
        name = PurePath(filename.replace("\\", "/")).name
        called = self.kind if name in ("", "..") else name
        return await self._take_in_many(request, using, token, terms, key, called=called)

    async def delete_many(
        self,
        request: Request,
        using: Using,
        token: FeedToken,
        *,
        dry_run: DryRun = False,
        lift: Lift = False,
        key: Key = None,
    ) -> Response:
        terms = FeedTerms(source=token.source, remove=True, lift=lift, dry_run=dry_run)
        return await self._take_in_many(request, using, token, terms, key)

    async def upsert_one(
        self,
        request: Request,
        using: Using,
        token: FeedToken,
        name: str,
        *,
        dry_run: DryRun = False,
        lift: Lift = False,
    ) -> Response:
        try:
            fields = json.loads(await request.body(), object_pairs_hook=_without_repetition)
        except (ValueError, RecursionError):
            raise Problem(422, "the request is not JSON") from None
        if not isinstance(fields, dict):
            raise Problem(422, "the request is not a JSON object")
        columns = self._key(using, name)
        given_names = {column_key(given_name): given_name for given_name in fields}
        for column, value in columns.items():
            given_name = given_names.get(column_key(column), column)
            if str(fields.setdefault(given_name, value)) != value:
                raise Problem(422, f"{given_name}: the address says {value!r}")
        terms = FeedTerms(source=token.source, lift=lift, dry_run=dry_run)
        return await self._take_record(using, fields, terms)

    async def delete_one(
        self,
        using: Using,
        token: FeedToken,
        name: str,
        *,
        dry_run: DryRun = False,
        lift: Lift = False,
    ) -> Response:
        terms = FeedTerms(source=token.source, remove=True, lift=lift, dry_run=dry_run)
        return await self._take_record(using, self._key(using, name), terms)

    def _key(self, using: ApiServices, name: str) -> Mapping[str, str]:
        try:
            columns = using.feed.key(self.kind, name)
        except ValueError as error:
            raise Problem(422, with_slashes(str(error))) from None
        return {column: with_slashes(value) for column, value in columns.items()}

    async def _take_record(
        self, using: ApiServices, fields: Mapping[str, object], terms: FeedTerms
    ) -> Response:
        async with _folder() as folder:
            file = folder / f"{self.kind}.jsonl"
            file.write_bytes(json.dumps(fields).encode() + b"\n")
            result = await _take_in(using, self.kind, file, terms, turn=_RECORD_TURN)
        if not result.records:
            raise Problem(422, "the record can't be imported", more=dict(result.report))
        if terms.remove and not result.report.get("removed") and not result.is_held_back:
            raise Problem(404, "this source has sent no such record")
        answer = _answer(result)
        return Response(answer.body, answer.status, media_type=answer.type)

    async def _take_in_many(
        self,
        request: Request,
        using: ApiServices,
        token: Token,
        terms: FeedTerms,
        key: str | None,
        *,
        called: str = "",
    ) -> Response:
        async with _folder() as folder:
            file = folder / (called or f"{self.kind}.jsonl")
            digest = await _write_body(request, file)

            async def work() -> StoredAnswer:
                result = await _take_in(using, self.kind, file, terms)
                if called:
                    result = replace(result, report={**result.report, "file": called})
                return _answer(result)

            return await in_steps(using, record_of_request(request, token, key, digest), work)


def _without_repetition(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return an object of JSON; a Problem if it has a column twice, as `Tag` and `tag`."""
    repeated = [
        name for name, count in Counter(column_key(name) for name, _ in pairs).items() if count > 1
    ]
    if repeated:
        raise Problem(422, f"the request has a column twice: {', '.join(repeated)}")
    return dict(pairs)


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gateway-feed-") as folder:
        yield Path(folder)


async def _write_body(request: Request, file: Path) -> str:
    """Write a body to a file as it arrives; return its SHA-256."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        # Its parts' headers and marks would be read as rows.
        raise Problem(415, _NO_FORM, headers={"connection": "close"})
    digest, open_line = hashlib.sha256(), 0
    with file.open("wb") as opened:
        async for piece in request.stream():
            first, last = piece.find(b"\n"), piece.rfind(b"\n")
            if open_line + (len(piece) if first < 0 else first) > LONGEST_LINE:
                close = {"connection": "close"}
                raise Problem(413, f"a line of more than {LONGEST_LINE} octets", headers=close)
            open_line = open_line + len(piece) if first < 0 else len(piece) - last - 1
            digest.update(piece)
            opened.write(piece)
    return digest.hexdigest()


async def _take_in(
    using: ApiServices,
    kind: str,
    file: Path,
    terms: FeedTerms,
    turn: anyio.CapacityLimiter = FILE_TURN,
) -> FeedTaken:
    try:
        return await anyio.to_thread.run_sync(
            lambda: using.feed.take_in(kind, file, terms), limiter=turn
        )
    except FeedRefused as error:
        raise Problem(422, str(error)) from None


def _answer(result: FeedTaken) -> StoredAnswer:
    if not result.is_held_back:
        return StoredAnswer(status=200, type=JSON, body=octets(result.report))
    problem = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": _HELD_BACK}
    return StoredAnswer(status=409, type=TYPE, body=octets({**problem, **result.report}))


#: For generators of clients that know none of the types beside it: their method takes octets.
_FILE = {"schema": {"type": "string", "format": "binary"}}
_LINES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": _FILE,
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "A JSON object per line."}
            },
            "text/csv": {"schema": {"type": "string", "description": "With a header row."}},
        },
    }
}


_A_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": _FILE,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _FILE,
            "text/csv": _FILE,
        },
    }
}


def imports(feed: FeedAdapter) -> APIRouter:
    """Return the routes for uploading files, one for each kind of record."""
    made = APIRouter(prefix="/imports", tags=["feed"])
    for kind in feed.kinds():
        made.add_api_route(
            f"/{kind}",
            _Routes(kind).take_file,
            methods=["POST"],
            summary=f"Import a file of {kind}",
            description="CSV as CRMs export it, .xlsx or JSON Lines, as for `gateway import`.",
            responses=answers(
                ImportReportDocument, "What was changed, and what is wrong with which line."
            ),
            openapi_extra=_A_FILE,
            name=f"import_{kind}",
        )
    return made
