"""The first schema that is kept up to date.

Numbers below 0100 belonged to stores of builds before any release, which are refused.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.schema.host import new_identity

revision = "0100"
down_revision = None

_ID = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Create the tables, and give the store its identity."""
    _host()
    _feed()
    _references()
    _suppressions()
    _journal()
    _outbox()
    _inbound()
    _activities()
    _campaigns()
    _triggers()
    _api()


def _host() -> None:
    op.create_table(
        "leases",
        Column("name", Text, nullable=False),
        Column("holder", Text, nullable=False),
        Column("until", BigInteger, nullable=False),
        PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "pauses",
        Column("what", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("by", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("what", name="pk_pauses"),
    )
    op.create_table(
        "schema_version",
        Column("version", Text, nullable=False),
        PrimaryKeyConstraint("version", name="pk_schema_version"),
    )
    table = op.create_table(
        "store_identity",
        Column("id", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_store_identity"),
    )
    op.bulk_insert(table, [{"id": new_identity()}])


def _feed() -> None:
    op.create_table(
        "people",
        Column("kind", Text, nullable=False),
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("first_name", Text, nullable=False, server_default=""),
        Column("last_name", Text, nullable=False, server_default=""),
        Column("emails", Text, nullable=False, server_default=""),
        Column("unusable", Text, nullable=False, server_default=""),
        Column("status", Text, nullable=False, server_default=""),
        Column("finance_status", Text, nullable=False, server_default=""),
        Column("owner", Text, nullable=False, server_default=""),
        Column("language", Text, nullable=False, server_default=""),
        Column("birthday", Date),
        Column("consent_email", Boolean, nullable=False, server_default=text("false")),
        Column("mail_on_set_date", Boolean, nullable=False, server_default=text("false")),
        Column("mail_after_first_delivery", Boolean, nullable=False, server_default=text("false")),
        Column("active", Boolean, nullable=False, server_default=text("true")),
        Column("doubtful", Boolean, nullable=False, server_default=text("false")),
        Column("status_since", BigInteger),
        Column("status_unread_since", BigInteger),
        Column("anniversary", SmallInteger),
        PrimaryKeyConstraint("kind", "crm_id", name="pk_people"),
        sqlite_with_rowid=False,
    )
    _partial_index("ix_people_anniversary", "people", ["anniversary"], "anniversary IS NOT NULL")
    _partial_index(
        "ix_people_mail_after_first_delivery",
        "people",
        ["kind", "crm_id"],
        "mail_after_first_delivery",
    )
    _partial_index("ix_people_mail_on_set_date", "people", ["kind", "crm_id"], "mail_on_set_date")
    op.create_index("ix_people_owner", "people", ["owner"])
    op.create_table(
        "addresses",
        Column("address", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("position", SmallInteger, nullable=False, server_default=text("0")),
        PrimaryKeyConstraint("address", "kind", "person", name="pk_addresses"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_addresses_kind_person", "addresses", ["kind", "person"])
    op.create_table(
        "staff",
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("name", Text, nullable=False, server_default=""),
        Column("email", Text, nullable=False, server_default=""),
        Column("address", Text, nullable=False, server_default=""),
        Column("roles", Text, nullable=False, server_default=""),
        Column("language", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("crm_id", name="pk_staff"),
    )
    op.create_index("ix_staff_address", "staff", ["address"])
    op.create_table(
        "groups",
        Column("kind", Text, nullable=False),
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("name", Text, nullable=False, server_default=""),
        Column("tag", Text, nullable=False, server_default=""),
        Column("active", Boolean, nullable=False, server_default=text("true")),
        Column("name_nl", Text, nullable=False, server_default=""),
        Column("name_de", Text, nullable=False, server_default=""),
        Column("name_fr", Text, nullable=False, server_default=""),
        Column("name_en", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("kind", "crm_id", name="pk_groups"),
    )
    op.create_table(
        "statuses",
        Column("kind", Text, nullable=False),
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("name", Text, nullable=False, server_default=""),
        Column("tag", Text, nullable=False, server_default=""),
        Column("initial", Boolean, nullable=False, server_default=text("false")),
        Column("closed", Boolean, nullable=False, server_default=text("false")),
        Column("name_nl", Text, nullable=False, server_default=""),
        Column("name_de", Text, nullable=False, server_default=""),
        Column("name_fr", Text, nullable=False, server_default=""),
        Column("name_en", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("kind", "crm_id", name="pk_statuses"),
    )
    op.create_table(
        "memberships",
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("group_id", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        PrimaryKeyConstraint("kind", "person", "group_id", "source", name="pk_memberships"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_memberships_kind_group_id", "memberships", ["kind", "group_id"])
    op.create_table(
        "feeds",
        Column("source", Text, nullable=False),
        Column("what", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("records", Integer, nullable=False),
        Column("file", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("source", "what", name="pk_feeds"),
    )
    op.create_table(
        "unread_fields",
        Column("what", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("field", Text, nullable=False),
        Column("text", Text, nullable=False, server_default=""),
        Column("source", Text, nullable=False, server_default=""),
        Column("file", Text, nullable=False, server_default=""),
        Column("line", Integer, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("what", "kind", "key", "field", name="pk_unread_fields"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feed_faults",
        Column("source", Text, nullable=False),
        Column("what", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("problems", Integer, nullable=False),
        Column("failed", Boolean, nullable=False, server_default=text("false")),
        Column("file", Text, nullable=False, server_default=""),
        Column("reason", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("source", "what", name="pk_feed_faults"),
    )
    op.create_table(
        "programmes",
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("name", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("crm_id", name="pk_programmes"),
    )
    op.create_table(
        "applications",
        Column("reference", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("kind", Text, nullable=False, server_default=""),
        Column("person", Text, nullable=False, server_default=""),
        Column("programme", Text, nullable=False, server_default=""),
        Column("title", Text, nullable=False, server_default=""),
        Column("status", Text, nullable=False, server_default=""),
        Column("responsible", Text, nullable=False, server_default=""),
        Column("submitted_at", BigInteger),
        PrimaryKeyConstraint("reference", name="pk_applications"),
    )
    op.create_index("ix_applications_kind_person", "applications", ["kind", "person"])
    op.create_table(
        "qualifications",
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("kind", Text, nullable=False, server_default=""),
        Column("person", Text, nullable=False, server_default=""),
        Column("name", Text, nullable=False, server_default=""),
        Column("licence_number", Text, nullable=False, server_default=""),
        Column("examiner_number", Text, nullable=False, server_default=""),
        Column("examiner", Text, nullable=False, server_default=""),
        Column("created_by", Text, nullable=False, server_default=""),
        Column("acquired_on", Date),
        Column("expires_on", Date),
        Column("notice_days", Integer),
        PrimaryKeyConstraint("crm_id", name="pk_qualifications"),
    )
    op.create_index("ix_qualifications_expires_on", "qualifications", ["expires_on"])
    op.create_index("ix_qualifications_kind_person", "qualifications", ["kind", "person"])
    _partial_index(
        "ix_qualifications_notice_days_expires_on",
        "qualifications",
        ["notice_days", "expires_on"],
        "notice_days IS NOT NULL",
    )
    op.create_table(
        "closings",
        Column("crm_id", Text, nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        Column("kind", Text, nullable=False, server_default=""),
        Column("person", Text, nullable=False, server_default=""),
        Column("closed_on", Date),
        PrimaryKeyConstraint("crm_id", name="pk_closings"),
    )
    op.create_index("ix_closings_closed_on", "closings", ["closed_on"])
    op.create_index("ix_closings_kind_person", "closings", ["kind", "person", "closed_on"])


def _references() -> None:
    op.create_table(
        "open_references",
        Column("reference", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("given", Text, nullable=False),
        Column("uses", Integer, nullable=False),
        Column("since", BigInteger, nullable=False),
        PrimaryKeyConstraint("reference", "kind", "given", name="pk_open_references"),
        sqlite_with_rowid=False,
    )


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("address", Text, nullable=False),
        Column("scope", Text, nullable=False),
        Column("remark", Text, nullable=False, server_default=""),
        Column("public", Boolean, nullable=False, server_default=text("false")),
        Column("by", Text, nullable=False, server_default=""),
        Column("since", BigInteger, nullable=False),
        Column("until", BigInteger),
        Column("released_at", BigInteger),
        Column("released_by", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_suppressions"),
    )
    op.create_index("ix_suppressions_address", "suppressions", ["address"])
    op.create_table(
        "person_suppressions",
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("scope", Text, nullable=False),
        Column("remark", Text, nullable=False, server_default=""),
        Column("public", Boolean, nullable=False, server_default=text("false")),
        Column("by", Text, nullable=False, server_default=""),
        Column("since", BigInteger, nullable=False),
        Column("until", BigInteger),
        Column("released_at", BigInteger),
        Column("released_by", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_person_suppressions"),
    )
    op.create_index("ix_person_suppressions_kind_person", "person_suppressions", ["kind", "person"])


def _journal() -> None:
    op.create_table(
        "messages",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("worker", SmallInteger, nullable=False),
        Column("listener", Text, nullable=False, server_default=""),
        Column("login", Text),
        Column("client", Text, nullable=False, server_default=""),
        Column("sender", Text, nullable=False, server_default=""),
        Column("subject", Text, nullable=False, server_default=""),
        Column("message_id", Text, nullable=False, server_default=""),
        Column("kind", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("relay", Text, nullable=False, server_default=""),
        Column("size", BigInteger, nullable=False, server_default=text("0")),
        Column("burst_key", BigInteger),
        Column("attempt_of", BigInteger),
        PrimaryKeyConstraint("id", name="pk_messages"),
    )
    _partial_index(
        "ix_messages_burst_key", "messages", ["burst_key", "id"], "burst_key IS NOT NULL"
    )
    op.create_index("ix_messages_sender", "messages", [text("lower(sender)"), "id"])
    op.create_table(
        "deliveries",
        Column("message", BigInteger, autoincrement=False, nullable=False),
        Column("position", Integer, autoincrement=False, nullable=False),
        Column("recipient", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("reply", Text, nullable=False, server_default=""),
        Column("note", Text, nullable=False, server_default=""),
        Column("would", Text, nullable=False, server_default=""),
        Column("persons", Text, nullable=False, server_default=""),
        Column("note_facts", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("message", "position", name="pk_deliveries"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_deliveries_address", "deliveries", ["address", "message"])
    _partial_index("ix_deliveries_state", "deliveries", ["state", "message"], "state != 'relayed'")
    _partial_index("ix_deliveries_would", "deliveries", ["message"], "would != ''")
    op.create_table(
        "attempts",
        Column("fingerprint", BigInteger, autoincrement=False, nullable=False),
        Column("message", BigInteger, autoincrement=False, nullable=False),
        Column("content_hash", Text, nullable=False, server_default=""),
        Column("state", Text, nullable=False),
        Column("verdict", Text, nullable=False, server_default=""),
        Column("dated", BigInteger),
        PrimaryKeyConstraint("fingerprint", "message", name="pk_attempts"),
    )
    op.create_index("ix_attempts_message", "attempts", ["message"])
    op.create_table(
        "bulk_messages",
        Column("identity", BigInteger, autoincrement=False, nullable=False),
        Column("message", BigInteger, nullable=False),
        Column("rule", Text, nullable=False),
        PrimaryKeyConstraint("identity", name="pk_bulk_messages"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_bulk_messages_message", "bulk_messages", ["message"])
    op.create_table(
        "workers",
        Column("number", SmallInteger, autoincrement=False, nullable=False),
        Column("node", Text, nullable=False),
        Column("process", Text, nullable=False),
        Column("alive_until", BigInteger, nullable=False),
        PrimaryKeyConstraint("number", name="pk_workers"),
    )
    op.create_table(
        "relay_offers",
        Column("relay", Text, nullable=False),
        Column("extensions", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("relay", name="pk_relay_offers"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("type", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("sender", Text, nullable=False),
        Column("recipient", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("message", BigInteger),
        Column("relay", Text, nullable=False, server_default=""),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("next_at", BigInteger),
        Column("error", Text, nullable=False, server_default=""),
        Column("holder", Text, nullable=False, server_default=""),
        Column("held_until", BigInteger),
        Column("lane", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_outbox"),
        UniqueConstraint("key", name="uq_outbox_key"),
    )
    _partial_index("ix_outbox_lane", "outbox", ["lane", "id"], "lane != ''")
    op.create_index("ix_outbox_message", "outbox", ["message"])
    _partial_index("ix_outbox_next_at", "outbox", ["next_at"], "state = 'queued'")
    op.create_index("ix_outbox_state", "outbox", ["state"])
    op.create_table(
        "held_reports",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("key", Text, nullable=False),
        Column("message", BigInteger, nullable=False),
        Column("sender", Text, nullable=False),
        Column("recipient", Text, nullable=False),
        Column("relay", Text, nullable=False, server_default=""),
        Column("body", LargeBinary, nullable=False),
        Column("digest", Text, nullable=False),
        Column("recipients", Integer, nullable=False),
        Column("armed", Boolean, nullable=False),
        Column("report", BigInteger),
        PrimaryKeyConstraint("id", name="pk_held_reports"),
        UniqueConstraint("key", name="uq_held_reports_key"),
    )
    op.create_index("ix_held_reports_message", "held_reports", ["message"])
    op.create_index("ix_held_reports_report", "held_reports", ["report"])
    _partial_index("ix_held_reports_waiting", "held_reports", ["id"], "report IS NULL")
    op.create_table(
        "events",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("type", Text, nullable=False),
        Column("person", Text, nullable=False, server_default=""),
        Column("data", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_events"),
    )


def _inbound() -> None:
    op.create_table(
        "inbox",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("content", Text, nullable=False),
        Column("whole", Boolean, nullable=False, server_default=text("true")),
        Column("size", BigInteger, nullable=False, server_default=text("0")),
        Column("state", Text, nullable=False),
        Column("reason", Text, nullable=False, server_default=""),
        Column("detail", Text, nullable=False, server_default=""),
        Column("origin", Text, nullable=False, server_default=""),
        Column("envelope_sender", Text),
        Column("sender", Text, nullable=False, server_default=""),
        Column("address", Text, nullable=False, server_default=""),
        Column("subject", Text, nullable=False, server_default=""),
        Column("message_id", Text, nullable=False, server_default=""),
        Column("entry", BigInteger),
        Column("answered", Boolean, nullable=False, server_default=text("false")),
        Column("holder", Text, nullable=False, server_default=""),
        Column("held_until", BigInteger),
        PrimaryKeyConstraint("id", name="pk_inbox"),
        UniqueConstraint("content", name="uq_inbox_content"),
    )
    op.create_index("ix_inbox_state", "inbox", ["state", "id"])
    op.create_table(
        "sightings",
        Column("mailbox", Text, nullable=False),
        Column("folder", Text, nullable=False),
        Column("uidvalidity", BigInteger, autoincrement=False, nullable=False),
        Column("uid", BigInteger, autoincrement=False, nullable=False),
        Column("inbox", BigInteger, nullable=False),
        PrimaryKeyConstraint("mailbox", "folder", "uidvalidity", "uid", name="pk_sightings"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sightings_inbox", "sightings", ["inbox"])
    op.create_table(
        "history",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("reference", Text, nullable=False),
        Column("fingerprint", Text, nullable=False),
        Column("inbox", BigInteger, nullable=False),
        Column("raw", Text, nullable=False),
        Column("staff", Text, nullable=False, server_default=""),
        Column("sender_name", Text, nullable=False, server_default=""),
        Column("sender", Text, nullable=False, server_default=""),
        Column("recipients", Text, nullable=False, server_default=""),
        Column("copies", Text, nullable=False, server_default=""),
        Column("subject", Text, nullable=False, server_default=""),
        Column("date", BigInteger),
        Column("date_text", Text, nullable=False, server_default=""),
        Column("message_id", Text, nullable=False, server_default=""),
        Column("text", Text, nullable=False, server_default=""),
        Column("html", Text, nullable=False, server_default=""),
        Column("staff_text", Text, nullable=False, server_default=""),
        Column("remarks", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_kind_person", "history", ["kind", "person"])
    op.create_index(
        "ix_history_reference_fingerprint", "history", ["reference", "fingerprint"], unique=True
    )
    op.create_table(
        "documents",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("entry", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("reference", Text, nullable=False),
        Column("filename", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("content_type", Text, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("sha256", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_documents"),
    )
    op.create_index("ix_documents_entry", "documents", ["entry"])
    op.create_index("ix_documents_kind_person", "documents", ["kind", "person"])
    op.create_table(
        "mailbox_states",
        Column("account", Text, nullable=False),
        Column("given", Text, nullable=False, server_default=""),
        Column("refresh_token", Text, nullable=False, server_default=""),
        Column("idle_silent_since", BigInteger),
        PrimaryKeyConstraint("account", name="pk_mailbox_states"),
    )
    op.create_table(
        "reports",
        Column("inbox", BigInteger, autoincrement=False, nullable=False),
        Column("position", Integer, autoincrement=False, nullable=False),
        Column("message", BigInteger),
        Column("recipient", Text, nullable=False, server_default=""),
        Column("action", Text, nullable=False, server_default=""),
        Column("status", Text, nullable=False, server_default=""),
        Column("diagnostic", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("inbox", "position", name="pk_reports"),
    )
    op.create_index("ix_reports_message", "reports", ["message"])


def _activities() -> None:
    op.create_table(
        "activities",
        Column("campaign", BigInteger, autoincrement=False, nullable=False),
        Column("recipient", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("at", BigInteger, autoincrement=False, nullable=False),
        Column("link", BigInteger, autoincrement=False, nullable=False),
        Column("nth", SmallInteger, autoincrement=False, nullable=False),
        Column("url", Text, nullable=False, server_default=""),
        Column("bounce", Text, nullable=False, server_default=""),
        Column("machine", Boolean, nullable=False, server_default=text("false")),
        Column("reason", Text, nullable=False, server_default=""),
        Column("seen_at", BigInteger, nullable=False),
        PrimaryKeyConstraint(
            "campaign", "recipient", "type", "at", "link", "nth", name="pk_activities"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_activities_recipient", "activities", ["recipient", "campaign"])
    op.create_table(
        "opt_outs",
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("audience", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("at", BigInteger, autoincrement=False, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
        Column("campaign", BigInteger),
        Column("reason", Text, nullable=False, server_default=""),
        Column("seen_at", BigInteger, nullable=False),
        Column("lifted_at", BigInteger),
        Column("lifted_by", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("kind", "person", "audience", "address", "at", name="pk_opt_outs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_opt_outs_address", "opt_outs", ["audience", "address"])


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("name", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("template", BigInteger, nullable=False),
        Column("template_name", Text, nullable=False, server_default=""),
        Column("from_name", Text, nullable=False),
        Column("from_address", Text, nullable=False),
        Column("audience", Text, nullable=False, server_default=""),
        Column("segment", BigInteger),
        Column("mailchimp_id", Text, nullable=False, server_default=""),
        Column("web_id", BigInteger),
        Column("link", Text, nullable=False, server_default=""),
        Column("asked", Text, nullable=False, server_default=""),
        Column("asked_at", BigInteger),
        Column("opened_at", BigInteger),
        Column("scheduled_for", BigInteger),
        Column("refreshed_at", BigInteger),
        Column("sent_at", BigInteger),
        Column("trouble", Text, nullable=False, server_default=""),
        Column("next_sync", BigInteger),
        Column("synced_at", BigInteger),
        Column("activity_until", BigInteger),
        Column("counters", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_mailchimp_id", "campaigns", ["mailchimp_id"])
    _partial_index("ix_campaigns_next_sync", "campaigns", ["next_sync"], "next_sync IS NOT NULL")
    op.create_table(
        "campaign_members",
        Column("campaign", BigInteger, autoincrement=False, nullable=False),
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("address", Text, nullable=False, server_default=""),
        Column("included", Boolean, nullable=False, server_default=text("false")),
        Column("reason", Text, nullable=False, server_default=""),
        Column("detail", Text, nullable=False, server_default=""),
        Column("expected", Boolean, nullable=False, server_default=text("false")),
        Column("segmented", Boolean, nullable=False, server_default=text("false")),
        Column("added_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("campaign", "kind", "person", name="pk_campaign_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_campaign_members_campaign", "campaign_members", ["campaign", "address"])
    op.create_index("ix_campaign_members_person", "campaign_members", ["kind", "person"])
    op.create_table(
        "audiences",
        Column("id", Text, nullable=False),
        Column("name", Text, nullable=False, server_default=""),
        Column("double_optin", Boolean, nullable=False, server_default=text("false")),
        Column("activated_at", BigInteger, nullable=False),
        Column("webhook", Text, nullable=False, server_default=""),
        Column("webhook_url", Text, nullable=False, server_default=""),
        Column("webhook_secret", Text, nullable=False, server_default=""),
        Column("read_until", BigInteger),
        Column("unsubscribed_until", BigInteger),
        Column("cleaned_until", BigInteger),
        Column("next_sync", BigInteger),
        Column("synced_at", BigInteger),
        PrimaryKeyConstraint("id", name="pk_audiences"),
    )
    op.create_table(
        "audience_members",
        Column("audience", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("email", Text, nullable=False, server_default=""),
        Column("email_id", Text, nullable=False, server_default=""),
        Column("contact_id", Text, nullable=False, server_default=""),
        Column("status", Text, nullable=False, server_default=""),
        Column("merge_fields", Text, nullable=False, server_default=""),
        Column("changed_at", BigInteger),
        Column("refusal", Text, nullable=False, server_default=""),
        Column("refused_until", BigInteger),
        PrimaryKeyConstraint("audience", "address", name="pk_audience_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audience_members_address", "audience_members", ["address"])
    op.create_index("ix_audience_members_email_id", "audience_members", ["audience", "email_id"])


def _triggers() -> None:
    op.create_table(
        "occurrences",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("trigger", Text, nullable=False),
        Column("event", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("occurrence", Text, nullable=False),
        Column("about", Text, nullable=False, server_default=""),
        Column("recipient", Text, nullable=False, server_default=""),
        Column("run", BigInteger),
        Column("state", Text, nullable=False),
        Column("reason", Text, nullable=False, server_default=""),
        Column("due_at", BigInteger, nullable=False),
        Column("latest_at", BigInteger),
        Column("next_at", BigInteger),
        Column("facts", Text, nullable=False, server_default=""),
        Column("address", Text, nullable=False, server_default=""),
        Column("mailbox", Text, nullable=False, server_default=""),
        Column("subject", Text, nullable=False, server_default=""),
        Column("message_id", Text, nullable=False, server_default=""),
        Column("body", LargeBinary),
        Column("message", BigInteger),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("holder", Text, nullable=False, server_default=""),
        Column("held_until", BigInteger),
        Column("settled_at", BigInteger),
        PrimaryKeyConstraint("id", name="pk_occurrences"),
        UniqueConstraint(
            "trigger", "kind", "person", "occurrence", "about", "recipient", name="uq_occurrences"
        ),
    )
    _partial_index("ix_occurrences_about", "occurrences", ["about", "occurrence"], "about != ''")
    _partial_index(
        "ix_occurrences_expired", "occurrences", ["trigger", "latest_at"], "state = 'expired'"
    )
    _partial_index("ix_occurrences_held", "occurrences", ["id"], "state = 'held'")
    _partial_index("ix_occurrences_held_until", "occurrences", ["held_until"], "state = 'sending'")
    _partial_index("ix_occurrences_holder", "occurrences", ["holder"], "holder != ''")
    op.create_index("ix_occurrences_kind_person", "occurrences", ["kind", "person"])
    _partial_index("ix_occurrences_mailbox", "occurrences", ["mailbox", "trigger"], "mailbox != ''")
    _partial_index("ix_occurrences_next_at", "occurrences", ["next_at", "id"], "state = 'due'")
    op.create_index("ix_occurrences_run_state", "occurrences", ["run", "state"])
    op.create_table(
        "trigger_runs",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("trigger", Text, nullable=False),
        Column("day", Date, nullable=False),
        Column("state", Text, nullable=False),
        Column("due", Integer, nullable=False, server_default=text("0")),
        Column("skipped", Integer, nullable=False, server_default=text("0")),
        Column("skips", Text, nullable=False, server_default=""),
        Column("error", Text, nullable=False, server_default=""),
        Column("report_to", Text, nullable=False, server_default=""),
        Column("reports", Integer, nullable=False, server_default=text("0")),
        Column("finished_at", BigInteger),
        PrimaryKeyConstraint("id", name="pk_trigger_runs"),
    )
    _partial_index("ix_trigger_runs_open", "trigger_runs", ["id"], "state != 'finished'")
    op.create_index("ix_trigger_runs_trigger", "trigger_runs", ["trigger", "id"])
    op.create_table(
        "transitions",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("reference", Text, nullable=False),
        Column("event", Text, nullable=False),
        Column("before", Text, nullable=False, server_default=""),
        Column("status", Text, nullable=False, server_default=""),
        Column("actor", Text, nullable=False, server_default=""),
        Column("is_open", Boolean, nullable=False, server_default=text("false")),
        PrimaryKeyConstraint("id", name="pk_transitions"),
    )
    _partial_index("ix_transitions_is_open", "transitions", ["id"], "is_open")
    op.create_index("ix_transitions_reference", "transitions", ["reference", "id"])
    op.create_table(
        "trigger_looks",
        Column("trigger", Text, nullable=False),
        Column("day", Date, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("trigger", name="pk_trigger_looks"),
    )
    op.create_table(
        "epochs",
        Column("name", Text, nullable=False),
        Column("epoch", Text, nullable=False),
        Column("high", BigInteger, nullable=False),
        Column("beat", BigInteger, nullable=False),
        Column("held", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("name", name="pk_epochs"),
    )


def _api() -> None:
    op.create_table(
        "tokens",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("digest", Text, nullable=False),
        Column("name", Text, nullable=False, server_default=""),
        Column("source", Text, nullable=False, server_default=""),
        Column("scopes", Text, nullable=False, server_default=""),
        Column("roles", Text, nullable=False, server_default=""),
        Column("last_used", BigInteger),
        Column("revoked_at", BigInteger),
        PrimaryKeyConstraint("id", name="pk_tokens"),
        UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    op.create_table(
        "answers",
        Column("token", BigInteger, autoincrement=False, nullable=False),
        Column("key", Text, nullable=False),
        Column("request", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("status", Integer),
        Column("type", Text, nullable=False, server_default=""),
        Column("body", LargeBinary),
        PrimaryKeyConstraint("token", "key", name="pk_answers"),
    )


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    """Have an index of the rows alone for which `where` holds, on either database."""
    condition = text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
