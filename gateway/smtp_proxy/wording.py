"""In whose words a message's notes and its report are written."""

from gateway.core.address import lookup_form
from gateway.core.headers import Headers
from gateway.core.note_template import NoteTemplate, pick
from gateway.smtp_proxy.policy import Policy
from gateway.store.database import StoreUnavailable
from gateway.store.staff_languages import StaffLanguages

_MOST_AUTHORS = 10  #: Addresses of `From` that are looked up.


class Wording:
    """Chooses the language of whoever reads it: the member of staff on file who sent the mail."""

    def __init__(self, staff: StaffLanguages) -> None:
        self._staff = staff

    async def template(self, policy: Policy, sender: str, headers: Headers) -> NoteTemplate:
        """Return the wording for the envelope's sender, else for `From`, else of the settings.

        It is that of the settings, too, where the store gives no answer.
        """
        if len(policy.notes) == 1:
            return policy.note
        authors = [address for _, address in headers.addresses("from")][:_MOST_AUTHORS]
        addresses = [lookup_form(address) for address in (sender, *authors) if address]
        try:
            languages = await self._staff.of(addresses)
        except StoreUnavailable:
            return policy.note
        return pick(policy.notes, *languages)
