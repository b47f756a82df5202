"""The feed of people, groups and statuses: reading, checking and importing its files."""
