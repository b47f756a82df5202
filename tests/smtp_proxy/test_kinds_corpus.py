"""The proxy and `gateway explain` say the same of every mail of the corpus."""

import pytest

from gateway.app.decision.explain import explain
from gateway.config import load
from gateway.core.decision.explanation import ExplainedMail
from tests.corpus import Sample, samples
from tests.rig.client import stuff
from tests.smtp_proxy.crm import Crm, mail

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
    kinds: list[tuple[str, str, str]] = []
    for sample in corpus:
        question = ExplainedMail(
            content=sample.content.replace(b"\r\n", b"\n"),  # As it lies in a file.
            sender=sample.sender,
            recipients=tuple(sample.addresses),
        )
        said = (await explain(settings, crm.database, question)).classification
        kinds.append((sample.name, said.kind, said.rule))
    return kinds


async def test_the_proxy_and_explain_agree_on_the_corpus(crm: Crm) -> None:
    corpus = samples()
    expected = [(sample.name, sample.kind, sample.rule) for sample in corpus]

    assert expected == await journaled(crm, corpus)
    assert expected == await explained(crm, corpus)


@pytest.mark.parametrize(("lines", "rule"), [(700, "calendar"), (1_000, "precedence")])
async def test_chunks_decide_nothing(crm: Crm, lines: int, rule: str) -> None:
    """A calendar part that comes in later counts up to the bound, and nothing behind it."""
    invited = b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n"
    html = b"Content-Type: text/html\r\n\r\n" + (b"." + b"x" * 75 + b"\r\n") * lines
    head = mail("Afspraak", "Content-Type: multipart/alternative; boundary=b", bulk=True, body=b"")
    content = head + b"--b\r\n" + html + b"\r\n--b\r\n" + invited + b"--b--\r\n"
    client = await crm.client()
    await client.command(b"MAIL FROM:<a@crm.example>")
    await client.command(b"RCPT TO:<stranger@example.org>")
    await client.command(b"DATA")

    wire = stuff(content)
    await client.send_split(wire, len(head), len(head) + 20_000, len(wire) - 150, pause=0.05)

    assert 250 == (await client.reply()).code
    (record,) = await crm.records()
    question = ExplainedMail(
        content=content, sender="a@crm.example", recipients=("stranger@example.org",)
    )
    said = await explain(load(crm.gateway.file, {}), crm.database, question)
    assert [rule, rule] == [record.rule, said.classification.rule]
