"""Why mail bounced, and whether that says anything about the address."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a recipient's mail bounced or was delayed."""

    USER_UNKNOWN = "userunknown"  #: The domain has no such mailbox.
    HOST_UNKNOWN = "hostunknown"  #: There is no such domain, or nobody takes its mail.
    SUSPENDED = "suspended"  #: The mailbox is disabled, locked or not used any more.
    MOVED = "hasmoved"  #: The mailbox has gone elsewhere.
    NOT_ACCEPTING = "notaccept"  #: The domain says that it takes no mail (RFC 7505, RFC 7504).
    MAILBOX_FULL = "mailboxfull"
    TOO_BIG = "toobig"
    #: Blocked by a filter on the recipient's side, or after the content was seen.
    FILTERED = "filtered"
    CONTENT = "content"  #: The attachments, or the way the mail is built.
    VIRUS = "virus"
    SPAM = "spam"
    POLICY = "policy"
    REPUTATION = "reputation"  #: The sending IP address is on a blocklist or has no host name.
    AUTH_FAILURE = "authfailure"  #: SPF, DKIM, DMARC.
    REJECTED = "rejected"  #: The sender's address was refused.
    NO_RELAYING = "norelaying"
    SECURITY = "security"  #: Encryption or authentication is required.
    GREYLISTED = "greylisting"
    RATE_LIMITED = "ratelimited"
    EXPIRED = "expired"  #: Tried for too long, or still being tried.
    NETWORK_ERROR = "networkerror"  #: Routing loops, name servers that don't answer.
    SYSTEM_ERROR = "systemerror"
    SYSTEM_FULL = "systemfull"  #: The receiving server's disk, not the mailbox.
    MAILER_ERROR = "mailererror"  #: A program on the recipient's side failed.
    SYNTAX_ERROR = "syntaxerror"
    UNDEFINED = "undefined"  #: No reason given.

    @property
    def is_hard(self) -> bool:
        """Whether a retry would fail the same way: the address itself is wrong or gone."""
        return self in HARD

    @property
    def about(self) -> str:
        """What it is about: `address`, `sender` (us) or `moment` (the mail or the server)."""
        return "address" if self in HARD else "sender" if self in _OF_SENDER else "moment"


HARD = frozenset(
    {
        Reason.USER_UNKNOWN,
        Reason.HOST_UNKNOWN,
        Reason.SUSPENDED,
        Reason.MOVED,
        Reason.NOT_ACCEPTING,
    }
)
_OF_SENDER = frozenset(
    {
        Reason.SPAM,
        Reason.POLICY,
        Reason.REPUTATION,
        Reason.AUTH_FAILURE,
        Reason.REJECTED,
        Reason.NO_RELAYING,
        Reason.SECURITY,
        Reason.GREYLISTED,
        Reason.RATE_LIMITED,
        Reason.CONTENT,
        Reason.VIRUS,
        Reason.SYNTAX_ERROR,
    }
)
