"""`gateway explain`."""

from typing import Any

import pytest

from tests.cli.conftest import Cli

BULK = "Subject: Nieuws\nPrecedence: bulk\n\nhi\n"
PLAIN = "Subject: Hoi\n\nhi\n"


@pytest.fixture
def fed(cli: Cli) -> Cli:
    """A feed with Ann in the group, and Ben who shares her address."""
    cli.feed("groups", "crm_id,name,tag\nno-mail,Geen bulk-mail,NoMailingsTag\n")
    cli.feed("people", "crm_id,first_name,emails\n17,Ann,ann@example.org\n18,Ben,ann@example.org\n")
    cli.feed("memberships", "group,person\nno-mail,17\n")
    return cli


def explain(cli: Cli, content: str, *options: str, to: str = "Ann@example.org") -> Any:
    file = cli.folder / "message.eml"
    file.write_text(content)
    return cli.json("explain", str(file), "--from", "crm@example.org", "--to", to, *options)


def test_a_decision_is_explained_rule_by_rule(fed: Cli) -> None:
    found = explain(fed, BULK)

    assert ("bulk", "precedence") == (found["kind"], found["rule"])
    assert ("reply", False) == tuple(found["rules_tried"][0][key] for key in ("name", "matched"))
    assert {
        "name": "precedence",
        "matched": True,
        "because": "precedence: bulk",
    } == found["rules_tried"][-1]


SETUP = """\
[smtp]
shipped_rules = false
override = {login = ["boss"], header = "X-Anyway"}
[[rules]]
name = "own-login"
kind = "individual"
login = "office"
[[rules]]
name = "precedence"
kind = "bulk"
header = "Precedence"
[[rules]]
name = "burst"
kind = "bulk"
burst = {recipients = 1, within = "10m"}
[[rules]]
name = "campaign"
kind = "bulk"
header = "X-Campaign"
"""
ANYWAY = f"X-Anyway: yes\n{PLAIN}"
ENDLESS = "Subject: Hoi\n" + f"X-Long: {'x' * 60}\n" * 4_000 + f"\n{PLAIN}"
LOGIN = ("--login", "boss")
TWO = ("--to", "ben@example.org")  #: More than the burst rule allows.
OVER = "→ unread-header: the header block is over 262144 octets"
BURST = "→ burst: the same message to more than 1 within 0:10:00"
BEFORE = ("own-login: no match", "precedence: no match")


@pytest.mark.parametrize(
    ("content", "options", "tried", "said"),
    [
        pytest.param(
            PLAIN, (*TWO, *LOGIN), (*BEFORE, BURST, "→ override: login boss"), "bulk override",
            id="the burst gives the kind, the login lets it through",
        ),
        pytest.param(
            ANYWAY, TWO, (*BEFORE, BURST, "→ override: header"), "bulk override",
            id="the burst gives the kind, the header lets it through",
        ),
        pytest.param(
            ENDLESS, LOGIN, ("own-login: no match", OVER, "→ override: login boss"),
            "bulk override", id="a header that goes on gives the kind, the login lets it through",
        ),
        pytest.param(
            PLAIN, (), (*BEFORE, "burst: no match", "campaign: no match"), "individual default",
            id="no rule matches",
        ),
    ],
)  # fmt: skip
def test_all_that_was_tried_is_told_up_to_what_decided(
    cli: Cli, content: str, options: tuple[str, ...], tried: tuple[str, ...], said: str
) -> None:
    cli.configure(SETUP)

    found = explain(cli, content, *options)

    assert list(tried) == [
        f"{'→ ' if step['matched'] else ''}{step['name']}: {step['because']}"
        for step in found["rules_tried"]
    ]
    assert said == f"{found['kind']} {found['rule']}"


def test_a_suppressed_recipient_is_explained_with_the_note_and_what_would_help(fed: Cli) -> None:
    [delivery] = explain(fed, BULK)["deliveries"]

    assert ("Ann@example.org", "send_failed") == (delivery["recipient"], delivery["outcome"])
    assert ["candidate:17", "candidate:18"] == delivery["persons"]
    [reason] = delivery["suppressions"]
    assert ("bulk", "group", "candidate:17") == (
        reason["scope"],
        reason["source"],
        reason["person"],
    )
    assert "Geen bulk-mail" in delivery["note"]
    assert "0000000000000" not in delivery["note"]  # There is no such message.
    assert [{"person": "candidate:17", "group": "Geen bulk-mail", "outcome": "relay"}] == delivery[
        "if_left"
    ]


def test_leaving_one_group_does_not_help_against_another_reason(fed: Cli) -> None:
    fed.do("suppress", "add", "ann@example.org")

    [delivery] = explain(fed, BULK)["deliveries"]
    assert ["send_failed"] == [one["outcome"] for one in delivery["if_left"]]


def test_individual_mail_goes(fed: Cli) -> None:
    found = explain(fed, PLAIN)

    assert ("individual", "default") == (found["kind"], found["rule"])
    assert ["relay"] == [one["outcome"] for one in found["deliveries"]]
    assert not [one for one in found["rules_tried"] if one["matched"]]


def test_the_listener_and_the_login_count(fed: Cli) -> None:
    fed.configure(
        '[[smtp.listeners]]\nname = "crm"\n'
        '[[smtp.listeners]]\nname = "mailing"\nbind = "127.0.0.1:2526"\nkind = "bulk"\n'
        '[smtp.override]\nlogin = "boss"\n'
    )

    mailing = explain(fed, PLAIN, "--listener", "mailing")
    overridden = explain(fed, BULK, "--login", "boss")
    assert ("bulk", "listener mailing") == (mailing["kind"], mailing["rule"])
    assert "send_failed" == mailing["deliveries"][0]["outcome"]
    assert ("bulk", "override") == (overridden["kind"], overridden["rule"])
    assert ("relay", "send_failed") == tuple(
        overridden["deliveries"][0][key] for key in ("outcome", "would")
    )


