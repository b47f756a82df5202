"""The demo's birthday mail: a preview, a run, and its report."""

from email import message_from_bytes
from pathlib import Path

from gateway.app import common
from gateway.cli.context import Context
from gateway.cli.demo import sample
from gateway.cli.demo.shown_command import show_command
from gateway.cli.output import print_line
from gateway.crm.importer import import_file
from gateway.store.sending import outbox
from gateway.triggers.reports import TYPE


def show_birthday(invocation: Context, file: Path) -> None:
    """Mail the people whose birthday is today, with the usual commands, and print the report."""
    folder, today = file.parent, common.now()
    sample.write_files(folder, sample.BIRTHDAY)
    born = today.astimezone(invocation.zone).strftime("1980-%m-%d")
    exported = folder / "people.csv"
    exported.write_text(sample.BORN.format(born=born), encoding="utf-8")
    with invocation.store() as store:
        import_file(store, "people", exported, source="crm", now=today)
    print_line("\nBirthdays today, those of Anna, Bram and Carla:", "bold")
    show_command(file, "triggers", "preview", "birthday")
    show_command(file, "triggers", "run", "birthday", "--now")
    with invocation.store() as store, store.reading() as connection:
        report = next(row for row in outbox.list_outbox(connection) if row.type == TYPE)
    print_line(f"\nThe report for {report.recipient}:", "bold")
    text = message_from_bytes(report.body).get_payload(decode=True)
    for line in text.decode().splitlines() if isinstance(text, bytes) else ():
        print_line(f"  {line}" if line else "")
