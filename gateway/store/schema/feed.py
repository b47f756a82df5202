"""The tables of the feed: the CRM's data.

`source` owns a row; `--replace` removes only its own.
"""

from sqlalchemy import Column, Date, Index, Integer, SmallInteger, Table, text

from gateway.core.people.people import NAME_LANGUAGES
from gateway.store.schema.columns import UtcTime, flag, key, metadata, partial_index, words

people = Table(
    "people",
    metadata,
    key("kind"),
    key("crm_id"),
    words("source"),
    words("first_name"),
    words("last_name"),
    words("emails"),  # as given, separated by `;`, primary first
    words("unusable"),  # given as addresses but unusable as such, separated by `;`
    words("status"),
    words("finance_status"),
    words("owner"),
    words("language"),
    Column("birthday", Date),
    flag("consent_email"),
    flag("mail_on_set_date"),
    flag("mail_after_first_delivery"),
    flag("active", "true"),
    flag("doubtful"),  # `active` could not be read
    Column("status_since", UtcTime),
    # Since when it is unknown what mail the status, or a group, keeps away: it can't be read, or
    # leads nowhere.
    Column("status_unread_since", UtcTime),
    Column("anniversary", SmallInteger),  # of the birthday: 229 is 29 February
    sqlite_with_rowid=False,
)
Index("ix_people_owner", people.c.owner)
partial_index(
    "ix_people_status_unread_since",
    people.c.status_unread_since,
    where=people.c.status_unread_since.is_not(None),
)
partial_index(
    "ix_people_anniversary",
    people.c.anniversary,
    where=people.c.anniversary.is_not(None),
)
partial_index(
    "ix_people_mail_on_set_date",
    people.c.kind,
    people.c.crm_id,
    where=text("mail_on_set_date"),
)
partial_index(
    "ix_people_mail_after_first_delivery",
    people.c.kind,
    people.c.crm_id,
    where=text("mail_after_first_delivery"),
)

addresses = Table(
    "addresses",
    metadata,
    key("address"),
    key("kind"),
    key("person"),
    # -1: the mailbox behind a plus address, which counts with `plus_addresses` only
    Column("position", SmallInteger, nullable=False, server_default=text("0")),
    sqlite_with_rowid=False,
)
Index("ix_addresses_kind_person", addresses.c.kind, addresses.c.person)

staff = Table(
    "staff",
    metadata,
    key("crm_id"),
    words("source"),
    words("name"),
    words("email"),
    words("address"),  # the e-mail in lookup form
    words("roles"),  # separated by `;`
    words("language"),
)
Index("ix_staff_address", staff.c.address)

groups = Table(
    "groups",
    metadata,
    key("kind"),
    key("crm_id"),
    words("source"),
    words("name"),
    words("tag"),
    flag("active", "true"),
    *(words(f"name_{language}") for language in NAME_LANGUAGES),
)

statuses = Table(
    "statuses",
    metadata,
    key("kind"),
    key("crm_id"),
    words("source"),
    words("name"),
    words("tag"),
    flag("initial"),
    flag("closed"),
    *(words(f"name_{language}") for language in NAME_LANGUAGES),
)

memberships = Table(
    "memberships",
    metadata,
    key("kind"),
    key("person"),
    key("group_id"),
    key("source"),
    Column("since", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_memberships_kind_group_id", memberships.c.kind, memberships.c.group_id)

feeds = Table(
    "feeds",
    metadata,
    key("source"),
    key("what"),  # people, staff, groups …
    Column("at", UtcTime, nullable=False),
    Column("records", Integer, nullable=False),
    words("file"),  # the last file taken from the folder: it is never taken twice
)

unread_fields = Table(
    "unread_fields",
    metadata,
    key("what"),  # people, qualifications …
    key("kind"),  # of the record's key; empty where it has none
    key("key"),  # crm_id or reference
    key("field"),
    words("text"),  # what is wrong with it
    words("source"),  # who last sent it, where, and when
    words("file"),
    Column("line", Integer, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)

# Kinds of files whose last file was not fully taken in.
feed_faults = Table(
    "feed_faults",
    metadata,
    key("source"),
    key("what"),
    Column("since", UtcTime, nullable=False),  # of the first such file since the last good one
    Column("at", UtcTime, nullable=False),
    Column("problems", Integer, nullable=False),
    flag("failed"),  # none of it was taken in
    words("file"),
    words("reason"),
)

#: Every import of a file or of many records; faults of single rows are stored beside the file.
imports = Table(
    "imports",
    metadata,
    Column("at", UtcTime, primary_key=True, autoincrement=False),
    key("source"),
    key("what"),
    words("file"),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("suppressions_added", Integer, nullable=False),
    Column("suppressions_lifted", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
    flag("held_back"),  # the guard held all of it back
)

programmes = Table("programmes", metadata, key("crm_id"), words("source"), words("name"))

applications = Table(
    "applications",
    metadata,
    key("reference"),
    words("source"),
    words("kind"),
    words("person"),
    words("programme"),
    words("title"),
    words("status"),
    words("responsible"),  # crm_ids of staff, separated by `;`
    Column("submitted_at", UtcTime),
)
Index("ix_applications_kind_person", applications.c.kind, applications.c.person)

qualifications = Table(
    "qualifications",
    metadata,
    key("crm_id"),
    words("source"),
    words("kind"),
    words("person"),
    words("name"),
    words("licence_number"),
    words("examiner_number"),
    words("examiner"),
    words("created_by"),
    Column("acquired_on", Date),
    Column("expires_on", Date),
    Column("notice_days", Integer),
)
Index("ix_qualifications_kind_person", qualifications.c.kind, qualifications.c.person)
Index("ix_qualifications_expires_on", qualifications.c.expires_on)
partial_index(
    "ix_qualifications_notice_days_expires_on",
    qualifications.c.notice_days,
    qualifications.c.expires_on,
    where=qualifications.c.notice_days.is_not(None),
)

# The feed calls them deliveries, but that is a word of the journal here.
closings = Table(
    "closings",
    metadata,
    key("crm_id"),
    words("source"),
    words("kind"),
    words("person"),
    Column("closed_on", Date),
)
Index("ix_closings_kind_person", closings.c.kind, closings.c.person, closings.c.closed_on)
Index("ix_closings_closed_on", closings.c.closed_on)
