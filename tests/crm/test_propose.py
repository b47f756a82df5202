"""The mapping proposed for a file."""

import tomllib
from pathlib import Path

import pytest

from gateway.core.feed.feed_mapping import read_mappings
from gateway.core.feed.shipped_mappings import SHIPPED_MAPPINGS
from gateway.crm.files import FeedFile, FieldReading
from gateway.crm.kinds import KINDS
from gateway.crm.propose import propose
from tests.crm.conftest import Write

DUTCH = (
    "KandidaatID;Voornaam;Tussenvoegsel;Achternaam;E-mail 1;E-mail 2;Status;Geboortedatum;"
    "Telefoon;Toestemming e-mail;Taal;Type",
    "17;Ann;van der;Bos;ann@example.org;a.bos@example.com;Actief;31-12-1980;06;ja;nl;Kandidaat",
    "18;Bob;;Kok;bob@example.org;;Uit dienst;03-04-1990;07;misschien;nl;Contactpersoon",
)
GERMAN = (
    "Mitgliedsnummer\tVorname\tNachname\tE-Mail\tGeburtstag\tAktiv\tBetreuer\tBemerkung",
    "17\tAnn\tBos\tann@example.org\t31.12.1980\tJa\t7\tx",
)
FRENCH = (
    "Identifiant,Prénom,Nom,Courriel,Date de naissance,Langue",
    "17,Ann,Bos,ann@example.org,03/04/1980,fr",
    "18,Zoë,Kok,zoe@example.org,05/06/1981,fr",
)
ENGLISH = (
    "Aa,Given name,Surname,Contact me at,Remarks",
    "a1,Ann,Bos,ann@example.org,x",
    "a2,Bob,Kok,bob@example.org,x",
)
JSON = ('{"kandidaatId": 17, "eMail": "ann@example.org", "hut": 3}',)


@pytest.mark.parametrize(
    ("lines", "lines_of_it"),
    [
        (
            DUTCH,
            [
                'crm_id = "KandidaatID"',
                'first_name = "Voornaam"',
                'last_name = ["Tussenvoegsel", "Achternaam"]',
                'emails = ["E-mail 1", "E-mail 2"]',
                'status = "Status"',
                'language = "Taal"',
                'birthday = "Geboortedatum"',
                'consent_email = "Toestemming e-mail"',
                'kind = {column = "Type", values = {"Kandidaat" = "candidate", '
                '"Contactpersoon" = "contact"}}',
                'ignore = ["Telefoon"]',
                "# unsure: each must be the crm_id or name of one of the statuses: 'Actief' (1), "
                "'Uit dienst' (1)",
                "# unsure: neither yes nor no: 'misschien' (1); say what they mean with",
                "# read as UTF-8 with semicolons between the fields",
            ],
        ),
        (
            GERMAN,
            [
                'crm_id = "Mitgliedsnummer"',
                'emails = "E-Mail"',
                'birthday = "Geburtstag"',
                'active = "Aktiv"',
                'owner = "Betreuer"',
                'ignore = ["Bemerkung"]',
            ],
        ),
        (
            FRENCH,
            [
                'crm_id = "Identifiant"',
                'first_name = "Prénom"',
                'last_name = "Nom"',
                'emails = "Courriel"',
                'birthday = "Date de naissance"',
                '# date_order = "day-first"',
            ],
        ),
        (
            ENGLISH,
            [
                'crm_id = "Aa"',
                "# unsure: every row has its own; its name doesn't say so",
                'emails = "Contact me at"',
                "# unsure: it holds mail addresses; its name doesn't say so",
                'ignore = ["Remarks"]',
            ],
        ),
        (JSON, ['crm_id = "kandidaatId"', 'emails = "eMail"', 'ignore = ["hut"]']),
    ],
)
def test_it_says_what_the_columns_are_and_what_is_unsure(
    write: Write, lines: tuple[str, ...], lines_of_it: list[str]
) -> None:
    proposed = propose(write(*lines), KINDS["people"]).splitlines()

    assert [] == [line for line in lines_of_it if line not in proposed]


