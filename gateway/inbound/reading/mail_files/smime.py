"""What S/MIME signed so that the mail is inside its signature (`smime.p7m`; RFC 8551, 3.5.2).

Outlook writes that where it is not to "send clear text signed message", and whoever has no S/MIME
sees a file and no text. What was signed is read; whether the signature is good is not asked.
"""

_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")


def may_be_signed_mail(content_type: str, name: str) -> bool:
    """Whether a part may hold a signed mail: by its type, or by its name where it has no other."""
    is_untyped = content_type == "application/octet-stream"
    return content_type in _TYPES or (is_untyped and name.casefold().endswith(".p7m"))


def signed_content(octets: bytes) -> bytes | None:
    """Return what a CMS structure holds beside its signature (SignedData; RFC 5652, 5).

    That is a part of MIME, header included. None where nothing is in it: what is encrypted, a
    signature of what stands beside it, certificates alone, or no such structure at all.
    """
    from asn1crypto.cms import ContentInfo  # few mails need it

    try:
        info = ContentInfo.load(octets)
        if info["content_type"].native != "signed_data":
            return None
        content = info["content"]["encap_content_info"]["content"].native
    except MemoryError:
        raise
    except Exception:  # A parser of what a stranger wrote: whatever it raises, the file stays.
        return None
    return content if isinstance(content, bytes) and content else None
