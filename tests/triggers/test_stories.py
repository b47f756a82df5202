"""Every date event of seed S4 as a story with a moving clock, and each side of its conditions."""

from datetime import date
from typing import Any

import pytest

from gateway.app.triggers import triggers
from gateway.config import ConfigError, load
from gateway.core.bounces.unsubscribe import NamedOccurrence
from gateway.core.people.people import PersonKind, PersonRef, RefOrAddress
from gateway.store.bounces import unsubscribes
from gateway.store.people import topic_opt_outs
from gateway.store.people.topic_opt_outs import TopicOptOut
from tests.store.feeding import member, no_bulk, person, tell
from tests.triggers.node import ANN, LETTER, TriggerNode

BORN = date(1980, 3, 1)
QUALIFIED = 'event = "{}"\nbefore_send = ["qualification_data"]'

# Birthday


async def test_a_birthday_is_mailed_once_each_year_on_its_day(node: TriggerNode) -> None:
    node.trigger("birthday", 'event = "birthday"')
    node.person(birthday=BORN)

    first = await node.work_through("2027-02-27", 4)
    again = await node.work_through("2028-02-28", 3)

    assert [("2027-03-01", "ann")] == first
    assert [("2028-03-01", "ann")] == again


async def test_a_birthday_mail_leaves_at_the_hour_set_and_not_before(engine: TriggerNode) -> None:
    engine.configure('daily_at = "10:30"\n')
    engine.trigger("birthday", 'event = "birthday"')
    engine.person(birthday=BORN)

    early = await engine.work("2027-03-01", 10)
    late = await engine.work("2027-03-01", 11)

    assert ([], ["ann@example.org"]) == (early, late)


async def test_a_run_by_hand_before_the_hour_does_not_end_the_looking_of_the_day(
    node: TriggerNode,
) -> None:
    node.configure('daily_at = "10:30"\n')
    node.trigger("birthday", 'event = "birthday"')
    node.person(birthday=BORN)
    node.flush()
    node.at("2027-03-01", 9)
    by_hand = await node.engine.run(
        node.trigger_settings.current.checked_triggers["birthday"], even_now=True
    )
    node.person("bob", birthday=BORN)

    later = await node.work("2027-03-01", 11)

    assert 1 == by_hand.due
    assert ["bob@example.org"] == later


async def test_each_side_of_each_condition_of_a_birthday(node: TriggerNode) -> None:
    sides: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"consent_email": False}, False),
        ({"finance_status": ""}, True),
        ({"finance_status": "Aktiv"}, True),
        ({"finance_status": "Gekündigt"}, False),
        ({"finance_status": "Gekündigt (Widerrufen)"}, False),
        ({"finance_status": "Gekündigt (Storniert)"}, False),
        ({"finance_status": "Gekündigt (Ausgeschlossen)"}, False),
        ({"finance_status": "Gekündigt (Verstorben)"}, False),
        ({"finance_status": "Geku\u0308ndigt"}, False),
        ({"finance_status": "Gekündigt (Umzug)"}, True),
        ({"finance_status": "Storniert"}, True),
        ({"finance_status": "(Storniert)"}, True),
        ({"status": "anything"}, True),
        ({"active": False}, False),
        ({"birthday": date(1980, 3, 2)}, False),
        ({"birthday": None}, False),
    ]
    node.trigger("birthday", 'event = "birthday"')
    for number, (facts, _) in enumerate(sides):
        node.person(f"p{number:02}", **{"birthday": BORN, **facts})

    sent = await node.work("2027-03-01")

    assert expected(sides) == sorted(sent)


def expected(sides: list[tuple[dict[str, Any], bool]]) -> list[str]:
    return [f"p{number:02}@example.org" for number, (_, is_mailed) in enumerate(sides) if is_mailed]


async def test_groups_without_a_tag_have_no_influence_on_a_birthday(engine: TriggerNode) -> None:
    tell(engine.database, "groups", no_bulk("g", active=False))
    tell(engine.database, "memberships", member("ann", "g"))
    engine.trigger("birthday", 'event = "birthday"')
    engine.person(birthday=BORN)

    assert ["ann@example.org"] == await engine.work("2027-03-01")


@pytest.mark.parametrize(("kind", "is_mailed"), [("bulk", False), ("individual", True)])
async def test_who_is_out_of_mailings_gets_only_mail_of_the_other_kind(
    node: TriggerNode, kind: str, is_mailed: bool
) -> None:
    tell(node.database, "groups", no_bulk())
    tell(node.database, "memberships", member("ann"))
    node.trigger("birthday", f'event = "birthday"\nkind = "{kind}"')
    node.person(birthday=BORN)

    sent = await node.work("2027-03-01")

    assert is_mailed == bool(sent)
    assert node.states() == ["sent" if is_mailed else "skipped"]


