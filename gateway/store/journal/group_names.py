"""Which groups are meant by a name, part of a name, or a key in the CRM."""

from sqlalchemy import Connection, or_, select

from gateway.core.people.people import NAME_LANGUAGES
from gateway.store.engine.any_case import reads_as
from gateway.store.schema.feed import groups

_SHORTEST_PART = 3  #: Letters: shorter texts occur in most names.
_MOST = 20  #: How many groups with the text in their names are searched for, each separately.

_NAMES = [groups.c.name, *(groups.c[f"name_{language}"] for language in NAME_LANGUAGES)]


def names_meant(connection: Connection, text: str) -> tuple[str, ...]:
    """Return the names of the groups a text may mean, including the text itself.

    `geen bulk-mail` means the group with that name, ignoring case. If there is none, it means the
    group with this key and those with the text in their names, in any language. The text itself may
    also be the name of a deleted group that once kept mail from people.
    """
    fits = [groups.c.crm_id == text]
    if len(text) >= _SHORTEST_PART:
        fits += [reads_as(connection, name, text) for name in _NAMES]
    query = select(*_NAMES).where(or_(*fits)).order_by(groups.c.kind, groups.c.crm_id)
    rows = [tuple(filter(None, row)) for row in connection.execute(query)]
    folded_text = text.casefold()
    if any(folded_text == name.casefold() for names in rows for name in names):
        return (text,)
    firsts = {names[0].casefold(): names[0] for names in rows if names}
    return (text, *list(firsts.values())[:_MOST])
