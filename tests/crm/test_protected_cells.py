"""Whoever is protected stays so, however an export or a person wrote the cells that say it."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from gateway.core.kinds import TAG_SCOPES, Scope, known_tag
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import PersonKind, PersonRef
from gateway.crm.importer import import_file
from gateway.store.engine.database import Database
from gateway.store.feed import unread
from gateway.store.people.people import find
from gateway.store.people.suppressed import SuppressedAddresses, SuppressionFilter
from gateway.store.people.suppression import Standings
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


KNOWN_STATUSES = ("s1,Aktief,", "s8,Stil,NoMailChimpMailingsTag", "s9,Overleden,NoMailTag")
#: A person's status as it was known before (None: a new person) and as the file has it now, and
#: what is kept away from the person then.
STATUSES: tuple[tuple[str | None, str, set[Scope]], ...] = (
    (None, "s1", set()),
    (None, "", set()),
    (None, "\0", {Scope.BULK}),
    (None, "g999", {Scope.BULK}),
    ("s1", "\0", {Scope.BULK}),
    ("s1", "g999", {Scope.BULK}),
    ("s8", "\0", {Scope.BULK}),
    ("s8", "g999", {Scope.BULK}),
    ("s9", "\0", {Scope.ALL}),
    ("s9", "g999", {Scope.ALL}),
)


@pytest.mark.parametrize(("before", "given", "expected"), STATUSES)
def test_a_status_that_can_not_be_read_or_leads_nowhere_keeps_bulk_mail_away_until_it_is_known(
    database: Database, write: Write, before: str | None, given: str, expected: set[Scope]
) -> None:
    take(database, write, "statuses", "crm_id,name,tag", *KNOWN_STATUSES)
    if before is not None:
        take(database, write, "people", "crm_id,emails,status", f"1,a@x.org,{before}")

    take(database, write, "people", "crm_id,emails,status", f"1,a@x.org,{given}")

    assert {"a@x.org": expected} == scopes(database, "a@x.org")
    listed = SuppressedAddresses(
        is_sqlite=database.is_sqlite,
        tag_scopes=TAG_SCOPES,
        optout_scope=Scope.MAILCHIMP,
        plus_addresses=False,
    )
    with database.reading() as connection:
        page = listed.page(connection, SuppressionFilter(scope=Scope.BULK), at=NOW, limit=9)
    assert expected == {one.suppression.scope for one in page}

    take(database, write, "people", "crm_id,emails,status", "1,a@x.org,s1")
    assert {"a@x.org": set()} == scopes(database, "a@x.org")


def test_the_report_says_how_many_get_no_bulk_mail_for_their_status(
    database: Database, write: Write
) -> None:
    take(database, write, "statuses", "crm_id,name,tag", *KNOWN_STATUSES)
    rows = ("1,a@x.org,g999", "2,b@x.org,\0", "3,c@x.org,s1")
    path = write("crm_id,emails,status", *rows)

    report = import_file(database, "people", path, source="crm", now=NOW)

    told = [remark for remark in report.remarks if "no bulk mail" in remark]
    assert [True] == [remark.startswith("2 people") for remark in told]


def test_a_status_that_leads_nowhere_keeps_nothing_away_before_any_is_known_and_once_it_comes(
    database: Database, write: Write
) -> None:
    take(database, write, "people", "crm_id,emails,status", "1,a@x.org,s1", "2,b@x.org,s2")
    assert {"a@x.org": set(), "b@x.org": set()} == scopes(database, "a@x.org", "b@x.org")

    take(database, write, "statuses", "crm_id,name", "s1,Aktief")
    assert {"a@x.org": set(), "b@x.org": {Scope.BULK}} == scopes(database, "a@x.org", "b@x.org")

    take(database, write, "statuses", "crm_id,name", "s2,Nieuw")
    assert {"b@x.org": set()} == scopes(database, "b@x.org")


BULK, ALL, MAILCHIMP = {Scope.BULK}, {Scope.ALL}, {Scope.MAILCHIMP}
ACTIVE = "crm_id,tag,active"
#: A group or status of somebody as it was known and what it kept away, the row that tells of it
#: anew, and what is kept away then. Of a tag that can't be read the old one counts if it is wider.
UNREAD_EFFECTS: tuple[tuple[str, str, str, set[Scope], str, set[Scope]], ...] = (
    ("statuses", "crm_id,tag", "s1,", set(), "s1,\0", BULK),
    ("statuses", "crm_id,tag", "s1,NoMailChimpMailingsTag", MAILCHIMP, "s1,\0", BULK),
    ("statuses", "crm_id,tag", "s1,VIP", set(), "s1,\0", BULK),
    ("statuses", "crm_id,tag", "s1,NoMailTag", ALL, "s1,\0", ALL),
    ("statuses", "crm_id,tag", "s1,", set(), "s1,VIP", set()),
    ("groups", "crm_id,tag", "g1,", set(), "g1,\0", BULK),
    ("groups", "crm_id,tag", "g1,NoMailTag", ALL, "g1,\0", ALL),
    ("groups", ACTIVE, "g1,,no", set(), "g1,\0,no", set()),
    ("groups", ACTIVE, "g1,,no", set(), "g1,\0,perhaps", BULK),
    ("groups", ACTIVE, "g1,NoMailingsTag,no", set(), "g1,NoMailingsTag,?", BULK),
    ("groups", ACTIVE, "g1,NoMailTag,no", set(), "g1,NoMailTag,#N/A", ALL),
    ("groups", ACTIVE, "g1,,no", set(), "g1,,perhaps", set()),
    ("groups", ACTIVE, "g1,NoMailTag,yes", ALL, "g1,NoMailTag,?", ALL),
)


@pytest.mark.parametrize(("kind", "header", "before", "usual", "given", "expected"), UNREAD_EFFECTS)
@pytest.mark.parametrize("are_people_last", [False, True])
def test_what_a_known_group_or_status_does_counts_for_protection_while_it_can_not_be_read(
    database: Database,
    write: Write,
    kind: str,
    header: str,
    before: str,
    usual: set[Scope],
    given: str,
    expected: set[Scope],
    are_people_last: bool,
) -> None:
    people = ("people", "crm_id,emails,status", "1,a@x.org,s1", "2,b@x.org,")
    take(database, write, kind, header, before)
    take(database, write, "memberships", "group,person", "g1,1")
    if not are_people_last:
        take(database, write, *people)

    take(database, write, kind, header, given)
    if are_people_last:
        take(database, write, *people)

    assert {"a@x.org": expected, "b@x.org": set()} == scopes(database, "a@x.org", "b@x.org")

    take(database, write, kind, header, before)
    assert {"a@x.org": usual} == scopes(database, "a@x.org")


#: Rows of a member, and whether bulk mail is kept from the person.
MEMBERS_OF_UNKNOWN: tuple[tuple[str, bool], ...] = (
    ("g9,1", True),
    ("g1,1", False),
    ("Stll,1", True),
    (",1", True),
    ("\0,1", True),
    ("#N/A,1", True),
    ("g1,", False),
)


@pytest.mark.parametrize(("row", "expected"), MEMBERS_OF_UNKNOWN)
@pytest.mark.parametrize("is_person_known", [True, False])
def test_a_member_of_a_group_that_nobody_knows_gets_no_bulk_mail_until_it_is_known(
    database: Database, write: Write, row: str, expected: bool, is_person_known: bool
) -> None:
    people = ("people", "crm_id,emails", "1,a@x.org", "2,b@x.org")
    take(database, write, "groups", "crm_id,name,tag", "g1,Nieuws,", "g2,Still,NoMailingsTag")
    take(database, write, "memberships", "group,person", "g1,2")
    if is_person_known:
        take(database, write, *people)

    path = write("group,person", row, name="memberships.csv")
    report = import_file(database, "memberships", path, source="crm", now=NOW, replace=True)
    if not is_person_known:
        take(database, write, *people)

    bulk = {Scope.BULK} if expected else set()
    assert {"a@x.org": bulk, "b@x.org": set()} == scopes(database, "a@x.org", "b@x.org")
    assert row.startswith("g1,1") == report.is_good
    if expected and is_person_known:
        told = [remark for remark in report.remarks if "no bulk mail" in remark]
        assert [True] == [remark.startswith("1 person gets") for remark in told]


def test_a_member_of_a_group_that_leads_nowhere_is_mailed_before_any_is_known_and_once_it_comes(
    database: Database, write: Write
) -> None:
    take(database, write, "people", "crm_id,emails", "1,a@x.org")
    take(database, write, "memberships", "group,person", "g9,1")
    assert {"a@x.org": set()} == scopes(database, "a@x.org")

    take(database, write, "groups", "crm_id,name", "g1,Nieuws")
    assert {"a@x.org": {Scope.BULK}} == scopes(database, "a@x.org")

    take(database, write, "groups", "crm_id,name", "g9,Oud")
    assert {"a@x.org": set()} == scopes(database, "a@x.org")


#: What is told after a row `,1`, by which terms, and whether bulk mail is kept from 1 still.
AFTER_UNREAD_GROUP: tuple[tuple[tuple[str, ...], dict[str, Any], bool], ...] = (
    (("g1,1",), {}, True),
    (("g2,1",), {}, False),
    (("g2,1", ",1"), {}, True),
    (("g2,2",), {}, True),
    (("g1,1",), {"replace": True}, False),
    (("g1,1", ",1"), {"replace": True}, True),
    ((",1",), {"remove": True}, False),
    (("g1,1",), {"remove": True}, True),
)


@pytest.mark.parametrize(("rows", "terms", "expected"), AFTER_UNREAD_GROUP)
def test_a_group_that_could_not_be_read_counts_until_the_row_is_mended_or_gone(
    database: Database,
    write: Write,
    rows: tuple[str, ...],
    terms: dict[str, Any],
    expected: bool,
) -> None:
    take(database, write, "groups", "crm_id,name", "g1,Nieuws", "g2,Stil")
    take(database, write, "people", "crm_id,emails", "1,a@x.org")
    take(database, write, "memberships", "group,person", "g1,1", ",1")

    path = write("group,person", *rows, name="memberships.csv")
    import_file(database, "memberships", path, source="crm", now=NOW, **terms)

    assert {"a@x.org": {Scope.BULK} if expected else set()} == scopes(database, "a@x.org")
    with database.reading() as connection:
        unread_of = unread.of_people(connection, [PersonRef(PersonKind.CANDIDATE, "1")])
    assert expected == bool(unread_of)


#: People on file, a file with a row of a kind that nobody knows, what is kept away, and how often
#: the kind is told of.
UNKNOWN_KIND: tuple[tuple[tuple[str, ...], str, str, dict[str, set[Scope]], int], ...] = (
    ((), "people", "Bedrijf,1,a@x.org,s9", {}, 1),
    (("candidate,1,a@x.org,s1",), "people", "Bedrijf,1,,s9", {"a@x.org": {Scope.ALL}}, 2),
    (("contact,1,a@x.org,k1",), "people", "Bedrijf,1,,k9", {"a@x.org": {Scope.ALL}}, 2),
    (("candidate,1,a@x.org,s9",), "people", "Bedrijf,1,,s1", {"a@x.org": {Scope.ALL}}, 2),
    (("candidate,1,a@x.org,s9",), "people", "Bedrijf,1,b@x.org,", {"b@x.org": {Scope.ALL}}, 2),
    (
        ("candidate,1,a@x.org,s1", "contact,1,b@x.org,k1"),
        "people",
        "Bedrijf,1,,s9",
        {"a@x.org": {Scope.ALL}},
        3,
    ),
    ((), "memberships", "Bedrijf,1,g1", {}, 1),
    (("candidate,1,a@x.org,s1",), "memberships", "Bedrijf,1,g1", {"a@x.org": {Scope.BULK}}, 2),
    (("candidate,1,a@x.org,s1",), "memberships", "Bedrijf,2,g1", {"a@x.org": set()}, 1),
)


@pytest.mark.parametrize(("on_file", "kind", "row", "expected", "told"), UNKNOWN_KIND)
def test_a_row_of_a_kind_that_nobody_knows_counts_for_whom_its_id_is_known_to_be(
    database: Database,
    write: Write,
    on_file: tuple[str, ...],
    kind: str,
    row: str,
    expected: dict[str, set[Scope]],
    told: int,
) -> None:
    words = ("candidate,s1,Aktief,", "candidate,s9,Overleden,NoMailTag")
    contacts = ("contact,k1,Aktief,", "contact,k9,Overleden,NoMailTag")
    take(database, write, "statuses", "kind,crm_id,name,tag", *words, *contacts)
    take(database, write, "groups", "crm_id,name,tag", "g1,Geen bulk,NoMailingsTag")
    take(database, write, "people", "kind,crm_id,emails,status", *on_file)
    header = "kind,crm_id,emails,status" if kind == "people" else "kind,person,group"

    path = write(header, row, name=f"{kind}.csv")
    report = import_file(database, kind, path, source="crm", now=NOW, replace=True)

    assert expected == scopes(database, *expected)
    assert told == sum(problem.column == "kind" for problem in report.problems)
    assert (report.is_incomplete, 0) == (True, report.outcome.suppressions_lifted)
