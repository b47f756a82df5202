"""The API of Mailchimp: the calls the gateway makes, each checked, and what may come of them."""
