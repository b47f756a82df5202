"""Campaigns, their members, and what comes back from Mailchimp."""
