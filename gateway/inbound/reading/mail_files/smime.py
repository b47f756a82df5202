"""S/MIME mail whose text is inside the signature (`smime.p7m`; RFC 8551, 3.5.2).

Outlook sends it when "send clear text signed message" is off, and programs without S/MIME show a
file and no text. The signed mail is parsed; the signature is not verified.
"""

_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_IN_PIECES = 1  #: A constructed encoding: a series of octet strings (X.690, 8.7.3).
_BEGIN, _END = b"\x30\x80", b"\0\0"  #: Of a sequence with indefinite length (X.690, 8.1.3.6).


def may_be_signed_mail(content_type: str, name: str) -> bool:
    """Whether a part may contain a signed mail, by its type, or by its name if it is untyped."""
    is_untyped = content_type == "application/octet-stream"
    return content_type in _TYPES or (is_untyped and name.casefold().endswith(".p7m"))


def signed_content(octets: bytes) -> bytes | None:
    """Return the signed content of a CMS structure (SignedData; RFC 5652, 5).

    It is a MIME part, including its header. None if there is no content: it is encrypted, is the
    signature of another part, has only certificates, or isn't CMS at all.
    """
    from asn1crypto.cms import ContentInfo  # few mails need it
    from asn1crypto.core import OctetString, SequenceOf

    try:
        info = ContentInfo.load(octets)
        if info["content_type"].native != "signed_data":
            return None
        content = info["content"]["encap_content_info"]["content"]
        if content.method != _IN_PIECES:
            return content.native or None
        # The library joins the pieces by copying everything for each of them: 0.4 s for 8 MB as
        # OpenSSL writes it.
        pieces = SequenceOf.load(_BEGIN + content.contents + _END, spec=OctetString)
        return b"".join(piece.native for piece in pieces) or None
    except MemoryError:
        raise
    except Exception:  # A parser for a stranger's input: whatever it raises, the file is kept.
        return None
