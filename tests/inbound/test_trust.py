"""I16: a mail comes from whom it names only where the own server says so."""

import pytest

from gateway.core.kinds import Trust
from gateway.core.mail.headers import Headers
from gateway.inbound.reading.trust import distrust, read_sender

OURS = "mail.ours.example"
PASS = b"Authentication-Results: mail.ours.example; dmarc=pass header.from=ours.example\r\n"
FROM = b"From: Eva <eva@ours.example>\r\n"


def fault(block: bytes, trust: Trust | None = "authentication-results") -> str:
    headers = Headers.parse(block)
    return distrust(headers, read_sender(headers), trust=trust, authserv_id=OURS)


@pytest.mark.parametrize(
    "results",
    [
        b"mail.ours.example; dmarc=pass header.from=ours.example",
        b"mail.ours.example; dmarc=pass (p=reject dis=none) header.from=ours.example;",
        b"MAIL.ours.example; dmarc=pass",
        b"mail.ours.example 1; dkim=pass header.d=ours.example",
        b"mail.ours.example; dkim=pass header.i=@ours.example; spf=fail smtp.mailfrom=x@y.example",
        b"mail.ours.example; spf=pass smtp.mailfrom=eva@ours.example",
        b"mail.ours.example; dmarc=none header.from=ours.example; dkim=pass header.d=ours.example",
        b"mail.ours.example; spf=pass smtp.mailfrom=eva@ours.example; dmarc=bestguesspass",
        b"mail.ours.example;\r\n\tdkim=none;\r\n\tdmarc=pass header.from=OURS.example",
        # rspamd and Exim of what their own users send, of which they check nothing else.
        b"mail.ours.example;\r\n\tauth=pass smtp.auth=eva@ours.example smtp.mailfrom=x@y.example",
        b"mail.ours.example; iprev=pass; auth=pass (PLAIN) smtp.auth=EVA@Ours.example",
        # Exim 4.96, of a client that came over IPv6.
        b"mail.ours.example;\r\n\tiprev=pass (mx.ours.example) smtp.remote-ip=2001:db8::1;"
        b"\r\n\tspf=pass smtp.mailfrom=ours.example",
    ],
)
def test_I16_a_pass_for_the_sender_is_believed(results: bytes) -> None:
    assert "" == fault(b"Authentication-Results: " + results + b"\r\n" + FROM)


@pytest.mark.parametrize(
    "results",
    [
        b"mail.ours.example; dmarc=fail header.from=ours.example",
        b"mail.ours.example; dmarc=pass header.from=evil.example",
        b"mail.ours.example; dmarc=fail header.from=ours.example; dkim=pass header.d=ours.example",
        b"mail.ours.example; dmarc=pass header.from=ours.example; dmarc=fail",
        b"mail.ours.example; dmarc=none header.from=ours.example; dkim=pass header.d=evil.example",
        b"mail.ours.example; dmarc=none header.from=ours.example",
        b"mail.ours.example; dmarc=bestguesspass header.from=ours.example",
        b"mail.ours.example; dmarc=permerror; dkim=pass header.d=ours.example",
        b"mail.ours.example; dkim=pass header.d=evil.example",
        b"mail.ours.example; dkim=pass header.d=evil:ours.example",
        b'mail.ours.example; spf=pass smtp.mailfrom="x:; dmarc=pass header.from=ours.example;:"'
        b"@evil.example",
        b"mail.ours.example; dkim=pass header.d=example",
        b"mail.ours.example; dkim=pass header.d=evil.example header.d=ours.example",
        b"mail.ours.example; dkim=fail header.d=ours.example",
        b"mail.ours.example; spf=pass smtp.mailfrom=x@evil.example",
        b"mail.ours.example; spf=softfail smtp.mailfrom=eva@ours.example",
        b"mail.ours.example; none",
        b"mail.ours.example",
        b"other.example; dmarc=pass header.from=ours.example",
        b"spf=pass smtp.mailfrom=ours.example; dmarc=pass header.from=ours.example",
        b'mail.ours.example; spf=pass smtp.mailfrom="x; dmarc=pass header.from=ours.example"'
        b"@evil.example",
        b"mail.ours.example; spf=pass (dmarc=pass header.from=ours.example)"
        b" smtp.mailfrom=x@evil.example",
        b"mail.ours.example; auth=pass smtp.auth=bob@ours.example",
        b"mail.ours.example; auth=pass smtp.auth=bob@ours.example smtp.mailfrom=eva@ours.example",
        b"mail.ours.example; auth=pass smtp.auth=eva",
        b"mail.ours.example; auth=pass smtp.mailfrom=eva@ours.example",
        b"mail.ours.example; auth=fail smtp.auth=eva@ours.example",
        b"mail.ours.example; auth=pass smtp.auth=eva@ours.example smtp.auth=bob@ours.example",
        b"mail.ours.example; auth=pass smtp.auth=eva@ours.example; dmarc=fail",
        b"",
        b"((((((((((((((((((((((((",
        b"mail.ours.example; dmarc=pass \xff header.from=ours.example",
    ],
)
def test_I16_anything_else_is_not(results: bytes) -> None:
    assert fault(b"Authentication-Results: " + results + b"\r\n" + FROM)


