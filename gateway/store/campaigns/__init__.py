"""Campaigns, their members, and Mailchimp's data about them."""
