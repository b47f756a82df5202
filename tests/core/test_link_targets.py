"""What a text shows of a link's target."""

import pytest

from gateway.core.replies.link_targets import shown_target

CV = "https://drive.example.org/cv"


@pytest.mark.parametrize(
    ("target", "words", "shown"),
    [
        (CV, "My CV", CV),
        (CV, "", CV),
        ("http://x.org/?a=1&b=2#c", "here", "http://x.org/?a=1&b=2#c"),
        # The words say it.
        (CV, CV, ""),
        (CV, "drive.example.org/cv", ""),
        (CV, "<https://drive.example.org/cv>", ""),
        (CV, "my CV: drive.example.org/cv.", ""),
        ("https://www.x.org/", "x.org", ""),
        ("http://x.org", "https://www.x.org/", ""),
        ("https://x.org/M%C3%BCller", "x.org/Müller", ""),
        (CV, "https://drive.\u200bexample.org/ cv", ""),
        # They say something else.
        (CV, "drive.example.org/c…", CV),
        (CV, "drive.example.org", CV),
        (CV, "https://drive.example.org/cv2", CV),
        (f"{CV}?usp=sharing", "drive.example.org/cv", f"{CV}?usp=sharing"),
        # Telephone numbers and addresses.
        ("mailto:ann@x.org", "Ann", "ann@x.org"),
        ("mailto:ann@x.org?subject=CV", "Ann@X.org", ""),
        ("mailto:ann@x.org", "bob@x.org", "ann@x.org"),
        ("mailto:?subject=CV", "Ann", ""),
        ("tel:+49-221-1234567", "call me", "+49-221-1234567"),
        ("tel:+492211234567", "0221 / 123 45 67", ""),
        ("tel:+49%20221%2012", "call", "+49%20221%2012"),
        ("tel:office", "call", ""),
        # Nothing to open.
        ("#top", "x", ""),
        ("cid:1", "x", ""),
        ("javascript:alert(1)", "x", ""),
        ("/cv", "x", ""),
        ("https://", "x", ""),
        ("", "x", ""),
        # What would end it, or isn't seen.
        ("https://x.org/a b>\u202e\n", "x", "https://x.org/a%20b%3E%E2%80%AE"),
        ("https://[x/", "x", "https://[x/"),
        # Long ones.
        (f"{CV}?{'x' * 1_900}", "My CV", f"{CV}?{'x' * 1_900}"),
        (f"{CV}?{'x' * 2_000}", "My CV", f"{CV}?{'x' * 171}…"),
    ],
)
def test_a_target_is_shown_where_words_do_not_say_it(target: str, words: str, shown: str) -> None:
    assert shown == shown_target(target, words)


@pytest.mark.parametrize(
    "wrapped",
    [
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fdrive.example.org%2Fcv"
        "&data=05%7C02%7Ceva%40office.example",
        "https://www.google.com/url?q=https://drive.example.org/cv&sa=D&source=docs",
        "https://www.google.com/url?sa=D&url=https%3A%2F%2Fdrive.example.org%2Fcv",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__drive.example.org_cv&d=DwMFaQ&c=x",
        "https://urldefense.com/v3/__https://drive.example.org/cv__;!!Kjv0uj3L4nM6H-I!abc$",
        "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Furldefense.com%2Fv3%2F__"
        "https%3A%2F%2Fdrive.example.org%2Fcv__%3B!!abc%24&data=05",
    ],
)
def test_a_wrapper_of_a_mail_server_is_removed(wrapped: str) -> None:
    assert CV == shown_target(wrapped, "My CV")
    assert not shown_target(wrapped, CV)
    assert not shown_target(wrapped, wrapped)


@pytest.mark.parametrize(
    "target",
    [
        # Characters of the target are encoded elsewhere.
        "https://urldefense.com/v3/__https://x.org/M*ller__;w7w!!abc$",
        "https://urldefense.com/v3/__https://x.org/",
        "https://eur01.safelinks.protection.outlook.com/?data=05",
        "https://eur01.safelinks.protection.outlook.com/?url=javascript%3Aalert(1)",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fx.org%2F%FF",
        "https://www.google.com/search?q=https://x.org",
        "https://safelinks.example.org/?url=https%3A%2F%2Fx.org",
        "https://urldefense.proofpoint.com/v2/url?d=x",
    ],
)
def test_a_wrapper_that_cannot_be_removed_exactly_stays(target: str) -> None:
    assert target == shown_target(target, "My CV")
