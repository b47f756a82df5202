"""Erasures: what was erased, without the data."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.documents.fields import IdText, JsonSchema, TimeText

if TYPE_CHECKING:
    from gateway.store.people.erasing import Erasure


class ErasureDocument(TypedDict):
    """An erasure that was done: who did it, when, and how much it was."""

    id: IdText
    at: TimeText
    by: str
    person: Annotated[str, JsonSchema(description="A keyed hash of the person's key.")]
    addresses: Annotated[list[str], JsonSchema(description="Keyed hashes of the addresses.")]
    counts: Annotated[
        dict[str, int], JsonSchema(description="Rows of each table that went or were emptied.")
    ]
    mailchimp: Annotated[str, JsonSchema(description="archive, delete, or empty.")]


class CertificateDocument(ErasureDocument):
    """What an erasure came to, or would."""

    dry_run: bool
    suppressed: Annotated[
        list[dict[str, str | None]],
        JsonSchema(description="What stays: the scope, and until when, of each hash."),
    ]
    shared_addresses: Annotated[
        int, JsonSchema(description="Addresses that stay, for other people have them too.")
    ]
    files: Annotated[
        list[str],
        JsonSchema(description="Of the feed, that speak of the person and can't be written anew."),
    ]
    files_deleted: bool
    rows_in_files: Annotated[int, JsonSchema(description="Taken out of the feed's other files.")]
    waiting_files: Annotated[
        list[str],
        JsonSchema(description="Of feed and journal, not taken in yet: they bring them back."),
    ]


def erasure_document(erasure: "Erasure") -> ErasureDocument:
    """Return an erasure that was done."""
    return {
        "id": ids.show(erasure.id),
        "at": in_utc(erasure.at),
        "by": erasure.by,
        "person": erasure.person,
        "addresses": list(erasure.addresses),
        "counts": dict(erasure.counts),
        "mailchimp": erasure.mailchimp,
    }


def certificate_document(
    erasure: "Erasure",
    *,
    is_dry: bool,
    shared: int,
    files: Sequence[Path],
    are_files_deleted: bool,
    rows_in_files: int,
    waiting_files: Sequence[Path],
) -> CertificateDocument:
    """Return what an erasure came to, or would."""
    return {
        **erasure_document(erasure),
        "dry_run": is_dry,
        "suppressed": [
            {
                "address": kept.name,
                "scope": kept.scope,
                "until": in_utc(kept.until) if kept.until else None,
                "source": kept.source,
            }
            for kept in erasure.kept
        ],
        "shared_addresses": shared,
        "files": [str(file) for file in files],
        "files_deleted": are_files_deleted,
        "rows_in_files": rows_in_files,
        "waiting_files": [str(file) for file in waiting_files],
    }
