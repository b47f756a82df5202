"""`gateway messages` and `gateway report`."""

import re
from dataclasses import replace

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.kinds import State
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.bounces import bounces
from tests.cli.conftest import Cli, delivery, message
from tests.store.journaling import kept_note

ANN = PersonRef(PersonKind.CANDIDATE, "17")


def test_messages_are_listed_by_what_is_asked_for(cli: Cli) -> None:
    cli.keep(
        message(0, delivery("ann@example.org"), subject="first"),
        message(1, delivery("ann@example.org", State.SEND_FAILED), subject="second"),
        message(2, delivery("ben@example.org"), subject="third", sender="other@example.org"),
    )

    def found(*options: str) -> list[str]:
        return [one["subject"] for one in cli.json("messages", "list", *options)]

    assert ["third", "second", "first"] == found()
    assert ["third"] == found("--limit", "1")
    assert ["second", "first"] == found("--to", "ANN@example.org")
    assert ["second"] == found("--state", "send_failed")
    assert ["third"] == found("--from", "other@example.org")
    assert [] == found("--since", "2099-01-01")
    assert ["third"] == found("--search", "THIRD ben")
    assert ["second", "first"] == found("--search", "ann@example.org", "--rule", "precedence")
    assert [] == found("--group", "Geen bulk-mail")
    assert 2 == cli("messages", "list", "--search", "?!").code


def test_the_note_is_told_in_another_language_when_asked(cli: Cli) -> None:
    part = delivery("ann@example.org", State.SEND_FAILED, note="Nederlands", persons=[ANN])
    one = message(0, replace(part, note_facts=kept_note()))
    cli.keep(one)
    number = ids.show(one.id)

    told = cli.json("messages", "show", number, "--language", "de")["deliveries"][0]["note"]
    shown = cli("messages", "show", number, "--language", "de_CH").out

    assert told.startswith("Versand fehlgeschlagen: ann@example.org")
    assert "Keine Massenmail" in told
    assert "State:       Versand fehlgeschlagen" in shown
    assert "Nederlands" == cli.json("messages", "show", number)["deliveries"][0]["note"]
    assert 2 == cli("messages", "show", number, "--language", "xx").code


def test_why_is_told_step_by_step(cli: Cli) -> None:
    part = delivery("ann@example.org", State.SEND_FAILED, note="Nederlands", persons=[ANN])
    kept = message(0, replace(part, note_facts=kept_note()), delivery("ben@example.org"))
    cli.keep(kept)
    number = ids.show(kept.id)

    shown = cli.do("messages", "show", number, "--why")
    told, other = cli.json("messages", "show", number, "--why")["deliveries"]

    assert "  → precedence: bulk if its `Precedence` matches" in shown
    assert 'group "Geen bulk-mail" (not in force any more)' in shown
    assert "      without it alone: relay" in shown
    assert shown.endswith("250 2.0.0 queued as 7\n")
    assert "  The same mail now: relay" in shown
    assert ("precedence", "relay", "relay") == tuple(
        told["why"][name] for name in ("rule", "as_individual", "now")
    )
    assert "why" not in other
    assert "why" not in cli.json("messages", "show", number)["deliveries"][0]


def test_a_message_has_the_fields_scripts_rely_on(cli: Cli) -> None:
    kept = message(
        0,
        delivery("Ann@example.org", State.SEND_FAILED, note="why", persons=[ANN]),
        delivery("ben@example.org", would="send_failed"),
    )
    cli.keep(kept)

    [listed] = cli.json("messages", "list")
    shown = cli.json("messages", "show", ids.show(kept.id))
    assert listed == shown
    assert {
        "id": ids.show(kept.id),
        "sender": "crm@example.org",
        "subject": "Hello",
        "message_id": "<1@example.org>",
        "kind": "bulk",
        "rule": "precedence",
        "listener": "crm",
    }.items() <= shown.items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown["at"])
    assert [
        {
            "recipient": "Ann@example.org",
            "persons": ["candidate:17"],
            "state": "send_failed",
            "by": "gateway",
            "reply": "",
            "note": "why",
            "would": "",
        },
        {
            "recipient": "ben@example.org",
            "persons": [],
            "state": "relayed",
            "by": "relay",
            "reply": "250 2.0.0 queued as 7",
            "note": "",
            "would": "send_failed",
        },
    ] == shown["deliveries"]


