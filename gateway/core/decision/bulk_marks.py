"""The header fields that mailing programs put into bulk mail, program by program.

An empty field is no mark: templates leave such fields behind.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.decision.json_marks import JsonKeys, json_object
from gateway.core.mail.headers import Headers
from gateway.core.mail.keyword_fields import keyword, keyword_and_kind

_SOMETHING = re.compile(r"\w")  #: A letter or digit: not `<>`, not `-`.


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMark:
    """A header field that says a mail is bulk."""

    rule: str  #: The name of the shipped rule.
    header: str  #: As it is written; with a trailing `*`, every field with that prefix.
    matches: re.Pattern[str] = _SOMETHING  #: What at least one value must match.
    reads: Callable[[str], str] = str  #: What of a value must match it: all, or its keyword.
    keys: JsonKeys | None = None  #: What a value must have instead if it is a JSON object.
    by: str  #: The standard, or the program and its version.
    source: str
    #: Whether only campaigns and the services that send them have it, not all mail of a CRM.
    is_campaign: bool = True
    #: Whether only list managers have it: a mail with it goes to all on a list, also as an answer.
    is_of_list: bool = False

    @property
    def is_family(self) -> bool:
        """Whether it covers all fields with this prefix."""
        return self.header.endswith("*")

    @property
    def is_any_value(self) -> bool:
        """Whether any value counts."""
        return self.matches is _SOMETHING

    @property
    def name(self) -> str:
        """The field's name or prefix, in lower case."""
        return self.header.removesuffix("*").lower()

    def field_in(self, headers: Headers) -> str | None:
        """Return the field with this mark, as `name: value`, or None."""
        own_name = self.name
        if self.is_family:
            names = [name for name in headers.names if name.startswith(own_name)]
        else:
            names = [own_name] if own_name in headers else []
        for name in names:
            for value in headers.whole_texts(name):
                mark = self._mark_in(value)
                if mark is not None:
                    return f"{name}: {mark[:80]}"
        return None

    def _mark_in(self, value: str) -> str | None:
        """Return what of a value is the mark, or None."""
        if self.keys is not None:
            content = json_object(value)
            if content is not None:
                return self.keys.found_in(content)
        return value if self.matches.search(self.reads(value)) else None


def _ignoring_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


