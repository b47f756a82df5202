"""The note that says why mail was not sent."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.core import ids
from gateway.core.ascii_text import ascii_text
from gateway.core.decision.note import (
    note_of_failed,
    reasons,
    refusal,
    render,
    with_rewritten_notes,
    wording_of_notes,
)
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.decision.note_template import NoteTemplate, parse_template
from gateway.core.decision.short_note import MAX_SHORT_OCTETS
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Kind, Scope, State
from gateway.core.people.people import ENTRY_SOURCES, PersonRef, Suppression, SuppressionSource

FOLDER = Path(__file__).parents[2] / "config" / "templates" / "notes"
LANGUAGES = ("nl", "de", "fr", "en")
ID = ids.first_id_at(datetime(2026, 3, 12, tzinfo=UTC))
RALPH = PersonRef.parse("candidate:17")
GROUP = Suppression(
    scope=Scope.BULK,
    source=SuppressionSource.GROUP,
    name="Geen bulk-mail",
    origin="crm",
    since=datetime(2025, 12, 31, 23, 30, tzinfo=UTC),
    person=RALPH,
)
DECEASED = replace(
    GROUP, scope=Scope.ALL, source=SuppressionSource.STATUS, name="Overleden", since=None
)
BLOCKED = replace(
    GROUP,
    source=SuppressionSource.STAFF,
    name="",
    origin="ann@office.example",
    until=datetime(2026, 6, 1, tzinfo=UTC),
    remark="asked by telephone",
    person=None,
)
FACTS = NoteFacts(
    message=ID,
    now=datetime(2026, 3, 12, 9, 5, tzinfo=ZoneInfo("Europe/Amsterdam")),
    kind=Kind.BULK,
    rule="list-id",
    recipient="ralph@example.org",
    suppressions=(GROUP,),
    personal_mail=True,
    feed_as_of=datetime(2026, 3, 12, 6, 0, tzinfo=UTC),
    persons=(RALPH,),
)


def template(language: str) -> NoteTemplate:
    return parse_template((FOLDER / f"{language}.txt").read_text(), language)


def test_the_note_in_dutch_says_which_group_since_when_and_how_to_lift_it() -> None:
    note = render(template("nl"), FACTS)

    assert note.short == (
        'Verzenden mislukt: ontvanger zit in groep "Geen bulk-mail" (geen bulk-mail).'
        f" Nr. {ids.show(ID)}",
        "In de groep sinds 1 januari 2026. Gegevens uit het CRM van 12 maart 2026 om 07:00",
        'Opheffen: vink de groep "Geen bulk-mail" uit in het CRM',
        "Mail vanuit het eigen dossier van de persoon komt wel aan",
        f'Verzenden mislukt: "Geen bulk-mail". Nr. {ids.show(ID)}',
    )
    assert (
        f"""\
Verzenden mislukt: ralph@example.org

Dit bericht is niet verstuurd aan ralph@example.org.

Deze persoon zit in de groep "Geen bulk-mail" en krijgt daarom geen bulk-mail.
Persoon: candidate:17
In de groep sinds: 1 januari 2026
Bron: crm
Opheffen: vink de groep "Geen bulk-mail" uit bij de persoon in het CRM en bewaar de wijziging.

Wilt u deze persoon toch iets laten weten? Een persoonlijke mail vanuit het eigen dossier van de
persoon in het CRM komt wel aan.

