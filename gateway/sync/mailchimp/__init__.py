"""The Mailchimp API: the calls the gateway makes, each checked, and their possible errors."""
