"""Bounces without a standard: whom the text of each server names, and what it says of them."""

import pytest

from gateway.core.bounces.notice_text import essence, failures_in, notice_of

ANN, BOB = "ann@example.org", "bob@example.com"
SENDER = "crm@office.example"

NOTICES = {
    "qmail": (
        """\
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.
        This is a permanent error; I've given up. Sorry it didn't work out.

        <ann@example.org>:
        Sorry, no mailbox here by that name. (#5.1.1)

        <bob@example.com>:
        Sorry, I couldn't find any host named example.com. (#5.1.2)

        --- Below this line is a copy of the message.

        Return-Path: <crm@office.example>
        To: eve@example.net
        """,
        {
            ANN: "sorry, no mailbox here by that name. (#5.1.1)",
            BOB: "sorry, i couldn't find any host named example.com. (#5.1.2)",
        },
    ),
    "Sendmail": (
        """\
           ----- The following addresses had permanent fatal errors -----
        <ann@example.org>

           ----- Transcript of session follows -----
        ... while talking to mx.example.org.:
        >>> RCPT To:<ann@example.org>
        <<< 550 5.1.1 user unknown
        550 5.1.1 <ann@example.org>... User unknown
        """,
        {ANN: "<<< 550 5.1.1 user unknown"},
    ),
    "Sendmail 5, of several": (
        """\
           ----- Transcript of session follows -----
        While talking to mx.example.org:
        >>> MAIL From:<crm@office.example>
        <<< 501 no access from mail server [192.0.2.1] which is an open relay.
        554 <ann@example.org>... Remote protocol error
        550 example.com (smtp)... 550 Host unknown
        554 <bob@example.com>... 550 Host unknown (Authoritative answer from name server)

           ----- Unsent message follows -----
        """,
        {
            ANN: "which is an open relay. 554 <ann@example.org>... remote protocol error",
            BOB: "550 example.com (smtp)... 550 host unknown 554 <bob@example.com>",
        },
    ),
    "Sendmail, of several": (
        """\
           ----- The following addresses had permanent fatal errors -----
        <ann@example.org>
            (reason: 552 mailbox full)
        <bob@example.com>
            (reason: 550 no)

           ----- Transcript of session follows -----
        >>> RCPT To:<ann@example.org>
        <<< 552 mailbox full
        552 5.2.2 <ann@example.org>... Mailbox full
        >>> RCPT To:<bob@example.com>
        <<< 550 user unknown
        550 5.1.1 <bob@example.com>... User unknown
        """,
        {
            ANN: "(reason: 552 mailbox full) >>> rcpt to:<ann@example.org>",
            BOB: "(reason: 550 no) >>> rcpt to:<bob@example.com>",
        },
    ),
    "a path that ends like an address": (
        "<ann@example.org>:\nfailed to read\n/home/ann/.cat/bob@example.com: no such file",
        {ANN: "failed to read"},
    ),
    "Chinese behind an address": (f"{ANN}您好， 群組可能不存在", {ANN: "您好"}),
    "Exim": (
        """\
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. This is a permanent error. The following address(es) failed:

          ann@example.org
            SMTP error from remote mail server after RCPT TO:<ann@example.org>:
            host mx.example.org [192.0.2.1]: 550 no such address here

        ------ This is a copy of the message, including all the headers. ------
        To: bob@example.com
        """,
        {ANN: "550 no such address here"},
    ),
    "a Zoho list": (
        "[Status: Error, Address: <ann@example.org>, ResponseCode 421, Host not reachable.]",
        {ANN: "host not reachable"},
    ),
    "a label before the address": (
        "Your message could not be sent.\n\nRecipient: <ann@example.org>\nReason: mailbox full",
        {ANN: "reason: mailbox full"},
    ),
    "an address in any script": ("<änn@exämple.org>: unknown user", {"änn@exämple.org": "unknown"}),
    "only a command names it": (
        "The server would not take it.\n  We said: RCPT TO:<ann@example.org> and it said\n  no.",
        {ANN: "would not take it"},
    ),
    "only a sentence names it": (
        "We tried to reach ann@example.org, without success.",
        {ANN: "without success"},
    ),
    "the same one twice": ("<ann@example.org>: no\n<Ann@Example.org>: unknown", {ANN: "unknown"}),
    "the sender is no recipient": (
        "<crm@office.example>: you\nMail to ann@example.org came back",
        {ANN: "came back"},
    ),
    "whom to ask is no recipient": (
        "Mail to this address failed.\nFor help contact:\nbob@example.com\n<ann@example.org>: gone",
        {ANN: "gone"},
    ),
    "a server, beside a person": (
        "postmaster@example.org: writes\nann@example.org: unknown",
        {ANN: "unknown"},
    ),
    "a server, where nobody else is named": (
        "postmaster@example.org: mailbox full",
        {"postmaster@example.org": "mailbox full"},
    ),
    "what came back without a line above it": (
        "<ann@example.org>: gone\n\nReceived: from x\nFrom: crm@x.example\nTo: bob@example.com",
        {ANN: "gone"},
    ),
    "what came back below a rule": (
        "<ann@example.org>: gone\n----- Original message -----\n<bob@example.com>: hello",
        {ANN: "gone"},
    ),
    "a table of fields is not what came back": (
        "Message details\nFrom: crm@office.example\nTo: ann@example.org\nSubject: unknown user",
        {ANN: "unknown user"},
    ),
    "nobody": ("Your mail did not arrive.", {}),
    "nothing": ("", {}),
}


