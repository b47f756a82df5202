"""The feed of people, groups and statuses: its files are read, checked and taken in."""
