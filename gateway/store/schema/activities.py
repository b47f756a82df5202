"""The tables of Mailchimp's data: activities of members, and opt-outs."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table

from gateway.store.schema.columns import UtcTime, flag, key, metadata, words

# Mailchimp gives activities no ids: their key is all their data.

activities = Table(
    "activities",
    metadata,
    Column("campaign", BigInteger, primary_key=True, autoincrement=False),
    key("recipient"),  # the address the campaign went to, in lookup form
    key("type"),
    Column("at", UtcTime, primary_key=True, autoincrement=False),
    Column("link", BigInteger, primary_key=True, autoincrement=False),  # hash of the url; 0: none
    Column("nth", SmallInteger, primary_key=True, autoincrement=False),  # counts identical ones
    words("url"),
    words("bounce"),
    flag("machine"),
    words("reason"),
    Column("seen_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_activities_recipient", activities.c.recipient, activities.c.campaign)
Index("ix_activities_time", activities.c.campaign, activities.c.at)

# Why a person is in the opt-out group because of Mailchimp; what staff undid stays as history.

opt_outs = Table(
    "opt_outs",
    metadata,
    key("kind"),
    key("person"),
    key("audience"),
    key("address"),  # in lookup form
    Column("at", UtcTime, primary_key=True, autoincrement=False),  # according to Mailchimp
    Column("changed_at", UtcTime, nullable=False),  # all reports up to then are included
    Column("campaign", BigInteger),  # it happened through, if known
    words("reason"),
    Column("seen_at", UtcTime, nullable=False),
    Column("lifted_at", UtcTime),
    words("lifted_by"),
    sqlite_with_rowid=False,
)
Index("ix_opt_outs_address", opt_outs.c.audience, opt_outs.c.address)
