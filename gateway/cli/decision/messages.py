"""The journal: messages received, the decision for each recipient, and why."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from gateway.app import common
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
from gateway.cli.listing import ListColumns, ListRequest, lists, newest_first
from gateway.cli.output import complain, one_line, print_json, print_line
from gateway.core import ids
from gateway.core.decision.delivery_reason import DeliveryReason, RuleOutcome
from gateway.core.decision.note import with_rewritten_notes, wording_of_notes
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.journal.message import Delivery, Message
from gateway.core.journal.search_words import MessageSearch
from gateway.core.kinds import State
from gateway.core.languages import in_language, primary_subtag
from gateway.core.written import did_you_mean
from gateway.documents.explanations import outcome_of
from gateway.documents.messages import message_document
from gateway.store.bounces import bounces
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.journal import messages as journal
from gateway.store.journal import searching
from gateway.store.views.delivery_reasons import deliveries_of, reasons_of

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
NoteLanguage = Annotated[
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
    typer.Option(
        help="Only where this group kept somebody from mail; a part of its name will do.",
        metavar="GROUP",
    ),
]
_WouldFail = Annotated[
    bool, typer.Option("--would-fail", help="Mail to suppressed people that was let through.")
]


def tally(message: Message) -> str:
    """Return how many deliveries are in each state: `3 relayed, 1 send_failed`."""
    counts = Counter(delivery.state for delivery in message.deliveries)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


_COLUMNS: ListColumns[Message] = {
    "id": lambda message: ids.show(message.id),
    "time": lambda message: message.at,
    "sender": lambda message: message.sender or "<>",
    "subject": lambda message: one_line(message.subject),
    "kind": lambda message: message.kind,
    "rule": lambda message: message.rule,
    "deliveries": tally,
}


@app.command("list")
@lists()
def list_messages(
    context: typer.Context,
    request: ListRequest,
    *,
    state: _State = None,
    to: _To = None,
    sender: _From = None,
    search: _Search = None,
    rule: _Rule = None,
    group: _Group = None,
) -> None:
    """List messages, the newest first.

    A word of --search is a run of letters and digits, whatever its case and accents.
    """
    invocation = of(context)
    message_search = None if search is None else MessageSearch.read(search)
    if search is not None and message_search is None:
        wrong_use("--search: no word in it, which is letters and digits")
    recipient = None if to is None else invocation.lookup(read_mail_address(to))
    envelope_sender = None if sender is None else read_sender(sender)

    def read(connection: StoreTransaction, before: int | None, limit: int) -> list[Message]:
        return journal.list_messages(
            connection,
            state=state,
            to=recipient,
            sender=envelope_sender,
            since=request.since,
            search=message_search,
            rule=rule,
            group=group,
            before=before,
            limit=limit,
        )

    is_searched = message_search is not None or rule is not None or group is not None
    with invocation.store() as store:
        if is_searched:
            with store.reading() as connection:
                missed = searching.unsearched_before(connection)
            if missed is not None:
                day = invocation.local(missed)
                complain(f"Words of messages before {day} are still being taken.")
        source = newest_first(store, read, lambda message: message.id)
        unknown = "" if rule is None else _unknown_rule(invocation, rule)
        request.print(source, _COLUMNS, document=message_document, empty=f"{_NO_MESSAGES}{unknown}")


def _unknown_rule(invocation: Context, rule: str) -> str:
    """Return a sentence on a rule name that no current rule has; the journal may know it."""
    # Loaded only for this question: showing a message needs no rules.
    from gateway.app.rules import rules_of
    from gateway.core.decision.classify import NO_RULES, rule_of_listener

    settings = invocation.settings
    names = [
        *(current_rule.name for current_rule in rules_of(settings)),
        *(
            rule_of_listener(listener.name)
            for listener in settings.smtp.listeners
            if listener.kind != "auto"
        ),
        *NO_RULES,
    ]
    if rule in names:
        return ""
    return f" No rule is called {rule} now{did_you_mean(rule, names) or '.'}"


@app.command("show")
def show_message(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="ID", help="The id of a message.")],
    *,
    language: NoteLanguage = None,
    why: Annotated[
        bool, typer.Option("--why", help="Rule by rule, suppression by suppression.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a message, what became of it, and why.

    For each recipient: the state, who decided it, and the note, in the sender's language unless
    --language asks for another. --why tells step by step what kept the mail away, and what would
    have let it through.
    """
    invocation = of(context)
    template = None if language is None else wording_in(invocation, language)
    with invocation.store() as store, store.reading() as connection:
        message = journal.by_id(connection, read_id(number))
        reports = bounces.of_message(connection, read_id(number))
        if message is None:
            raise NotFound(f"the journal has no message {number}", "gateway messages list")
        reasons = _reasons(invocation, store, connection, message) if why else {}
    if template is not None:
        message = with_rewritten_notes(template, message, invocation.zone)
    if as_json:
        print_json(message_document(message, reports, reasons))
        return
    words = template or wording_of_notes(note_templates(invocation.settings).values(), message)
    for line in message_lines(invocation, message, words or wording(invocation), reasons):
        print_line(line)
    for entry in reports:
        report = one_line(f"{entry.action} {entry.status}, {entry.diagnostic}")
        print_line(f"Reported:    {one_line(entry.recipient)}: {report}")


