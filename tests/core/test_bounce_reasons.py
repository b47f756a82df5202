"""Why mail came back, by what servers say; each row with the server that says it."""

import pytest

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.bounces.reason import Reason
from gateway.core.bounces.why import why, why_of

SAID = [
    # The recipient
    (
        "Postfix",
        "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in local table",
        "userunknown",
    ),
    ("Exim", "550 Unrouteable address", "userunknown"),
    ("Exim", "550 no such address here", "userunknown"),
    (
        "Google",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try",
        "userunknown",
    ),
    (
        "Exchange Online",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "userunknown",
    ),
    (
        "Exchange Online",
        "550 5.4.1 Recipient address rejected: Access denied. [x.prod.protection.outlook.com]",
        "userunknown",
    ),
    (
        "Yahoo",
        "554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com)",
        "userunknown",
    ),
    ("Dovecot LMTP", "550 5.1.1 <a@b.example> User doesn't exist: a@b.example", "userunknown"),
    ("OpenSMTPD", "550 Invalid recipient: <a@b.example>", "userunknown"),
    ("qmail", "Sorry, no mailbox here by that name. (#5.1.1)", "userunknown"),
    (
        "La Poste",
        "550 5.5.0 Adresse destinataire invalide. Invalid recipient. LPN007_416",
        "userunknown",
    ),
    (
        "Postfix",
        "Name service error for name=b.example type=A: Host not found",
        "hostunknown",
    ),
    ("qmail", "Sorry, I couldn't find any host named b.example. (#5.1.2)", "hostunknown"),
    ("Exim", "all relevant MX records point to non-existent hosts", "hostunknown"),
    ("Google", "550-5.2.1 The email account that you tried to reach is inactive.", "suspended"),
    ("Google", "550 5.2.1 The email account that you tried to reach is disabled.", "suspended"),
    ("iCloud", "550 5.1.6 recipient no longer on server: a@b.example", "hasmoved"),
    ("Postfix", "556 5.1.10 The domain b.example does not accept mail (nullMX)", "notaccept"),
    ("Exim", "an MX or SRV record indicated no SMTP service", "notaccept"),
    ("Dovecot", "552 5.2.2 <a@b.example> Quota exceeded (mailbox for user is full)", "mailboxfull"),
    ("Google", "452-4.2.2 The recipient's inbox is out of storage space.", "mailboxfull"),
    ("Exchange", "550 5.2.2 STOREDRV.Deliver: mailbox full.", "mailboxfull"),
    ("GMX", "552 mailbox is full", "mailboxfull"),
    ("Postfix", "552 5.3.4 Message size exceeds fixed limit", "toobig"),
    (
        "Exchange",
        "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
        "toobig",
    ),
    # The sender
    (
        "Google",
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.",
        "authfailure",
    ),
    (
        "Google",
        "550-5.7.26 The MAIL FROM domain [b.example] has an SPF record with a hard fail policy",
        "authfailure",
    ),
    (
        "iCloud",
        "554 5.7.1 Your message was rejected due to b.example's DMARC policy.",
        "authfailure",
    ),
    (
        "Postfix",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "reputation",
    ),
    ("Outlook", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "reputation"),
    ("T-Online", "554 IP=192.0.2.1 - A problem occurred. Bad reputation", "reputation"),
    (
        "Google",
        "550-5.7.25 The IP address sending this message does not have a PTR record setup",
        "reputation",
    ),
    ("GMX", "554 Transaction failed. Reject due to policy restrictions.", "policy"),
    ("amavis", "554 5.7.0 Reject, id=20025-09 - SPAM", "spam"),
    (
        "Google",
        "550-5.7.1 our system has detected that this message is likely unsolicited mail",
        "spam",
    ),
    (
        "postgrey",
        "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see postgrey.example",
        "greylisting",
    ),
    (
        "Yahoo",
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints",
        "reputation",
    ),
    (
        "Google",
        "450-4.2.1 The user you are trying to contact is receiving mail at a rate that",
        "ratelimited",
    ),
    (
        "Outlook.com",
        "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP "
        "reputation",
        "reputation",
    ),
    ("Exim", "smtp error after initial connection: 550 access denied", "reputation"),
    ("Postfix", "501 5.7.1 This system is not configured to relay mail", "norelaying"),
    ("Postfix", "554 Mail from x@y.example rejected for policy reasons", "policy"),
    ("Amazon SES", "500 5.6.1 Message content rejected", "content"),
    (
        "OpenSMTPD",
        "message is delayed for more than 1 hour: Network error on destination MXs",
        "networkerror",
    ),
    (
        "Oracle",
        "4.4.7 unable to deliver this message after 1 day: TCP active open: failed connect",
        "expired",
    ),
    ("Postfix", "554 5.7.1 <a@b.example>: Relay access denied", "norelaying"),
    ("Exim", "550 relay not permitted", "norelaying"),
    ("Postfix", "550 5.1.8 <crm@c.example>: Sender address rejected: Domain not found", "rejected"),
    ("ClamAV", "550 5.7.1 virus found: Eicar-Test-Signature", "virus"),
    # Neither
    ("Sendmail", "554 5.4.6 Hop count exceeded - possible mail loop", "networkerror"),
    ("Postfix", "connect to mx.b.example[192.0.2.1]:25: Connection timed out", "expired"),
    ("Exchange", "550 4.4.7 QUEUE.Expired; message expired", "expired"),
    ("Exim", "retry timeout exceeded", "expired"),
    ("Postfix", "451 4.3.0 Temporary lookup failure", "systemerror"),
    ("procmail", 'x-unix; procmail: Couldn\'t create "/var/mail/a"', "mailererror"),
    # A receiver's own code says more than the words beside it.
    ("Orange", "421 mwinf5c77 ME Service refused, please try later. OFR_999 [999]", "reputation"),
    ("Orange", "550 5.5.0 Mail rejete. Mail rejected. OFR_506 [506]", "spam"),
    ("La Poste", "550 5.5.0 The recipient account isblocked. LPN007_426", "suspended"),
    ("Cox", "550 5.1.0 <a@b.example> sender rejected. Refer to … AUP#CDRBL", "reputation"),
    ("Cox", "550 5.1.0 <a@b.example> sender rejected. Refer to … AUP#CXSNDR", "authfailure"),
    ("Spectrum", "550 5.1.0 <a@b.example> sender rejected. Please see AUP#In-1310", "ratelimited"),
    ("Spectrum", "550 5.1.0 <a@b.example> sender rejected. Please see AUP#In-1100", "reputation"),
    ("GoDaddy", "554 refused, see policy. IB103", "reputation"),
    ("GoDaddy", "550 no more. IB504", "ratelimited"),
    ("I.UA", "550 see http://mail.i.ua/err/3/", "suspended"),
    ("Exchange Online", "550 5.7.708 Service unavailable. Access denied", "reputation"),
    ("Exchange Online", "550 5.7.501 Access denied", "spam"),
    # The recipient, and other ways to say it
    ("Postfix", "550 BAD_RECIPIENT - see http://b.example/undelivered", "userunknown"),
    ("Prima", "esta casilla ha expirado por falta de uso", "suspended"),
    ("LatinMail", "550 <a@b.example>: Destinatario desconocido", "userunknown"),
    ("FreeUK", "550-a@b.example is not an active address at this host", "suspended"),
    ("web.de", "550 Benutzer hat zuviele Mails auf dem Server. / User has too many", "mailboxfull"),
    ("Postfix", "452 <a@b.example> Mailbox size limit exceeded", "mailboxfull"),
    ("qmail", "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)", "notaccept"),
    ("OpenSMTPD", "No MX found for domain", "notaccept"),
    # … in the languages of those we write to
    ("a German server", "550 Empfänger unbekannt", "userunknown"),
    ("a German server", "550 Das Postfach <a@b.example> existiert nicht", "userunknown"),
    ("a German server", "550 Ungültige E-Mail-Adresse", "userunknown"),
    ("a German server", "552 Das Postfach des Empfängers ist voll", "mailboxfull"),
    ("a German server", "550 Dieses Konto wurde gesperrt", "suspended"),
    ("a German server", "550 Die Domain b.example existiert nicht", "hostunknown"),
    ("a German server", "552 Nachricht ist zu groß", "toobig"),
    ("a German server", "550 Absenderadresse unbekannt", "rejected"),
    ("a German server", "550 Domain des Absenders existiert nicht", "rejected"),
    ("a German server", "550 Zurück an Absender: Empfänger unbekannt", "userunknown"),
    ("an Italian server", "550 Ritorno al mittente: utente sconosciuto", "userunknown"),
    ("a Dutch server", "550 Afzenderdomein bestaat niet", "rejected"),
    ("a French server", "550 Le domaine de l'expéditeur n'existe pas", "rejected"),
    ("a Dutch server", "550 Onbekende gebruiker", "userunknown"),
    ("a Dutch server", "550 Dit e-mailadres bestaat niet", "userunknown"),
    ("a Dutch server", "552 De mailbox van de ontvanger is vol", "mailboxfull"),
    ("a Dutch server", "550 Deze mailbox is opgeheven", "suspended"),
    ("a Dutch server", "550 Het domein b.example bestaat niet", "hostunknown"),
    ("a Dutch server", "552 Bericht te groot", "toobig"),
    ("a Dutch server", "550 Afzenderadres geweigerd", "rejected"),
    ("a French server", "550 Utilisateur inconnu", "userunknown"),
    ("a French server", "550 Adresse destinataire invalide", "userunknown"),
    ("a French server", "552 La boîte du destinataire est pleine", "mailboxfull"),
    ("a French server", "550 Ce compte est désactivé", "suspended"),
    ("a French server", "550 Le domaine b.example n'existe pas", "hostunknown"),
    ("a French server", "552 Message trop volumineux", "toobig"),
    ("a French server", "550 Adresse de l'expéditeur inconnue", "rejected"),
    ("a German server", "550 Mailbox existiert nicht", "userunknown"),
    ("a German server", "550 Die E-Mail-Adresse ist ungültig", "userunknown"),
    ("a German server", "550 Konto geschlossen", "suspended"),
    ("a German server", "550 Der Empfänger ist nicht mehr im Unternehmen", "suspended"),
    ("a Dutch server", "550 Medewerker is niet meer in dienst", "suspended"),
    ("a French server", "550 Boîte aux lettres inexistante", "userunknown"),
    ("a French server", "550 Cette personne ne travaille plus chez nous", "suspended"),
    ("an Italian server", "550 Utente sconosciuto", "userunknown"),
    ("an Italian server", "550 l'indirizzo non esiste", "userunknown"),
    ("an Italian server", "550 casella di posta disabilitata", "suspended"),
    ("an Italian server", "552 Spazio esaurito nella casella", "mailboxfull"),
    ("a Spanish server", "550 No existe el usuario", "userunknown"),
    ("a Spanish server", "550 La dirección de correo no existe", "userunknown"),
    ("a Spanish server", "550 Cuenta suspendida", "suspended"),
    ("a Spanish server", "552 El buzón del destinatario está lleno", "mailboxfull"),
    ("a Portuguese server", "550 Utilizador inexistente", "userunknown"),
    ("a Portuguese server", "550 conta desativada", "suspended"),
    ("a Portuguese server", "552 caixa de correio cheia", "mailboxfull"),
    ("a Polish server", "550 Nie ma takiego uzytkownika", "userunknown"),
    ("a Polish server", "550 Konto nie istnieje", "userunknown"),
    ("a Polish server", "550 Konto zablokowane", "suspended"),
    ("a Polish server", "552 Skrzynka pełna", "mailboxfull"),
    ("a Swedish server", "550 Mottagaren finns inte", "userunknown"),
    ("a Danish server", "550 Brugeren findes ikke", "userunknown"),
    ("a Norwegian server", "550 ukjent bruker", "userunknown"),
    ("a Czech server", "550 Uživatel neexistuje", "userunknown"),
    ("a Russian server", "550 Пользователь не найден", "userunknown"),
    ("a Russian server", "552 почтовый ящик переполнен", "mailboxfull"),
    ("a Chinese server", "550 收件人不存在", "userunknown"),
    ("a Japanese server", "550 宛先不明", "userunknown"),
    (
        "Exchange Online",
        "554 5.2.0 STOREDRV.Deliver.Exception:AccountDisabledException"
        ".MapiExceptionMailboxDisabled",
        "suspended",
    ),
    ("an office", "550 This person no longer works for the company", "suspended"),
    ("an office", "550 User has left the company", "suspended"),
    ("an office", "550 We do not accept mail for this domain", "notaccept"),
    # The sender, and other ways to say it
    ("Postfix", "550 5.7.1 Blocked by SpamAssassin (in reply to end of DATA command)", "spam"),
    ("anybody", "550 5.7.1 Rejected - bulk email", "spam"),
    ("anybody", "553 5.7.3 CONTENT REJECT: dspam check", "content"),
    ("anybody", "550 Your server requires confirmation. Visit http://b.example", "policy"),
    (
        "Sendmail 5",
        "501 no access from mail server [192.0.2.1] which is an open relay",
        "reputation",
    ),
    ("qmail", "Sorry, you are sending to/from an address that has been blacklisted", "rejected"),
    ("MessageLabs", "553-you are trying to use me [x.example] as a relay, but I", "norelaying"),
    ("T-Online", "554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster) (BL)", "reputation"),
    ("mail.ru", "554 5.7.0 header error", "policy"),
    # Neither, and other ways to say it
    ("Exim", "malformed address: <a@b.example> may not follow <c@d.example>", "syntaxerror"),
    ("Postfix", "451 4.3.0 Error: queue file write error", "systemerror"),
    ("x3", "Delivery to the following recipients was aborted after 5.0 hour(s)", "expired"),
    ("anybody", "550 5.1.1", "userunknown"),
    ("anybody", "550 5.0.0", "undefined"),
    ("anybody", "", "undefined"),
]