async def test_a_leap_day_birthday_is_the_28th_in_other_years(node: TriggerNode) -> None:
    """RELIABILITY E2."""
    node.trigger("birthday", 'event = "birthday"')
    node.person(birthday=date(1980, 2, 29))

    sent = await node.work_through("2027-02-27", 3) + await node.work_through("2028-02-28", 3)

    assert [("2027-02-28", "ann"), ("2028-02-29", "ann")] == sent


# Qualifications


async def test_an_expired_qualification_is_told_once_for_each_end(node: TriggerNode) -> None:
    node.trigger("expired", QUALIFIED.format("qualification_expired"))
    node.person()
    node.qualification(expires_on="2027-03-03")

    first = await node.work_through("2027-03-01", 6)
    node.qualification(expires_on="2027-03-09")
    moved = await node.work_through("2027-03-07", 5)

    assert [("2027-03-03", "ann")] == first
    assert [("2027-03-09", "ann")] == moved


async def test_notice_comes_as_long_before_the_end_as_the_qualification_says(
    node: TriggerNode,
) -> None:
    node.trigger("expiring", QUALIFIED.format("qualification_expiring"))
    node.trigger("expired", QUALIFIED.format("qualification_expired"))
    for who in ("ann", "bob", "cat"):
        node.person(who)
    node.qualification("q1", "ann", expires_on="2027-03-12", notice_days=10)
    node.qualification("q2", "bob", expires_on="2027-03-12", notice_days=8)
    node.qualification("q3", "cat", expires_on="2027-03-12")

    sent = await node.work_through("2027-03-01", 14)

    assert [("2027-03-02", "ann"), ("2027-03-04", "bob")] == sent[:2]
    assert [("2027-03-12", who) for who in ("ann", "bob", "cat")] == sent[2:]


async def test_what_is_found_after_its_end_gets_only_the_expired_mail(engine: TriggerNode) -> None:
    engine.trigger("expiring", QUALIFIED.format("qualification_expiring"))
    engine.trigger("expired", QUALIFIED.format("qualification_expired"))
    engine.person()
    engine.qualification(expires_on="2027-02-25", notice_days=30)

    await engine.work("2027-03-01")

    assert ["expired"] == [row.trigger for row in engine.ledger()]


async def test_a_moved_end_is_a_new_occurrence_of_the_notice(node: TriggerNode) -> None:
    node.trigger("expiring", QUALIFIED.format("qualification_expiring"))
    node.person()
    node.qualification(expires_on="2027-03-12", notice_days=10)
    await node.work("2027-03-02")
    node.qualification(expires_on="2028-03-12", notice_days=10)

    sent = await node.work_through("2028-03-01", 4)

    assert [("2028-03-02", "ann")] == sent


@pytest.mark.parametrize("event", ["qualification_expired", "qualification_expiring"])
async def test_each_side_of_each_condition_of_a_qualification(
    node: TriggerNode, event: str
) -> None:
    sides: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"consent_email": False}, False),
        ({"finance_status": "Gekündigt"}, True),
        ({"finance_status": "Gekündigt (Verstorben)"}, True),
        ({"active": False}, False),
    ]
    node.trigger("mine", QUALIFIED.format(event))
    end = "2027-03-01" if event == "qualification_expired" else "2027-03-05"
    for number, (facts, _) in enumerate(sides):
        node.person(f"p{number:02}", **facts)
        node.qualification(f"q{number}", f"p{number:02}", expires_on=end, notice_days=4)

    assert expected(sides) == sorted(await node.work("2027-03-01"))


async def test_two_certificates_that_end_on_one_day_are_two_mails(node: TriggerNode) -> None:
    node.template("letter", de="Subject: x\n\n[PRUEFNR] [AUSSTELLER] [VERFALLDATUM]\n")
    node.trigger("expired", QUALIFIED.format("qualification_expired"))
    node.person()
    node.qualification("q1", expires_on="2027-03-01", licence_number="L-1")
    node.qualification("q2", expires_on="2027-03-01", licence_number="L-2")

    sent = await node.work("2027-03-01")

    assert ["ann@example.org"] * 2 == sent
    texts = sorted(mail.get_content().strip() for mail in node.relay.mails)
    assert ["L-1  01.03.2027", "L-2  01.03.2027"] == texts


# Set dates


