"""Why a message would be sent, or not, without sending it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from gateway.app.decision.explain import explain
from gateway.cli.context import (
    Json,
    listeners_beginning,
    of,
    read_mail_address,
    read_sender,
    wrong_use,
)
from gateway.cli.decision.messages import NoteLanguage, wording_in
from gateway.cli.output import one_line, print_json, print_line
from gateway.cli.people.suppress import suppression_line
from gateway.core.decision.explanation import ExplainedMail, Explanation
from gateway.core.kinds import Kind
from gateway.core.mail.mail_file import NoMail, read_mail
from gateway.core.written import counted
from gateway.documents.explanations import explanation_document, outcome_of

_File = Annotated[
    Path,
    typer.Argument(
        metavar="MESSAGE.eml", help="The message as a file.", exists=True, dir_okay=False
    ),
]
_From = Annotated[str, typer.Option("--from", help="The envelope sender.", metavar="ADDRESS")]
_To = Annotated[list[str], typer.Option(help="A recipient; may be repeated.", metavar="ADDRESS")]
_Listener = Annotated[
    str | None,
    typer.Option(
        help="The listener it arrives at; by default the first.",
        metavar="NAME",
        autocompletion=listeners_beginning,
    ),
]
_Login = Annotated[str | None, typer.Option(help="The login it is sent with.", metavar="LOGIN")]


def explain_message(
    context: typer.Context,
    message: _File,
    *,
    sender: _From,
    to: _To,
    listener: _Listener = None,
    login: _Login = None,
    language: NoteLanguage = None,
    as_json: Json = False,
) -> None:
    """Explain the decision on a message, without sending it.

    Shows which rule says what the message is, what suppresses each recipient, the note, and what
    would change if the person left a group.
    """
    content = read_mail(message.read_bytes())
    if isinstance(content, NoMail):
        wrong_use(f"{message.name} {content.fault}")
    invocation = of(context)
    mail = ExplainedMail(
        content=content,
        sender=read_sender(sender),
        recipients=tuple(map(read_mail_address, to)),
        listener=listener,
        login=login,
        language=wording_in(invocation, language).language if language else "",
    )
    with invocation.store() as store:
        explanation = asyncio.run(explain(invocation.settings, store, mail))
    if as_json:
        print_json(explanation_document(explanation))
        return
    others = ", ".join(rule.name for rule in explanation.tried if not rule.matched)
    # A name of a rule is never broken at its hyphens.
    for line in wrap(f"No match: {others}", 100, subsequent_indent="  ", break_on_hyphens=False):
        print_line(line)
    for rule in explanation.tried:
        if rule.matched:
            print_line(f"→ {rule.name}: {rule.because}")
    print_line(
        f"Kind: {explanation.classification.kind}, because of {explanation.classification.rule}"
    )
    print_line(f"Judged as one transaction of {counted(explanation.recipients, 'recipient')}")
    print_line(f"Relay: {explanation.relay}")
    if explanation.refusal:
        print_line(f"Answer to the whole message: {explanation.refusal}")
    for line in _way_out(explanation):
        print_line(line)
    for delivery in explanation.deliveries:
        persons = f" ({', '.join(map(str, delivery.persons))})" if delivery.persons else ""
        would = f"; enforced: {outcome_of(delivery.would)}" if delivery.would else ""
        print_line()
        print_line(f"{delivery.recipient}{persons}: {outcome_of(delivery.outcome)}{would}")
        for suppression in delivery.suppressions:
            print_line(f"  {suppression_line(invocation, suppression)}")
        for line in delivery.note.splitlines():
            print_line(f"    {line}")
        for change in delivery.what_if:
            print_line(f'  If {change.person} left "{change.group}": {outcome_of(change.outcome)}')


def _way_out(explanation: Explanation) -> Iterator[str]:
    """Report how people can unsubscribe from bulk mail, and whether receivers accept it."""
    report = explanation.unsubscribe
    if explanation.classification.kind is not Kind.BULK and not report.has_field:
        return
    if report.is_added:
        yield "Unsubscribe: the gateway adds one click; what signs behind it must cover both fields"
        return
    if report.is_one_click:
        yield "Unsubscribe: one click"
    elif report.has_field:
        yield "Unsubscribe: not one click: one https address and List-Unsubscribe-Post are needed"
    else:
        yield "Unsubscribe: no List-Unsubscribe"
        return
    if not report.signatures:
        yield "  no DKIM signature covers it: look at the mail as it arrived"
    for signature in report.signatures:
        missing = " and ".join(signature.missing)
        covers = f"its h= leaves out {missing}" if missing else "its h= covers both fields"
        yield f"  DKIM signature of {one_line(signature.domain) or '?'}: {covers}"