@pytest.mark.parametrize(("server", "said", "reason"), SAID, ids=[row[1][:50] for row in SAID])
def test_what_a_server_says_means(server: str, said: str, reason: str) -> None:
    assert reason == why(f"smtp; {said}"), server


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        # What is refused with MAIL is the sender …
        ("SMTP error after MAIL FROM:<crm@c.example>: 550 c.example does not exist", "rejected"),
        # … with HELO the server …
        ("after EHLO gw.c.example: 550 unknown host", "reputation"),
        # … and after the content what a filter made of it, …
        ("said: 550 unknown user a@b.example (in reply to end of DATA command)", "filtered"),
        # … unless the status names the recipient: commands were sent together.
        (">>> DATA <<< 550 5.1.1 <a@b.example>... User unknown", "userunknown"),
        ("said: 550 user unknown (in reply to RCPT TO command)", "userunknown"),
    ],
)
def test_the_command_that_was_refused_counts(said: str, reason: str) -> None:
    assert reason == why(said)


def test_words_of_an_address_or_a_link_mean_nothing() -> None:
    said = "550 5.0.0 <user.unknown@spam.example>: see https://b.example/err/mailbox-full"

    assert Reason.UNDEFINED is why(said)


def test_the_status_of_the_report_counts_where_words_say_nothing() -> None:
    assert Reason.MAILBOX_FULL is why("smtp; 550 no", "5.2.2 (mailbox)")