#: Postfix 3.7 with OpenDMARC 1.4.2, OpenDKIM 2.11 and policyd-spf 2.9: one field each.
SEPARATE = (
    b"Authentication-Results: mail.ours.example; dmarc=none (p=none dis=none)"
    b" header.from=ours.example\r\n"
    b"Authentication-Results: mail.ours.example;\r\n\tdkim=pass (1024-bit key; unprotected)"
    b" header.d=ours.example header.i=@ours.example header.a=rsa-sha256 header.b=gjG/3wr\r\n"
    b"Authentication-Results: mail.ours.example; spf=pass (sender SPF authorized)"
    b" smtp.mailfrom=ours.example (client-ip=2001:db8::1; helo=mx.ours.example;"
    b" envelope-from=eva@ours.example; receiver=ours.example)\r\n"
)
RECEIVED = (
    b"Received: from mx.example (mx [192.0.2.1])\r\n\tby mail.ours.example with ESMTP id A1\r\n"
)
BY_LMTP = b"Received: from mail.ours.example\r\n\tby box.ours.example with LMTP\r\n\tid B2\r\n"


#: Cyrus 3.6.
BY_LMTPA = (
    b"Received: from mail.ours.example ([unix socket])\r\n\t by box.ours.example (Cyrus 3.6.1) with"
    b" LMTPA;\r\n\t Mon, 30 Nov 2026 10:00:00 +0100\r\n"
)


@pytest.mark.parametrize("on_top", [b"", b"Return-Path: <eva@ours.example>\r\n", BY_LMTP, BY_LMTPA])
def test_I16_each_program_of_the_own_server_writes_a_field_of_its_own(on_top: bytes) -> None:
    assert "" == fault(on_top + SEPARATE + RECEIVED + FROM)


@pytest.mark.parametrize(
    "block",
    [
        SEPARATE,  # No Received: anybody may have written the others.
        SEPARATE.replace(b"Auth", RECEIVED + b"Auth", 2).replace(RECEIVED, b"", 1),
        RECEIVED + SEPARATE,  # The server writes below its own Received, so whose are the others?
        BY_LMTP + RECEIVED + SEPARATE + RECEIVED,
        BY_LMTP + BY_LMTP + SEPARATE + RECEIVED,
        BY_LMTP + SEPARATE,
        # The name that a client's certificate gives it.
        RECEIVED.replace(b"(mx", b'(Client CN "x with LMTP y"') + SEPARATE + RECEIVED,
        SEPARATE.replace(b"mail.ours", b"mail.evil").replace(b"mail.evil", b"mail.ours", 1)
        + RECEIVED,
        SEPARATE.replace(b"dmarc=none", b"dmarc=fail") + RECEIVED,
        PASS + PASS.replace(b"pass", b"fail") + RECEIVED,
    ],
)
def test_I16_a_further_field_is_not_believed_where_a_sender_may_have_put_it(block: bytes) -> None:
    assert "did not pass your own server's checks" == fault(block + FROM)


INJECTED = b"a); dkim=pass header.d=ours.example (b@evil.example"
WELL_FORMED = (
    b"a designates x) smtp.mailfrom=a; auth=pass smtp.auth=eva@ours.example (b@evil.example"
)


@pytest.mark.parametrize(
    "results",
    [
        # A comment that quotes the envelope sender, or HELO, would have to end early.
        b"spf=pass (sender SPF authorized) smtp.mailfrom=evil.example (client-ip=192.0.2.1; "
        b"helo=evil.example; envelope-from=" + INJECTED + b"; receiver=<UNKNOWN>)",
        b"spf=none (no SPF record) smtp.mailfrom=evil.example (client-ip=192.0.2.1; helo="
        + INJECTED
        + b"; envelope-from=x@evil.example; receiver=<UNKNOWN>)",
        *(
            b"spf=pass (mx: domain of " + sender + b" designates x as permitted sender) "
            b"smtp.mailfrom=x@evil.example"
            for sender in (INJECTED, WELL_FORMED)
        ),
    ],
)
def test_I16_what_a_client_says_of_itself_proves_nothing(results: bytes) -> None:
    """No server need write such a field for this to hold."""
    assert "" != fault(b"Authentication-Results: mail.ours.example; " + results + b"\r\n" + FROM)


