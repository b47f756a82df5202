"""The kinds of file that are imported: their columns, and how a row becomes a record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.core.feed.feed_mapping import COLUMNS
from gateway.core.kinds import known_tag
from gateway.core.people.applications import Application, Programme
from gateway.core.people.people import (
    NAME_LANGUAGES,
    Group,
    Membership,
    Names,
    Person,
    PersonKind,
    PersonRef,
    Staff,
    Status,
    StatusKind,
)
from gateway.core.people.training import Closing, Qualification
from gateway.crm.cells.values import KeyUnreadable, RowFields
from gateway.crm.synonyms import KIND_WORDS

Record = (
    Person | Staff | Group | Status | Membership | Programme | Application | Qualification | Closing
)
_STATUS_KINDS = {"": StatusKind.CANDIDATE} | {
    word: StatusKind(kind) for word, kind in KIND_WORDS.items()
}
_PERSON_KINDS = {"": PersonKind.CANDIDATE} | {
    word: PersonKind(kind) for word, kind in KIND_WORDS.items() if kind != "application"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A kind of file: its columns, and how its rows become records."""

    name: str  #: As in `gateway import KIND` and at the start of a file's name.
    columns: tuple[str, ...]
    needed: frozenset[str]  #: Columns without which there is no key.
    #: Raises `KeyUnreadable`; any other unreadable field is noted in the fields.
    key: Callable[[RowFields], tuple[str, ...]]
    record: Callable[[RowFields], Record]


def _kind_of(fields: RowFields) -> PersonKind:
    return fields.key_choice("kind", _PERSON_KINDS)


def _likely_kind(fields: RowFields) -> PersonKind:
    """Return the kind of person; a likely one if it is unreadable, so that the row counts."""
    return fields.likely_choice("kind", _PERSON_KINDS, PersonKind.CANDIDATE)


def _person_of(fields: RowFields) -> PersonRef:
    """Return the person a record belongs to; one without id if that is unreadable."""
    try:
        return PersonRef(_kind_of(fields), fields.key("person"))
    except KeyUnreadable as error:
        fields.miss("person", error.fault)
        return PersonRef(PersonKind.CANDIDATE, "")


def person_record(fields: RowFields) -> Person:
    """Return the person in a row of `people`; active if that is unreadable."""
    return Person(
        ref=PersonRef(_likely_kind(fields), fields.key("crm_id")),
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        emails=fields.addresses("emails"),
        unusable=fields.unusable("emails"),
        lookalikes=fields.lookalikes("emails"),
        status=fields.word("status"),
        finance_status=fields.word("finance_status"),
        owner=fields.word("owner"),
        language=fields.language("language"),
        birthday=fields.day("birthday"),
        consent_email=fields.flag("consent_email"),
        mail_on_set_date=fields.flag("mail_on_set_date"),
        mail_after_first_delivery=fields.flag("mail_after_first_delivery"),
        # Somebody with an unread `active` gets no mail, but still counts as having the address.
        active=fields.flag("active", blank=True, unread=True),
    )


def staff_record(fields: RowFields) -> Staff:
    """Return a member of staff; of several addresses, the first is taken and the rest reported."""
    return Staff(
        crm_id=fields.key("crm_id"),
        name=fields.text("name"),
        email=fields.address("email"),
        roles=fields.items("roles"),
        language=fields.language("language"),
    )


def group_record(fields: RowFields) -> Group:
    """Return a group; if its tag can't be read, it keeps its members out of mailings."""
    return Group(
        kind=_likely_kind(fields),
        crm_id=fields.key("crm_id"),
        name=fields.text("name"),
        tag=_tag(fields, "NoMailingsTag"),
        active=fields.flag("active", blank=True, unread=True),
        names=_names(fields),
    )


def _names(fields: RowFields) -> Names:
    """Return the names in other languages, from `name_de` and the like."""
    names = ((language, fields.text(f"name_{language}")) for language in NAME_LANGUAGES)
    return tuple((language, name) for language, name in names if name)


def _tag(fields: RowFields, protective: str) -> str:
    """Return a tag; the `protective` one if the cell is unreadable."""
    tag = known_tag(fields.word("tag"))
    return protective if "tag" in fields.unread else tag


def status_record(fields: RowFields) -> Status:
    """Return a status; if its tag can't be read, nobody with that status gets mail."""
    return Status(
        kind=fields.likely_choice("kind", _STATUS_KINDS, StatusKind.CANDIDATE),
        crm_id=fields.key("crm_id"),
        name=fields.text("name"),
        tag=_tag(fields, "NoMailTag"),
        initial=fields.flag("initial"),
        closed=fields.flag("closed", unread=True),
        names=_names(fields),
    )