def test_S1_subject_sender_date_localised_state_and_note_stand_together(cli: Cli) -> None:
    note = "Niet verzonden: Geen bulk-mail\nOpheffen: …"
    kept = message(0, delivery("ann@example.org", State.SEND_FAILED, note=note, persons=[ANN]))
    cli.keep(kept)

    text = cli.do("messages", "show", ids.show(kept.id))
    assert [
        "Subject:     Hello",
        "From:        crm@example.org",
    ] == text.splitlines()[:2]
    assert "To:          ann@example.org (candidate:17)" in text
    assert "State:       verzenden mislukt (send_failed by gateway)" in text
    assert "    Niet verzonden: Geen bulk-mail\n    Opheffen: …\n" in text


def test_the_state_is_told_in_the_language_of_the_settings(cli: Cli) -> None:
    kept = message(0, delivery("ann@example.org", State.SEND_FAILED, note="x"))
    cli.keep(kept)

    told = {}
    for language in ("nl", "de", "fr", "en"):
        cli.configure(f'[suppression]\nlanguage = "{language}"\n')
        text = cli.do("messages", "show", ids.show(kept.id))
        told[language] = text.partition("State:       ")[2].partition(" (")[0]

    assert {
        "nl": "verzenden mislukt",
        "de": "Versand fehlgeschlagen",
        "fr": "échec de l'envoi",
        "en": "send failed",
    } == told


def test_N4_states_are_told_in_the_language_of_the_notes_beside_them(cli: Cli) -> None:
    cli.configure('[suppression]\nlanguage = "nl"\n')
    failed = delivery("ann@example.org", State.SEND_FAILED, note="Versand fehlgeschlagen: ann")
    one = message(0, failed, delivery("ben@example.org"))
    cli.keep(one)

    shown = cli("messages", "show", ids.show(one.id)).out

    states = [line.split()[1] for line in shown.splitlines() if line.startswith("State:")]
    assert ["Versand", "versendet"] == states


def test_what_a_stranger_wrote_does_not_steer_the_terminal(cli: Cli) -> None:
    kept = message(0, delivery("ann@example.org"), subject="\x1b[2J[red]\r\nState: relayed\x9b1m")
    cli.keep(kept)

    outputs = cli.do("messages", "list"), cli.do("messages", "show", ids.show(kept.id))
    document = cli.do("messages", "list", "--json")
    for text in (*outputs, document):
        assert not set("\x1b\r\x9b") & set(text)
    assert "[red]" in outputs[0]
    assert "\nState: relayed" not in outputs[1]


def test_an_unknown_message_is_no_and_a_wrong_id_is_wrong_use(cli: Cli) -> None:
    unknown, wrong = cli("messages", "show", "0" * 13), cli("messages", "show", "17")

    said = "gateway: the journal has no message 0000000000000: gateway messages list\n"
    assert (1, said) == (unknown.code, unknown.err)
    assert 2 == wrong.code
    assert "not an id: '17'" in wrong.err


def test_the_report_shows_what_enforcing_would_change(cli: Cli) -> None:
    cli.keep(
        message(0, delivery("ann@example.org", would="send_failed", note="Geen bulk-mail\nmore")),
        message(1, delivery("ben@example.org"), subject="fine"),
    )

    [found] = cli.json("report", "--would-fail")
    text = cli.do("report", "--would-fail")
    assert "ann@example.org" == found["deliveries"][0]["recipient"]
    assert "Geen bulk-mail" in text
    assert "more" not in text
    assert "fine" not in text
    assert 2 == cli("report").code


def test_what_another_server_reported_is_shown_with_the_message(cli: Cli) -> None:
    kept = message(0, delivery("ann@example.org"))
    report = KeptBounce(
        inbox=7,
        position=0,
        message=kept.id,
        proof=Proof.TRACE,
        kind=BounceKind.BOUNCE,
        address="ann@example.org",
        recipient="ann@example.org",
        action="failed",
        status="5.1.1",
        diagnostic="unknown user",
        reason="userunknown",
        hard=True,
    )
    cli.keep(kept)
    with cli.store() as store, store.writing() as connection:
        bounces.add(connection, [report])

    shown = cli.json("messages", "show", ids.show(kept.id))

    assert [{"recipient": "ann@example.org", "action": "failed", "status": "5.1.1",
             "diagnostic": "unknown user", "kind": "bounce",
             "reason": "userunknown"}] == shown["reports"]  # fmt: skip
    line = "Reported:    ann@example.org: failed 5.1.1, unknown user"
    assert line in cli.do("messages", "show", ids.show(kept.id))