@pytest.mark.parametrize(
    ("texts", "status", "reason"),
    [
        # What was said in particular, then all that was said, then the status.
        (["550 mailbox full", "550 user unknown"], "5.0.0", "mailboxfull"),
        (["sorry", "550 user unknown"], "5.2.2", "userunknown"),
        (["sorry", "no"], "5.2.2", "mailboxfull"),
        (["sorry", "no"], "", "undefined"),
        # A refusal that says no more is by policy, unless the status says more.
        (["550 Rejected"], "5.0.0", "policy"),
        (["550 5.7.9 Rejected"], "5.0.0", "security"),
        (["550 <a@b.example> recipient rejected"], "5.1.1", "userunknown"),
        # Who sent it has a bad address (RFC 3463, 3.2).
        (["550 user unknown"], "5.1.7", "rejected"),
        (["450 domain not found"], "4.1.8", "rejected"),
        ([], "5.1.2", "hostunknown"),
        ([], "", "undefined"),
    ],
)
def test_the_first_text_that_gives_a_reason_counts(
    texts: list[str], status: str, reason: str
) -> None:
    assert reason == why_of(texts, status)


@pytest.mark.parametrize(
    ("status", "reason"), [("5.1.1", "userunknown"), ("5.2.0", "filtered"), ("5.0.0", "filtered")]
)
def test_the_status_tells_at_which_command_docomo_refused(status: str, reason: str) -> None:
    assert reason == why_of(["550 Unknown user a@docomo.ne.jp"], status, recipient="a@docomo.ne.jp")


