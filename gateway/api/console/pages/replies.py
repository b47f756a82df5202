"""Replies filed to people, as read, with their documents."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from gateway.api.console.access import LOOKS, text_for
from gateway.api.console.rendering import render
from gateway.api.json_response import Using, read_id
from gateway.api.problems import Problem
from gateway.api.routes.history import download
from gateway.core.people import history as remarks
from gateway.core.people.history import HistoryEntry
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications, history, people

router = APIRouter(prefix="/replies")


@dataclass(frozen=True, slots=True)
class _ReplyShown:
    """A reply with the names of those it is about."""

    entry: HistoryEntry
    person: str
    staff: str  #: The member of staff who forwarded it.
    has_application: bool  #: Whether its application still exists.


@router.get("/documents/{document}", dependencies=[LOOKS])
async def download_document(request: Request, using: Using, document: str) -> Response:
    """Download a document; nothing from a mail is ever served as the type it claims to be."""
    answer = await download(request, using, document)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.get("/{id}", dependencies=[LOOKS])
async def show_reply(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show a reply: who wrote what to whom, what staff added, and its documents."""
    number = read_id(id)

    def load(connection: StoreTransaction) -> _ReplyShown | None:
        entry = history.by_id(connection, number)
        if entry is None:
            return None
        names = [record.person.name for record in people.find(connection, entry.person)]
        staff = [member.name for member in applications.staff_of(connection, [entry.staff])]
        return _ReplyShown(
            entry,
            next(filter(None, names), str(entry.person)),
            next(filter(None, staff), entry.staff),
            applications.find(connection, entry.reference) is not None,
        )

    filed = await using.database.read(load)
    if filed is None:
        raise Problem(404, text_for(request, "No such reply was filed."))
    words = remark_words(request)
    sorts = (remark.partition(" ") for remark in filed.entry.remarks)
    return await render(
        request,
        "reply.html",
        {
            "reply": filed.entry,
            "person": filed.person,
            "staff": filed.staff,
            "has_application": filed.has_application,
            "remarks": [
                words[sort].format(person=rest) if sort in words else f"{sort}{blank}{rest}"
                for sort, blank, rest in sorts
            ],
        },
    )


def remark_words(request: Request) -> dict[str, str]:
    """Return a reply's remark in words; `{person}` is the placeholder for the person."""
    return {
        remarks.CLOSED: text_for(request, "The application was closed by then."),
        remarks.NOT_THE_CANDIDATE: text_for(
            request, "The sender's address is not one of the person's: the reference alone decided."
        ),
        remarks.NOTE: text_for(request, "No forwarded mail was found in it; it was filed whole."),
        remarks.REPEATED: text_for(request, "It was forwarded more than once."),
        remarks.NAME_ONLY: text_for(request, "The forward names the sender without an address."),
        remarks.NO_TEXT: text_for(request, "No text came along when it was forwarded."),
        remarks.TEXT_UNREAD: text_for(
            request, "Its text could not be read; the file is among the documents."
        ),
        remarks.ENCRYPTED: text_for(
            request, "It is encrypted and could not be read; it was filed as it is."
        ),
        remarks.INCOMPLETE: text_for(request, "A part of it is missing: its end, or attachments."),
        remarks.SENT_BY: text_for(request, "Sent on the sender's behalf by {person}."),
        remarks.NOTE_BELOW: text_for(request, "What staff wrote below it may be part of its text."),
        remarks.DATE_UNREAD: text_for(request, "Its date is as the mail program wrote it."),
        remarks.ZONE_GUESSED: text_for(
            request, "Its date came without a time zone: the hour may be another."
        ),
        remarks.OTHER_READING: text_for(
            request, "It could be read in two ways; the other mail in it is from {person}."
        ),
    }
