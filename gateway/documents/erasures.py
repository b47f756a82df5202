"""Erasures: what was erased, without the data."""

from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.documents.fields import IdText, JsonSchema, TimeText

if TYPE_CHECKING:
    from gateway.store.people.erasures import Erasure


class ErasureDocument(TypedDict):
    """An erasure that was carried out: by whom, when, and how much was erased."""

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
    """The result of an erasure, or of a dry run."""

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
        JsonSchema(description="Files of the feed that name the person and can't be rewritten."),
    ]
    files_deleted: bool
    rows_in_files: Annotated[int, JsonSchema(description="Taken out of the feed's other files.")]
    waiting_files: Annotated[
        list[str],
        JsonSchema(
            description="Of feed and journal, not taken in yet: they bring the person back."
        ),
    ]


def erasure_document(erasure: "Erasure") -> ErasureDocument:
    """Return an erasure that was carried out."""
    return {
        "id": ids.show(erasure.id),
        "at": in_utc(erasure.at),
        "by": erasure.by,
        "person": erasure.person,
        "addresses": list(erasure.addresses),
        "counts": dict(erasure.counts),
        "mailchimp": erasure.mailchimp,
    }
