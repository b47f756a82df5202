"""Mailchimp: campaigns out, activity and opt-outs back."""