#: Tried in this order. Marks that a service puts on all its mail, one-to-one mail included, count
#: as well: there is no other way to recognise the service, and a reply is individual whatever its
#: marks.
MARKS: tuple[BulkMark, ...] = (
    BulkMark(
        rule="precedence",
        header="Precedence",
        matches=_ignoring_case(r"^\W*+(?:bulk|list|junk)(?![^\W_])"),
        reads=keyword,
        by="usage since sendmail 5",
        source="RFC 2076, 3.9",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-id",
        header="List-Id",
        by="mailing lists: Mailman, Sympa, Google Groups",
        source="RFC 2919",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-unsubscribe",
        header="List-Unsubscribe",
        by="mailing lists, newsletters",
        source="RFC 2369, 3.2",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-unsubscribe-post",
        header="List-Unsubscribe-Post",
        by="newsletters, for one click",
        source="RFC 8058, 3.1",
    ),
    BulkMark(
        rule="auto-list",
        header="Auto-Submitted",
        matches=_ignoring_case(r"\blist\b"),
        reads=keyword_and_kind,
        by="mailing lists; parameters other than `type` say nothing",
        source="RFC 3834, 5",
        is_campaign=False,
    ),
    BulkMark(
        rule="mailing-list",
        header="Mailing-List",
        by="ezmlm 0.53, Google Groups",
        source="ezmlm-send(1)",
        is_campaign=False,
        is_of_list=True,
    ),
    BulkMark(
        rule="feedback-id",
        header="Feedback-ID",
        # Some programs put the field on all their mail and give the type in it: Dolibarr by the
        # record (`thi17:…:dolib`, `emailing-3-77:…:dolib`), AcyMailing by name
        # (`9:345:override:…`).
        matches=_ignoring_case(
            r"^(?!\s*(?!emailing)\S*:dolib\s*$)"
            r"(?!\s*\d+:\d+:(?:notification|override|transactional):[\w+/=-]+\s*$).*\w"
        ),
        by="campaigns, for Gmail's feedback loop; not what Dolibarr and AcyMailing call other mail",
        source="support.google.com/a/answer/6254652; CMailFile.class.php, MailerHelper.php",
    ),
    BulkMark(
        rule="campaign",
        header="X-Campaign",
        by="Mailchimp, Constant Contact",
        source="headers of their mail, 2022",
    ),
    BulkMark(
        rule="campaign-id",
        header="X-Campaign-Id",
        by="campaigns of many programs",
        source="headers of their mail, 2024",
    ),
    BulkMark(
        rule="campaignid",
        header="X-CampaignID",
        by="Mailchimp, Mailjet",
        source="headers of their mail, 2022",
    ),
    BulkMark(
        rule="campaign-mark",
        header="X-Campaign*",
        by="campaigns of other programs",
        source="X-Campaign-Name, X-Campaign-UUID …",
    ),
    BulkMark(
        rule="brevo",
        header="X-Mailin-*",
        by="Brevo (Sendinblue): EID on all mail, Campaign, Client",
        source="headers of its mail, 2024; developers.brevo.com/docs/smtp-integration",
    ),
    BulkMark(
        rule="brevo-id",
        header="X-Sib-*",
        by="Brevo (Sendinblue): on all mail",
        source="headers of its mail, 2024",
    ),
    BulkMark(
        rule="civimail",
        header="X-CiviMail-*",
        by="CiviCRM 4 and later: mailings, not its other mail",
        source="civicrm-core, FlexMailer, BasicHeaders.php",
    ),
    BulkMark(
        rule="odoo",
        header="X-Odoo-Objects",
        matches=_ignoring_case(r"\b(?:mailing|mail\.mass_mailing|marketing)\b"),
        by="Odoo 9 to 17: mail to the contact of a mailing list; other mail names another record",
        source="addons/mail/models/mail_thread.py, addons/mass_mailing",
    ),
    BulkMark(
        rule="suitecrm",
        header="X-CampTrackID",
        by="SugarCRM 6, SuiteCRM 7: campaigns",
        source="modules/EmailMan/EmailMan.php",
    ),
    BulkMark(
        rule="dolibarr",
        header="X-Dolibarr-TRACKID",
        matches=_ignoring_case(r"^\s*emailing"),
        by="Dolibarr: mass mailings; other mail names another record",
        source="htdocs/comm/mailing/card.php",
    ),
    BulkMark(
        rule="espocrm",
        header="X-Queue-Item-Id",
        by="EspoCRM 5 and later: mass mail",
        source="DefaultMessageHeadersPreparator.php",
    ),
    BulkMark(
        rule="sendgrid",
        header="X-SG-*",
        by="SendGrid: EID, ID on all mail",
        source="headers of its mail, 2025",
    ),
    BulkMark(
        rule="sendgrid-api",
        header="X-SMTPAPI",
        matches=_ignoring_case(r'"(?:to|asm_group_id|asm|marketing_campaign_id)"\s*:'),
        keys=JsonKeys(valued=("asm_group_id", "asm", "marketing_campaign_id"), several=("to",)),
        by="programs that send by SendGrid: hidden recipients, a group to unsubscribe from",
        source="twilio.com/docs/sendgrid, X-SMTPAPI header",
    ),
    BulkMark(
        rule="mailgun",
        header="X-Mailgun-*",
        by="Mailgun: Sid on all mail; programs that send by it: Tag, Campaign-Id, Variables",
        source="documentation.mailgun.com, pass sending options; headers of its mail, 2021",
    ),
    BulkMark(
        rule="mailjet",
        header="X-MJ-*",
        by="Mailjet: Mid on all mail; programs that send by it: CustomID, TemplateID",
        source="headers of its mail, 2025; symfony/mailjet-mailer 7",
    ),
    BulkMark(
        rule="mailjet-campaign",
        header="X-Mailjet-*",
        by="programs that send by Mailjet: Campaign, DeduplicateCampaign",
        source="symfony/mailjet-mailer 7",
    ),
    BulkMark(
        rule="mailchimp",
        header="X-MC-User",
        by="Mailchimp: campaigns",
        source="headers of its mail, 2022",
    ),
    BulkMark(
        rule="mailchimp-mark",
        header="X-Mailchimp-*",
        by="programs that send by Mailchimp: Campaign, Campaign-Id",
        source="known to other filters; Mailchimp's own mail of 2022 has none",
    ),
    BulkMark(
        rule="postmark",
        header="X-PM-Message-Stream",
        matches=_ignoring_case(r"broadcast"),
        by="programs that send by Postmark's broadcast streams",
        source="postmarkapp.com/developer; symfony/postmark-mailer 7",
    ),
    BulkMark(
        rule="sparkpost",
        header="X-MSYS-API",
        matches=_ignoring_case(r'"campaign_id"\s*:|"transactional"\s*:\s*false'),
        keys=JsonKeys(valued=("campaign_id",), denied=("options.transactional",)),
        by="programs that send by SparkPost",
        source="developers.sparkpost.com, SMTP API",
    ),
    BulkMark(
        rule="ses-list",
        header="X-SES-List-Management-Options",
        by="programs that send by Amazon SES to a contact list",
        source="docs.aws.amazon.com/ses, subscription management",
    ),
    BulkMark(
        rule="hubspot",
        header="X-HS-Cid",
        by="HubSpot: marketing mail",
        source="headers of its mail, 2026",
    ),
    BulkMark(
        rule="salesforce",
        header="X-SFMC-Stack",
        by="Salesforce Marketing Cloud",
        source="headers of its mail, 2024",
    ),
    BulkMark(
        rule="salesforce-category",
        header="X-SFDC-EmailCategory",
        matches=_ignoring_case(r"mass|list_?e?mail"),
        by="Salesforce, by Email Relay: mass and list email; other mail says apiSingleMail, "
        "quickActionEmail …",
        source="headers of its mail, 2024, for other mail; that of mass email by its name",
    ),
    BulkMark(
        rule="marketo",
        header="X-MarketoID",
        by="Adobe Marketo",
        source="headers of its mail, 2026",
    ),
    BulkMark(
        rule="klaviyo",
        header="X-Kmail-*",
        by="Klaviyo: Account, Message",
        source="headers of its mail, 2023",
    ),
    BulkMark(
        rule="constant-contact",
        header="X-Roving-*",
        by="Constant Contact: Id, CampaignId",
        source="headers of its mail, 2023",
    ),
    BulkMark(
        rule="certified-sender",
        header="X-CSA-*",
        by="members of the Certified Senders Alliance: Brevo, Mailjet, Inxmail, Salesforce …",
        source="headers of their mail, 2022 to 2024",
    ),
    BulkMark(
        rule="phplist",
        header="X-ListMember",
        by="phpList 2.11 to 3",
        source="phplist3, class.phplistmailer.php, beside X-phpList-version",
    ),
    BulkMark(
        rule="listmonk",
        header="X-Listmonk-*",
        by="listmonk 2 and later: campaigns",
        source="internal/manager/manager.go",
    ),
    BulkMark(
        rule="typo3",
        header="X-TYPO3MID",
        by="TYPO3, Direct Mail 2 and later",
        source="directmail, Classes/Dmailer.php",
    ),
    BulkMark(
        rule="interspire",
        header="X-Mailer-LID",
        by="Interspire Email Marketer",
        source="rspamd 3, rules/regexp/headers.lua: HAS_INTERSPIRE_SIG",
    ),
    BulkMark(
        rule="phplist-version",
        header="X-phpList-version",
        by="phpList 2.11 to 3, on all its mail",
        source="phplist3, class.phplistmailer.php",
        is_campaign=False,
    ),
    BulkMark(
        rule="been-there",
        header="X-BeenThere",
        by="Mailman 2, also with the fields of RFC 2369 switched off; Google Groups",
        source="Mailman/Handlers/CookHeaders.py",
        is_campaign=False,
        is_of_list=True,
    ),
    BulkMark(
        rule="mailman",
        header="X-Mailman-Version",
        by="Mailman 2 and 3",
        source="Mailman/Handlers/CookHeaders.py",
        is_campaign=False,
        is_of_list=True,
    ),
    BulkMark(
        rule="x-mailing-list",
        header="X-Mailing-List",
        by="SmartList (Debian), Majordomo (vger)",
        source="headers of their mail, 2019 to 2024",
        is_campaign=False,
        is_of_list=True,
    ),
    BulkMark(
        rule="google-group",
        header="X-Google-Group-Id",
        by="Google Groups",
        source="headers of its mail, 2012 to 2024",
        is_campaign=False,
        is_of_list=True,
    ),
    BulkMark(
        rule="list-post",
        header="List-Post",
        by="mailing lists, newsletters",
        source="RFC 2369, 3.4",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-help",
        header="List-Help",
        by="mailing lists, newsletters",
        source="RFC 2369, 3.1",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-subscribe",
        header="List-Subscribe",
        by="mailing lists, newsletters",
        source="RFC 2369, 3.3",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-owner",
        header="List-Owner",
        by="mailing lists, newsletters",
        source="RFC 2369, 3.5",
        is_campaign=False,
    ),
    BulkMark(
        rule="list-archive",
        header="List-Archive",
        by="mailing lists, newsletters",
        source="RFC 2369, 3.6",
        is_campaign=False,
    ),
)

