"""Why mail came back, and whether that says something of the address."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a recipient's mail came back, or waits."""

    USER_UNKNOWN = "userunknown"  #: The domain has no such mailbox.
    HOST_UNKNOWN = "hostunknown"  #: There is no such domain, or nobody takes its mail.
    SUSPENDED = "suspended"  #: The mailbox is disabled, locked or not used any more.
    MOVED = "hasmoved"  #: The mailbox has gone elsewhere.
    NOT_ACCEPTING = "notaccept"  #: The domain says that it takes no mail (RFC 7505, RFC 7504).
    MAILBOX_FULL = "mailboxfull"
    TOO_BIG = "toobig"
    FILTERED = "filtered"  #: By a filter of the recipient's, or after the content was seen.
    CONTENT = "content"  #: What is attached, or how the mail is made.
    VIRUS = "virus"
    SPAM = "spam"
    POLICY = "policy"
    REPUTATION = "reputation"  #: The address that sent it is on a list, or has no name.
    AUTH_FAILURE = "authfailure"  #: SPF, DKIM, DMARC.
    REJECTED = "rejected"  #: The sender's address was refused.
    NO_RELAYING = "norelaying"
    SECURITY = "security"  #: Encryption or a login is asked for.
    GREYLISTED = "greylisting"
    RATE_LIMITED = "ratelimited"
    EXPIRED = "expired"  #: Tried for too long, or still being tried.
    NETWORK_ERROR = "networkerror"  #: Routing loops, name servers that don't answer.
    SYSTEM_ERROR = "systemerror"
    SYSTEM_FULL = "systemfull"  #: The receiving server's disk, not the mailbox.
    MAILER_ERROR = "mailererror"  #: A program of the recipient's failed.
    SYNTAX_ERROR = "syntaxerror"
    UNDEFINED = "undefined"  #: Nothing says why.

    @property
    def is_hard(self) -> bool:
        """Whether another try would end the same: the address itself is wrong or gone."""
        return self in HARD

    @property
    def about(self) -> str:
        """What it tells about: `address`, `sender` (us) or `moment` (the mail or the server)."""
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