@pytest.mark.parametrize(
    ("path", "is_believed"),
    [
        (b"<eva@ours.example>", True),
        (b'<"eva"@ours.example>', True),
        (b"<SRS0=x=y=evil.example=a@ours.example>", True),
        (b"<>", True),
        (b'<"a); dkim=pass header.d=ours.example (b"@evil.example>', False),
        (b"<a); dkim=pass header.d=ours.example (b@evil.example>", False),
    ],
)
def test_I16_an_envelope_sender_that_could_write_into_results_is_not_believed(
    path: bytes, is_believed: bool
) -> None:
    assert is_believed == (fault(b"Return-Path: " + path + b"\r\n" + PASS + FROM) == "")


def test_I16_a_forged_field_below_that_of_the_own_server_is_ignored() -> None:
    genuine = PASS.replace(b"dmarc=pass", b"dmarc=fail")

    assert "did not pass your own server's checks" == fault(genuine + PASS + FROM)


def test_I16_a_field_of_another_server_on_top_is_not_passed_over() -> None:
    other = PASS.replace(b"mail.ours.example", b"mx.evil.example")

    assert fault(other + PASS + FROM)


@pytest.mark.parametrize(
    "sender",
    [
        b"From: eva@ours.example\r\nFrom: x@evil.example\r\n",
        b"From: x@evil.example\r\nFrom: eva@ours.example\r\n",
        b"From: eva@ours.example, x@evil.example\r\n",
        b"From: <eva@ours.example> <x@evil.example>\r\n",
        b'From: "eva@ours.example" <x@ours.example>\r\n',
        b"From: eva@ours.example <x@ours.example>\r\n",
        b"From: =?utf-8?q?eva=40ours=2Eexample?= <x@ours.example>\r\n",
        b'From: "=?utf-8?q?eva=40ours=2Eexample?=" <x@ours.example>\r\n',
        b"From: eva\xef\xbc\xa0ours.example <x@ours.example>\r\n",
        b"From: \r\n",
        b"From: Eva\r\n",
        b"Subject: no sender\r\n",
        b"From: " + b"(" * 5000 + b"\r\n",
    ],
)
def test_I16_a_sender_in_two_minds_is_not_believed_whatever_servers_say(sender: bytes) -> None:
    assert fault(PASS + sender)
    assert fault(sender, "internal-only")


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        (b"From: eva@ours.example\r\n", "", "eva@ours.example"),
        (b'From: "Bos, Eva" <eva@ours.example>\r\n', "Bos, Eva", "eva@ours.example"),
        (
            b'From: "EVA@ours.example" <eva@OURS.example>\r\n',
            "EVA@ours.example",
            "eva@OURS.example",
        ),
        (b"From: =?utf-8?b?TcO8bGxlcg==?= <m@ours.example>\r\n", "Müller", "m@ours.example"),
        (b'From: "=?utf-8?b?TcO8bGxlcg==?=" <m@ours.example>\r\n', "Müller", "m@ours.example"),
        (b"From: M\xfcller <m@ours.example>\r\n", "Müller", "m@ours.example"),
        (b"From: Eva @ HR <eva@ours.example>\r\n", "Eva @ HR", "eva@ours.example"),
    ],
)
def test_a_sender_is_read_as_people_see_it(sender: bytes, name: str, address: str) -> None:
    found = read_sender(Headers.parse(sender))

    assert (name, address, "") == (found.name, found.address, found.fault)


def test_exchanges_mark_counts_where_the_mailbox_lives_in_that_tenant() -> None:
    mark = b"X-MS-Exchange-Organization-AuthAs: Internal\r\n"

    assert "" == fault(mark + FROM, "exchange-internal")
    assert fault(mark + FROM)
    assert fault(FROM, "exchange-internal")
    assert fault(mark + b"X-MS-Exchange-Organization-AuthAs: Anonymous\r\n" + FROM,
                 "exchange-internal")  # fmt: skip


def test_a_mailbox_for_internal_mail_believes_every_sender() -> None:
    assert "" == fault(FROM, "internal-only")


def test_without_a_proof_nobody_is_believed() -> None:
    assert "nothing here proves whom a mail comes from: trust is not set" == fault(
        PASS + FROM, None
    )
