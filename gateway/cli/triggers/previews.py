"""Previews of whom a trigger, or a change, would mail."""

from collections.abc import Sequence

from gateway.cli.output import one_line, print_line, print_table
from gateway.core.triggers.trigger_preview import Preview


def show_preview(preview: Preview, *, is_done: bool = False) -> None:
    """Print who gets which mail and who gets none; a preview starts with its warning."""
    if preview.warning and not is_done:
        print_line(f"{preview.warning}\n", "bold yellow")
    counted = f"mails: {len(preview.mails)}, left out: {len(preview.skipped)}"
    print_line(f"{preview.trigger}: {counted}" if preview.trigger else counted, "bold")
    for mail in preview.mails:
        about = f" about {mail.about}" if mail.about else ""
        to = _name_and_key(mail.name, mail.recipient)
        print_line(f"\n{to}{about} <{mail.to}>: {one_line(mail.subject)}", "green")
        if mail.blank:
            print_line(f"  blank: {', '.join(mail.blank)}", "yellow")
        for line in mail.text.splitlines():
            print_line(f"  {line}" if line else "")
        if mail.html:
            print_line(f"  and as HTML, of {len(mail.html)} characters: --json has it", "dim")
    if preview.skipped:
        print_line()
        rows: list[Sequence[object]] = []
        for skip in preview.skipped:
            reason = one_line(skip.reason)
            # With `responsible:manager: nobody` there is nobody to name.
            whom = (
                "-"
                if reason.startswith(f"{skip.person}:")
                else _name_and_key(skip.name, skip.person)
            )
            rows.append((whom, skip.about, reason))
        print_table(("left out", "about", "because"), rows)


def _name_and_key(name: str, who: str) -> str:
    return one_line(f"{who} {name}" if name else who)
