"""The words mail programs write above a forwarded mail, by language.

Clients mean by "language" what they translate into; Gmail translates the sender's word only. To
add a language, add an entry to `latin.py` or `scripts.py`; no word may mean two things.
"""

from gateway.core.replies.forwarded.language.latin import LATIN
from gateway.core.replies.forwarded.language.scripts import SCRIPTS
from gateway.core.replies.forwarded.language.vocabulary import Words

__all__ = ["LANGUAGES", "Words"]

LANGUAGES = LATIN | SCRIPTS
