"""`gateway import` and `gateway person`."""

import json
from pathlib import Path

from gateway.core import ids
from gateway.core.kinds import State
from gateway.core.people.people import PersonKind, PersonRef
from tests.cli.conftest import Cli, delivery, message

GROUPS = "crm_id,name,tag\nno-mail,Geen bulk-mail,NoMailingsTag\n"
PEOPLE = (
    "crm_id,first_name,last_name,emails,language\n"
    "17,Ann,Smit,ann@example.org;ann@home.example,nl\n"
    "18,Ben,Smit,ann@example.org,nl\n"
)


def members(*crm_ids: int) -> str:
    return "group,person\n" + "".join(f"no-mail,{one}\n" for one in crm_ids)


def test_an_import_tells_what_it_changed(cli: Cli) -> None:
    cli.feed("groups", GROUPS)
    cli.feed("people", PEOPLE)

    done = cli.feed("memberships", members(17))

    line = "Done: 1 added, 0 changed, 0 removed, 0 unchanged; suppressions: 2 added, 0 lifted\n"
    assert (0, line, "") == (done.code, done.out, done.err)


def test_bad_rows_are_told_with_their_line_and_the_rest_goes_on(cli: Cli) -> None:
    done = cli.feed("people", PEOPLE + ",No,Key,x@example.org,nl\n19,Cas,Vos,nonsense,nl\n")

    assert 1 == done.code
    assert [4, 5] == [int(line.split(":")[1]) for line in done.err.splitlines()]
    assert "candidate:18" == cli.json("person", "show", "candidate:18")["person"]


def test_a_dry_run_changes_nothing(cli: Cli) -> None:
    done = cli.feed("people", PEOPLE, "--dry-run")

    assert (0, "Would be: 2 added") == (done.code, done.out[:17])
    assert 1 == cli("person", "show", "candidate:17").code


def test_the_guard_holds_an_import_back_that_lifts_many_suppressions(cli: Cli) -> None:
    rows = (f"{one},p{one}@example.org\n" for one in range(100))
    cli.feed("groups", GROUPS)
    cli.feed("people", "crm_id,emails\n" + "".join(rows))
    cli.feed("memberships", members(*range(100)))

    held = cli.feed("memberships", members(*range(50)), "--replace")
    applied = cli.feed("memberships", members(*range(50)), "--replace", "--lift")

    assert 1 == held.code
    assert "would lift 50 of 100 suppressions: nothing was applied" in held.err
    assert (0, "50 removed") == (applied.code, applied.out.split(", ")[2])


def test_a_source_replaces_only_what_it_brought(cli: Cli) -> None:
    cli.feed("people", "crm_id\n1\n", "--source", "one")
    cli.feed("people", "crm_id\n2\n", "--source", "two", "--replace")

    assert 0 == cli("person", "show", "candidate:1").code


def test_an_unknown_kind_or_file_is_told_in_one_line(cli: Cli) -> None:
    assert 2 == cli("import", "nonsense", "people.csv").code

    done = cli("import", "people", str(cli.folder / "none.csv"))
    assert 2 == done.code
    assert 1 == len(done.err.splitlines())
    assert "does not exist" in done.err


def test_a_person_is_shown_with_all_that_is_known(cli: Cli) -> None:
    ann = PersonRef(PersonKind.CANDIDATE, "17")
    cli.feed("statuses", "crm_id,name\na,Actief\n")
    cli.feed("groups", GROUPS)
    cli.feed("people", "crm_id,first_name,last_name,emails,status\n17,Ann,Smit,ann@example.org,a\n")
    cli.feed("memberships", members(17))
    kept = message(0, delivery("ann@example.org", State.SEND_FAILED, persons=[ann]))
    cli.keep(kept)
    cli.do("suppress", "add", "ann@example.org", "--note", "asked", "--by", "Eva")
    cli.do("suppress", "release", "ann@example.org")

    found = cli.json("person", "show", "candidate:17")
    assert {
        "person": "candidate:17",
        "name": "Ann Smit",
        "addresses": ["ann@example.org"],
        "status": "Actief",
        "groups": ["Geen bulk-mail"],
        "applications": [],
    }.items() <= found.items()
    assert ["bulk"] == [one["scope"] for one in found["suppressions"]]
    assert [
        ("suppression", "released"),
        ("suppression", "added"),
        ("suppression", "added"),
        ("message", "send_failed"),
    ] == [(one["type"], one["state"]) for one in found["timeline"]]
    assert ids.show(kept.id) == found["timeline"][-1]["id"]

    part = cli.json("person", "show", "candidate:17", "--type", "suppression", "--limit", "1")
    assert found["timeline"][:1] == part["timeline"]
    text = cli.do("person", "show", "candidate:17", "--limit", "1")
    assert "… and more, before " in text
    none = cli.json("person", "show", "candidate:17", "--until", "2020-01-01")
    assert [] == none["timeline"]


