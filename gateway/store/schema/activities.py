"""The tables of what comes back from Mailchimp: activities of members, and who opted out."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table

from gateway.store.schema.columns import UtcTime, flag, key, metadata, words

# Mailchimp gives activities no ids: their key is all they say.

activities = Table(
    "activities",
    metadata,
    Column("campaign", BigInteger, primary_key=True, autoincrement=False),
    key("recipient"),  # the address, in lookup form, that the campaign went to
    key("type"),
    Column("at", UtcTime, primary_key=True, autoincrement=False),
    Column("link", BigInteger, primary_key=True, autoincrement=False),  # hash of the url; 0: none
    Column("nth", SmallInteger, primary_key=True, autoincrement=False),  # of those alike
    words("url"),
    words("bounce"),
    flag("machine"),
    words("reason"),
    Column("seen_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_activities_recipient", activities.c.recipient, activities.c.campaign)
Index("ix_activities_time", activities.c.campaign, activities.c.at)

# Why a person is in the opt-out group by Mailchimp's word; what staff undid stays as history.

opt_outs = Table(
    "opt_outs",
    metadata,
    key("kind"),
    key("person"),
    key("audience"),
    key("address"),  # in lookup form
    Column("at", UtcTime, primary_key=True, autoincrement=False),  # as Mailchimp tells
    Column("changed_at", UtcTime, nullable=False),  # everything Mailchimp told until then is known
    Column("campaign", BigInteger),  # through which, where that is known
    words("reason"),
    Column("seen_at", UtcTime, nullable=False),
    Column("lifted_at", UtcTime),
    words("lifted_by"),
    sqlite_with_rowid=False,
)
Index("ix_opt_outs_address", opt_outs.c.audience, opt_outs.c.address)
