"""Whoever is protected stays so, however an export or a person wrote the cells that say it."""

from datetime import UTC, datetime
from itertools import count

import pytest

from gateway.core.address import lookup_form
from gateway.core.kinds import TAG_SCOPES, Scope, known_tag
from gateway.core.people import PersonRef
from gateway.crm.importer import import_file
from gateway.store.database import Database
from gateway.store.people import find
from gateway.store.suppression import Standings
from tests.crm.conftest import Write

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)

#: Cells of members of the group that keeps bulk mail away, and the addresses it must keep it from.
CELLS = {
    "Jo K <a{n}@x.org>": ("a{n}@x.org",),
    "a{n}@x.org, b{n}@x.org": ("a{n}@x.org", "b{n}@x.org"),
    "a{n}@x.org\nb{n}@x.org": ("a{n}@x.org", "b{n}@x.org"),
    "mailto:a{n}@x.org": ("a{n}@x.org",),
    "<a{n}@x.org>": ("a{n}@x.org",),
    "a{n}@x.org / b{n}@x.org": ("a{n}@x.org", "b{n}@x.org"),
    "a{n}@x.org (private)": ("a{n}@x.org",),
    "prive: a{n}@x.org; werk: b{n}@x.org": ("a{n}@x.org", "b{n}@x.org"),
    "a{n}\u200b@x.org": ("a{n}@x.org",),
    "\ufeffa{n}@x\u00ad.org\u200f": ("a{n}@x.org",),
    "a{n}@x.org\u00a0": ("a{n}@x.org",),
    "zoe\u0308{n}@x.org": ("zoë{n}@x.org",),
    "niet a{n}@x.org maar b{n}@x.org": ("a{n}@x.org", "b{n}@x.org"),
    "a{n}(at)x.org": ("a{n}@x.org",),
    "old: a{n}@x.org; b{n}@x.org": ("a{n}@x.org", "b{n}@x.org"),
}

#: How the key of a group or status and of its members may differ for programs alone.
KEYS = (
    ("g1", "g1\u200b"),
    ("\ufeffg2", "g2"),
    ("g3\u00a0", "g3"),
    ("zo\u00eb", "zoe\u0308"),
    ("g\u00ad4", "\u200eg4\u200f"),
    ("no bulk", "no\u00a0bulk"),
)


def take(database: Database, write: Write, kind: str, header: str, *rows: str) -> None:
    path = write(header, *rows, name=f"{kind}.csv")
    import_file(database, kind, path, source="crm", now=NOW)


def scopes(database: Database, *addresses: str) -> dict[str, set[Scope]]:
    """Return what the status and groups of its holders keep away from each address."""
    forms = {address: lookup_form(address) for address in addresses}
    standings = Standings(database, tag_scopes=TAG_SCOPES)
    with database.reading() as connection:
        found = standings.within(connection, list(forms.values()))
    standings.close()
    return {
        address: {
            one.scope for holder in found[form].holders for one in holder.suppressions
        } if form in found else set()
        for address, form in forms.items()
    }  # fmt: skip


def test_every_address_in_a_cell_of_somebody_protected_is_protected(
    database: Database, write: Write
) -> None:
    numbered = {str(n): (cell.format(n=n), expected) for n, (cell, expected) in
                zip(count(), CELLS.items(), strict=False)}  # fmt: skip
    take(database, write, "groups", "crm_id,tag", "g,NoMailingsTag")
    take(database, write, "people", "crm_id,emails", *(
        f'{number},"{cell}"' for number, (cell, _) in numbered.items()
    ))  # fmt: skip
    take(database, write, "memberships", "group,person", *(f"g,{number}" for number in numbered))
    wanted = [one.format(n=number) for number, (_, some) in numbered.items() for one in some]

    assert {address: {Scope.BULK} for address in wanted} == scopes(database, *wanted)


def test_what_is_only_like_an_address_is_suppressed_and_not_mailed(
    database: Database, write: Write
) -> None:
    take(database, write, "people", "crm_id,emails", '1,"niet a@x.org maar b@x.org; c@x.org"')
    with database.reading() as connection:
        (record,) = find(connection, PersonRef.parse("candidate:1"))

    assert ("c@x.org",) == record.person.emails
    assert ("c@x.org",) == record.addresses
    assert ("a@x.org", "b@x.org") == record.lookalikes


def test_keys_that_look_the_same_are_the_same(database: Database, write: Write) -> None:
    take(database, write, "groups", "crm_id,tag", *(f"{key},NoMailingsTag" for key, _ in KEYS))
    take(database, write, "statuses", "crm_id,tag", *(f"{key},NoMailTag" for key, _ in KEYS))
    take(database, write, "people", "crm_id,emails,status", *(
        f"p{n}\u200b,a{n}@x.org,{key}" for n, (_, key) in enumerate(KEYS)
    ))  # fmt: skip
    take(database, write, "memberships", "group,person", *(
        f"{key},\u200ep{n}" for n, (_, key) in enumerate(KEYS)
    ))  # fmt: skip
    wanted = [f"a{n}@x.org" for n in range(len(KEYS))]

    assert {address: {Scope.BULK, Scope.ALL} for address in wanted} == scopes(database, *wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NoMailTag", "NoMailTag"),
        ("no mail tag", "NoMailTag"),
        ("NOMAILINGSTAG", "NoMailingsTag"),
        ("No-Mailchimp-Mailings-Tag", "NoMailChimpMailingsTag"),
        ("NoMailTag (Overleden)", "NoMailTag"),
        ("NoMailingsTag; NoMailTag", "NoMailTag"),
        ("NoMailChimpMailingsTag, NoMailingsTag", "NoMailingsTag"),
        ("NoMailingTag", "NoMailingTag"),
        ("VIP", "VIP"),
        ("", ""),
    ],
)
def test_a_tag_is_known_in_any_spelling(text: str, expected: str) -> None:
    assert expected == known_tag(text)
