"""What texts in a file may mean that refer to something but aren't ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Connection, select

from gateway.core.batches import batched
from gateway.core.feed.references import (
    GivenMeaning,
    NumberedIds,
    ReferenceTargets,
    UnderstoodBy,
    numbers,
    possible_ids,
    without_mark,
)
from gateway.core.kinds import Scope
from gateway.store.engine.database import VALUES_AT_ONCE
from gateway.store.feed.references.relations import Relation, targets
from gateway.store.feed.staging_tables import has_rows
from gateway.store.schema.feed import people

_FEW = 100  #: Texts; each may mean some thirty ids.


@dataclass(frozen=True, slots=True)
class GivenText:
    """A text in the file that refers to something but isn't an id."""

    kind: str
    text: str
    rows: int
    line: int


class Meanings:
    """Looks such texts up in what is known; each table and kind is read once."""

    def __init__(self, connection: Connection, tag_scopes: Mapping[str, Scope]) -> None:
        self._connection = connection
        self._tag_scopes = tag_scopes
        self._targets: dict[tuple[str, str], ReferenceTargets] = {}
        self._numbered: dict[str, NumberedIds] = {}

    def separate_waiting(
        self, relation: Relation, given_texts: Iterable[GivenText]
    ) -> tuple[list[GivenText], list[GivenText]]:
        """Separate texts that wait, as nothing of their sort is known yet, from the rest."""
        waiting: list[GivenText] = []
        rest: list[GivenText] = []
        has_records: dict[str, bool] = {}
        for text in given_texts:
            if text.kind not in has_records:
                has_records[text.kind] = self.has_any(relation, text.kind)
            (rest if has_records[text.kind] else waiting).append(text)
        return waiting, rest

    def has_any(self, relation: Relation, kind: str) -> bool:
        """Whether anything of the sort a reference names is known."""
        return has_rows(self._connection, relation.target, kind if relation.has_kind else None)

    def of(
        self, relation: Relation, given_texts: Iterable[GivenText]
    ) -> dict[GivenText, GivenMeaning]:
        """Return what each text means."""
        if relation.target is not people:
            return {
                text: self.targets(relation, text.kind).meaning(text.text) for text in given_texts
            }
        # People are looked up by number: there are too many to compare them one by one.
        meanings = {}
        texts = list(given_texts)
        numbered = {
            kind: self._numbered_people(kind, [text.text for text in texts if text.kind == kind])
            for kind in {text.kind for text in texts}
        }
        for text in texts:
            crm_ids = numbered[text.kind].possible_originals(text.text)
            possible = numbers(without_mark(text.text))
            if len(crm_ids) == 1:
                is_certain = possible is None or possible.is_exact
                meanings[text] = GivenMeaning(
                    crm_id=crm_ids[0], how=UnderstoodBy.BENT, is_certain=is_certain
                )
            else:
                meanings[text] = GivenMeaning(others=tuple(sorted(crm_ids)), is_certain=not crm_ids)
        return meanings

    def _numbered_people(self, kind: str, texts: Sequence[str]) -> NumberedIds:
        """Return the ids of people that texts may mean; for a few texts, only these are queried."""
        if kind in self._numbered:
            return self._numbered[kind]
        ids = select(people.c.crm_id).where(people.c.kind == kind)
        possible = [possible_ids(text) for text in texts] if len(texts) <= _FEW else [None]
        if None in possible:
            self._numbered[kind] = NumberedIds(self._connection.scalars(ids))
            return self._numbered[kind]
        known_ids = list[str]()
        for batch in batched(chain.from_iterable(filter(None, possible)), VALUES_AT_ONCE):
            known_ids += self._connection.scalars(ids.where(people.c.crm_id.in_(batch)))
        return NumberedIds(known_ids)

    def targets(self, relation: Relation, kind: str) -> ReferenceTargets:
        """Return everything of one kind that a reference may lead to; not for people."""
        key = (relation.target.name, kind)
        if key not in self._targets:
            rows = targets(self._connection, relation.target, kind, self._tag_scopes)
            self._targets[key] = ReferenceTargets(rows)
        return self._targets[key]

    def nearest(self, relation: Relation, text: GivenText) -> tuple[str, ...]:
        """Return suggestions for what a text that leads nowhere was meant to be."""
        if relation.has_kind:
            target = relation.target.c
            other = select(target.kind).where(target.crm_id == text.text).limit(1)
            if kind := self._connection.scalar(other):
                return (f"{text.text} of kind {kind}",)
        if relation.target is people:
            return ()
        return self.targets(relation, text.kind).nearest_names(text.text)