@pytest.mark.parametrize("lines", [DUTCH, GERMAN, FRENCH, ENGLISH, JSON])
def test_what_is_proposed_can_be_pasted_and_the_file_is_read_by_it(
    write: Write, lines: tuple[str, ...]
) -> None:
    path = write(*lines)

    config = tomllib.loads(propose(path, KINDS["people"]))
    mapping = read_mappings(config["crm"]["map"], SHIPPED_MAPPINGS)["people"]
    rows = list(FeedFile(path, KINDS["people"], FieldReading(mapping=mapping)).rows())

    first = rows[0].texts
    assert first["crm_id"] in {"17", "a1"}
    assert "ann@example.org" == first["emails"].partition(";")[0]
    assert {"candidate", "contact"} >= {row.texts.get("kind", "contact") for row in rows}


@pytest.mark.parametrize(
    "header",
    [
        'crm_id,"a ""b"" \\c"',
        "crm_id,ünïcode Ω,#hash",
        'crm_id,"two\nlines",tab\tin it',
        "crm_id,a=b,[c],'d'",
        "crm_id,\x7f\x01odd",
        "crm_id,*",
    ],
)
def test_names_of_any_kind_can_be_pasted(write: Write, header: str) -> None:
    path = write(header, "17")
    config = tomllib.loads(propose(path, KINDS["people"]))
    mapping = read_mappings(config["crm"]["map"], SHIPPED_MAPPINGS)["people"]

    [row] = FeedFile(path, KINDS["people"], FieldReading(mapping=mapping)).rows()

    assert "17" == row.texts["crm_id"]


def test_the_export_of_a_known_crm_is_recognised(write: Write) -> None:
    path = write("id,firstName,lastName,emailAddress,assignedUserId", "5f,Ann,Bos,a@x.org,1")

    assert '# It looks like an export of espocrm: use = "espocrm" may be enough.' in propose(
        path, KINDS["people"]
    )


def test_a_file_without_a_key_says_that_it_has_none(write: Write) -> None:
    proposed = propose(write("Hut", "rot", "rot"), KINDS["people"])

    assert "# unsure: no column looks like crm_id" in proposed
    assert 'ignore = ["Hut"]' in proposed


@pytest.mark.parametrize(
    ("kind", "header", "row", "expected"),
    [
        ("memberships", "Groep;Persoon", "12;17", ['group = "Groep"', 'person = "Persoon"']),
        ("staff", "Medewerker;Naam;Mail;Rol", "7;X;x@y.org;a", ['name = "Naam"', 'email = "Mail"']),
        ("groups", "Gruppe-Nr;Bezeichnung;Aktiv", "1;a;x", ['crm_id = "Gruppe-Nr"']),
        (
            "qualifications",
            "Id;Kandidaat;Naam;Geldig tot",
            "1;17;BHV;31-12-2026",
            ['person = "Kandidaat"', 'expires_on = "Geldig tot"'],
        ),
        (
            "qualifications",
            "Zertifikat-ID;Mitarbeiter-Nr;Bezeichnung;Ausgestellt;Erinnerung (Tage)",
            "1;17;Erste Hilfe;01.02.2024;30",
            [
                'person = "Mitarbeiter-Nr"',
                'acquired_on = "Ausgestellt"',
                'notice_days = "Erinnerung (Tage)"',
            ],
        ),
        (
            "applications",
            "Referentie;Candidate ID;Job Order ID;Recruiter",
            "4711;17;77;Eva Bos",
            ['programme = "Job Order ID"', 'responsible = "Recruiter"'],
        ),
        (
            "staff",
            "User ID;First Name;Last Name;Email",
            "u1;Eva;Bos;eva@x.org",
            ['name = ["First Name", "Last Name"]'],
        ),
    ],
)
def test_every_kind_has_its_own_words(
    write: Write, kind: str, header: str, row: str, expected: list[str]
) -> None:
    proposed = propose(write(header, row), KINDS[kind]).splitlines()

    assert [] == [line for line in expected if line not in proposed]