async def test_a_set_date_is_for_everyone_whose_flag_is_yes_when_it_comes(
    node: TriggerNode,
) -> None:
    node.trigger("dates", 'event = "set_date"\ndates = ["2027-03-03", "2027-03-06"]')
    node.person("ann", mail_on_set_date=True)
    node.person("bob", mail_on_set_date=False)
    node.person("cat", mail_on_set_date=True, consent_email=False, finance_status="Gekündigt")

    first = await node.work_through("2027-03-01", 4)
    node.person("bob", mail_on_set_date=True)
    node.person("ann", mail_on_set_date=False)
    second = await node.work_through("2027-03-05", 4)

    assert [("2027-03-03", "ann"), ("2027-03-03", "cat")] == first
    assert [("2027-03-06", "bob"), ("2027-03-06", "cat")] == second


async def test_a_set_date_that_has_come_is_not_for_whoever_wants_mail_later(
    engine: TriggerNode,
) -> None:
    engine.trigger("dates", 'event = "set_date"\ndates = ["2027-03-03", "2027-03-06"]')
    engine.person()
    await engine.work("2027-03-03")
    engine.person(mail_on_set_date=True)

    sent = await engine.work_through("2027-03-04", 4)

    assert [("2027-03-06", "ann")] == sent


async def test_a_set_date_that_came_while_its_trigger_was_off_is_not_mailed_later(
    node: TriggerNode,
) -> None:
    dates = 'event = "set_date"\ndates = ["2027-03-03", "2027-03-06"]'
    node.trigger("dates", dates)
    node.person(mail_on_set_date=True)
    await node.work("2027-03-01")
    node.trigger("dates", f"enabled = false\n{dates}")
    await node.work_through("2027-03-02", 3)
    node.trigger("dates", dates)

    assert [("2027-03-06", "ann")] == await node.work_through("2027-03-05", 3)


async def test_a_trigger_that_is_on_again_looks_at_the_day_it_was_switched_on(
    engine: TriggerNode,
) -> None:
    dates = 'event = "set_date"\ndates = ["2027-03-03"]'
    engine.trigger("dates", dates)
    engine.person(mail_on_set_date=True)
    await engine.work("2027-03-01")
    engine.trigger("dates", f"enabled = false\n{dates}")
    await engine.work_through("2027-03-02", 2)
    engine.trigger("dates", dates)

    assert ["ann@example.org"] == await engine.work("2027-03-03", 10)


async def test_E3_a_set_date_missed_in_an_outage_is_caught_up(engine: TriggerNode) -> None:
    engine.trigger("dates", 'event = "set_date"\ndates = ["2027-03-03"]')
    engine.person(mail_on_set_date=True)
    await engine.work("2027-03-02")

    assert ["ann@example.org"] == await engine.work("2027-03-05")


async def test_a_set_date_can_come_every_year_and_every_month(engine: TriggerNode) -> None:
    engine.trigger("dates", 'event = "set_date"\nyearly = ["03-02"]\nmonthly = [31]')
    engine.person(mail_on_set_date=True)

    sent = await engine.work_through("2027-02-26", 36)

    assert ["2027-02-28", "2027-03-02", "2027-03-31"] == [day for day, _ in sent]


async def test_without_anybody_who_wants_it_a_set_date_mails_nobody(engine: TriggerNode) -> None:
    engine.trigger("dates", 'event = "set_date"\ndates = ["2027-03-01"]')
    engine.person()

    assert [] == await engine.work("2027-03-01")
    assert [] == engine.runs()


# First deliveries


async def test_the_first_delivery_is_followed_by_one_mail_ever(node: TriggerNode) -> None:
    node.trigger("first", 'event = "first_delivery"\nmonthly = [1]')
    node.person(mail_after_first_delivery=True)
    node.closing("c1", "2027-02-10")

    first = await node.work_through("2027-02-27", 5)
    node.closing("c2", "2027-03-20")
    node.closing("c3", "2027-03-10")
    later = await node.work_through("2027-03-30", 4)

    assert [("2027-03-01", "ann")] == first
    assert [] == later


async def test_the_mail_comes_at_the_first_stored_date_strictly_after_the_closing(
    engine: TriggerNode,
) -> None:
    engine.trigger("first", 'event = "first_delivery"\ndates = ["2027-03-01", "2027-03-05"]')
    engine.person("ann", mail_after_first_delivery=True)
    engine.person("bob", mail_after_first_delivery=True)
    engine.closing("c1", "2027-02-28", "ann")
    engine.closing("c2", "2027-03-01", "bob")

    sent = await engine.work_through("2027-02-27", 8)

    assert [("2027-03-01", "ann"), ("2027-03-05", "bob")] == sent


