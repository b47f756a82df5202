"""Marks within the JSON by which programs instruct a service that sends for them."""

import base64
import json
import time

import pytest

from gateway.core.decision.bulk_marks import MARKS
from gateway.core.decision.json_marks import json_object
from gateway.core.mail.headers import Headers

BY_RULE = {mark.rule: mark for mark in MARKS}
SENDGRID, SPARKPOST = BY_RULE["sendgrid-api"], BY_RULE["sparkpost"]
ANN, BOB = "ann@example.org", "bob@example.org"
SUBSTITUTIONS = {"-name-": [f"Name {number}" for number in range(500)]}
METADATA = {f"k{number}": f"value {number}" for number in range(300)}


def mark_of_sendgrid(value: str) -> str | None:
    return SENDGRID.field_in(Headers.parse(f"X-SMTPAPI: {value}\r\n\r\n".encode()))


def mark_of_sparkpost(value: str) -> str | None:
    return SPARKPOST.field_in(Headers.parse(f"X-MSYS-API: {value}\r\n\r\n".encode()))


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('{"asm_group_id": 7}', "asm_group_id"),
        ('{"asm_group_id": "7"}', "asm_group_id"),
        ('{"asm": {"group_id": 7}}', "asm"),
        ('{"marketing_campaign_id": 7}', "marketing_campaign_id"),
        (json.dumps({"to": [ANN, BOB]}), "to"),
        (json.dumps({"to": [f"Ann <{ANN}>", f"Ann <{BOB}>"]}), "to"),
        (json.dumps({"to": f"{ANN}, {BOB}"}), "to"),
        ('{"asm_group_id": 7, "asm_group_id": null}', "asm_group_id"),  # Which counts is unclear.
        (json.dumps({"to": [ANN]})[:-1] + f', "to": ["{BOB}"]}}', "to"),
        ('{"\\u0061sm_group_id": 7}', "asm_group_id"),
        ('{"category": "a\r\n b", "asm_gro\r\n up_id":\r\n\t7}', "asm_group_id"),
    ],
)
def test_sendgrid_sends_to_several_or_to_a_group(value: str, key: str) -> None:
    assert f"x-smtpapi: {key}" == mark_of_sendgrid(value)


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"to": [ANN], "category": "password-reset"}),
        json.dumps({"to": [ANN, ANN.upper(), f'"Meijer, Ann" <{ANN}>']}),
        '{"to": ["ann@exam\r\n ple.org", "ann@example.org"]}',
        json.dumps({"unique_args": {"to": [ANN, BOB], "asm_group_id": 7}}),
        '{"to": [], "asm_group_id": null}',
        '{"to": null, "asm_group_id": 0, "asm": {}, "marketing_campaign_id": ""}',
        '{"asm": {"group_id": null, "groups_to_display": []}}',
        '{"asm_group_id": false}',
        '{"category": "\\"asm_group_id\\": 7"}',
        '{"section": {"asm_group_id": 7}, "sub": {"to": ["a@b", "c@d"]}}',
        "{}",
    ],
)
def test_one_address_and_keys_without_a_value_or_further_down_say_nothing(value: str) -> None:
    assert mark_of_sendgrid(value) is None


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('{"campaign_id": "spring"}', "campaign_id"),
        ('{"campaign_id": "spring", "options": {"transactional": true}}', "campaign_id"),
        ('{"options": {"transactional": false}}', "options.transactional"),
    ],
)
def test_sparkpost_sends_a_campaign(value: str, key: str) -> None:
    assert f"x-msys-api: {key}" == mark_of_sparkpost(value)


@pytest.mark.parametrize(
    "value",
    [
        '{"metadata": {"campaign_id": "0"}, "options": {"transactional": true}}',
        '{"campaign_id": "", "options": {"transactional": true}}',
        '{"metadata": {"transactional": false}}',
        '{"options": "transactional"}',
    ],
)
def test_a_customers_own_data_make_no_campaign(value: str) -> None:
    assert mark_of_sparkpost(value) is None


LONG = json.dumps(
    {"sub": SUBSTITUTIONS, "category": "Größe", "asm_group_id": 7}, ensure_ascii=False
)
OCTETS = LONG.encode()


def encoded_words(encoding: str) -> str:
    """Return the long value in encoded words that cut through characters, escapes and names."""
    if encoding == "b":
        pieces = (OCTETS[at : at + 43] for at in range(0, len(OCTETS), 43))
        words = [base64.b64encode(piece).decode() for piece in pieces]
    else:
        quoted = "".join(f"={octet:02X}" for octet in OCTETS)
        words = [quoted[at : at + 60] for at in range(0, len(quoted), 60)]
    return "\r\n ".join(f"=?utf-8?{encoding}?{word}?=" for word in words)


@pytest.mark.parametrize(
    "value",
    [
        LONG,
        LONG.replace(", ", ",\r\n "),
        json.dumps(json.loads(LONG)).replace("Name 4", "Name\r\n\t4"),
        encoded_words("q"),
        encoded_words("b"),
        f"=?utf-8?b?{base64.b64encode(OCTETS).decode()}?=",
    ],
    ids=["in one line", "folded", "folded in strings", "quoted", "base64", "one word"],
)
def test_a_long_value_is_read_to_its_end(value: str) -> None:
    assert len(value) > 4096
    assert "x-smtpapi: asm_group_id" == mark_of_sendgrid(value)
    assert mark_of_sendgrid(f"{{}}\r\nX-SMTPAPI: {value}") is not None


def test_a_campaign_or_a_second_address_behind_long_data_is_found() -> None:
    ids = {"ids": [f"{number:05}" for number in range(900)]}

    assert mark_of_sparkpost(json.dumps({"metadata": METADATA, "campaign_id": "spring"}))
    assert mark_of_sparkpost(json.dumps({"metadata": METADATA, "campaign_id": ""})) is None
    assert mark_of_sendgrid(json.dumps({"unique_args": ids, "to": [ANN, BOB]}))
    assert mark_of_sendgrid(json.dumps({"unique_args": ids, "to": [ANN]})) is None


@pytest.mark.parametrize(
    ("value", "is_mark"),
    [
        ("{'asm_group_id': 7}", False),
        ('{"asm_group_id": 7', True),
        ('{"asm_group_id": 7} (by hand)', True),
        ('[{"asm_group_id": 7}]', True),
        ('{"category": "x"', False),
        ("[" * 100_000 + '"asm_group_id": 7', True),
        ('{"asm_group_id": ' + "7" * 5000 + "}", True),
        ('{"category": =?utf-8?b?4?=, "asm_group_id": 7}', True),
        ("7", False),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else str(value),
)
def test_what_is_no_json_object_counts_by_its_words(value: str, is_mark: bool) -> None:
    assert json_object(value) is None
    assert is_mark == (mark_of_sendgrid(value) is not None)


@pytest.mark.parametrize(
    "part",
    ["=?u?q?a?= ", "=?u?b?YQ==?=", "=?u?q?", "=?", '{"a":', '"to" ', "[", "a@b,", "<a@b"],
)
def test_the_time_grows_with_the_length_alone(part: str) -> None:
    value = part * (240_000 // len(part))
    started = time.process_time()

    mark_of_sendgrid(value)
    mark_of_sendgrid(f'{{"to": "{value}"}}')

    assert time.process_time() - started < 10  # In n² steps it takes minutes.
