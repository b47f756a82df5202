"""The feed: the state of each kind, past imports, refused rows, and imports by hand."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import UploadFile

from gateway.api import paths  # noqa: F401  # Routes with {name:id} need it.
from gateway.api.console.access import (
    LOOKS,
    RUNS,
    ConsoleUser,
    FormFields,
    Looks,
    Runs,
    checked_form,
    language_of,
    text_for,
)
from gateway.api.console.acts import doing
from gateway.api.console.rendering import render, see_other
from gateway.api.console.sentences import retell
from gateway.api.console.upload_folder import UploadFolder
from gateway.api.json_response import Cursor, before_time, time_cursor
from gateway.api.problems import Problem
from gateway.api.services import FeedRefused, FeedTerms
from gateway.api.threads import in_thread
from gateway.api.using import services
from gateway.core.feed.laid_aside import LaidAside
from gateway.core.written import short_name
from gateway.store.engine.database import StoreTransaction
from gateway.store.feed import feed_faults
from gateway.store.feed.references import open_references

router = APIRouter(prefix="/feed")
#: Files of any size are posted here, so permission is checked before the body is read.
uploads = APIRouter(prefix="/feed/upload", dependencies=[RUNS, Depends(checked_form)])

_AT_ONCE = 50
_FILES = 30
_REFERENCES = 20
_PIECE = 1024 * 1024
_KEPT_SECONDS = 3600.0
_MOST_KEPT = 20
_LONGEST_NAME = 200  #: In octets.
_CSV = "text/csv; charset=utf-8"
#: Files are imported one at a time, as in the API: the store has only one writer anyway.
_TURN = anyio.CapacityLimiter(1)


@router.get("")
async def show_feed(request: Request, user: Looks, cursor: Cursor = None) -> Response:
    """Show the state of each kind's feed, what waits, past imports and handled files."""
    return await _feed_page(request, user, before=before_time(cursor))


async def _feed_page(
    request: Request,
    user: ConsoleUser,
    *,
    before: datetime | None = None,
    kind: str = "",
    problem: str = "",
) -> Response:
    """Show the feed; `problem` is what is wrong with an uploaded file."""
    using = services(request)

    def load(connection: StoreTransaction) -> dict[str, Any]:
        waiting = open_references.list_open_texts(connection, limit=_REFERENCES + 1)
        return {
            "states": feed_faults.states(connection),
            "waiting": waiting[:_REFERENCES],
            "more_wait": len(waiting) > _REFERENCES,
            "past": feed_faults.list_imports(connection, before=before, limit=_AT_ONCE + 1),
        }

    values = await using.database.read(load)
    files = await in_thread(_laid_aside, request)
    past = values.pop("past")
    more = time_cursor(past[_AT_ONCE - 1].at) if len(past) > _AT_ONCE else ""
    return await render(
        request,
        "feed.html",
        {
            **values,
            "past": past[:_AT_ONCE],
            "following": more,
            "files": files,
            "folder": using.feed.folder(),
            "kinds": using.feed.kinds() if user.may("run") else [],
            "kind": kind,
            "sent": _waiting_uploads.of_user(user) if user.may("run") else [],
            "problem": problem,
        },
        status=422 if problem else 200,
    )


def _laid_aside(request: Request) -> list[LaidAside]:
    try:
        return list(services(request).feed.laid_aside(_FILES))
    except OSError:
        return []


@router.get("/refused/{state}/{name:id}", dependencies=[LOOKS])
async def download_refused(request: Request, state: str, name: str) -> Response:
    """Download the rows of a file that weren't imported, to correct and drop again."""

    def read() -> bytes | None:
        feed = services(request).feed
        aside = feed.file_laid_aside(state, name)
        try:
            return None if aside is None else feed.refused_rows(aside)
        except OSError:
            return None

    rows = await in_thread(read)
    if rows is None:
        raise Problem(404, text_for(request, "There are no refused rows of such a file."))
    return _download(rows, f"{name}.refused.csv")