_FAILING: ListColumns[tuple[Message, Delivery]] = {
    "id": lambda line: ids.show(line[0].id),
    "time": lambda line: line[0].at,
    "recipient": lambda line: line[1].recipient,
    "subject": lambda line: one_line(line[0].subject),
    "rule": lambda line: line[0].rule,
    "why": lambda line: line[1].note.partition("\n")[0],
}


@lists()
def report(context: typer.Context, request: ListRequest, would_fail: _WouldFail) -> None:
    """Report what enforcing would change.

    Mail that suppressed people got because a listener only observes, or because of an override.
    """
    del would_fail

    def read(connection: StoreTransaction, before: int | None, limit: int) -> list[Message]:
        return journal.would_fail(connection, request.since, before=before, limit=limit)

    with of(context).store() as store:
        request.print_lines(
            newest_first(store, read, lambda message: message.id),
            lambda message: [
                (message, delivery)
                for delivery in message.deliveries
                if delivery.would == State.SEND_FAILED
            ],
            _FAILING,
            document=message_document,
            empty=_NONE_WOULD_FAIL,
        )


def message_lines(
    invocation: Context,
    message: Message,
    template: NoteTemplate,
    reasons: Mapping[tuple[int, int], DeliveryReason] | None = None,
) -> Iterator[str]:
    """Yield a message line by line, then its deliveries, with states in the template's words."""
    yield f"Subject:     {one_line(message.subject)}"
    yield f"From:        {message.sender or '<>'}"
    yield f"Date:        {invocation.local(message.at)}"
    yield f"Message-ID:  {one_line(message.message_id)}"
    yield f"Journal:     {ids.show(message.id)}"
    yield f"Kind:        {message.kind} (rule {message.rule})"
    login = message.login or "-"
    yield f"Came by:     listener {message.listener}, client {message.client}, login {login}"
    yield f"Relay:       {message.relay or '-'}, {message.size} octets"
    if message.attempt_of is not None:
        yield f"Attempt of:  {ids.show(message.attempt_of)}"
    for position, delivery in enumerate(message.deliveries):
        yield ""
        persons = f" ({', '.join(map(str, delivery.persons))})" if delivery.persons else ""
        yield f"To:          {delivery.recipient}{persons}"
        yield f"State:       {template.state(delivery.state)} ({delivery.state} by {delivery.by})"
        if delivery.would:
            yield f"Would be:    {template.state(State(delivery.would))} ({delivery.would})"
        if delivery.reply:
            yield f"Reply:       {one_line(delivery.reply)}"
        yield from (f"    {line}" for line in delivery.note.splitlines())
        if reasons and (reason := reasons.get((message.id, position))):
            yield from steps(invocation, reason)


def steps(invocation: Context, reason: DeliveryReason) -> Iterator[str]:
    """Yield a line for each rule and suppression that was involved, and for each way out."""
    from gateway.cli.people.suppress import suppression_line

    yield "Why:"
    if all(step.outcome is RuleOutcome.UNKNOWN for step in reason.rules):
        yield f"  → {reason.kind} by {reason.rule}, which is not one of the rules"
    else:
        for step in reason.rules:
            if step.outcome is not RuleOutcome.NOT_ASKED:
                decided = step.outcome is RuleOutcome.DECIDED
                result = f"{step.kind} if {step.in_words}" if decided else "no match"
                yield f"  {'→' if decided else ' '} {step.name}: {result}"
        if not any(step.outcome is RuleOutcome.DECIDED for step in reason.rules):
            yield f"  → {reason.rule}: {reason.kind}"
    for hit in reason.hits:
        holds = "still in force" if hit.holds_now else "not in force any more"
        yield f"  ✗ {suppression_line(invocation, hit.suppression)} ({holds})"
        yield f"      without it alone: {outcome_of(hit.alone)}"
    yield f"  Personal mail then: {outcome_of(reason.as_individual)}"
    yield f"  The same mail now: {outcome_of(reason.now)}"
    for suppression in reason.new_hits:
        yield f"  ✗ now: {suppression_line(invocation, suppression)}"


def _reasons(
    invocation: Context, store: Database, connection: StoreTransaction, message: Message
) -> dict[tuple[int, int], DeliveryReason]:
    from gateway.app.rules import rules_of

    with common.standings(invocation.settings, store) as standings:
        return reasons_of(
            connection,
            standings,
            deliveries_of(message),
            rules=rules_of(invocation.settings),
            zone=invocation.zone,
        )


def wording(invocation: Context) -> NoteTemplate:
    """Return the wording of the states."""
    settings = invocation.settings
    return in_language(note_templates(settings), settings.suppression.language)


def wording_in(invocation: Context, language: str) -> NoteTemplate:
    """Return the wording in a language; wrong use if there is none."""
    templates = note_templates(invocation.settings)
    template = templates.get(primary_subtag(language))
    if template is None:
        wrong_use(f"--language {language}: notes are in {', '.join(sorted(templates))}")
    return template