@pytest.mark.parametrize(
    ("recipient", "said", "reason"),
    [
        ("a@docomo.ne.jp", "550 Unknown user a@docomo.ne.jp", "filtered"),
        ("a@ezweb.ne.jp", "550 : User unknown", "filtered"),
        ("a@ezweb.ne.jp", "550 <a@ezweb.ne.jp>: User unknown", "userunknown"),
    ],
)
def test_some_systems_mean_something_else(recipient: str, said: str, reason: str) -> None:
    assert reason == why(said, recipient=recipient)


@pytest.mark.parametrize(
    "said",
    [
        # GMX, web.de and IONOS of a sender's domain (postmaster.gmx.net, "Error messages", 2024)
        "550 Requested action not taken: mailbox unavailable invalid DNS MX or A/AAAA resource"
        " record",
        "550 Requested action not taken: mailbox unavailable Reject due to policy restrictions",
        "550 Requested action not taken: mailbox unavailable; SC-001 Mail rejected by Outlook.com"
        " for policy reasons",
        # Google, of groups at any domain
        "550 5.7.1 The group you tried to contact may not exist, or you may not have permission",
        "550 Too many invalid recipients",
        "550 5.7.1 Too many unknown users from your host",
        "550 5.1.1 Directory harvest attack detected: sender blocked",
        "550 Sender address <c@office.example> does not exist",
        "550 5.1.0 sender does not exist: <c@office.example>",
        "550 5.0.0 Sender user unknown",
        "550 Sender account is disabled",
        "550 Your account is suspended",
        "550 Your host is unknown to us",
        "550 Domain office.example has been suspended from sending",
        "550 Domain office.example has no MX; sender domain does not exist",
        "550 From: domain does not exist",
        "550 rejected: From address domain office.example not found in DNS",
        "550 MAIL FROM address unknown",
        "550 Return path <c@office.example>: no such user",
        # Postfix: it could not tell whether there is such a mailbox (ADDRESS_VERIFICATION_README)
        "450 4.1.1 <a@b.example>: Recipient address rejected: unverified address: Address"
        " verification in progress",
        "554 5.4.6 Too many hops: user unknown",
        # Exim, if the sender can't be verified: of the sender's server (`verify = sender/callout`)
        "550-Verification failed for <c@office.example> 550-No Such User Here 550 Sender verify"
        " failed",
        "550-Verification failed for <c@office.example> 550-Unrouteable address",
        # A person or a mailbox that takes other senders' mail
        "550 Message rejected because recipient has blocked you",
        "550 You have been blocked by the recipient",
        "550 5.7.1 The recipient does not accept mail from this sender",
        "550 User does not accept mail from you",
        "550 5.1.1 <a@b.example>: user does not accept email from strangers",
        "550 Mailbox does not accept mail from outside",
        "550 This address only accepts internal mail",
        "550 This group does not accept external email",
        "550 Empfänger hat Sie blockiert",
        "550 De ontvanger heeft u geblokkeerd",
        "550 Le destinataire vous a bloqué",
        # Of the sender, his IP address or his account, in other languages
        "550 Il tuo indirizzo IP è stato bloccato",
        "550 L'indirizzo IP 192.0.2.1 è bloccato",
        "550 Su dirección IP está bloqueada",
        "550 Seu endereço IP foi bloqueado",
        "550 Adres IP 192.0.2.1 zablokowany",
        "550 Die IP-Adresse 192.0.2.1 ist gesperrt",
        "550 L'adresse IP 192.0.2.1 est bloquée",
        "550 Het IP-adres is geblokkeerd",
        "550 Indirizzo del mittente non valido",
        "550 Dirección del remitente desconocida",
        "550 Endereço do remetente inválido",
        "550 Adres nadawcy nie istnieje",
        "550 Nieznany nadawca: adres nie istnieje",
        "550 Avsändarens adress finns inte",
        "550 Afsenderens konto findes ikke",
        "550 Neznámý odesílatel, adresa neexistuje",
        "550 送信者のアドレスが存在しません",
        "550 Il tuo account è sospeso",
        "550 Su cuenta está suspendida",
        "550 Sua conta foi suspensa",
        "550 Twoje konto zostało zablokowane",
        # Mail of that kind, or sent that way, not any
        "550 We do not accept mail containing executable attachments",
        "550 We do not accept mail without a valid Message-ID",
        "550 This host does not accept mail over unencrypted connections",
        "550 This domain does not accept mail that fails checks",
        "550 this system does not accept messages sent via open proxies",
        # Of us, by "your"
        "550 Ihre IP-Adresse ist gesperrt",
        "550 Ihre Adresse ist gesperrt",
        "550 Uw domein is geblokkeerd",
        "550 Votre adresse IP est bloquée",
        "550 Your email address is not registered with this list",
        # Gmail, of an account that gets more than it may
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly.",
        # By policy, whatever the words
        "554 5.7.1 <a@b.example>: Recipient address rejected: Access denied",
        "550 5.7.1 Message rejected: this address does not exist in the safe list",
        "550 5.7.25 Unknown host, no name for 192.0.2.1",
        "550 5.7.1 The account has been suspended",
        "550 5.7.1 unrouteable address",
        "554 after initial connection: mailbox of 192.0.2.1 is disabled",
    ],
)
def test_what_is_about_the_sender_is_not_hard_though_it_says_unknown(said: str) -> None:
    for status in ("", "5.0.0", "4.1.1"):
        bounce = Bounce(
            kind=BounceKind.BOUNCE,
            recipient="a@b.example",
            status=status,
            diagnostic=said,
            action="failed",
            reason=why_of([said], status, recipient="a@b.example"),
        )

        assert not bounce.is_hard, bounce.reason


