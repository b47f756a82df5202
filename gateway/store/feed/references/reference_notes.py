"""Notes for people about references that aren't ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.feed.references import GivenMeaning, ReferenceLead, ReferenceUse, UnderstoodBy
from gateway.store.feed.references.meanings import GivenText, Meanings
from gateway.store.feed.references.relations import Relation

#: How many that lead nowhere are listed one by one, for each kind of reference.
_MOST_LISTED = 50


class ReferenceNotes:
    """Collects what was found in one import."""

    def __init__(self, meanings: Meanings) -> None:
        self._meanings = meanings
        self._uses: list[ReferenceUse] = []
        #: Rows whose reference leads nowhere or is uncertain, by kind of reference.
        self.faults: dict[str, int] = {}

    @property
    def uses(self) -> tuple[ReferenceUse, ...]:
        """What people should know about the references found; faults first."""
        return tuple(sorted(self._uses, key=lambda use: (not use.is_fault, use.line)))

    def note_waiting(self, relation: Relation, texts: Sequence[GivenText]) -> None:
        """Note texts whose targets aren't imported yet: one note for each kind."""
        for kind in sorted({text.kind for text in texts}):
            of_kind = [text for text in texts if text.kind == kind]
            first = min(of_kind, key=lambda text: text.line)
            self._add(
                relation, first, ReferenceLead.WAITING, rows=sum(text.rows for text in of_kind)
            )

    def note_meanings(
        self,
        relation: Relation,
        texts: Sequence[GivenText],
        meanings: Mapping[GivenText, GivenMeaning],
    ) -> None:
        """Note what texts were taken for, and which lead nowhere.

        Ids that a spreadsheet changed, and that are certain, get one note for all of them.
        """
        later = [text for text in texts if relation.may_wait and meanings[text] == GivenMeaning()]
        self.note_waiting(relation, later)
        rest = sorted(set(texts) - set(later), key=lambda text: text.line)
        bent = {
            text: meaning
            for text in rest
            if (meaning := meanings[text]).crm_id
            and meaning.how is UnderstoodBy.BENT
            and meaning.is_certain
        }
        for text, meaning in list(bent.items())[:1]:
            self._add(
                relation,
                text,
                ReferenceLead.UNDERSTOOD,
                rows=sum(text.rows for text in bent),
                crm_id=meaning.crm_id,
                how=meaning.how,
            )
        faults_listed = 0
        for text in rest:
            if text in bent:
                continue
            meaning = meanings[text]
            lead, nearest = ReferenceLead.UNDERSTOOD, tuple[str, ...]()
            if not meaning.crm_id or not meaning.is_certain:
                self.faults[relation.name] = self.faults.get(relation.name, 0) + text.rows
                faults_listed += 1
                if faults_listed > _MOST_LISTED:
                    continue
                lead = ReferenceLead.UNCERTAIN
                if not meaning.crm_id:
                    lead, nearest = ReferenceLead.UNKNOWN, self._meanings.nearest(relation, text)
            self._add(
                relation,
                text,
                lead,
                rows=text.rows,
                crm_id=meaning.crm_id,
                how=meaning.how,
                others=meaning.others,
                nearest=nearest,
            )

    def keys(
        self,
        relation: Relation,
        sure: Mapping[GivenText, GivenMeaning],
        doubtful: Mapping[GivenText, GivenMeaning],
    ) -> None:
        """Note keys that a spreadsheet changed: one note for the sure ones, one for the others."""
        for meanings in (sure, doubtful):
            if meanings:
                first = min(meanings, key=lambda text: text.line)
                crm_id, rows = meanings[first].crm_id, sum(text.rows for text in meanings)
                self._add(
                    relation,
                    first,
                    ReferenceLead.BENT_KEY,
                    rows=rows,
                    crm_id=crm_id if meanings is sure else "",
                    others=() if meanings is sure or not crm_id else (crm_id,),
                )
                self.faults[relation.name] = self.faults.get(relation.name, 0) + rows

    def _add(self, relation: Relation, text: GivenText, lead: ReferenceLead, **facts: Any) -> None:
        self._uses.append(
            ReferenceUse(
                reference=relation.name,
                kind=text.kind,
                given=text.text,
                lead=lead,
                line=text.line,
                **facts,
            )
        )
