"""The merge tags allowed in a campaign's name and from-name: `*|FNAME|*`."""

import re
from collections.abc import Collection

#: What the CRM fills in for every member (S2, "Merge Tags").
MERGE_TAGS = ("FNAME", "LNAME", "OWNERNAME", "OWNEREMAIL")
TAG = re.compile(r"\*\|(?P<name>.*?)\|\*", re.DOTALL)
LOOSE_END = re.compile(r"\*\||\|\*")


def unknown_merge_tags(text: str, known_tags: Collection[str] = MERGE_TAGS) -> tuple[str, ...]:
    """Return the tags of a text that Mailchimp would not fill in, as written and in order.

    A tag missing its start or end counts too. Empty: the text is fine as it is.
    """
    unknown = [tag[0] for tag in TAG.finditer(text) if tag["name"] not in known_tags]
    return (*unknown, *LOOSE_END.findall(TAG.sub("", text)))
