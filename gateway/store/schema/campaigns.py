"""The tables of campaigns: what is sent through Mailchimp, to whom, and its data on them."""

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
    words("audience"),  # id at Mailchimp of the audience of the campaign and of its segment
    Column("segment", BigInteger),  # id at Mailchimp
    words("mailchimp_id"),  # empty: not there (yet)
    words("link"),  # its page at Mailchimp
    words(
        "pending_call"
    ),  # the last request to Mailchimp without a recorded answer: create, send …
    Column("pending_since", UtcTime),
    Column("opened_at", UtcTime),  # when it was created at Mailchimp
    Column("scheduled_for", UtcTime),
    Column("refreshed_at", UtcTime),  # when it was last prepared and its segment built
    Column("sent_at", UtcTime),
    words("trouble"),  # why it lags behind what was requested, in words
    # Syncing back: when it is next synced and up to when its activities are known.
    Column("next_sync", UtcTime),
    Column("synced_at", UtcTime),
    Column("activity_until", UtcTime),
    words("counters"),  # of its report, as last read: JSON
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
    words("address"),  # in lookup form, as last prepared; several people may share one
    flag("included"),  # by the last preparation
    words("reason"),  # why it is out
    words("detail"),
    flag("expected"),  # was in when last added or processed: the guard's baseline
    flag("segmented"),  # its address was put into the campaign's segment for this person
    Column("added_at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_campaign_members_campaign", campaign_members.c.campaign, campaign_members.c.address)
Index("ix_campaign_members_person", campaign_members.c.kind, campaign_members.c.person)

# Audiences that activation found or created at Mailchimp; the last activated is used.

audiences = Table(
    "audiences",
    metadata,
    key("id"),  # at Mailchimp
    words("name"),
    flag("double_optin"),
    Column("activated_at", UtcTime, nullable=False),
    words("webhook"),  # id at Mailchimp
    words("webhook_url"),
    words("webhook_secret"),
    Column("read_until", UtcTime),  # its members are known up to then
    Column("unsubscribed_until", UtcTime),  # those who left are known up to then
    Column("cleaned_until", UtcTime),
    Column("next_sync", UtcTime),  # none: now
    Column("synced_at", UtcTime),
)

# Addresses as Mailchimp knows them, and those it rejects.

audience_members = Table(
    "audience_members",
    metadata,
    key("audience"),
    key("address"),  # in lookup form
    words("email"),  # Mailchimp's spelling
    words("email_id"),
    words("contact_id"),
    words("status"),  # empty: not in the audience
    words("merge_fields"),  # Mailchimp's values of the CRM's four: JSON
    Column("changed_at", UtcTime),
    words("refusal"),  # why Mailchimp rejects it
    Column("refused_until", UtcTime),  # end of a temporary refusal; none: permanent
    sqlite_with_rowid=False,
)
Index("ix_audience_members_email_id", audience_members.c.audience, audience_members.c.email_id)
Index("ix_audience_members_address", audience_members.c.address)
