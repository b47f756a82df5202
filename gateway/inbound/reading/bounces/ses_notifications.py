"""Amazon SES's notifications by mail, as JSON."""

import json
import re
from collections.abc import Iterator

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.bounces.why import why
from gateway.inbound.reading.bounces.bounce_parts import address_in, on_one_line
from gateway.inbound.reading.bounces.complaints import kind_of_feedback

#: The key with the kind: of notifications, and of a configuration set's events.
NOTIFIES = re.compile(r"notificationType|eventType")


def read_notification(notice: str) -> Iterator[Bounce]:
    """Yield the contents of an Amazon SES mail ("Contents of notifications for Amazon SES")."""
    try:
        # The mail's lines are broken after 998 octets, even in the middle of the JSON.
        notification = json.loads(re.sub(r"\r?\n ?", "", notice[: notice.rindex("}") + 1]))
        if "Message" in notification:  # Amazon SNS wrapped it into another document
            notification = json.loads(notification["Message"])
        kind = str(notification.get("notificationType") or notification["eventType"])
        if kind == "Bounce":
            for entry in notification["bounce"]["bouncedRecipients"]:
                diagnostic, status = entry.get("diagnosticCode", ""), entry.get("status", "")
                recipient = address_in(str(entry["emailAddress"]))
                yield Bounce(
                    kind=BounceKind.BOUNCE,
                    recipient=recipient,
                    action=str(entry.get("action", "")),
                    status=str(status),
                    diagnostic=on_one_line(str(diagnostic)),
                    reason=why(str(diagnostic), str(status), recipient=recipient),
                )
        elif kind == "Complaint":
            complaint = notification["complaint"]
            feedback = kind_of_feedback(str(complaint.get("complaintFeedbackType") or ""))
            entries = complaint["complainedRecipients"]
            recipients = dict.fromkeys(address_in(str(entry["emailAddress"])) for entry in entries)
            # These "may have submitted the complaint": of several, nobody knows which one did.
            for recipient in recipients:
                is_one = len(recipients) == 1
                yield Bounce(kind=feedback, recipient=recipient, is_presumed=not is_one)
        elif kind == "Delivery":
            for recipient in notification["delivery"]["recipients"]:
                yield Bounce(kind=BounceKind.DELIVERED, recipient=str(recipient))
    except (ValueError, KeyError, TypeError, AttributeError):
        return