def test_a_status_of_policy_beside_words_without_a_code_makes_them_policy() -> None:
    texts = ["550 The account has been suspended"]

    assert (Reason.SUSPENDED, Reason.POLICY) == (why_of(texts), why_of(texts, "5.7.1"))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("550 5.7.1 No such user c18si2365148hub", "userunknown"),
        ("553 sorry, badrcptto(user mail-box not found) (#5.7.1)", "userunknown"),
        ("550 5.7.1 <a@b.example>: Recipient address rejected: User unknown", "userunknown"),
        ("525 5.7.13 User account is disabled", "suspended"),
        ("550 5.7.1 Sender is fine, but 5.1.1 the mailbox is gone: was not found", "userunknown"),
        ("550 Sender verified; <a@b.example> no such user here", "userunknown"),
        ("550 Your message from <c@office.example> to <a@b.example>: user unknown", "userunknown"),
        ("This address no longer accepts mail.", "suspended"),
        ("550 Address not present in directory", "userunknown"),
    ],
)
def test_what_is_plainly_of_the_address_stays_hard(said: str, reason: str) -> None:
    assert reason == why_of([said], recipient="a@b.example")


@pytest.mark.parametrize(
    ("status", "diagnostic", "action", "is_hard"),
    [
        ("5.1.1", "550 5.1.1 user unknown", "failed", True),
        ("", "550 user unknown", "", True),
        ("4.4.4", "domain not found", "failed", False),
        ("4.0.0", "450 user unknown", "", False),
        ("4.1.1", "450 4.1.1 user unknown", "failed", True),  # tried for days
        ("4.1.1", "450 4.1.1 user unknown", "delayed", False),
    ],
)
def test_what_may_be_tried_again_is_not_hard(
    status: str, diagnostic: str, action: str, is_hard: bool
) -> None:
    kind = BounceKind.DELAY if action == "delayed" else BounceKind.BOUNCE
    bounce = Bounce(
        kind=kind,
        recipient="a@b.example",
        status=status,
        diagnostic=diagnostic,
        action=action,
        reason=why(diagnostic, status),
    )

    assert is_hard == bounce.is_hard


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("message expired after 5 days, last try: 451 4.3.0 Temporary lookup failure", "expired"),
        ("554 4.4.7 last answer: 451 4.3.0 Temporary lookup failure", "expired"),
        ("after EHLO gw.c.example: 550 access denied", "reputation"),
    ],
)
def test_what_stands_beside_the_last_try_counts(said: str, reason: str) -> None:
    assert reason == why(said)


@pytest.mark.parametrize(
    ("reason", "about"),
    [
        (Reason.USER_UNKNOWN, "address"),
        (Reason.SPAM, "sender"),
        (Reason.MAILBOX_FULL, "moment"),
    ],
)
def test_a_reason_says_whom_it_is_about(reason: Reason, about: str) -> None:
    assert about == reason.about
