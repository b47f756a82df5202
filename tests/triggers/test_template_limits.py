"""A template ends soon, whatever it says: it can't keep a process busy or take its memory."""

import time
from datetime import date

import pytest

from gateway.core.triggers.sample_facts import sample_facts
from gateway.core.triggers.values import PERSON, values
from gateway.triggers.template_sandbox import MOST_NESTED, MOST_STEPS
from gateway.triggers.templates import (
    MOST_OCTETS,
    MOST_TOKENS,
    BadTemplate,
    MailTemplate,
    NotRendered,
    Rendered,
    TemplateSource,
)

SECONDS = 2.0  #: Of this process' own time, on a machine that is busy: usually a tenth.
LONG = "{% set a = 'x'.ljust(999, 'x') %}{% set a = " + " ~ ".join("a" * 200) + " %}"
MANY = "[" + "a, " * 1000 + "]"


def rendered(text: str, html: str | None = None) -> Rendered:
    day = date(2027, 3, 1)
    source = TemplateSource(
        file="letter/nl.txt", text=f"Subject: {{{{ person.name }}}}\n\n{text}", html=html
    )
    template = MailTemplate({"nl": source}, default="nl")
    return template.render("nl", values((PERSON,), sample_facts("nl", day), day, "nl"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "range"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "loops"),
        (
            "{% for a in range(99) %}{% for b in range(9999) if false %}{% endfor %}{% endfor %}",
            "loops",
        ),
        (
            "{% for a in [1, 2] recursive %}{% if loop.depth < 40 %}{{ loop([1, 2]) }}"
            "{% endif %}{% endfor %}",
            "steps",
        ),
        (
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}"
            "{{ f(60) }}",
            "steps",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself"),
        ("{% for a in range(2000) %}{{ range(2000)|sort|length }}{% endfor %}", "shorten"),
        (LONG + "{% for i in range(999) %}{{ a.count('xxxxxxy') }}{% endfor %}", "shorten"),
        (LONG + "{% for i in range(999) %}{% if 'xxxxxxy' in a %}{% endif %}{% endfor %}", "shor"),
    ],
)
def test_loops_end(code: str, said: str) -> None:
    began = time.thread_time()

    with pytest.raises(NotRendered, match=rf"letter/nl\.txt(:\d+)?: .*{said}"):
        rendered(code)

    assert time.thread_time() - began < SECONDS


def test_half_of_a_character_is_no_text() -> None:
    with pytest.raises(NotRendered, match=r"letter/nl\.txt(:\d+)?: writes half of a character"):
        rendered(r"{{ '\ud800' }}")


@pytest.mark.parametrize(
    "code",
    [
        "{% set n = namespace(x='a') %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}"
        "{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(40) %}{% set n.x = n.x + n.x %}"
        "{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(40) %}"
        "{% set y %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = y %}{% endfor %}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ 'x'|center(999999999) }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ '%*d'|format(999999999, 1) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ '{:{w}}'.format(1, w='999999999') }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 1.5|round(99999999, 'ceil') }}",
        "{{ (1).to_bytes(999999999, 'big')|length }}",
        "{{ [1]|batch(999999999, 1)|list|length }}",
        "{{ '\\t'.expandtabs(999999999) }}",
        LONG + "{{ a.replace('x', a) }}",
        LONG + "{{ a|replace('x', a) }}",
        LONG + "{{ a|indent(a) }}",
        LONG + f"{{{{ {MANY}|join }}}}",
        LONG + f"{{{{ ''.join({MANY}) }}}}",
        LONG + f"{{% set d = {{'x': a}} %}}{{{{ [{'d, ' * 1000}]|join(attribute='x') }}}}",
        LONG + f"{{{{ {MANY} }}}}",
        LONG + f"{{{{ {MANY}|sum(start='') }}}}",
        LONG + "{% macro f() %}{% for i in range(999) %}{{ a }}{% endfor %}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% for i in range(999) %}" + "y" * 9999 + "{% endfor %}{% endmacro %}"
        "{{ f()|length }}",
        "{% filter upper %}{% for i in range(999) %}" + "y" * 9999 + "{% endfor %}{% endfilter %}",
        "{% for i in range(999) %}" + "y" * 9999 + "{% endfor %}",
    ],
)
def test_texts_and_numbers_stay_small(code: str) -> None:
    began = time.thread_time()

    with pytest.raises(NotRendered, match=r"letter/nl\.txt(:\d+)?: "):
        rendered(code)

    assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("{{ " + "(" * 900 + "1" + ")" * 900 + " }}", "nested"),
        ("{{ " + "not " * 900 + "1 }}", "nested"),
        ("{{ " + " + ".join("1" * (MOST_NESTED + 1)) + " }}", "nested"),
        ("{% for a in [1] %}" * 30 + "{% endfor %}" * 30, "nested"),
        ("{{ " + "9" * 5000 + " }}", "nested"),
        ("{{ date }}" * MOST_TOKENS, "more than"),
        ("x" * (MOST_OCTETS + 1), "more than"),
    ],
)
def test_what_nobody_writes_by_hand_is_refused_when_it_is_read(code: str, said: str) -> None:
    began = time.thread_time()

    with pytest.raises(BadTemplate, match=rf"letter/nl\.(txt|html)\S* .*({said})"):
        rendered("x", html=code)

    assert time.thread_time() - began < SECONDS


