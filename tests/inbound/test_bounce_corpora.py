"""Real bounces that others collected, read from where they lie.

`BOUNCE_CORPORA=FOLDER pytest tests/inbound/test_bounce_corpora.py`, where FOLDER holds

- `p5-sisimai`: a checkout of github.com/sisimai/p5-sisimai of October 2024 (v5.1.0) with its mails
  `set-of-emails` (589 of them have their reasons in `t/*.t`)
- `Mail-DeliveryStatus-BounceParser`: a checkout of github.com/rjbs/Mail-DeliveryStatus-BounceParser
  (1.543); the names of its mails in `t/corpus` say what they are
- `flufl_bounce-6.0.0`: the unpacked sdist; `pip download --no-deps --no-binary :all:
  flufl.bounce==6.0.0` brings it there if it is missing
"""

import os
import re
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

import pytest
from flufl.bounce import scan_message

from gateway.core.bounces.bounce import BounceKind
from gateway.inbound.reading.bounces.bounces import read_bounces

CORPORA = Path(os.environ.get("BOUNCE_CORPORA") or "/nonexistent")
FLUFL = "flufl_bounce-6.0.0"

pytestmark = pytest.mark.skipif(
    not CORPORA.exists(), reason="BOUNCE_CORPORA names no folder with bounces that others collected"
)

#: Their names of reasons that have another name, or are one, with us.
REASONS = {
    "suspend": "suspended",
    "mesgtoobig": "toobig",
    "exceedlimit": "toobig",
    "policyviolation": "policy",
    "spamdetected": "spam",
    "badreputation": "reputation",
    "blocked": "reputation",
    "requireptr": "reputation",
    "toomanyconn": "ratelimited",
    "speeding": "ratelimited",
    "contenterror": "content",
    "notcompliantrfc": "content",
    "virusdetected": "virus",
    "securityerror": "security",
    "onhold": "undefined",
    "feedback": "complaint",
    "vacation": "none",
    # Theirs where a user is unknown and nothing says that RCPT was refused.
    "filtered": "userunknown",
}
#: Theirs say the address can't be reached, if not for certain.
MAY_BE_HARD = {"suspend", "filtered"}


class CollectedBounce(NamedTuple):
    """A mail, and a status code, reply code, reason and whether it is hard for each recipient."""

    file: Path
    expected: list[list[str]]


def collected() -> list[CollectedBounce]:
    """Read what sisimai's own tests expect of the mails beside them."""
    checkout = CORPORA / "p5-sisimai"
    mails = checkout / "set-of-emails/maildir/bsd"
    bounces = []
    for test in sorted((checkout / "t").glob("[36-8]*.t")):
        text = test.read_text()
        name = re.search(r"\$(?:enginename|rhostname)\s*=\s*'(\w+)'", text)
        if name is None:
            continue
        place = "rhost" if test.name.startswith("3") else "lhost"
        expected = text[text.index("$isexpected") :]
        rows = re.findall(r"'(\d+)'\s*=>\s*\[((?:\s*\[[^\]]*\],?)*)\s*\]", expected)
        for number, recipients in rows:
            values = [
                [quoted or bare for quoted, bare in re.findall(r"'((?:[^'\\]|\\.)*)'|(\d+)", row)]
                for row in re.findall(r"\[([^\]]*)\]", recipients)
            ]
            end = f"{name[1].lower()}-{number}.eml"
            file = next((mails / p for p in (f"{place}-{end}", end) if (mails / p).exists()), None)
            if file is not None:
                bounces.append(CollectedBounce(file, values))
    return bounces


def test_hard_bounces_and_reasons_of_sisimais_mails_are_found_and_nothing_else_is_hard() -> None:
    if not (CORPORA / "p5-sisimai").exists():
        pytest.skip("no p5-sisimai in BOUNCE_CORPORA")
    bounces = collected()
    hard, hard_found, right, wrongly_hard = 0, 0, 0, []
    for file, expected in bounces:
        read = read_bounces(message_from_bytes(file.read_bytes()))
        is_hard = any(bounce.is_hard for bounce in read)
        if any(row[3] == "1" for row in expected):
            hard, hard_found = hard + 1, hard_found + is_hard
        elif is_hard and not MAY_BE_HARD & {row[2] for row in expected}:
            wrongly_hard.append(file.name)
        failed = [b.reason for b in read if b.kind in (BounceKind.BOUNCE, BounceKind.DELAY)]
        reasons = {REASONS.get(reason, str(reason)) for reason in failed} or {
            read[0].kind.value if read else "none"
        }
        right += reasons == {REASONS.get(row[2], row[2]) for row in expected}

    assert len(bounces) >= 580
    assert [] == wrongly_hard
    assert hard_found / hard >= 0.97
    assert right / len(bounces) >= 0.93


@pytest.mark.parametrize(
    ("names", "expected", "least"),
    [
        (r"spam-rejection|spamassassin|spambouncer|junkemail|whitelist", "sender", 1.0),
        (r"relay|rcpthosts", "norelaying", 1.0),
        (r"quota(?!-4)", "mailboxfull", 1.0),
        (r"message-too-large|quota-4", "toobig", 1.0),
        (r"no-such-domain|host-unknown", "hostunknown", 1.0),
        # One is refused after the content, which may be about the sender.
        (r"(?<!host-)unknown|doesnotexist|nomailbox|dne|badrcptto|deactivated", "address", 0.96),
        # Spam with the subject of a bounce, and what programs answer.
        (r"autoreply|vacation|bluebottle|spam-with|spam-lots|spam-bogus|warning-6", "none", 0.85),
        (r"boxbe", "sender", 1.0),
    ],
)
def test_what_others_called_their_mails_is_what_is_read(
    names: str, expected: str, least: float
) -> None:
    folder = CORPORA / "Mail-DeliveryStatus-BounceParser/t/corpus"
    if not folder.exists():
        pytest.skip("no Mail-DeliveryStatus-BounceParser in BOUNCE_CORPORA")
    mails = [file for file in sorted(folder.iterdir()) if re.match(rf".*(?:{names})", file.name)]
    missed = []
    for file in mails:
        read = read_bounces(message_from_bytes(file.read_bytes()))
        said = {word for bounce in read for word in (bounce.reason.value, bounce.reason.about)}
        missed += [] if expected in (said or {"none"}) else [(file.name, said)]

    assert mails
    assert 1 - len(missed) / len(mails) >= least, missed


def test_whom_mailmans_detectors_find_is_found() -> None:
    folder = CORPORA / FLUFL
    if not folder.exists():
        fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run(
            [*fetch, "-q", "-d", CORPORA, "flufl.bounce==6.0.0"],
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            pytest.skip("the sdist of flufl.bounce can't be had")
        shutil.unpack_archive(CORPORA / f"{FLUFL}.tar.gz", CORPORA)
    mails = sorted((folder / "tests/data").glob("*.txt"))
    missed = []
    for file in mails:
        mail = message_from_bytes(file.read_bytes())
        wanted = {address.decode().lower() for address in scan_message(mail)}
        named = {
            address.lower()
            for bounce in read_bounces(mail)
            for address in (bounce.recipient, bounce.original_recipient)
        }
        missed += [] if wanted <= named else [file.name]

    assert len(mails) > 100
    assert len(missed) / len(mails) <= 0.07, missed
