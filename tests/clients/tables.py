"""What was seen, as the tables of docs/clients.md and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from tests.clients.libraries import ClientLibrary, SendResult
from tests.clients.mail_server_situations import CROWD, Bounce, MailServerReport
from tests.clients.mail_servers import MailServer
from tests.clients.situations import PATIENCE, PRESSES, SILENCE, ClientReport, NoteSeen

NOT_TRIED = "–"
ALWAYS = '`report = "always"`'
AT_RCPT = '`reject_at = "rcpt"`'
LINES = {
    "all": "all lines",
    "first": "the **first line**",
    "last": "the **last line**",
    "some": "some lines",
    "none": "**no text**",
}


def as_json(value: Any) -> Any:
    """Return reports as plain values; a library is its name."""
    if isinstance(value, ClientLibrary):
        return value.name
    if isinstance(value, type) and issubclass(value, MailServer):
        return value.name
    if is_dataclass(value):
        return {one.name: as_json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return sorted(value) if isinstance(value, set) else value


def page(clients: Sequence[ClientReport], servers: Sequence[MailServerReport]) -> str:
    """Return all tables with their headings, as docs/clients.md has them."""
    parts = []
    if clients:
        parts += ["### A refusal", "", refusals(clients), "", "### Tries", "", tries(clients), ""]
        parts += [
            f"*A relay slower than the client*: the library waits {PATIENCE} s, the relay says its "
            f"250 after {SILENCE:g} s, and whoever sent sends again until it goes well, {PRESSES} "
            "times at most.",
            "",
        ]
    if servers:
        parts += ["### Mail servers as the CRM's own sender", "", bounces(servers), ""]
        parts += [queues(servers), "", settings(servers), ""]
    return "\n".join(parts)


def refusals(reports: Sequence[ClientReport]) -> str:
    """Return what each library makes of a refusal."""
    head = (
        "library (language)",
        "version",
        "one of three refused at RCPT: the others",
        "what the caller is told then",
        "all refused after the content",
        "its next mail on that connection",
        "setting that fits",
    )
    return _table(head, map(_refusal, reports))


def _refusal(one: ClientReport) -> Sequence[str]:
    return (
        one.library.title,
        one.version,
        _others(one),
        _told(one.refused_result, one.refused_note, one.refused_more),
        _told(one.content_result, one.content_note, one.content_more),
        _next_mail(one),
        fitting_setting(one),
    )


def _others(one: ClientReport) -> str:
    if one.others_get_it is None:
        return NOT_TRIED
    if one.others_get_it:
        return "get it"
    return "**nobody gets it**" + (
        f", unless `{one.library.partial}`" if one.partial_get_it else ""
    )


def _told(result: SendResult | None, note: NoteSeen | None, more: NoteSeen | None) -> str:
    if result is None or note is None or more is None:
        return NOT_TRIED
    best = note if note.lines != "none" else more
    if result.ok and best.lines == "none" and not result.said:
        return "**nothing**"
    how = "a return value" if result.ok else _how(result.error)
    text = f"{how}, {LINES[note.lines]}"
    if note.lines != "all" and more.lines != "none":
        text += f" ({LINES[more.lines]} in its details)"
    if best.lines != "none" and not best.number:
        text += ", without the message's number"
    return text


def _how(error: str) -> str:
    return error if error.startswith("exit") else "false" if error == "false" else "exception"


def _next_mail(one: ClientReport) -> str:
    seen = {
        "one refused": one.next_after_rcpt,
        "all refused at RCPT": one.next_after_all_rcpt,
        "refused after the content": one.next_after_content,
    }
    if None in seen.values():
        return NOT_TRIED
    bad = [name for name, went_well in seen.items() if not went_well]
    if bad:
        return f"**fails** where {' and '.join(bad)}"
    return "goes" if one.library.keeps_connection else "goes (a new one each time)"


def fitting_setting(one: ClientReport) -> str:
    """Return the setting that leaves nobody out and lets somebody know."""
    if one.others_get_it is None or one.refused_result is None:
        return NOT_TRIED
    if _is_silent(one.content_note, one.content_more):
        return ALWAYS
    if not one.others_get_it:
        if not one.partial_get_it:
            return "shipped"
        silent = f", {ALWAYS}" if _is_silent(one.partial_note, None) else ""
        return f"shipped; with `{one.library.partial}`: {AT_RCPT}{silent}"
    if not one.refused_result.ok:
        return "shipped: who sends again sends twice to the others"
    if _is_silent(one.refused_note, one.refused_more):
        return ALWAYS
    return f"shipped; {AT_RCPT} where the program looks at the return value"


def _is_silent(note: NoteSeen | None, more: NoteSeen | None) -> bool:
    return all(one is None or one.lines == "none" for one in (note, more))


def tries(reports: Sequence[ClientReport]) -> str:
    """Return how each library tries again, and what of the mail changes."""
    head = (
        "library (language)",
        "waits for a reply, as shipped",
        "451 after the dot: tries in the call",
        "the same object sent again: what changes",
        "built again from the same data: what changes",
        "a relay slower than the client, the same object: deliveries",
        "built anew: deliveries",
        "logs in with",
    )
    return _table(head, map(_try, reports))


def _try(one: ClientReport) -> Sequence[str]:
    return (
        one.library.title,
        "for ever" if one.time_limit is None else f"{one.time_limit:g} s",
        NOT_TRIED if one.tries is None else str(one.tries),
        _changes(one.changes_again),
        _changes(one.changes_anew),
        _deliveries(one.deliveries_again, told=one.told_again),
        _deliveries(one.deliveries_anew, told=one.told_anew),
        _logins(one.logins),
    )


def _changes(changes: list[str] | None) -> str:
    if changes is None:
        return NOT_TRIED
    return ", ".join(changes) or "nothing"


def _deliveries(count: int | None, *, told: bool | None) -> str:
    if count is None:
        return NOT_TRIED
    times = {0: "**none**", 1: "one"}.get(count, f"**{count}**")
    return times if told else f"{times}, **never told so**"


def _logins(logins: dict[str, str]) -> str:
    if not logins:
        return NOT_TRIED
    good = [name for name, seen in logins.items() if seen == "ok"]
    bad = [f"**not {name}** ({seen})" for name, seen in logins.items() if seen != "ok"]
    return ", ".join([*good, *bad])


def bounces(reports: Sequence[MailServerReport]) -> str:
    """Return what each mail server's bounce tells of a refusal."""
    head = (
        "mail server",
        "version",
        "one of three refused at RCPT: the others",
        "the sender is told then",
        "the only one refused after the content",
        "over LMTP, one of three refused",
    )
    return _table(head, map(_bounces, reports))