_OF_CAMPAIGNS = tuple(mark for mark in MARKS if mark.is_campaign)
_NAMES_OF_CAMPAIGNS = tuple(mark.name for mark in _OF_CAMPAIGNS)
_OF_LISTS = tuple(mark for mark in MARKS if mark.is_of_list)
#: Without one of these, as most mail is, no list manager distributes a mail.
_NAMES_OF_LISTS = frozenset(["list-id", "list-post", *(mark.name for mark in _OF_LISTS)])
_LIST = re.compile(r"\W*+list(?![^\W_])", re.IGNORECASE)
_YES = re.compile(r"\A\s*yes\b", re.IGNORECASE)


def is_marked(headers: Headers) -> bool:
    """Whether a mail has any mark of bulk mail."""
    return any(mark.field_in(headers) for mark in MARKS)


def is_campaign(headers: Headers) -> bool:
    """Whether a mail has a mark that only campaigns have."""
    # Every answer is asked; looking at the names first takes a fifth of the time.
    if not any(name.startswith(_NAMES_OF_CAMPAIGNS) for name in headers.names):
        return False
    return any(mark.field_in(headers) for mark in _OF_CAMPAIGNS)


def is_distributed(headers: Headers) -> bool:
    """Whether a list manager distributes a mail: it goes to all who are on the list.

    It has a field of list managers alone, or two of those that others stamp on their mail as well:
    List-Id (RFC 2919), List-Post (RFC 2369, 3.4), `Precedence: list`. What Mailman writes to one
    person about their subscription has the fields of its list, too, but says so.
    """
    if _NAMES_OF_LISTS.isdisjoint(headers.names) or _has(headers, "x-list-administrivia", _YES):
        return False
    if any(mark.field_in(headers) for mark in _OF_LISTS):
        return True
    is_of_list_id = _has(headers, "list-id")
    is_posted = _has(headers, "list-post")
    precedes = any(map(_LIST.match, map(keyword, headers.whole_texts("precedence"))))
    if is_of_list_id + is_posted + precedes >= 2:
        return True
    return is_of_list_id and _has(headers, "x-loop")  # Sympa


def _has(headers: Headers, name: str, matches: re.Pattern[str] = _SOMETHING) -> bool:
    return any(map(matches.search, headers.whole_texts(name)))