def test_words_for_languages_and_marks_for_the_active_are_translated(write: Write) -> None:
    path = write("crm_id;Taal;Actief", "17;Nederlands;x", "18;duits;", "19;fr;x")

    proposed = propose(path, KINDS["people"])
    mapping = read_mappings(tomllib.loads(proposed)["crm"]["map"], {})["people"]
    rows = list(FeedFile(path, KINDS["people"], FieldReading(mapping=mapping)).rows())

    assert [("nl", "x"), ("de", "no"), ("fr", "x")] == [
        (row.texts["language"], row.texts["active"]) for row in rows
    ]


def test_a_column_that_stands_twice_is_told(write: Write) -> None:
    proposed = propose(write("crm_id,Mail,mail", "17,a@x.org,b@x.org"), KINDS["people"])

    assert "# unsure: the column 'mail' occurs twice in the file: give one another name" in proposed


def test_nothing_is_written(write: Write, tmp_path: Path) -> None:
    path = write(*DUTCH)
    before = sorted(tmp_path.iterdir())

    propose(path, KINDS["people"])

    assert before == sorted(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("column", "is_told"),
    [
        ("Verstorben", True),
        ("Datum overlijden", True),
        ("Décédée le", True),
        ("Do not email", True),
        ("No Bulk Emails (User Opt Out)", True),
        ("Uitgeschreven op", True),
        ("Werbewiderspruch", True),
        ("HASOPTEDOUTOFEMAIL", True),  # Salesforce's Data Loader
        ("Email Opt Out", True),  # Zoho
        ("Mass Mail Opt Out", True),  # Bullhorn
        ("Unsubscribed from all email", True),  # HubSpot
        ("emailAddressIsOptedOut", True),  # EspoCRM
        ("ISDELETED", True),
        ("Keine E-Mail", True),
        ("Geen e-mail", True),
        ("No e-mail", True),
        ("Don't contact", True),
        ("Ne pas contacter", True),
        ("Newsletter", True),
        ("Nieuwsbrief ontvangen", True),
        ("Telefoon", False),
        ("Notiz", False),
        ("Total", False),
    ],
)
def test_a_column_that_may_keep_mail_away_is_not_left_out_in_silence(
    write: Write, column: str, is_told: bool
) -> None:
    path = write(f"Mitgliedsnummer;E-Mail;{column}", "17;ann@example.org;x")

    proposed = propose(path, KINDS["people"])

    assert is_told == (f"# unsure: {column!r} is left out" in proposed)


def test_a_word_that_says_who_wants_mailings_counts_where_it_is_answered_by_yes_or_no(
    write: Write,
) -> None:
    """`MailingStreet` is Salesforce's for where somebody lives."""
    path = write("Id,Email,MailingStreet,Mailing", "17,ann@example.org,High Street 1,no")

    proposed = propose(path, KINDS["people"])

    assert "# unsure: 'Mailing' is left out" in proposed
    assert "'MailingStreet' is left out" not in proposed


def test_what_says_not_to_be_modified_tells_of_no_opt_out(write: Write) -> None:
    rows = (f"{n},p{n}@x.org,sum{n},{1_700_000_000 + n}" for n in range(20))
    header = "Id,Email,(Do Not Modify) Row Checksum,Unsubscribed at"

    proposed = propose(write(header, *rows), KINDS["people"])

    assert "Checksum' is left out" not in proposed
    assert "'Unsubscribed at' is left out" in proposed


@pytest.mark.parametrize("header", ["Full Name", "Naam", "Volledige naam", "Nom complet"])
def test_a_whole_name_is_a_last_name(write: Write, header: str) -> None:
    proposed = propose(write(f"Id,Email,{header}", "17,ann@x.org,Ann Bos"), KINDS["people"])

    assert f'last_name = "{header}"' in proposed
    assert "# unsure: it seems to be the whole name" in proposed