@router.get("/files/{state}/{name:id}", dependencies=[LOOKS])
async def show_file(request: Request, state: str, name: str) -> Response:
    """Show the result of a file in the folder, with the faults of each row."""
    aside = await in_thread(services(request).feed.file_laid_aside, state, name)
    if aside is None:
        raise Problem(404, text_for(request, "There is no such file any more."))
    return await render(request, "feed_file.html", {"aside": aside, "report": aside.report})


@dataclass(slots=True)
class _Upload:
    """An uploaded file that is not imported yet, or has just been."""

    user: str
    kind: str
    name: str
    folder: UploadFolder
    until: float
    replace: bool
    report: Mapping[str, Any] = field(default_factory=dict)
    is_held_back: bool = False
    is_done: bool = False
    is_read: bool = False  #: Being read now, so its file stays.

    @property
    def file(self) -> Path:
        return self.folder.path / self.name

    @property
    def refused_file(self) -> Path:
        return self.folder.path / ".refused.csv"


class _Uploads:
    """This process's uploads that wait for confirmation; they expire after an hour.

    If there are too many, the oldest go earlier. An upload being read stays, however old it is.
    """

    def __init__(self) -> None:
        self._uploads: OrderedDict[str, _Upload] = OrderedDict()

    def add(self, upload: _Upload) -> str:
        self._forget()
        token = secrets.token_urlsafe(12)
        self._uploads[token] = upload
        too_many = len(self._uploads) - _MOST_KEPT
        idle = [
            other
            for other, other_upload in self._uploads.items()
            if not other_upload.is_read and other != token
        ]
        for other in idle[: max(0, too_many)]:
            self.drop(other)
        return token

    def own_upload(self, request: Request, user: ConsoleUser, token: str) -> _Upload:
        """Return a user's own upload; `Problem` 404 if it is gone, or somebody else's."""
        self._forget()
        upload = self._uploads.get(token)
        if upload is None or upload.user != user.name:
            raise Problem(404, text_for(request, "That file is no longer kept: choose it again."))
        return upload

    def of_user(self, user: ConsoleUser) -> list[tuple[str, _Upload]]:
        """Return a user's uploads by token, newest first."""
        self._forget()
        user_uploads = [
            (token, upload) for token, upload in self._uploads.items() if upload.user == user.name
        ]
        return user_uploads[::-1]

    def drop(self, token: str) -> None:
        upload = self._uploads.pop(token, None)
        if upload is not None:
            upload.folder.remove()

    def _forget(self) -> None:
        now = time.monotonic()
        old = [
            token
            for token, upload in self._uploads.items()
            if upload.until < now and not upload.is_read
        ]
        for token in old:
            self.drop(token)


_waiting_uploads = _Uploads()


@uploads.post("")
async def upload(request: Request, user: Runs, form: FormFields) -> Response:
    """Store an upload and show what importing it would change."""
    using = services(request)
    kind, sent = str(form.get("kind", "")), form.get("file")
    if kind not in using.feed.kinds():
        raise Problem(422, text_for(request, "Choose what the rows of the file are."))
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise Problem(422, text_for(request, "Choose a file."))
    name = PurePath(sent.filename.replace("\\", "/")).name.lstrip(".")
    name = short_name(name, _LONGEST_NAME) or kind
    if not name.isprintable():
        raise Problem(422, text_for(request, "The file's name can't be read: give it another one."))
    try:
        folder = UploadFolder()
    except OSError as error:
        raise _no_room(request, error) from None
    made = _Upload(
        user=user.name,
        kind=kind,
        name=name,
        folder=folder,
        until=time.monotonic() + _KEPT_SECONDS,
        replace=form.get("replace") == "yes",
    )
    made.is_read = True
    token = _waiting_uploads.add(made)
    try:
        async with await anyio.open_file(made.file, "wb") as file:
            while piece := await sent.read(_PIECE):
                await file.write(piece)
        await _take_in(request, made, dry_run=True, lift=False)
    except BaseException as error:
        _waiting_uploads.drop(token)
        if isinstance(error, Problem) and error.status_code == 422:
            return await _feed_page(request, user, kind=kind, problem=str(error.detail))
        if isinstance(error, OSError):
            raise _no_room(request, error) from None
        raise
    return await see_other(request, f"/console/feed/upload/{token}")


