"""The feed of people, groups and statuses: files read, checked and taken in."""
