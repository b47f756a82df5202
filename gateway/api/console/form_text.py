"""What somebody typed into a field, as the store can take it."""

from collections.abc import Mapping

from gateway.api.replies import plain_text

LONGEST = 2_000  #: Characters of a reason.


def typed_text(fields: Mapping[str, object], name: str) -> str:
    """Return the text of a field without blanks around; empty where it is no text a store takes."""
    value = fields.get(name, "")
    try:
        return plain_text(value.strip())[:LONGEST] if isinstance(value, str) else ""
    except ValueError:
        return ""