@uploads.get("/{token}")
async def show_upload(request: Request, user: Runs, token: str) -> Response:
    """Show what an import would change, or has changed."""
    made = _waiting_uploads.own_upload(request, user, token)
    return await render(
        request, "feed_upload.html", {"upload": made, "report": made.report, "token": token}
    )


@uploads.post("/{token}")
async def import_upload(request: Request, user: Runs, token: str, form: FormFields) -> Response:
    """Import an upload that was previewed."""
    made = _waiting_uploads.own_upload(request, user, token)
    if made.is_read:
        # The page says so; it is imported once, however often the button is pressed.
        return await see_other(request, f"/console/feed/upload/{token}")
    if form.get("do") == "forget":
        _waiting_uploads.drop(token)
        return await see_other(request, "/console/feed", text_for(request, "Nothing was imported."))
    if not made.is_done:
        made.is_read = True  # Nobody deletes it, or imports it again, while that is journaled.
        try:
            async with doing(request, user, "import", about=made.kind) as act:
                await _take_in(request, made, dry_run=False, lift=form.get("lift") == "yes")
                act.is_done = not made.is_held_back
        finally:
            made.is_read = False
    return await see_other(request, f"/console/feed/upload/{token}")


@uploads.get("/{token}/refused.csv")
async def download_refused_of_upload(request: Request, user: Runs, token: str) -> Response:
    """Download the rows that weren't, or won't be, imported."""
    made = _waiting_uploads.own_upload(request, user, token)
    # While the file is being read, they are being rewritten and may be incomplete.
    if made.is_read or not made.refused_file.exists():
        raise Problem(404, text_for(request, "There are no refused rows of such a file."))
    return _download(made.refused_file.read_bytes(), f"{made.name}.refused.csv")


async def _take_in(request: Request, made: _Upload, *, dry_run: bool, lift: bool) -> None:
    feed = services(request).feed
    terms = FeedTerms(
        source=feed.source(),
        replace=made.replace,
        lift=lift,
        dry_run=dry_run,
        is_file=True,
        refused=made.refused_file,
    )

    def take_in() -> None:
        made.refused_file.unlink(missing_ok=True)  # They will be written again.
        result = feed.take_in(made.kind, made.file, terms)
        made.report, made.is_held_back = result.report, result.is_held_back
        made.is_done = not (dry_run or result.is_held_back)

    made.is_read = True
    try:
        await anyio.to_thread.run_sync(take_in, limiter=_TURN)
    except FeedRefused as error:
        raise Problem(
            422,
            text_for(
                request,
                "The file can't be imported: {why}",
                why=retell(language_of(request), str(error)),
            ),
        ) from None
    except OSError as error:
        raise _no_room(request, error) from None
    finally:
        made.is_read, made.until = False, time.monotonic() + _KEPT_SECONDS


def _no_room(request: Request, error: OSError) -> Problem:
    why = error.strerror or str(error)
    return Problem(503, text_for(request, "The file can't be kept here: {why}", why=why))


def _download(content: bytes, name: str) -> Response:
    """Return a file as a download; its name also in ASCII, for browsers that support only that."""
    plain = "".join(
        letter if letter.isascii() and letter.isalnum() else "_" for letter in name[:-4]
    )
    disposition = f"attachment; filename=\"{plain}.csv\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=_CSV, headers={"content-disposition": disposition})
