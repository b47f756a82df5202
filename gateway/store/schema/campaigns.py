"""The tables of campaigns: what goes out through Mailchimp, to whom, and what it knows of them."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.store.schema.columns import UtcTime, flag, key, metadata, number, partial_index, words

campaigns = Table(
    "campaigns",
    metadata,
    number(),
    Column("name", Text, nullable=False),  # also the subject
    Column("state", Text, nullable=False),  # draft opened scheduled sending sent deleted
    Column("template", BigInteger, nullable=False),
    words("template_name"),
    Column("from_name", Text, nullable=False),
    Column("from_address", Text, nullable=False),
    words("audience"),  # the audience's id at Mailchimp, of the campaign and of its segment
    Column("segment", BigInteger),  # the segment's id at Mailchimp
    words("mailchimp_id"),  # empty: not there (yet)
    words("link"),  # where people open it in Mailchimp
    words("asked"),  # of the last request to Mailchimp whose answer is not kept yet: create, send …
    Column("asked_at", UtcTime),
    Column("opened_at", UtcTime),  # its creation at Mailchimp
    Column("scheduled_for", UtcTime),
    Column("refreshed_at", UtcTime),  # when it was last prepared and its segment built
    Column("sent_at", UtcTime),
    words("trouble"),  # why it stays behind what was wanted, for people to read
    # Of the way back: when it is synced next and how far its activities are known.
    Column("next_sync", UtcTime),
    Column("synced_at", UtcTime),
    Column("activity_until", UtcTime),
    words("counters"),  # of its report, as read last: JSON
)
Index("ix_campaigns_mailchimp_id", campaigns.c.mailchimp_id)
partial_index(
    "ix_campaigns_next_sync",
    campaigns.c.next_sync,
    where=campaigns.c.next_sync.is_not(None),
)

campaign_members = Table(
    "campaign_members",
    metadata,
    Column("campaign", BigInteger, primary_key=True, autoincrement=False),
    key("kind"),
    key("person"),
    words("address"),  # in lookup form, as prepared last; several people may have one
    flag("included"),  # by the last preparation
    words("reason"),  # why not
    words("detail"),
    flag("expected"),  # was in when it was added or processed last: the guard counts from there
    flag("segmented"),  # its address was put into the campaign's segment for this person
    Column("added_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_campaign_members_campaign", campaign_members.c.campaign, campaign_members.c.address)
Index("ix_campaign_members_person", campaign_members.c.kind, campaign_members.c.person)

# What activation found or made at Mailchimp; the one activated last is used.

audiences = Table(
    "audiences",
    metadata,
    key("id"),  # at Mailchimp
    words("name"),
    flag("double_optin"),
    Column("activated_at", UtcTime, nullable=False),
    words("webhook"),  # its id at Mailchimp
    words("webhook_url"),
    words("webhook_secret"),
    Column("read_until", UtcTime),  # its members are known as they were then
    Column("unsubscribed_until", UtcTime),  # the way back has seen who left until then
    Column("cleaned_until", UtcTime),
    Column("next_sync", UtcTime),  # none: at once
    Column("synced_at", UtcTime),
)

# Addresses as Mailchimp knows them, and those it will not have.

audience_members = Table(
    "audience_members",
    metadata,
    key("audience"),
    key("address"),  # in lookup form
    words("email"),  # as Mailchimp has it
    words("email_id"),
    words("contact_id"),
    words("status"),  # empty: not in the audience
    words("merge_fields"),  # the CRM's four as Mailchimp has them: JSON
    Column("changed_at", UtcTime),
    words("refusal"),  # why Mailchimp does not take it
    Column("refused_until", UtcTime),  # a refusal that passes; none: for good
    sqlite_with_rowid=False,
)
Index("ix_audience_members_email_id", audience_members.c.audience, audience_members.c.email_id)
Index("ix_audience_members_address", audience_members.c.address)
