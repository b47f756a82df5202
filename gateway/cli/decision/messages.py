"""The journal: what came, what was decided for each recipient, and why."""

from collections import Counter
from collections.abc import Iterator
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
from gateway.cli.output import complain, local, one_line, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.decision.journal import Message
from gateway.core.decision.note import retold_in, told_in
from gateway.core.decision.note_template import NoteTemplate, exactly
from gateway.core.decision.search_words import MessageSearch
from gateway.core.kinds import State
from gateway.core.wording import in_language
from gateway.documents.messages import message_document
from gateway.store.bounces import bounces
from gateway.store.journal import messages as journal
from gateway.store.journal import searching

app = typer.Typer(help="The journal of messages.", no_args_is_help=True)

_NO_MESSAGES = (
    "No messages. Whatever the CRM sends through a listener is listed here within seconds."
)
_NONE_WOULD_FAIL = (
    "None: no message to somebody suppressed was let through. What a listener with "
    'mode = "observe" lets through is listed here.'
)

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
_Search = Annotated[
    str | None,
    typer.Option(
        help="Only with all these words in subject, addresses and Message-ID; or of this id.",
        metavar="WORDS",
    ),
]
_Rule = Annotated[
    str | None, typer.Option(help="Only where this rule said the kind.", metavar="RULE")
]
_Group = Annotated[
    str | None,
    typer.Option(help="Only where this group kept somebody from mail.", metavar="GROUP"),
]
_Limit = Annotated[int, typer.Option(help="How many at most, the newest first.", min=1)]
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
    search: _Search = None,
    rule: _Rule = None,
    group: _Group = None,
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """List messages, the newest first.

    A word of --search is a run of letters and digits, whatever its case and accents.
    """
    chosen = of(context)
    wanted = None if search is None else MessageSearch.read(search)
    if search is not None and wanted is None:
        wrong_use("--search: no word in it, which is letters and digits")
    recipient = None if to is None else chosen.lookup(read_mail_address(to))
    envelope_sender = None if sender is None else read_sender(sender)
    with chosen.store() as store, store.reading() as connection:
        listed = journal.listed(
            connection,
            state=state,
            to=recipient,
            sender=envelope_sender,
            since=chosen.moment(since),
            search=wanted,
            rule=rule,
            group=group,
            limit=limit,
        )
        is_searched = wanted is not None or rule is not None or group is not None
        missed = searching.unsearched_before(connection) if is_searched else None
    if missed is not None:
        complain(f"Words of messages before {local(missed, chosen.zone)} are still being taken.")
    if as_json:
        print_json([message_document(message) for message in listed])
        return
    headings = ("id", "time", "sender", "subject", "kind", "rule", "deliveries")
    rows = (
        (
            ids.show(message.id),
            local(message.at, chosen.zone),
            message.sender or "<>",
            one_line(message.subject),
            message.kind,
            message.rule,
            tally(message),
        )
        for message in listed
    )
    print_table(headings, rows, empty=_NO_MESSAGES)


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
        message = journal.one(connection, read_id(number))
        reports = bounces.of_message(connection, read_id(number))
    if message is None:
        raise NotFound(f"the journal has no message {number}")
    if template is not None:
        message = retold_in(template, message, chosen.zone)
    if as_json:
        print_json(message_document(message, reports))
        return
    words = template or told_in(note_templates(chosen.settings).values(), message)
    for line in described(chosen, message, words or wording(chosen)):
        print_line(line)
    for entry in reports:
        report = one_line(f"{entry.action} {entry.status}, {entry.diagnostic}")
        print_line(f"Reported:    {one_line(entry.recipient)}: {report}")


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
        failing = journal.would_fail(connection, chosen.moment(since))
    if as_json:
        print_json([message_document(message) for message in failing])
        return
    headings = ("id", "time", "recipient", "subject", "rule", "why")
    rows = (
        (
            ids.show(message.id),
            local(message.at, chosen.zone),
            delivery.recipient,
            one_line(message.subject),
            message.rule,
            delivery.note.partition("\n")[0],
        )
        for message in failing
        for delivery in message.deliveries
        if delivery.would == State.SEND_FAILED
    )
    print_table(headings, rows, empty=_NONE_WOULD_FAIL)


def tally(message: Message) -> str:
    """Return how many deliveries are in which state: `3 relayed, 1 send_failed`."""
    counts = Counter(delivery.state for delivery in message.deliveries)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def described(context: Context, message: Message, template: NoteTemplate) -> Iterator[str]:
    """Yield a message line by line, then each of its deliveries, states in the template's words."""
    yield f"Subject:     {one_line(message.subject)}"
    yield f"From:        {message.sender or '<>'}"
    yield f"Date:        {local(message.at, context.zone)}"
    yield f"Message-ID:  {one_line(message.message_id)}"
    yield f"Journal:     {ids.show(message.id)}"
    yield f"Kind:        {message.kind} (rule {message.rule})"
    login = message.login or "-"
    yield f"Came by:     listener {message.listener}, client {message.client}, login {login}"
    yield f"Relay:       {message.relay or '-'}, {message.size} octets"
    if message.attempt_of is not None:
        yield f"Attempt of:  {ids.show(message.attempt_of)}"
    for delivery in message.deliveries:
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
