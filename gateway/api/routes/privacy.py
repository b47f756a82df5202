"""People's rights: to see what is held on them, and to be erased."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.bearer import READS, SuppressionsToken
from gateway.api.idempotency import Key, in_steps, record_of_request
from gateway.api.json_response import (
    JSON,
    MOST,
    AddressOrPerson,
    Cursor,
    Limit,
    Since,
    StaffName,
    Using,
    id_before,
    id_cursor,
    octets,
    page,
    read_ref_or_address,
    respond,
)
from gateway.api.managers import acting_manager
from gateway.api.schemas import answers, items
from gateway.api.threads import in_thread
from gateway.documents.erasures import CertificateDocument, ErasureDocument, erasure_document
from gateway.store.api.answers import StoredAnswer
from gateway.store.people import erasures

router = APIRouter(tags=["privacy"])


class ErasureRequest(BaseModel):
    """How a person is erased, and who asked for it."""

    model_config = ConfigDict(extra="forbid")

    by: StaffName = Field(
        "",
        max_length=200,
        description="Who asked for it; by default the token's name. A token without the role "
        "`manager` names a member of staff who has it, by crm_id or address.",
    )
    dry_run: bool = Field(False, description="Erase nothing; tell what would go.")
    mailchimp: Literal["archive", "delete", "keep"] = Field(
        "archive", description="What becomes of the contact at Mailchimp."
    )
    files: bool = Field(
        False, description="Delete files of the feed that can't have rows taken out."
    )


@router.post(
    "/people/{person:id}/erase",
    responses=answers(CertificateDocument, "What was erased, without the data."),
)
async def erase_person(
    request: Request,
    using: Using,
    *,
    token: SuppressionsToken,
    person: AddressOrPerson,
    erasure: ErasureRequest,
    key: Key = None,
) -> Response:
    """Erase all data held on a person, or on an address nobody has; this can't be undone.

    Whoever was suppressed stays so by a keyed hash of each address.
    """
    by = await using.database.read(acting_manager, using, token, erasure.by)
    ref_or_address = read_ref_or_address(using, person)
    mode = "" if erasure.mailchimp == "keep" else erasure.mailchimp

    async def erased() -> StoredAnswer:
        certificate = await in_thread(
            using.privacy.erase,
            ref_or_address,
            by=by,
            mailchimp=mode,
            with_files=erasure.files,
            dry_run=erasure.dry_run,
        )
        return StoredAnswer(status=200, type=JSON, body=octets(certificate))

    return await in_steps(
        using, record_of_request(request, token, key, erasure.model_dump_json()), erased
    )


@router.get(
    "/people/{person:id}/export",
    dependencies=[READS],
    responses={200: {"content": {JSON: {"schema": {"type": "object"}}}}},
)
async def export_person(request: Request, using: Using, person: AddressOrPerson) -> Response:
    """Return all data held on a person, by table (GDPR, articles 15 and 20)."""
    ref_or_address = read_ref_or_address(using, person)
    held = await in_thread(using.privacy.export, ref_or_address)
    return respond(request, held)


@router.get(
    "/people/{person:id}/export.zip",
    dependencies=[READS],
    responses={200: {"content": {"application/zip": {}}}},
)
async def export_person_with_files(using: Using, person: AddressOrPerson) -> Response:
    """Return the same as an archive, with a page to read, documents and mail."""
    ref_or_address = read_ref_or_address(using, person)
    archive = await in_thread(using.privacy.export_archive, ref_or_address)
    headers = {"content-disposition": 'attachment; filename="person.zip"'}
    return Response(archive, headers=headers, media_type="application/zip")


@router.get("/erasures", dependencies=[READS], responses=items(ErasureDocument))
async def list_erasures(
    request: Request, using: Using, *, since: Since, limit: Limit = MOST, cursor: Cursor = None
) -> Response:
    """List the erasures that were done, without the data, the newest first."""
    number = id_before(cursor)
    done = await using.database.read(
        erasures.list_erasures, since=since, before=number, limit=limit + 1
    )
    return page(request, done, limit, document=erasure_document, cursor=id_cursor)