def test_people_are_found_by_what_somebody_knows_of_them(cli: Cli) -> None:
    cli.feed("people", PEOPLE)
    [found] = cli.json("person", "find", "candidate:17")
    assert ("candidate:17", "key") == (found["person"], found["by"])
    first = cli.do("person", "find", "", "--limit", "1")
    assert "--after " in first
    assert "Nobody. People of the CRM" in cli.do("person", "find", "no such name")
    assert 2 == cli("person", "find", "ann", "--after", "ann@example.org").code


def test_everybody_who_has_an_address_is_shown(cli: Cli) -> None:
    cli.feed("people", PEOPLE)

    both = cli.json("person", "show", "ANN@example.org")
    text = cli.do("person", "show", "ann@example.org")
    assert ["candidate:17", "candidate:18"] == [one["person"] for one in both]
    assert "candidate:17" == cli.json("person", "show", "ann@home.example")["person"]
    assert "candidate:17 Ann Smit" in text
    assert "candidate:18 Ben Smit" in text


def test_an_unknown_person_is_no_and_a_wrong_one_wrong_use(cli: Cli) -> None:
    unknown, wrong = cli("person", "show", "candidate:99"), cli("person", "show", "99")

    assert (1, "gateway: nobody known as candidate:99: gateway person find NAME\n") == (
        unknown.code,
        unknown.err,
    )
    assert 2 == wrong.code
    assert "neither a person (candidate:17, contact:17) nor a mail address: '99'" in wrong.err
    assert "gateway person find 99 looks for a name" in wrong.err


MAPPED = """
[crm.map.people]
crm_id = "KandidaatID"
emails = ["E-mail 1", "E-mail 2"]
status.values = {"Uit dienst" = "s3"}
ignore = ["Telefoon"]
"""
EXPORT = (
    "KandidaatID;E-mail 1;E-mail 2;Status;Birthday;Telefoon\n"
    "17;ann@example.org;;UIT DIENST;31-12-1980;06\n"
)


def test_an_export_is_taken_in_by_its_mapping(cli: Cli) -> None:
    cli.configure(MAPPED)
    cli.do("import", "statuses", str(written(cli, "crm_id,name\ns3,Uit dienst\n")))

    done = cli.feed("people", EXPORT)

    assert (0, "Done: 1 added") == (done.code, done.out[:13])
    assert "people.csv: read as UTF-8 with semicolons between the fields\n" in done.err
    assert "Uit dienst" in cli.do("person", "show", "candidate:17")


def test_a_mapping_is_proposed_and_can_be_pasted(cli: Cli) -> None:
    refused = cli.feed("people", EXPORT)
    proposed = cli.feed("people", EXPORT, "--propose")
    cli.configure(proposed.out)
    done = cli.feed("people", EXPORT)

    assert (1, True) == (refused.code, "unknown column 'KandidaatID'" in refused.err)
    assert (0, "") == (proposed.code, proposed.err)
    assert 'ignore = ["Telefoon"]\n' in proposed.out
    assert "Done: 1 added" == done.out[:13]


def test_nothing_is_proposed_where_nothing_can_be_read(cli: Cli) -> None:
    done = cli.feed("people", "", "--propose")

    assert (1, True) == (done.code, "is empty" in done.err)


