"""Following the gateway's decisions live."""

import json
import sys
import time
from datetime import datetime, timedelta
from typing import Annotated

import typer

from gateway.app.common import now
from gateway.cli.context import Context, of
from gateway.cli.decision.messages import tally
from gateway.cli.output import one_line, print_line
from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.documents.messages import message_document
from gateway.store.engine.database import Database
from gateway.store.journal import messages

_POLL_SECONDS = 0.5
#: A message still being sent is shown at this age, otherwise with its outcome.
PATIENCE = timedelta(seconds=5)
#: How late after its id was made a message may appear: workers don't commit in order.
LATENESS = timedelta(minutes=2)


class Follower:
    """Finds messages that weren't shown yet, each once."""

    def __init__(self, start: datetime) -> None:
        self._start = ids.first_id_at(start)
        self._shown_ids: set[int] = set()

    def news(self, store: Database, moment: datetime) -> list[Message]:
        """Return the messages to show at a time, in order of id."""
        oldest = max(self._start, ids.first_id_at(moment - LATENESS))
        waiting_since = ids.first_id_at(moment - PATIENCE)
        with store.reading() as connection:
            settled = messages.settled_after(connection, oldest, waiting_since)
            fresh = [number for number in settled if number not in self._shown_ids]
            new_messages = messages.by_ids(connection, fresh)
        self._shown_ids = {number for number in self._shown_ids if number > oldest}
        self._shown_ids.update(fresh)
        return new_messages


def tail(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document per line.")
    ] = False,
) -> None:
    """Follow decisions live, until Ctrl-C.

    Each message is shown once it is decided.
    """
    invocation = of(context)
    try:
        with invocation.store() as store:
            follower = Follower(now())
            while True:
                for message in follower.news(store, now()):
                    show_decided(invocation, message, as_json=as_json)
                time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        return


def show_decided(invocation: Context, message: Message, *, as_json: bool) -> None:
    """Print a message that was just decided on, as a line or a JSON document."""
    if as_json:
        sys.stdout.write(json.dumps(message_document(message)) + "\n")
        sys.stdout.flush()
        return
    when, sender = invocation.local(message.at), message.sender or "<>"
    kind = f"{message.kind} ({message.rule})"
    subject = f"{sender}: {one_line(message.subject)}"
    print_line(f"{when} {ids.show(message.id)} {kind} {subject} → {tally(message)}")
