"""Tags without effect that look like one with an effect, or would replace one."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, exists, select, update

from gateway.core.kinds import Scope
from gateway.core.written import nearest_text
from gateway.store.feed.staging import StagingTables
from gateway.store.schema.feed import unread_fields


@dataclass(frozen=True, slots=True)
class IdleTag:
    """A tag of a row that wasn't taken as written."""

    line: int
    tag: str
    taken_for: str = ""  #: The tag it looks like; empty: the known one was kept.

    def __str__(self) -> str:
        if self.taken_for:
            return f"{self.tag!r} is not a known tag: taken for {self.taken_for}"
        return f"{self.tag!r} {_STAYS}"


_STAYS = "is not a known tag: the one before, which keeps mail away, stays"


def protect_tags(
    connection: Connection, stage: StagingTables, tag_scopes: Mapping[str, Scope]
) -> list[IdleTag]:
    """Keep misspelt tags from letting mail through; return the rows concerned.

    `NoMailingTag` counts as `NoMailingsTag`, and its row only adds what keeps mail away. A tag
    unlike any of ours (`VIP`) doesn't replace one that keeps mail away, but an empty one does.
    """
    staged, table = stage.staged, stage.layout.table
    idle = (~staged.c.kept, staged.c.tag != "", staged.c.tag.not_in(tag_scopes))
    with connection.begin():
        tags = connection.scalars(select(staged.c.tag).where(*idle).distinct()).all()
    slips = {tag: slip for tag in tags if (slip := nearest_text(tag, tag_scopes))}
    # A tag that was only assumed, as none could be read, is replaced by any readable one.
    was_assumed = exists().where(
        unread_fields.c.what == stage.layout.what,
        unread_fields.c.kind == table.c.kind,
        unread_fields.c.key == table.c.crm_id,
        unread_fields.c.field == "tag",
        ~unread_fields.c.text.contains(_STAYS),
    )
    with connection.begin():
        lines = connection.execute(
            select(staged.c.line, staged.c.tag).where(*idle, staged.c.tag.in_(slips))
        ).all()
        replaced = connection.execute(
            select(staged.c.line, staged.c.tag)
            .join(table, and_(*(table.c[name] == staged.c[name] for name in stage.layout.keys)))
            .where(*idle, staged.c.tag.not_in(slips), table.c.tag.in_(tag_scopes), ~was_assumed)
        ).all()
        for tag, slip in slips.items():
            connection.execute(update(staged).where(*idle, staged.c.tag == tag).values(tag=slip))
    idle_tags = [
        *(IdleTag(line, tag, slips[tag]) for line, tag in lines),
        *(IdleTag(line, tag) for line, tag in replaced),
    ]
    with connection.begin():
        stage.doubt([line for line, _ in lines])
    stage.keep_old(
        "tag", [(idle_tag.line, str(idle_tag)) for idle_tag in idle_tags if not idle_tag.taken_for]
    )
    return idle_tags
