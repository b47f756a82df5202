"""Every mail of the corpus is what stands beside it."""

import pytest

from gateway.core.decision.classify import classify
from gateway.core.decision.rule import MessageFacts, many_recipients
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.kinds import Kind
from gateway.core.mail.content import dot_stuff, parted_file
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import OPENING, opening
from tests.corpus import KINDS, Sample, samples

SAMPLES = samples()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_mail_is_what_stands_beside_it(sample: Sample) -> None:
    block, rest = parted_file(sample.content, behind=OPENING)
    facts = MessageFacts(
        sender=sample.sender,
        login=None,
        recipients=sample.recipients,
        headers=Headers.of(block),
        opening=opening(dot_stuff(rest)),
        many=many_recipients(SHIPPED_RULES),
    )

    found = classify(facts, SHIPPED_RULES, Kind.INDIVIDUAL)

    assert (sample.kind, sample.rule) == (found.kind, found.rule), sample.why


def test_the_corpus_is_of_many_programs_and_lacks_no_file() -> None:
    assert {sample.name for sample in SAMPLES} == {file.stem for file in KINDS.glob("*.eml")}
    assert len(SAMPLES) >= 90
    assert all(len(sample.why) > 20 for sample in SAMPLES)
    assert len({sample.program for sample in SAMPLES}) >= 20
