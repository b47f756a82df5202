"""What was forwarded inline: its sender, date, subject, recipients and text."""
