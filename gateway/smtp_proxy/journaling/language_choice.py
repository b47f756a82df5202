"""The language of a message's notes and report."""

from collections.abc import Iterable, Iterator

from gateway.core.decision.note_template import NoteTemplate
from gateway.core.languages import in_language
from gateway.core.mail.address import domains_of, lookup_form
from gateway.core.mail.headers import Headers
from gateway.smtp_proxy.policy import Policy
from gateway.store.people.staff_languages import StaffLanguages

_MOST_AUTHORS = 10  #: Addresses of `From` that are looked up.


class LanguageChoice:
    """Chooses the reader's language: that of the member of staff who sent the mail."""

    def __init__(self, staff: StaffLanguages) -> None:
        self._staff = staff

    async def template(self, policy: Policy, sender: str, headers: Headers) -> NoteTemplate:
        """Return the wording for the envelope sender, or else for `From`.

        Its language is that of the member of staff on file, or else the domain's setting, or the
        default. While the store is away, the last known staff are used.
        """
        if len(policy.notes) == 1:
            return policy.note
        authors = [address for _, address in headers.addresses("from")][:_MOST_AUTHORS]
        addresses = [lookup_form(address) for address in (sender, *authors) if address]
        languages = await self._staff.of(addresses)
        return in_language(policy.notes, *languages, *_of_domains(policy, addresses))


def _of_domains(policy: Policy, addresses: Iterable[str]) -> Iterator[str]:
    """Yield the languages configured for the addresses' domains, the nearest domain's first."""
    for address in addresses if policy.languages else ():
        for domain in domains_of(address):
            if domain in policy.languages:
                yield policy.languages[domain]