def _bounces(one: MailServerReport) -> Sequence[str]:
    return (
        one.server.title,
        one.version,
        _get_it(one.others_get_it),
        _bounce(one.refused_bounce, tried=one.others_get_it is not None),
        _bounce(one.content_bounce, tried="refused after the content" not in one.failures),
        _over_lmtp(one),
    )


def _get_it(others: bool | None) -> str:
    return {None: NOT_TRIED, True: "get it", False: "**nobody gets it**"}[others]


def _bounce(bounce: Bounce | None, *, tried: bool) -> str:
    if bounce is None:
        return "**no bounce**" if tried else NOT_TRIED
    text = f"a bounce with {LINES[bounce.note.lines]}"
    if not bounce.says_first:
        text += ", in the part programs read only"
    if "others" in bounce.names:
        text += "; **it names the others as failed, too**"
    if not bounce.is_report:
        text += "; not in the form of a report (RFC 3464)"
    return text


def _over_lmtp(one: MailServerReport) -> str:
    if not one.server.lmtp:
        return "speaks none"
    if one.lmtp_others_get_it is None:
        return NOT_TRIED
    return f"the others {_get_it(one.lmtp_others_get_it)}; {_bounce(one.lmtp_bounce, tried=True)}"


def queues(reports: Sequence[MailServerReport]) -> str:
    """Return how each mail server tries again and splits."""
    head = (
        "mail server",
        "tries again after 451, as shipped",
        "the next try",
        "whom the relay defers at RCPT",
        f"a mail to {CROWD} comes in transactions of",
        "greets with, says with MAIL and RCPT",
        "not understood by the gateway",
    )
    return _table(head, map(_queue, reports))


def _queue(one: MailServerReport) -> Sequence[str]:
    alone = {True: "comes alone later, the others have it", False: "holds up the others, too"}
    same = {True: "same Message-ID", False: "**another Message-ID**"}
    parameters = " ".join([one.greets_with, *sorted(one.parameters)])
    return (
        one.server.title,
        one.server.retry,
        NOT_TRIED if one.same_message_id is None else same[one.same_message_id],
        NOT_TRIED if one.deferred_alone is None else alone[one.deferred_alone],
        NOT_TRIED if one.chunks is None else _chunks(one),
        f"`{parameters}`",
        ", ".join(f"`{words}`" for words in one.not_understood) or "nothing",
    )


def _chunks(one: MailServerReport) -> str:
    assert one.chunks is not None
    sizes = [str(size) for size in one.chunks]
    if len({*sizes}) == 1 and len(sizes) > 3:
        sizes = [f"{len(sizes)} × {sizes[0]}"]
    at_once = one.connections or 0
    return " + ".join(sizes) + (f", on {at_once} connections at once" if at_once > 1 else "")


def settings(reports: Sequence[MailServerReport]) -> str:
    """Return how each mail server is told to hand everything to the gateway."""
    rows = ((one.server.title, one.server.setting, one.server.lmtp or NOT_TRIED) for one in reports)
    return _table(("mail server", "everything to the gateway", "the same over LMTP"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in line)} |" for line in lines)
