"""Which groups somebody means who writes the name of one, a part of it, or its key in the CRM."""

from sqlalchemy import Connection, or_, select

from gateway.core.people.people import NAME_LANGUAGES
from gateway.store.engine.any_case import reads_as
from gateway.store.schema.feed import groups

_SHORTEST_PART = 3  #: Letters: shorter texts are in most names.
_MOST = 20  #: Groups of which a part is the name; each is looked for apart.

_NAMES = [groups.c.name, *(groups.c[f"name_{language}"] for language in NAME_LANGUAGES)]


def meant(connection: Connection, text: str) -> tuple[str, ...]:
    """Return the names of groups that a text may mean; the text itself is among them.

    `geen bulk-mail` means the group of that name, in upper or lower case. If there is none, it
    means the one with this key and those with the text in their name, in any language. The text
    itself may also be the name of a group that kept mail from people and was since deleted.
    """
    fits = [groups.c.crm_id == text]
    if len(text) >= _SHORTEST_PART:
        fits += [reads_as(connection, name, text) for name in _NAMES]
    query = select(*_NAMES).where(or_(*fits)).order_by(groups.c.kind, groups.c.crm_id)
    rows = [tuple(filter(None, row)) for row in connection.execute(query)]
    wanted = text.casefold()
    if any(wanted == name.casefold() for names in rows for name in names):
        return (text,)
    firsts = {names[0].casefold(): names[0] for names in rows if names}
    return (text, *list(firsts.values())[:_MOST])