def test_what_says_who_wants_no_mail_is_never_proposed_as_consent(write: Write) -> None:
    path = write("Record Id,Email,Email Opt Out", "z1,ann@example.org,true", "z2,jan@x.org,false")

    assert 'consent_email = "Email Opt Out"' not in propose(path, KINDS["people"])


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("ID,FIRSTNAME,LASTNAME,EMAIL,BIRTHDATE", id="Salesforce isn't CiviCRM"),
        pytest.param("ID,First Name,Last Name,Email 1,Email 2", id="Bullhorn isn't EspoCRM"),
    ],
)
def test_what_lacks_the_columns_of_a_known_crm_is_none_of_its_exports(
    write: Write, header: str
) -> None:
    assert "It looks like an export" not in propose(write(header), KINDS["people"])


def test_a_known_crm_is_not_all_where_a_column_may_keep_mail_away(write: Write) -> None:
    path = write("Contact ID,First Name,Last Name,Email,Do Not Email", "17,Ann,Bos,a@x.org,Yes")

    proposed = propose(path, KINDS["people"])

    assert 'use = "civicrm" may be enough, but for what is unsure below.' in proposed


@pytest.mark.parametrize(
    ("kind", "lines", "expected", "others"),
    [
        (
            "groups",
            ("Gruppen-Nr;Gruppenname;Merker", "12;Keine Post;NoMailingsTag", "13;Verein;"),
            ['crm_id = "Gruppen-Nr"', 'name = "Gruppenname"', 'tag = "Merker"'],
            ["no column holds a tag"],
        ),
        (
            "statuses",
            ("Code;Label;Omschrijving", "1;no-mail tag;Overleden", "2;x;Actief"),
            [
                'tag = "Label"',
                "# unsure: not known as tags: 'x' (1); if they keep mail away, say which:",
                '# tag = {column = "Label", values = {"…" = "NoMailTag"}}',
            ],
            ["no column holds a tag"],
        ),
        (
            "groups",
            ("Label;Omschrijving;Code;Effect", "a;x;1;NoMailingsTag", "b;y;2;NoMailTag"),
            ['name = "Omschrijving"', 'tag = "Effect"'],
            ['tag = "Label"'],
        ),
        (
            "groups",
            ("Code;Omschrijving", "GM;Geen mailing", "NB;Nieuwsbrief"),
            [
                "# unsure: no column holds a tag (NoMailingsTag, NoMailTag, NoMailChimpMailingsTag)"
                ", so none of these groups keeps mail away; say which do, by the column that "
                "tells:",
                '# tag = {column = "Omschrijving", values = {"…" = "NoMailingsTag"}}',
            ],
            [],
        ),
        (
            "people",
            (
                "Id;E-Mail privat;E-Mail dienstlich;Keine Werbung;Notiz",
                "17;a@x.org;b@x.org;x;",
                "18;c@x.org;;;y",
            ),
            [
                "# unsure: addresses stand in 'E-Mail dienstlich' too; ignore them if they are "
                "other people's",
                'emails = ["E-Mail privat", "E-Mail dienstlich"]',
                "# unsure: 'Keine Werbung' is left out: does it say who must get no mail? If so:",
            ],
            ["'Notiz' is left out"],
        ),
        (
            "people",
            ("Nr;E-mail;Notitie", "17;ann@example.org;x", "18;onbekend;y", "19;geen;z"),
            [
                "# unsure: 'E-mail' is left out, as too few of its values are emails.",
                '# If it is emails after all: emails = "E-mail"',
            ],
            ["'Notitie' is left out"],
        ),
    ],
)
def test_what_keeps_mail_away_is_not_passed_over(
    write: Write, kind: str, lines: tuple[str, ...], expected: list[str], others: list[str]
) -> None:
    proposed = propose(write(*lines), KINDS[kind])

    assert [] == [line for line in expected if line not in proposed.splitlines()]
    assert [] == [text for text in others if text in proposed]
