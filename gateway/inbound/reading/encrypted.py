"""Whether a mail's text is encrypted: only its reader's own mail program can open it."""

import re
from email.message import Message

from gateway.inbound.reading.mail_files.smime import may_be_signed_mail
from gateway.inbound.reading.texts import file_name, parts_with_group

#: OpenPGP within a text (RFC 9580, 6.2), quoted or not.
_ARMOUR = re.compile(r"^[>| ]{0,20}-----BEGIN PGP MESSAGE-----[ \t]*$", re.MULTILINE)

_OF_MICROSOFT = "application/x-microsoft-rpmsg-message"  #: `message_v4.rpmsg`


def is_encrypted(mail: Message, *texts: str) -> bool:
    """Whether a mail with these `texts` is encrypted, as a whole or within a text.

    Microsoft's form (MS-OXORMMS) comes with a text that says where to read the mail. The others
    come without a text: S/MIME (RFC 8551, 3.3) as a `smime.p7m`, which can't be signed mail any
    more, as that has been opened by now; OpenPGP as a multipart/encrypted (RFC 3156, 4). Next to a
    text, such a part is an attachment like any other.
    """
    if any(map(_ARMOUR.search, texts)):
        return True
    parts = [part for part, _ in parts_with_group(mail)]
    if any(part.get_content_type() == _OF_MICROSOFT for part in parts):
        return True
    return not any(map(str.strip, texts)) and any(
        part.get_content_type() == "application/pgp-encrypted"
        or (
            may_be_signed_mail(part.get_content_type(), file_name(part))
            and part.get_param("smime-type") not in ("signed-data", "certs-only")
        )
        for part in parts
    )