def test_a_date_that_can_be_two_is_told_with_the_setting_that_decides(cli: Cli) -> None:
    rows = "crm_id,birthday\n17,03/04/2026\n"
    undecided = cli.feed("people", rows)
    cli.configure('[crm]\ndate_order = "day-first"\n')
    decided = cli.feed("people", rows)

    assert 1 == undecided.code
    assert "2: birthday: '03/04/2026' is 3 April or 4 March" in undecided.err
    assert 'day-first" or "month-first"' in undecided.err
    assert 0 == decided.code


def written(cli: Cli, text: str) -> Path:
    file = cli.folder / "other.csv"
    file.write_text(text)
    return file


def test_a_reference_that_leads_nowhere_is_told_with_the_nearest_known_one(cli: Cli) -> None:
    cli.feed("groups", GROUPS)
    cli.feed("statuses", "crm_id,name,tag\ns3,Overleden,NoMailTag\n")
    done = cli.feed("people", "crm_id,emails,status\n17,ann@example.org,Overladen\n18,,overleden\n")
    member = cli.feed("memberships", "group,person\nno-mial,17\n")

    assert (1, 1) == (done.code, member.code)
    assert "people.csv:2: status: 'Overladen' leads nowhere (1 row)" in done.err
    assert "nearest: s3 'Overleden'" in done.err
    assert "people.csv: status given by name: 'overleden' = s3 (1 row)" in done.err
    assert "'no-mial' leads nowhere" in member.err
    shown = cli("person", "show", "candidate:17").out
    assert "Status:    Overladen (not known: no bulk mail until it is)\n" in shown
    assert "Groups:    no-mial (not known: no bulk mail until it is)\n" in shown
    assert "Not known: memberships.group 'no-mial': no bulk mail until it is\n" in shown
    assert [
        {"reference": "memberships.group", "id": "no-mial"},
        {"reference": "people.status", "id": "Overladen"},
    ] == cli.json("person", "show", "candidate:17")["leads_nowhere"]


def test_what_waits_is_listed_and_followed_once_it_comes(cli: Cli) -> None:
    cli.feed("people", "crm_id,emails\n17,ann@example.org\n")
    early = cli.feed("memberships", "group,person\nGeen Bulk-Mail,17\n")

    (waiting,) = cli.json("import", "waiting")
    shown = cli("import", "waiting").out
    cli.feed("groups", GROUPS)

    assert 0 == early.code
    assert "1 row waits" in early.err
    assert ("memberships.group", "candidate", "Geen Bulk-Mail", 1, ["17"]) == tuple(
        waiting[name] for name in ("reference", "kind", "id", "count", "examples")
    )
    assert "Geen Bulk-Mail" in shown
    assert [] == cli.json("import", "waiting")
    assert ["Geen bulk-mail"] == cli.json("person", "show", "candidate:17")["groups"]


def test_an_import_without_a_file_is_wrong_use(cli: Cli) -> None:
    assert 2 == cli("import", "people").code


def test_an_import_is_told_as_json_too(cli: Cli) -> None:
    cli.feed("statuses", "crm_id,name\ns3,Overleden\n")

    done = cli.feed("people", "crm_id,status\n17,overleden\n", "--json")

    (use,) = json.loads(done.out)["references"]
    assert ("people.status", "understood", "s3", 1) == (
        use["reference"],
        use["lead"],
        use["crm_id"],
        use["rows"],
    )


def test_the_import_and_the_check_say_what_has_no_effect(cli: Cli) -> None:
    cli.feed("groups", GROUPS)
    cli.feed("people", "crm_id,emails\n17,\n18,ben@example.org\n")
    cli.feed("people", "crm_id,birthday\n18,never\n")
    done = cli.feed("memberships", "group,person\nno-mail,17\nno-mail,18\nno-mial,18\n")
    found = cli("check", "--offline").out

    short = "1 person is in a group or has a status that keeps mail away, and has no usable"
    _, *lines = done.out.splitlines()
    assert 3 == len(lines)
    assert lines[0].startswith(short)
    assert "1 reference to nothing: memberships.group 1 (gateway import waiting)" == lines[1]
    assert lines[2].startswith("1 field unread since ")
    assert lines[2].endswith(": people 1 (candidate:18 birthday)")
    assert short in found.replace("\n", " ").replace("  ", " ")
    assert "1 of memberships.group leads to nothing ('no-mial')" in found
    assert "1 problem in people.csv" in found