def test_a_pause_is_told(fed: Cli) -> None:
    fed.do("pause", "bulk")

    assert explain(fed, BULK)["refusal"].startswith("451 4.3.2")


def test_several_recipients_are_told_one_by_one_and_nothing_is_recorded(fed: Cli) -> None:
    found = explain(fed, BULK, "--to", "cas@example.org")

    assert ["send_failed", "relay"] == [one["outcome"] for one in found["deliveries"]]
    assert [] == fed.json("messages", "list")


def test_people_read_the_same_as_text(fed: Cli) -> None:
    file = fed.folder / "message.eml"
    file.write_text(BULK)

    text = fed.do("explain", str(file), "--from", "crm@example.org", "--to", "ann@example.org")
    tried, *others = text.splitlines()
    assert tried.startswith("No match: reply, reply-thread, auto-reply, ")
    assert others[0].startswith("  ")  # Wrapped, where the names don't fit on one line.
    assert "\n→ precedence: precedence: bulk\nKind: bulk, because of precedence\n" in text
    assert 'If candidate:17 left "Geen bulk-mail": relay' in text


def test_an_unknown_listener_or_file_is_told(fed: Cli) -> None:
    file = fed.folder / "message.eml"
    file.write_text(PLAIN)
    options = ("--from", "a@example.org", "--to", "b@example.org")

    unknown = fed("explain", str(file), *options, "--listener", "nope")
    assert (1, "gateway: no listener is called nope (known: crm)\n") == (
        unknown.code,
        unknown.err,
    )
    assert 2 == fed("explain", "none.eml", *options).code


def test_the_recipients_are_explained_as_one_transaction(fed: Cli) -> None:
    to = [option for number in range(9) for option in ("--to", f"p{number}@example.org")]
    file = fed.folder / "message.eml"

    found = explain(fed, PLAIN, *to)
    text = fed.do("explain", str(file), "--from", "crm@example.org", "--to", "a@example.org", *to)

    assert (10, "many-recipients") == (found["recipients"], found["rule"])
    assert {
        "name": "many-recipients",
        "matched": True,
        "because": "10 recipients",
    } == found["rules_tried"][-1]
    assert "Judged as one transaction of 10 recipients\n" in text


def test_the_note_is_in_the_language_asked_for_and_names_the_group_in_it(cli: Cli) -> None:
    cli.feed(
        "groups",
        "crm_id,name,tag,name_de,name_fr\nno-mail,Geen bulk-mail,NoMailingsTag,Keine Massenmail,\n",
    )
    cli.feed("people", "crm_id,first_name,emails\n17,Ann,ann@example.org\n")
    cli.feed("memberships", "group,person\nno-mail,17\n")

    notes = {
        language: explain(cli, BULK, "--language", language)["deliveries"][0]["note"]
        for language in ("nl", "de", "fr", "en")
    }

    assert "Keine Massenmail" in notes["de"]
    assert all("Geen bulk-mail" in notes[language] for language in ("nl", "fr", "en"))
    assert all("Keine Massenmail" not in notes[language] for language in ("nl", "fr", "en"))
    assert 4 == len({note.splitlines()[0] for note in notes.values()})


def test_a_language_without_notes_is_refused_with_those_there_are(fed: Cli) -> None:
    file = fed.folder / "message.eml"
    file.write_text(BULK)

    asked = ("--from", "a@example.org", "--to", "ann@example.org", "--language", "pl")
    refused = fed("explain", str(file), *asked)

    assert 2 == refused.code
    assert "de, en, fr, nl" in refused.err


LINKED = (
    "List-Unsubscribe: <https://crm.example/u/1>\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
)
SIGNED = "DKIM-Signature: d=crm.example; h=from:list-unsubscribe:list-unsubscribe-post; b=x\n"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("", "Unsubscribe: no List-Unsubscribe\n"),
        (LINKED, "no DKIM signature covers it"),
        (SIGNED + LINKED, "DKIM signature of crm.example: its h= covers both fields"),
        (
            SIGNED.replace(":list-unsubscribe-post", "") + LINKED,
            "its h= leaves out list-unsubscribe-post",
        ),
        ("List-Unsubscribe: <mailto:off@crm.example>\n", "Unsubscribe: not one click"),
    ],
)
def test_it_says_whether_a_signature_covers_the_links_to_unsubscribe(
    fed: Cli, fields: str, shown: str
) -> None:
    file = fed.folder / "message.eml"
    file.write_text(fields + BULK)

    words = ("explain", str(file), "--from", "crm@example.org", "--to", "x@example.org")

    assert shown in fed.do(*words)


def test_it_says_that_the_gateway_would_add_them(fed: Cli) -> None:
    fed.configure(
        '[api]\npublic_url = "https://mail.example.org"\n'
        '[[smtp.listeners]]\nname = "crm"\nunsubscribe = "add"\n'
    )

    assert explain(fed, BULK, to="x@example.org")["unsubscribe"]["added"]
    assert not explain(fed, PLAIN, to="x@example.org")["unsubscribe"]["added"]
    assert not explain(fed, LINKED + BULK, to="x@example.org")["unsubscribe"]["added"]