def membership_record(fields: RowFields) -> Membership:
    """Return who belongs to which group; to none if the group is unreadable.

    That group may block mail, so such a row removes nothing.
    """
    kind, person, group = _likely_kind(fields), fields.key("person"), ""
    try:
        group = fields.key("group")
    except KeyUnreadable as error:
        fields.miss("group", error.fault)
        fields.is_unsure = True
    return Membership(kind=kind, group=group, person=person)


def programme_record(fields: RowFields) -> Programme:
    """Return a programme that people apply to."""
    return Programme(crm_id=fields.key("crm_id"), name=fields.text("name"))


def application_record(fields: RowFields) -> Application:
    """Return an application; nobody's if the person is unreadable."""
    return Application(
        reference=fields.key("reference"),
        person=_person_of(fields),
        programme=fields.word("programme"),
        title=fields.text("title"),
        status=fields.word("status"),
        responsible=fields.items("responsible"),
        submitted_at=fields.moment("submitted_at"),
    )


def qualification_record(fields: RowFields) -> Qualification:
    """Return a qualification; nobody's if the person is unreadable."""
    return Qualification(
        crm_id=fields.key("crm_id"),
        person=_person_of(fields),
        name=fields.text("name"),
        licence_number=fields.word("licence_number"),
        examiner_number=fields.word("examiner_number"),
        examiner=fields.text("examiner"),
        created_by=fields.word("created_by"),
        acquired_on=fields.day("acquired_on"),
        expires_on=fields.day("expires_on"),
        notice_days=fields.count("notice_days"),
    )


def closing_record(fields: RowFields) -> Closing:
    """Return the closing of a delivery; nobody's if the person is unreadable."""
    return Closing(
        crm_id=fields.key("crm_id"),
        person=_person_of(fields),
        closed_on=fields.day("closed_on"),
    )


#: In import order: first what suppresses, so that nobody is there before the group or status that
#: blocks their mail.
KINDS: Mapping[str, FileKind] = {
    kind.name: kind
    for kind in (
        FileKind(
            name="groups",
            columns=COLUMNS["groups"],
            needed=frozenset({"crm_id"}),
            key=lambda fields: (_kind_of(fields).value, fields.key("crm_id")),
            record=group_record,
        ),
        FileKind(
            name="statuses",
            columns=COLUMNS["statuses"],
            needed=frozenset({"crm_id"}),
            key=lambda fields: (
                fields.key_choice("kind", _STATUS_KINDS).value,
                fields.key("crm_id"),
            ),
            record=status_record,
        ),
        FileKind(
            name="staff",
            columns=COLUMNS["staff"],
            needed=frozenset({"crm_id"}),
            key=lambda fields: (fields.key("crm_id"),),
            record=staff_record,
        ),
        FileKind(
            name="memberships",
            columns=COLUMNS["memberships"],
            needed=frozenset({"group", "person"}),
            key=lambda fields: (
                _kind_of(fields).value,
                fields.key("person"),
                # Blank if the group couldn't be read.
                fields.word("group") and fields.key("group"),
            ),
            record=membership_record,
        ),
        FileKind(
            name="people",
            columns=COLUMNS["people"],
            needed=frozenset({"crm_id"}),
            key=lambda fields: (_kind_of(fields).value, fields.key("crm_id")),
            record=person_record,
        ),
        FileKind(
            name="programmes",
            columns=COLUMNS["programmes"],
            needed=frozenset({"crm_id"}),
            key=lambda fields: (fields.key("crm_id"),),
            record=programme_record,
        ),
        FileKind(
            name="applications",
            columns=COLUMNS["applications"],
            needed=frozenset({"reference", "person"}),
            key=lambda fields: (fields.key("reference"),),
            record=application_record,
        ),
        FileKind(
            name="qualifications",
            columns=COLUMNS["qualifications"],
            needed=frozenset({"crm_id", "person"}),
            key=lambda fields: (fields.key("crm_id"),),
            record=qualification_record,
        ),
        FileKind(
            name="deliveries",
            columns=COLUMNS["deliveries"],
            needed=frozenset({"crm_id", "person"}),
            key=lambda fields: (fields.key("crm_id"),),
            record=closing_record,
        ),
    )
}
