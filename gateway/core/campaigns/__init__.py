"""Campaigns that go out through Mailchimp: members, counters, times, reports."""
