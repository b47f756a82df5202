"""The journal: what came, what was decided for each recipient, and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from gateway.app.wording import note_templates
from gateway.cli.context import (
    Context,
    Json,
    NotFound,
    of,
    read_id,
    read_mail_address,
    read_sender,
    wrong_use,
)
from gateway.cli.output import local, one_line, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.decision.journal import Message
from gateway.core.decision.note import retold_in, told_in
from gateway.core.decision.note_template import NoteTemplate, exactly
from gateway.core.kinds import State
from gateway.core.replies.inbox import DeliveryReport
from gateway.core.wording import in_language
from gateway.store.journal import messages as journal
from gateway.store.replies import inbox
from gateway.store.views import documents

app = typer.Typer(help="The journal of messages.", no_args_is_help=True)

_NO_MESSAGES = (
    "No messages. Whatever the CRM sends through a listener is listed here within seconds."
)
_NONE_WOULD_FAIL = "None: no message to somebody suppressed was let through."

_State = Annotated[State | None, typer.Option(help="Only with a delivery in this state.")]
_To = Annotated[str | None, typer.Option(help="Only to this address.", metavar="ADDRESS")]
_From = Annotated[
    str | None, typer.Option("--from", help="Only from this envelope sender.", metavar="ADDRESS")
]
_Since = Annotated[
    str | None, typer.Option(help="Only since this local date or time.", metavar="TIME")
]
Language = Annotated[
    str | None, typer.Option(help="Notes in this language: nl, de, fr, en.", metavar="LANGUAGE")
]
_Limit = Annotated[int, typer.Option(help="At most so many, the newest.", min=1)]
_WouldFail = Annotated[
    bool, typer.Option("--would-fail", help="Mail to suppressed people that was let through.")
]


@app.command("list")
def list_messages(
    context: typer.Context,
    *,
    state: _State = None,
    to: _To = None,
    sender: _From = None,
    since: _Since = None,
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """List messages, the newest first."""
    chosen = of(context)
    recipient = None if to is None else chosen.lookup(read_mail_address(to))
    envelope_sender = None if sender is None else read_sender(sender)
    with chosen.store() as store, store.reading() as connection:
        found = journal.listed(
            connection,
            state=state,
            to=recipient,
            sender=envelope_sender,
            since=chosen.moment(since),
            limit=limit,
        )
    if as_json:
        print_json([documents.message(one) for one in found])
        return
    headings = ("id", "time", "sender", "subject", "kind", "rule", "deliveries")
    print_table(headings, (_row(chosen, one) for one in found), empty=_NO_MESSAGES)


@app.command("show")
def show_message(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="ID", help="The id of a message.")],
    *,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Show a message, what became of it, and why.

    For each recipient: the state, who decided it, and the note, in the sender's language unless
    --language asks for another.
    """
    chosen = of(context)
    template = None if language is None else wording_in(chosen, language)
    with chosen.store() as store, store.reading() as connection:
        found = journal.one(connection, read_id(number))
        reports = inbox.reported(connection, read_id(number))
    if found is None:
        raise NotFound(f"the journal has no message {number}")
    if template is not None:
        found = retold_in(template, found, chosen.zone)
    if as_json:
        reported = {"reports": [asdict(one) for one in reports]} if reports else {}
        print_json(documents.message(found) | reported)
        return
    words = template or told_in(note_templates(chosen.settings).values(), found)
    described = _described(chosen, found, words or wording(chosen))
    for line in (*described, *map(_report, reports)):
        print_line(line)


def report(
    context: typer.Context,
    would_fail: _WouldFail,
    since: _Since = None,
    as_json: Json = False,
) -> None:
    """Report what enforcing would change.

    Mail that suppressed people got because a listener only observes, or because of an override.
    """
    del would_fail
    chosen = of(context)
    with chosen.store() as store, store.reading() as connection:
        found = journal.would_fail(connection, chosen.moment(since))
    if as_json:
        print_json([documents.message(one) for one in found])
        return
    headings = ("id", "time", "recipient", "subject", "rule", "why")
    print_table(headings, _failing(chosen, found), empty=_NONE_WOULD_FAIL)


def _row(context: Context, one: Message) -> Sequence[object]:
    when = local(one.at, context.zone)
    subject = one_line(one.subject)
    return ids.show(one.id), when, one.sender or "<>", subject, one.kind, one.rule, tally(one)


def tally(one: Message) -> str:
    """Return how many deliveries are in which state: `3 relayed, 1 send_failed`."""
    counts = Counter(delivery.state for delivery in one.deliveries)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _failing(context: Context, found: Iterable[Message]) -> Iterator[Sequence[object]]:
    for one in found:
        for delivery in one.deliveries:
            if delivery.would == State.SEND_FAILED:
                when, subject = local(one.at, context.zone), one_line(one.subject)
                why = delivery.note.partition("\n")[0]
                yield ids.show(one.id), when, delivery.recipient, subject, one.rule, why


def _described(context: Context, one: Message, template: NoteTemplate) -> Iterator[str]:
    yield f"Subject:     {one_line(one.subject)}"
    yield f"From:        {one.sender or '<>'}"
    yield f"Date:        {local(one.at, context.zone)}"
    yield f"Message-ID:  {one_line(one.message_id)}"
    yield f"Journal:     {ids.show(one.id)}"
    yield f"Kind:        {one.kind} (rule {one.rule})"
    yield f"Came by:     listener {one.listener}, client {one.client}, login {one.login or '-'}"
    yield f"Relay:       {one.relay or '-'}, {one.size} octets"
    if one.attempt_of is not None:
        yield f"Attempt of:  {ids.show(one.attempt_of)}"
    for delivery in one.deliveries:
        yield ""
        persons = f" ({', '.join(map(str, delivery.persons))})" if delivery.persons else ""
        yield f"To:          {delivery.recipient}{persons}"
        yield f"State:       {template.state(delivery.state)} ({delivery.state} by {delivery.by})"
        if delivery.would:
            yield f"Would be:    {template.state(State(delivery.would))} ({delivery.would})"
        if delivery.reply:
            yield f"Reply:       {one_line(delivery.reply)}"
        yield from (f"    {line}" for line in delivery.note.splitlines())


def wording(context: Context) -> NoteTemplate:
    """Return the words in which people are told of states."""
    settings = context.settings
    return in_language(note_templates(settings), settings.suppression.language)


def wording_in(context: Context, language: str) -> NoteTemplate:
    """Return the words of a language; wrong use where there are none."""
    known = note_templates(context.settings)
    template = exactly(known, language)
    if template is None:
        wrong_use(f"--language {language}: notes are in {', '.join(sorted(known))}")
    return template


def _report(one: DeliveryReport) -> str:
    what = one_line(f"{one.action} {one.status}, {one.diagnostic}")
    return f"Reported:    {one_line(one.recipient)}: {what}"
