"""The proxy and `gateway explain` say the same of every mail of the corpus."""

import pytest

from gateway.app.explain import Question, explain
from gateway.config import load
from tests.corpus import Sample, samples
from tests.smtp_proxy.crm import Crm

pytestmark = pytest.mark.system


async def journaled(crm: Crm, corpus: list[Sample]) -> list[tuple[str, str, str]]:
    """Send the corpus over one connection; return the kinds and rules in the journal."""
    client = await crm.client()
    for sample in corpus:
        recipients = [address.encode() for address in sample.addresses]
        sent = await client.transaction(sample.sender.encode(), recipients, sample.content)
        assert 250 == sent.end.code, (sample.name, sent)
    records = await crm.records(len(corpus), to="stranger0@example.org")
    return [
        (sample.name, record.kind, record.rule)
        for sample, record in zip(corpus, reversed(records), strict=True)
    ]


async def explained(crm: Crm, corpus: list[Sample]) -> list[tuple[str, str, str]]:
    settings = load(crm.gateway.file, {})
    found: list[tuple[str, str, str]] = []
    for sample in corpus:
        question = Question(
            content=sample.content.replace(b"\r\n", b"\n"),  # As it lies in a file.
            sender=sample.sender,
            recipients=tuple(sample.addresses),
        )
        said = (await explain(settings, crm.database, question)).classification
        found.append((sample.name, said.kind, said.rule))
    return found


async def test_the_proxy_and_explain_agree_on_the_corpus(crm: Crm) -> None:
    corpus = samples()
    expected = [(sample.name, sample.kind, sample.rule) for sample in corpus]

    assert expected == await journaled(crm, corpus)
    assert expected == await explained(crm, corpus)