@pytest.mark.parametrize("server", NOTICES)
def test_whom_a_text_names_and_what_it_says_of_each(server: str) -> None:
    text, expected = NOTICES[server]
    lines = "\n".join(line.removeprefix("        ") for line in text.splitlines())

    failures = failures_in(lines, senders=[SENDER.upper()])

    assert list(expected) == [failure.recipient for failure in failures]
    for failure, said in zip(failures, expected.values(), strict=True):
        assert said in " ".join(essence(failure.lines)), failure


@pytest.mark.parametrize(
    ("why", "lines", "particular"),
    [
        (
            "a code, and the line above it",
            [
                "We tried.",
                "The server answered:",
                "550 5.1.1 no such user",
                "",
                "Yours, the server",
            ],
            "the server answered: 550 5.1.1 no such user",
        ),
        (
            "the three lines that go on from it",
            ["", "550 one", "two", "three", "four", "five"],
            "550 one two three four",
        ),
        (
            "an answer a blank line below a colon",
            ["SMTP error from the server after end of data:", "", "message refused"],
            "smtp error from the server after end of data: message refused",
        ),
        ("none", ["We could not deliver it."], ""),
        (
            "phrases of every bounce",
            ["I've given up.", "<a@b.example>: 550 no"],
            "<a@b.example>: 550 no",
        ),
    ],
)
def test_what_was_said_in_particular_stands_by_its_codes(
    why: str, lines: list[str], particular: str
) -> None:
    assert particular == essence(lines)[0], why


def test_a_text_is_read_to_its_thousandth_line_and_lines_to_their_five_hundredth_character() -> (
    None
):
    text = "\n".join(["x" * 10_000] * 1_500)

    lines = notice_of(text)

    assert (1_000, 500) == (len(lines), len(lines[0]))


def test_what_came_back_below_a_rule_names_nobody() -> None:
    text = (
        "<ann@example.org>: 550 no such user\n\n------ original message ------\n\nbob@example.org\n"
    )

    assert ["ann@example.org"] == [failure.recipient for failure in failures_in(text)]


@pytest.mark.parametrize(
    "text",
    [
        "A message sent by\n\n  <crm@office.example>\n\nfailed:\n\n  ann@example.org\n",
        "      To:\tcrm@office.example\n      Subject:\tNieuws\n      Sent:\t4/29/01 11:34 PM\n\n"
        "ann@example.org\n",
        "<crm@office.example>:\n<ann@example.org>: 550 no such user\n",
    ],
    ids=["Exim", "Exchange", "addressed to the sender"],
)
def test_whoever_sent_it_is_nobody_whom_it_did_not_reach(text: str) -> None:
    failures = failures_in(text, senders=["crm@office.example"] if text.startswith("<") else ())

    assert ["ann@example.org"] == [failure.recipient for failure in failures]


def test_in_a_transcript_what_stands_above_an_address_is_said_of_it() -> None:
    text = """\
   ----- Transcript of session follows -----
>>> DATA
<<< 550 5.1.1 no such user
550 5.1.1 <ann@example.org>... User unknown
<<< 552 5.2.2 mailbox full
554 5.0.0 <bob@example.com>... Service unavailable
"""

    said = {told.recipient: " ".join(essence(told.lines)) for told in failures_in(text)}

    assert [ANN, BOB] == list(said)
    assert "no such user" in said[ANN]
    assert "mailbox full" in said[BOB]
    assert "mailbox full" not in said[ANN]
