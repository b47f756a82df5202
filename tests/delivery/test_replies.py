"""What real servers say: about an address or a mail it is the CRM's, about a command it is ours.

Sources: Postfix 3.8 (smtpd.c, smtpd_check.c), Exim 4.96 (smtp_in.c, parse.c), OpenSMTPD 5.4 and
7.5 (smtp_session.c), sendmail 8.17 (srvrsmtp.c, recipient.c, envelope.c), netqmail 1.06
(qmail-smtpd.c), Google's "Gmail SMTP errors and codes" (support.google.com/a/answer/3726730) and
Microsoft's "NDR error codes in Exchange Online" (learn.microsoft.com), both read in November 2026,
nodemailer's smtp-server 3 and Dovecot 2.3 (submission-login).
"""

import re

import pytest

from gateway.core.mail.reply import Reply
from gateway.delivery import replies

THEIRS = [
    # Postfix
    ("RCPT", "501 5.1.3 Bad recipient address syntax"),
    ("MAIL", "501 5.1.7 Bad sender address syntax"),
    ("RCPT", "504 5.5.2 <bob>: Recipient address rejected: need fully-qualified address"),
    ("RCPT", "504 5.5.2 <root@pod>: Sender address rejected: need fully-qualified address"),
    ("RCPT", "550 5.1.1 <bob@x>: Recipient address rejected: User unknown in virtual alias table"),
    ("RCPT", "550 5.1.0 <ann@x>: Sender address rejected: User unknown in local recipient table"),
    ("RCPT", "553 5.7.1 <ann@x>: Sender address rejected: not owned by user crm"),
    ("RCPT", "554 5.7.1 <bob@x>: Relay access denied"),
    ("RCPT", "555 5.5.4 Unsupported option: NOTIFY=NEVER"),
    ("RCPT", "501 5.5.4 Syntax: RCPT TO:<address>"),
    ("END", "552 5.3.4 Error: message file too big"),
    ("END", "550 5.7.1 Message content rejected"),
    # Exchange, Microsoft 365
    ("RCPT", "501 5.1.3 Invalid address"),
    ("RCPT", "501 5.1.4 Recipient address reserved by RFC 2606"),
    ("MAIL", "501 5.1.7 Invalid address"),
    ("MAIL", "501 5.1.8 Bad sender's system address"),
    ("RCPT", "501 5.5.4 Invalid domain name"),
    ("RCPT", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address"),
    ("RCPT", "550 5.4.1 Recipient address rejected: Access denied"),
    ("RCPT", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
    ("END", "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    ("END", "554 5.6.0 Corrupt message content"),
    # Exim
    ("RCPT", "501 bob: recipient address must contain a domain"),
    ("MAIL", "501 ann: sender address must contain a domain"),
    ("RCPT", "501 <bob@>: domain missing or malformed"),
    ("RCPT", "501 <bob@@x>: malformed address: @x> may not follow <bob@"),
    ("RCPT", "501 recipient address not allowed to be empty"),
    ("RCPT", "550 Unrouteable address"),
    ("RCPT", "550 relay not permitted"),
    # Gmail, Google Workspace
    ("RCPT", "553 5.1.2 We weren't able to find the recipient domain."),
    ("RCPT", "553 5.1.3 The recipient address <bob@> is not a valid RFC 5321 address."),
    ("MAIL", "553 5.1.7 The sender address <ann@> is not a valid RFC 5321 address."),
    ("RCPT", "555 5.5.2 Syntax error."),
    ("RCPT", "550 5.1.1 The email account that you tried to reach does not exist."),
    ("END", "550 5.7.26 Unauthenticated email from example.org is not accepted due to DMARC"),
    ("END", "554 5.6.0 Mail message is malformed. Not accepted."),
    # OpenSMTPD
    ("RCPT", "501 5.1.3 Recipient address syntax error"),
    ("RCPT", "501 5.1.3: Recipient address syntax error"),
    ("MAIL", "501 5.1.7: Sender address syntax error"),
    ("RCPT", "553 Recipient address syntax error"),
    ("RCPT", "550 5.1.1: Invalid recipient"),
    # sendmail
    ("RCPT", "553 5.1.3 bob@... Hostname required"),
    ("MAIL", "553 5.5.4 ann... Domain name required for sender address ann"),
    ("MAIL", "553 5.1.8 ann@x... Domain of sender address ann@x does not exist"),
    ("MAIL", "501 5.1.8 ann@x... Sender domain must exist"),
    ("RCPT", "550 5.7.1 bob@x... Relaying denied"),
    # qmail
    ("RCPT", "555 syntax error (#5.5.4)"),
    ("RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
    # others, or in their form
    ("RCPT", "501 bad recipient (#5.1.3)"),
    ("RCPT", "501 5.5.2 Syntax error in mailbox address"),
    ("RCPT", "553 The recipient address <b@@x> is not a valid RFC-5321 address."),
    ("RCPT", "501 Syntax error in parameters or arguments"),
    ("RCPT", "504 Command parameter not implemented"),
    ("RCPT", "500 5.1.1 No such user here"),
    ("RCPT", "500 Line too long"),
    ("RCPT", "503 5.1.1 Mailbox gone"),
    ("RCPT", "510 5.1.1 Bad address"),
    ("RCPT", "501 5.7.1 <bob@x>: recipient blocked"),
    ("END", "501 5.6.0 Header malformed"),
    ("END", "500 Message rejected as spam"),
    ("END", "500 5.7.1 Virus found"),
]  # fmt: skip
OURS = [
    # Postfix
    ("MAIL", "530 5.7.0 Must issue a STARTTLS command first"),
    ("RCPT", "504 5.5.2 <gw>: Helo command rejected: need fully-qualified hostname"),
    ("RCPT", "501 5.5.2 <gw_>: Helo command rejected: Invalid name"),
    ("RCPT", "503 5.5.1 Error: need MAIL command"),
    ("MAIL", "503 5.5.1 Error: nested MAIL command"),
    ("MAIL", "503 5.5.1 Error: send HELO/EHLO first"),
    ("DATA", "503 5.5.1 Error: need RCPT command"),
    ("DATA", "501 5.5.4 Syntax: DATA"),
    ("RCPT", "502 5.5.2 Error: command not recognized"),
    ("RCPT", "500 5.5.2 Error: bad syntax"),
    # Exchange, Microsoft 365
    ("MAIL", "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail"),
    ("MAIL", "550 5.7.57 SMTP; Client was not authenticated to send mail"),
    ("AUTH", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled"),
    ("AUTH", "504 5.7.4 Unrecognized authentication type"),
    ("EHLO", "501 5.5.4 Invalid domain name"),
    ("RCPT", "501 5.5.4 Invalid arguments"),
    ("RCPT", "503 5.5.2 Need mail command"),
    # Exim
    ("RCPT", "503 sender not yet given"),
    ("DATA", "503 Valid RCPT command must precede DATA"),
    ("MAIL", "503 AUTH command used when not advertised"),
    ("MAIL", "550 Authentication required"),
    ("RCPT", "500 unrecognized command"),
    # Gmail, Google Workspace
    ("MAIL", "530 5.5.1 Authentication Required."),
    ("AUTH", "534 5.7.9 Application-specific password required."),
    ("AUTH", "535 5.7.8 Username and Password not accepted."),
    ("EHLO", "501 5.5.4 HELO/EHLO argument invalid"),
    ("MAIL", "502 5.5.1 Unimplemented command."),
    ("MAIL", "503 5.5.1 EHLO/HELO first."),
    # OpenSMTPD, sendmail, qmail, Dovecot
    ("MAIL", "530 5.5.1 Invalid command: Must issue an AUTH command first"),
    ("DATA", "503 5.0.0 Need RCPT (recipient)"),
    ("RCPT", "503 MAIL first (#5.5.1)"),
    ("AUTH", "538 5.7.11 Encryption required"),
    ("MAIL", "530 5.7.0 Authentication required."),
    ("END", "500 5.5.1 Command unrecognized"),
    ("END", "504 5.5.4 no"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "said"), THEIRS)
def test_what_is_about_the_address_or_the_mail_is_passed_on_as_it_is(stage: str, said: str) -> None:
    assert said == replies.for_client(Reply.of(said), stage=stage).text


@pytest.mark.parametrize(("stage", "said"), OURS)
def test_what_is_about_the_gateway_is_temporary_for_the_crm(stage: str, said: str) -> None:
    heard = replies.for_client(Reply.of(said), stage=stage)

    assert (451, "4.3.5") == (heard.code, heard.enhanced)
    assert said[4:] in heard.text


@pytest.mark.parametrize(
    "said", ["450 4.1.1 bob: greylisted", "454 4.7.0 Temporary authentication failure"]
)
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "END"])
def test_what_is_temporary_is_nobodys_fault(stage: str, said: str) -> None:
    assert said == replies.for_client(Reply.of(said), stage=stage).text


@pytest.mark.parametrize(("stage", "said"), THEIRS)
def test_what_the_operator_knows_to_be_ours_is_ours(stage: str, said: str) -> None:
    assert replies.is_our_fault(Reply.of(said), [re.compile(".")], stage=stage)