async def test_each_side_of_each_condition_of_a_first_delivery(node: TriggerNode) -> None:
    wanted = {"mail_after_first_delivery": True}
    sides: list[tuple[dict[str, Any], bool]] = [
        (wanted, True),
        ({}, False),
        (wanted | {"consent_email": False}, True),
        (wanted | {"finance_status": "Gekündigt"}, True),
        (wanted | {"active": False}, False),
        (wanted | {"last_name": "without a closing"}, False),
    ]
    node.trigger("first", 'event = "first_delivery"\ndates = ["2027-03-01"]')
    for number, (facts, _) in enumerate(sides):
        node.person(f"p{number:02}", **facts)
        if "last_name" not in facts:
            node.closing(f"c{number}", "2027-02-20", f"p{number:02}")

    assert expected(sides) == sorted(await node.work("2027-03-01"))


# Previews


async def test_a_preview_says_who_would_get_what_and_who_would_not_and_why(
    engine: TriggerNode,
) -> None:
    tell(engine.database, "groups", no_bulk())
    tell(engine.database, "memberships", member("cat"))
    engine.trigger("birthday", 'event = "birthday"')
    engine.person("ann", birthday=BORN)
    engine.person("bob", birthday=BORN, consent_email=False)
    engine.person("cat", birthday=BORN)
    engine.people(person("dan", birthday=BORN, consent_email=True))

    shown = engine.preview("birthday", "2029-03-01")

    [mail] = shown.mails
    assert ("candidate:ann", "ann@example.org") == (str(mail.person), mail.to)
    assert ("Ann", "Text\n") == (mail.subject, mail.text)
    assert {
        "candidate:bob": "no consent to e-mail",
        "candidate:cat": 'suppressed: group "Geen bulk-mail"',
        "candidate:dan": "no address",
    } == {str(one.person): one.reason for one in shown.skipped}


async def test_a_preview_names_the_values_that_are_blank(node: TriggerNode) -> None:
    node.template("letter", de="Subject: [QUALIFIKATION]\n\n[PRUEFNR] {{ person['name'] }}\n")
    node.trigger("expired", QUALIFIED.format("qualification_expired"))
    node.person("ann", first_name="")
    node.qualification("q1", "ann", expires_on="2027-03-01")

    [mail] = node.preview("expired", "2027-03-01").mails

    assert ("person.name", "qualification.licence_number") == mail.blank


async def test_a_run_does_what_the_preview_showed(node: TriggerNode) -> None:
    node.template("letter", de="Subject: [QUALIFIKATION]\n\n[PRUEFNR]\n", nl=LETTER)
    node.trigger("expired", QUALIFIED.format("qualification_expired"))
    node.person("ann")
    node.person("bob", language="nl")
    node.person("cat", consent_email=False)
    for number, who in enumerate(("ann", "bob", "cat")):
        node.qualification(f"q{number}", who, expires_on="2027-03-01", licence_number="L")

    shown = node.preview("expired", "2027-03-01")
    await node.work("2027-03-01")

    assert [mail.to for mail in shown.mails] == node.relay.recipients
    assert [mail.subject for mail in shown.mails] == [mail["Subject"] for mail in node.relay.mails]
    [run] = node.runs()
    assert (2, 1) == (run.due, run.left_out)
    assert PersonRef(PersonKind.CANDIDATE, "cat") == run.skips[0].person


# The way out

LINKED = """
[api]
public_url = "https://mail.example.org"
[bounces]
address = "bounces@example.org"
"""
TOPIC = 'event = "birthday"\ntopic = "Geburtstage"'
ONE_CLICK_FIELD = "List-Unsubscribe-Post"


async def test_bulk_mail_carries_links_to_unsubscribe_that_name_its_occurrence(
    node: TriggerNode,
) -> None:
    node.configure(LINKED)
    node.template("letter", de="Subject: Hallo\n\n[ABMELDELINK] {{ unsubscribe_url }}\n")
    node.trigger("birthday", 'event = "birthday"')
    node.person(birthday=BORN)

    await node.work("2027-03-01")

    (mail,), (row,) = node.relay.mails, node.ledger()
    links = node.trigger_settings.current.links
    assert links is not None
    url = links.url(NamedOccurrence(row.id))
    assert mail["List-Unsubscribe"].startswith(f"<{url}>, <mailto:bounces+")
    assert "List-Unsubscribe=One-Click" == mail[ONE_CLICK_FIELD]
    assert f"{url} {url}" == mail.get_content().strip()
    with node.database.reading() as connection:
        named = links.mail_of(url.rpartition("/")[2])
        assert named is not None
        mailed = unsubscribes.recipient_of(connection, named)
    assert mailed is not None
    assert ("ann@example.org", ANN, "birthday") == (mailed.address, mailed.person, mailed.trigger)