def test_what_begins_and_never_ends_is_read_at_once() -> None:
    began = time.thread_time()

    assert rendered("<!" * 90_000).text == "<!" * 90_000 + "\n"
    assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("{% for word in ['a', 'b'] %}{{ loop.index }}/{{ loop.length }}{% endfor %}", "1/22/2"),
        ("{% for n in range(3) if n %}{{ n }}{{ ', ' if not loop.last }}{% endfor %}", "1, 2"),
        (
            "{% macro f(x) %}<{{ x }}{{ caller() }}>{% endmacro %}{% call f(1) %}2{% endcall %}",
            "<12>",
        ),
        ("{{ person.first_name|default('you', true)|upper }}", "ANNA"),
        ("{{ ['a', 'b']|join(', ') }} {{ ', '.join(['c', 'd']) }}", "a, b c, d"),
        ("{{ 'a-b'|replace('-', '+') }} {{ 'a b'.split()[1] }}", "a+b b"),
        (
            "{{ '%s %05.1f' % ('a', 2) }} {{ '%-3s|'|format('a') }} {{ '{:>3}'.format('a') }}",
            "a 002.0 a  |   a",
        ),
        ("{{ 2 ** 10 }} {{ 3 * 4 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 1 + 1 }}", "1024 12 3 3 2"),
        ("{% set x %}a{{ 1 }}{% endset %}{{ x ~ '!' }} {{ [1] + [2] }}", "a1! [1, 2]"),
        ("{% filter wordwrap(9) %}" + "woord " * 2 + "{% endfilter %}", "woord\nwoord"),
        ("{% if 'n' in person.first_name and person.first_name is string %}ja{% endif %}", "ja"),
        ("{{ range(4)|map('string')|list|join }} {{ [3, 1]|sort|first }}", "0123 1"),
    ],
)
def test_what_mails_are_written_with_works(code: str, said: str) -> None:
    text = rendered(code.replace("ANNA", "")).text.strip()

    assert said.replace("ANNA", rendered("{{ person.first_name }}").text.strip().upper()) == text


def test_html_is_escaped_as_before() -> None:
    shown = rendered("x", html="<b>{{ '<' ~ '&' }}{{ ['<']|join }}{{ '<i>'|safe ~ '<' }}</b>")

    assert "<b>&lt;&amp;&lt;<i>&lt;</b>" == shown.html


def test_each_mail_has_an_effort_of_its_own() -> None:
    code = f"{{% for n in range({MOST_STEPS // 20}) %}}x{{% endfor %}}"

    assert [rendered(code).text for _ in range(5)] == [rendered(code).text] * 5
