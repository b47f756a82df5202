"""The filter of a list of messages, as typed by a user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request

from gateway.api.console.access import text_for
from gateway.api.console.form_text import typed_moment, typed_text
from gateway.api.services import ApiServices
from gateway.core.ids import LARGEST, first_id_after
from gateway.core.journal.search_words import AddressParts, MessageSearch
from gateway.core.kinds import State
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages, searching
from gateway.store.journal.messages import FoundMessages

_ALSO = {"recipient": "to", "sender": "from", "q": "search"}


@dataclass(slots=True)
class MessageFilter:
    """The criteria; `problems` by field are shown beside the field."""

    state: State | None = None
    to: str | AddressParts | None = None
    sender: str | AddressParts | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: MessageSearch | None = None
    rule: str | None = None
    group: str | None = None
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def is_searched(self) -> bool:
        """Whether the criteria use words, which are indexed a moment after a message is stored."""
        parts = isinstance(self.to, AddressParts) or isinstance(self.sender, AddressParts)
        return bool(self.search or self.rule or self.group or parts)

    def find(
        self, connection: StoreTransaction, *, before: int | None, limit: int
    ) -> FoundMessages:
        """Return the matching messages, newest first; `before` is an id."""
        if self.until is not None:
            before = min(before or LARGEST, first_id_after(self.until))
        return messages.find(
            connection,
            state=self.state,
            to=self.to,
            sender=self.sender,
            since=self.since,
            before=before,
            search=self.search,
            rule=self.rule,
            group=self.group,
            limit=limit,
        )

    def missed_before(self, connection: StoreTransaction) -> datetime | None:
        """Return the time before which messages with the words may be missed; None if none are."""
        return searching.unsearched_before(connection) if self.is_searched else None


def read_filter(request: Request, using: ApiServices) -> MessageFilter:
    """Read a list's query: state, to, from, since, until, search, rule, group.

    `recipient` and `sender`, the names in JSON, mean `to` and `from`; `q` is the name of the search
    words on other pages.
    """
    query = request.query_params
    typed = {_ALSO.get(name, name): text for name in query if (text := typed_text(query, name))}
    message_filter = MessageFilter(rule=typed.get("rule"), group=typed.get("group"))
    if (state := typed.get("state")) in set(State):
        message_filter.state = State(state)
    elif state is not None:
        message_filter.problems["state"] = text_for(request, "There is no such state.")
    if "to" in typed:
        to = _address(request, message_filter, "to", typed["to"])
        message_filter.to = using.lookup(to) if isinstance(to, str) else to
    if "from" in typed:
        message_filter.sender = _address(request, message_filter, "from", typed["from"])
    message_filter.since = _moment(request, using, message_filter, "since", typed=typed)
    message_filter.until = _moment(request, using, message_filter, "until", typed=typed)
    if "search" in typed:
        message_filter.search = MessageSearch.read(typed["search"])
        if message_filter.search is None:
            message_filter.problems["search"] = text_for(request, "Words have letters or digits.")
    return message_filter


def _address(
    request: Request, message_filter: MessageFilter, name: str, text: str
) -> str | AddressParts | None:
    """Read an address, or parts of one; a sender of `<>` means the null sender, an empty text."""
    if name == "from" and text == "<>":
        return ""
    read = read_address(text)
    if not isinstance(read, NotAnAddress):
        return read.address
    parts = AddressParts.read(text)
    if parts is None:
        message_filter.problems[name] = text_for(request, "Words have letters or digits.")
    return parts


def _moment(
    request: Request,
    using: ApiServices,
    message_filter: MessageFilter,
    name: str,
    *,
    typed: Mapping[str, str],
) -> datetime | None:
    if name not in typed:
        return None
    try:
        return typed_moment(typed[name], using.clock(), using.zone(), is_end=name == "until")
    except ValueError:
        message_filter.problems[name] = text_for(request, "This is not a day.")
        return None