async def test_mail_that_is_not_bulk_has_no_fields_but_may_have_the_link(
    engine: TriggerNode,
) -> None:
    engine.configure(LINKED)
    engine.template("letter", de="Subject: Hallo\n\n[ABMELDELINK]\n")
    engine.trigger("birthday", 'event = "birthday"\nkind = "individual"')
    engine.person(birthday=BORN)

    await engine.work("2027-03-01")

    (mail,) = engine.relay.mails
    assert (None, None) == (mail["List-Unsubscribe"], mail[ONE_CLICK_FIELD])
    assert "https://mail.example.org/u/" in mail.get_content()


async def test_without_a_public_address_bulk_mail_can_be_answered_alone(
    engine: TriggerNode,
) -> None:
    engine.configure('[bounces]\naddress = "bounces@example.org"\n')
    engine.trigger("birthday", 'event = "birthday"')
    engine.person(birthday=BORN)

    await engine.work("2027-03-01")

    (mail,) = engine.relay.mails
    assert mail["List-Unsubscribe"].startswith("<mailto:bounces+")
    assert mail[ONE_CLICK_FIELD] is None


async def test_a_template_with_a_link_needs_somewhere_for_it_to_lead(engine: TriggerNode) -> None:
    engine.template("letter", de="Subject: Hallo\n\n{{ unsubscribe_url }}\n")
    engine.trigger("birthday", 'event = "birthday"')

    with pytest.raises(ConfigError, match=r"needs api\.public_url"):
        triggers.checked_triggers(load(engine.folder / "gateway.toml", {}))


async def test_a_preview_shows_a_link_that_does_nothing(engine: TriggerNode) -> None:
    engine.configure(LINKED)
    engine.template("letter", de="Subject: Hallo\n\n[ABMELDELINK]\n")
    engine.trigger("birthday", 'event = "birthday"')
    engine.person(birthday=BORN)

    (mail,) = engine.preview("birthday", "2027-03-01").mails

    assert "https://mail.example.org/u/sample" == mail.text.strip()


async def test_who_wants_no_mail_of_a_topic_gets_none_and_that_of_others(node: TriggerNode) -> None:
    node.trigger("birthday", TOPIC)
    node.trigger("greeting", TOPIC.replace("Geburtstage", "GEBURTSTAGE"))
    node.trigger("offer", TOPIC.replace("Geburtstage", "Angebote"))
    node.person(birthday=BORN)
    node.person("bob", birthday=BORN)
    node.flush()
    decline(node, ANN, "Geburtstage")

    skipped = [skip.reason for skip in node.preview("birthday", "2027-03-01").skipped]
    sent = sorted(await node.work("2027-03-01"))

    assert ["wants no mailings of: Geburtstage"] == skipped
    assert ["ann@example.org", *["bob@example.org"] * 3] == sent
    assert sorted(["sent", "skipped", "skipped"]) == sorted(node.states())


async def test_a_topic_declined_by_an_address_is_declined_for_who_has_it(
    engine: TriggerNode,
) -> None:
    engine.trigger("birthday", TOPIC)
    engine.person(birthday=BORN)
    engine.flush()
    decline(engine, "ann@example.org", "Geburtstage")

    assert [] == await engine.work("2027-03-01")


async def test_a_topic_declined_after_the_run_looked_counts_still(engine: TriggerNode) -> None:
    engine.trigger("birthday", TOPIC)
    engine.person(birthday=BORN)
    engine.flush()
    engine.at("2027-03-01", 9)
    await engine.engine.run_due()
    decline(engine, ANN, "Geburtstage")

    await engine.engine.sender.send_due()

    assert [] == engine.relay.recipients
    assert ["wants no mailings of: Geburtstage"] == engine.reasons()


async def test_a_declined_topic_that_was_released_is_mailed_again(engine: TriggerNode) -> None:
    engine.trigger("birthday", TOPIC)
    engine.person(birthday=BORN)
    engine.flush()
    decline(engine, ANN, "Geburtstage")
    with engine.database.writing() as connection:
        topic_opt_outs.release(connection, ANN, by="eva", at=engine.now)

    assert ["ann@example.org"] == await engine.work("2027-03-01")


def decline(node: TriggerNode, ref_or_address: RefOrAddress, topic: str) -> None:
    """Have somebody want no more mailings of a topic."""
    declined = TopicOptOut(
        id=1, topic=topic, ref_or_address=ref_or_address, remark="no", since=node.now
    )
    with node.database.writing() as connection:
        topic_opt_outs.add(connection, declined)