Bericht {ids.show(ID)} van 12 maart 2026 om 09:05, herkend als bulk-mail (regel: list-id).
Persoon in het CRM: candidate:17
Stand van de gegevens uit het CRM: 12 maart 2026 om 07:00."""
        == note.full
    )


@pytest.mark.parametrize(
    ("language", "state"),
    [
        ("nl", "Verzenden mislukt: "),
        ("de", "Versand fehlgeschlagen: "),
        ("fr", "Échec de l'envoi : "),
        ("en", "Send failed: "),
    ],
)
def test_the_state_is_named_in_the_readers_language(language: str, state: str) -> None:
    note = render(template(language), FACTS)

    assert note.full.startswith(f"{state}ralph@example.org")
    assert note.short[0].startswith(ascii_text(state))


OPTED_OUT = replace(GROUP, origin="mailchimp")
LONG_NAME = "Größe & “Länge” " * 50


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("personal_mail", [True, False])
@pytest.mark.parametrize("name", ["Geen bulk-mail", LONG_NAME])
@pytest.mark.parametrize(
    "entries",
    [[GROUP], [DECEASED], [BLOCKED], [OPTED_OUT], [GROUP, DECEASED, BLOCKED, OPTED_OUT]],
    ids=["group", "status", "staff", "opt out", "several"],
)
def test_the_first_and_the_last_line_are_each_enough_for_programs_that_show_only_one(
    language: str, entries: list[Suppression], name: str, personal_mail: bool
) -> None:
    failed = [
        replace(
            FACTS,
            recipient=f"{number}@example.org",
            suppressions=(replace(entry, name=name, since=GROUP.since),),
            personal_mail=personal_mail,
        )
        for number, entry in enumerate(entries)
    ]

    reply = refusal(template(language), failed)

    wording = template(language)
    reasons = {
        SuppressionSource.STAFF: ascii_text(wording.words["blocked_address"]),
        SuppressionSource.GROUP: ascii_text(name)[:30],
        SuppressionSource.STATUS: ascii_text(name)[:30],
    }
    lines = list(reply.lines)
    assert 3 <= len(lines) <= 5
    assert len(reply.octets) <= MAX_SHORT_OCTETS
    assert all(line.isascii() and line.isprintable() and "@" not in line for line in lines)
    for line in (lines[0], lines[-1]):
        assert line.startswith(f"5.7.1 {ascii_text(wording.send_failed)}")
        assert ids.show(ID) in line
    assert reasons[entries[0].source] in lines[-1]
    if entries[0] in (GROUP, DECEASED):
        assert reasons[entries[0].source] in lines[0]


@given(
    names=some.lists(some.text(max_size=60), min_size=1, max_size=6),
    source=some.sampled_from(SuppressionSource),
    language=some.sampled_from(LANGUAGES),
    personal_mail=some.booleans(),
)
def test_whatever_the_crm_calls_its_groups_the_reply_is_whole(
    names: list[str], source: SuppressionSource, language: str, personal_mail: bool
) -> None:
    failed = [
        replace(
            FACTS,
            recipient=f"{number}@example.org",
            suppressions=(replace(GROUP, name=name, origin=name, source=source),),
            personal_mail=personal_mail,
        )
        for number, name in enumerate(names)
    ]

    reply = refusal(template(language), failed)

    octets = reply.octets
    assert len(octets) <= MAX_SHORT_OCTETS
    assert octets.isascii()
    assert len(reply.lines) == octets.count(b"\r\n") == octets.count(b"\n") <= 5
    assert all(ids.show(ID) in line for line in (reply.lines[0], reply.lines[-1]))
    assert all(len(line) > len("5.7.1 ") for line in reply.lines)


def test_lines_that_do_not_fit_are_left_out_but_not_how_to_lift_it() -> None:
    text = (FOLDER / "en.txt").read_text().replace("CRM data as of", "CRM data" + " x" * 200)

    note = render(parse_template(text, "en"), FACTS)

    assert (
        "In the group since 1 January 2026",
        'To lift: untick the group "Geen bulk-mail" in the CRM',
        "Mail sent from the person's own file still arrives",
    ) == note.short[1:-1]


def test_wording_of_ones_own_without_a_last_line_gets_one() -> None:
    text = (FOLDER / "en.txt").read_text()
    start, end = text.index("\n[short last]"), text.index("\n[full]")

    note = render(parse_template(text[:start] + text[end:], "en"), FACTS)

    assert f'Send failed: "Geen bulk-mail". {ids.show(ID)}' == note.short[-1]


def test_a_note_of_one_line_needs_no_last_one() -> None:
    text = (FOLDER / "en.txt").read_text()
    start, end = text.index("In the group since $since"), text.index("[short status]")

    note = render(
        parse_template(f"{text[:start]}{text[end:]}", "en"), replace(FACTS, personal_mail=False)
    )

    assert 1 == len(note.short)


def test_a_mailbox_that_is_named_twice_is_one_recipient() -> None:
    again = replace(FACTS, recipient='"RALPH"@Example.org')

    assert refusal(template("nl"), [FACTS]) == refusal(template("nl"), [again, FACTS])


@pytest.mark.parametrize("language", LANGUAGES)
def test_scope_all_promises_no_way_around(language: str) -> None:
    wording = template(language)
    note = render(wording, replace(FACTS, suppressions=(DECEASED,), personal_mail=False))

    (personal,) = wording.fill("short personal", {})
    assert ascii_text(personal) not in note.short
    assert wording.fill("no personal", {})[0] in note.full
    assert wording.fill("personal", {})[0] not in note.full


def test_what_is_not_known_is_left_out() -> None:
    facts = replace(FACTS, suppressions=(DECEASED,), feed_as_of=None, persons=())

    note = render(template("en"), facts)

    assert "since" not in note.full
    assert "CRM data" not in note.full
    assert "Person in the CRM" not in note.full


@pytest.mark.parametrize(("is_public", "times"), [(True, 1), (False, 0)])
def test_a_remark_of_staff_stays_inside_unless_it_is_public(is_public: bool, times: int) -> None:
    entry = replace(BLOCKED, public=is_public)

    note = render(template("en"), replace(FACTS, suppressions=(entry,)))

    assert times == note.full.count("asked by telephone")
    assert not any("telephone" in line for line in note.short)


def test_an_address_is_lifted_by_a_command_that_is_safe_to_paste() -> None:
    facts = replace(FACTS, suppressions=(BLOCKED,), recipient="$(reboot)@example.org")

    note = render(template("en"), facts)

    assert "gateway suppress release '$(reboot)@example.org'" in note.full
    assert "Blocked since 1 January 2026 by ann. Blocked until 1 June 2026" in note.short


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_the_console_is_known_pages_are_named_instead_of_commands(language: str) -> None:
    text = (FOLDER / f"{language}.txt").read_text()
    words = parse_template(text, language, console_url="https://gateway.example.org")
    message = f"https://gateway.example.org/console/messages/{ids.show(ID)}"
    sources = (SuppressionSource.STAFF, *ENTRY_SOURCES, SuppressionSource.LAST_KNOWN)
    for source in sources:
        facts = replace(FACTS, suppressions=(replace(BLOCKED, source=source),))
        note = render(words, facts)

        assert "gateway suppress" not in note.full
        assert "https://gateway.example.org/console/people/ralph@example.org" in note.full
        assert [message] == re.findall(r"https://\S+", "\n".join(note.short))
        assert not any("gateway suppress" in line for line in note.short)

    for source in (SuppressionSource.STAFF, SuppressionSource.UNREAD_STATUS):
        of_person = replace(BLOCKED, source=source, person=RALPH)
        note = render(words, replace(FACTS, suppressions=(of_person,)))
        assert "https://gateway.example.org/console/people/candidate:17" in note.full

    several = refusal(words, [FACTS, replace(FACTS, recipient="bob@example.org")])
    assert message in several.octets.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_whom_staff_suppress_is_lifted_as_a_person(language: str) -> None:
    words = template(language)
    of_person = replace(BLOCKED, person=RALPH, scope=Scope.ALL)
    note = render(words, replace(FACTS, suppressions=(of_person,), personal_mail=False))

    assert note.full.count("gateway suppress release candidate:17") == 1
    assert "release ralph@example.org" not in note.full
    assert [1] == [
        line.count("suppress release candidate:17") for line in note.short if "release" in line
    ]
    assert ascii_text(words.words["blocked_person"]) in note.short[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_two_people_with_an_address_only_the_one_whom_staff_suppress_is_said_to_be(
    language: str,
) -> None:
    words = template(language)
    of_person = replace(BLOCKED, person=RALPH, scope=Scope.ALL)
    shared = replace(FACTS, suppressions=(of_person, GROUP), sharing=2)
    note = render(words, shared)

    scope = {"scope": words.scope(Scope.ALL)}
    about_the_address = words.sections["staff"][0].format % scope
    about_the_person = words.sections["staff person"][0].format % scope
    assert about_the_address not in note.full
    assert about_the_person in note.full
    assert ascii_text(words.words["blocked_person"]) in note.short[0]
    assert ascii_text(words.words["blocked_address"]) not in "".join(note.short)


def test_the_strictest_reason_stands_first() -> None:
    facts = replace(FACTS, suppressions=(GROUP, DECEASED))

    note = render(template("en"), facts)

    assert '"Overleden"' in note.short[0]
    assert note.full.index("Overleden") < note.full.index("Geen bulk-mail")


def test_values_from_outside_cannot_add_lines() -> None:
    entry = replace(GROUP, name='x"\r\n250 2.0.0 ok\u2028\x1b[2J')

    reply = refusal(template("en"), [replace(FACTS, suppressions=(entry,))])
    note = render(template("en"), replace(FACTS, suppressions=(entry,)))

    assert reply.octets.startswith(b'550-5.7.1 Send failed: recipient is in the group "x" 250 ')
    assert not {"\r", "\x1b", "\u2028"}.intersection(note.full)


def test_S36_one_refusal_for_all_names_the_reasons_and_nobody() -> None:
    others = replace(FACTS, recipient="bob@example.org", suppressions=(BLOCKED, DECEASED))

    reply = refusal(template("en"), [FACTS, others])

    assert (
        "550-5.7.1 Send failed: all 2 recipients are excluded (Geen bulk-mail, blocked address, "
        f"Overleden). No. {ids.show(ID)}\r\n"
        f"550-5.7.1 For each recipient: gateway messages show {ids.show(ID)}\r\n"
        '550 5.7.1 Send failed: "Geen bulk-mail", blocked address, "Overleden". '
        f"No. {ids.show(ID)}\r\n"
    ) == reply.octets.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße, René — 5 €", "Gruesse, Rene - 5 EUR"),
        ("u\u0308ber", "ueber"),
        ("geïnformeerd, Œuvre, N° 1", "geinformeerd, Oeuvre, No 1"),
        ("a\tb\u00a0c", "a b c"),
        ("日本", "??"),
    ],
)
def test_letters_become_the_nearest_ascii(text: str, expected: str) -> None:
    assert expected == ascii_text(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_opt_out_at_mailchimp_is_not_lifted_in_the_crm(language: str) -> None:
    shipped = template(language)
    opted_out = replace(FACTS, suppressions=(replace(GROUP, origin="mailchimp"),))
    own = {name: lines for name, lines in shipped.sections.items() if "opt out" not in name}

    note = render(shipped, opted_out)
    by_older_wording = render(replace(shipped, sections=own), opted_out)

    assert "Mailchimp" in note.short[0]
    assert any("gateway suppress release" in line for line in note.short)
    assert "gateway suppress release ralph@example.org" in note.full
    assert render(shipped, FACTS).short == by_older_wording.short


TOMBSTONE = replace(DECEASED, person=PersonRef.parse("candidate:18"))
SHARED = replace(
    FACTS,
    suppressions=(GROUP, TOMBSTONE),
    persons=(RALPH, PersonRef.parse("candidate:18")),
    sharing=2,
)


class TestSharedAddress:
    """Two people with one mailbox: what holds for one is not said of the other."""

    def test_nobody_is_said_to_get_no_mail_whom_personal_mail_reaches(self) -> None:
        note = render(template("en"), SHARED)

        assert note.short == (
            f"Send failed: address of 2 people, excluded (Overleden, Geen bulk-mail)."
            f" No. {ids.show(ID)}",
            "CRM data as of 12 March 2026 at 07:00",
            f"For each of them: gateway messages show {ids.show(ID)}",
            "A personal message to this address still arrives",
            f'Send failed: "Overleden", "Geen bulk-mail". No. {ids.show(ID)}',
        )
        assert "Several people have this address (candidate:17, candidate:18)" in note.full
        assert "not all of them are out of all mail" in note.full
        assert "Do you still need to reach this person?" not in note.full

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_what_is_said_of_one_person_alone_is_not_in_it(self, language: str) -> None:
        words = template(language)
        alone = render(words, replace(SHARED, sharing=1))

        for personal, section in ((True, "personal"), (False, "no personal")):
            note = render(words, replace(SHARED, personal_mail=personal))

            assert "\n".join(words.fill(section, {})) not in note.full
            assert "\n".join(words.fill("short personal", {})) not in "\n".join(note.short)
            assert words.scope(Scope.ALL) not in "\n".join(note.short)
            assert alone.short[0] != note.short[0]

    def test_a_blocked_address_is_blocked_for_all_who_have_it(self) -> None:
        note = render(template("en"), replace(SHARED, suppressions=(BLOCKED,)))

        assert note.short[0].startswith("Send failed: the recipient's address is blocked")


@pytest.mark.parametrize("source", SuppressionSource)
@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("person", [RALPH, None])
def test_who_gets_nothing_in_french_is_told_so_with_ne(
    source: SuppressionSource, scope: Scope, person: PersonRef | None
) -> None:
    entry = replace(BLOCKED, source=source, scope=scope, person=person)
    note = render(template("fr"), replace(FACTS, suppressions=(entry,)))

    told = re.findall(r"(\w+) re(?:çoit|coit|cevait) (?:donc )?aucun", f"{note.short}{note.full}")
    assert told
    assert {"ne"} == set(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_while_the_store_is_away_the_note_says_what_is_known(language: str) -> None:
    words = template(language)
    known = Suppression(
        scope=Scope.ALL,
        source=SuppressionSource.LAST_KNOWN,
        since=datetime(2026, 3, 12, 7, 30, tzinfo=UTC),
    )

    note = render(
        words, replace(FACTS, suppressions=(known,), personal_mail=False, persons=(), sharing=0)
    )

    written = "\n".join((*note.short, note.full))
    assert '"?"' not in written
    assert words.scope(Scope.ALL) in note.full
    assert ascii_text(words.scope(Scope.ALL)) in note.short[0]
    assert f"gateway suppress show {FACTS.recipient}" in note.full
    assert words.date(FACTS.now) in note.full
    assert note.short[-1] == ascii_text(
        f"{words.send_failed}{' ' * (language == 'fr')}: {words.words['last_known']}."
        f" {'N°' if language == 'fr' else 'No.' if language == 'en' else 'Nr.'} {ids.show(ID)}"
    )


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
def test_a_status_that_can_not_be_read_is_told_as_such_and_what_to_do(language: str) -> None:
    words = template(language)
    unread = Suppression(
        scope=Scope.BULK,
        source=SuppressionSource.UNREAD_STATUS,
        origin="crm",
        since=FACTS.now,
        person=GROUP.person,
    )
    note = render(words, replace(FACTS, suppressions=(unread,)))

    written = "\n".join((*note.short, note.full))
    assert '"?"' not in written
    assert words.scope(Scope.BULK) in note.full
    assert words.date(FACTS.now) in note.full
    assert ascii_text(words.scope(Scope.BULK)) in note.short[0]
    assert "gateway person show" in note.full


def test_a_group_is_named_as_the_reader_calls_it() -> None:
    group = replace(GROUP, names=(("de", "Keine Massenmail"),))
    facts = replace(FACTS, suppressions=(group,))

    assert "Keine Massenmail" in render(template("de"), facts).full
    assert 'Gruppe "Keine Massenmail"' in render(template("de"), facts).short[0]
    assert 'in de groep "Geen bulk-mail"' in render(template("nl"), facts).full
    nameless = replace(facts, suppressions=(replace(group, name=""),))
    assert 'in de groep "Keine Massenmail"' in render(template("nl"), nameless).full


def failed(note: str) -> Delivery:
    return Delivery(
        recipient=FACTS.recipient,
        address=FACTS.recipient,
        state=State.SEND_FAILED,
        by=By.GATEWAY,
        note=note,
        persons=SHARED.persons,
    )


def message_of(*deliveries: Delivery) -> Message:
    return Message(
        id=ID,
        at=FACTS.now.astimezone(UTC),
        listener="crm",
        sender="",
        kind=FACTS.kind,
        rule=FACTS.rule,
        deliveries=deliveries,
    )


@pytest.mark.parametrize("would", ["", "send_failed"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_note_that_was_kept_is_told_again_in_any_language(language: str, would: str) -> None:
    facts = replace(SHARED, suppressions=(GROUP, TOMBSTONE, BLOCKED))
    delivery = replace(failed("in Dutch"), note_facts=facts_as_json(facts), would=would)
    message = message_of(delivery)
    words = template(language)

    zone = ZoneInfo("Europe/Amsterdam")
    note = with_rewritten_notes(words, message, zone).deliveries[0].note

    assert note == (reasons(words, facts) if would else render(words, facts).full)
    assert "asked by telephone" not in delivery.note_facts
    assert render(words, facts) == note_of_failed(words, message, delivery, zone)


def test_an_erased_delivery_has_no_note_in_any_language() -> None:
    erased = failed("")
    message, zone = message_of(erased), ZoneInfo("Europe/Amsterdam")

    assert message == with_rewritten_notes(template("de"), message, zone)
    assert note_of_failed(template("de"), message, erased, zone) is None


@pytest.mark.parametrize(
    ("notes", "language"),
    [
        (["Verzenden mislukt: ann@example.org"], "nl"),
        (["Versand fehlgeschlagen: ann@example.org"], "de"),
        (["Something else", "Send failed: ann@example.org"], "en"),
        (["Something else"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_wording_of_a_message_is_known_by_its_notes(
    notes: list[str], language: str | None
) -> None:
    templates = [template(each) for each in LANGUAGES]
    relayed = replace(failed("Send failed: not at all"), state=State.RELAYED)

    found = wording_of_notes(templates, message_of(relayed, *map(failed, notes)))

    assert language == (found.language if found else None)
