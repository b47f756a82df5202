"""Templates of triggered mail: a text and perhaps HTML per language, in Jinja's sandbox."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.core.errors import FileUnusable, GatewayError
from gateway.core.triggers.events.registry import TEMPLATE_VALUES
from gateway.core.triggers.trigger import QUALIFICATION_DATA, Trigger
from gateway.core.triggers.values import DATE, QUALIFICATION, UNSUBSCRIBE_URL
from gateway.core.wording import in_language

#: The placeholders of seed S4 and the link to unsubscribe, and what stands for them.
PLACEHOLDERS = {
    "QUALIFIKATION": f"{QUALIFICATION.name}.name",
    "PRUEFNR": f"{QUALIFICATION.name}.licence_number",
    "PRUEFERNR": f"{QUALIFICATION.name}.examiner_number",
    "PRUEFERNAME": f"{QUALIFICATION.name}.examiner",
    "AUSSTELLER": f"{QUALIFICATION.name}.issuer",
    "PRUEFDATUM": f"{QUALIFICATION.name}.acquired_on",
    "VERFALLDATUM": f"{QUALIFICATION.name}.expires_on",
    "ABMELDELINK": UNSUBSCRIBE_URL,
}
MOST_OCTETS = 1_000_000  #: Of a rendered text.

_SUBJECT = "Subject:"
_PLACEHOLDER = re.compile(rf"\[({'|'.join(PLACEHOLDERS)})\]")
_BRACKETED = re.compile(r"\[([^\W\d_][\w-]+)\]")
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<!.*?>", re.DOTALL)


class BadTemplate(FileUnusable):
    """A template can't be used; the text names file, what is wrong and what to do."""


class NotRendered(GatewayError):
    """A template failed for one person; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSource:
    """The files of a template in one language."""

    file: str  #: The text's, as errors name it.
    text: str  #: With its subject.
    html: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What one person is written."""

    language: str
    subject: str
    text: str
    html: str = ""  #: Empty: there is none.
    blank: tuple[str, ...] = ()  #: Values it takes that are empty: `person.first_name`.


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTemplate:
    """A template in one language, compiled."""

    language: str
    file: str
    subject: Template
    text: Template
    html: Template | None
    used: frozenset[str]  #: Names it takes values from.
    takes: tuple[str, ...]  #: The values it takes: `person.first_name`.
    bracketed: tuple[str, ...]  #: Words in brackets that are no placeholders.


class _Sandbox(ImmutableSandboxedEnvironment):
    """Where templates run: they reach nothing but their values, and make nothing huge."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or not numbers:
            raise SecurityError(f"{operator} is for numbers only")
        return super().call_binop(context, operator, left, right)


_TEXT = _Sandbox(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
_HTML = _Sandbox(undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True)


class MailTemplate:
    """A template in every language it has; `default` is that of people whose own it lacks."""

    def __init__(self, sources: Mapping[str, TemplateSource], *, default: str) -> None:
        self._wordings = {
            language: compiled(language, source) for language, source in sources.items()
        }
        self._default = default

    def render(self, language: str, values: Mapping[str, object]) -> Rendered:
        """Write a mail in a language, else the default one, else the first; `NotRendered`."""
        wording = in_language(self._wordings, language, self._default)
        html = "" if wording.html is None else _run(wording, wording.html, values)
        subject = " ".join(_run(wording, wording.subject, values).split())
        return Rendered(
            language=wording.language,
            subject=subject,
            text=_run(wording, wording.text, values).strip("\n") + "\n",
            html=html,
            blank=tuple(name for name in wording.takes if is_blank(values, name)),
        )

    def language_of(self, language: str) -> str:
        """Return the language a person of that language is written in."""
        return in_language(self._wordings, language, self._default).language

    def faults(self, trigger: Trigger) -> Iterator[str]:
        """Tell what keeps a trigger from using the template."""
        given = {DATE, UNSUBSCRIBE_URL, *(group.name for group in trigger.values)}
        for wording in self._wordings.values():
            for name in sorted(wording.used - given):
                if name == QUALIFICATION.name:
                    yield (
                        f"{wording.file}: the qualification's values need "
                        f'before_send = ["{QUALIFICATION_DATA}"] in the trigger {trigger.name}'
                    )
                else:
                    yield f"{wording.file}: {name} has no value in mail of {trigger.event}"

    @property
    def has_link(self) -> bool:
        """Whether a link to unsubscribe stands in it, in any language."""
        return any(UNSUBSCRIBE_URL in wording.used for wording in self._wordings.values())

    def doubts(self) -> Iterator[str]:
        """Tell of words in brackets that stay as they are."""
        for wording in self._wordings.values():
            for word in wording.bracketed:
                known = ", ".join(f"[{placeholder}]" for placeholder in PLACEHOLDERS)
                yield f"{wording.file}: [{word}] is not a placeholder and stays; {known} are"


@lru_cache(maxsize=500)
def compiled(language: str, source: TemplateSource) -> CompiledTemplate:
    """Read a template in one language, with what it takes; BadTemplate says what is wrong.

    What was read last is kept: pages of the console ask for all templates whenever they are opened.
    """
    head, _, body = source.text.removeprefix("\ufeff").partition("\n")
    if not head.startswith(_SUBJECT) or not head.removeprefix(_SUBJECT).strip():
        raise BadTemplate(f"{source.file}: the first line must be `{_SUBJECT} …`")
    subject = head.removeprefix(_SUBJECT).strip()
    html = None if source.html is None else _code(source.html)
    parts = [_code(subject), _code(body)]
    html_file = source.file.removesuffix(".txt") + ".html"
    used = frozenset(_used(_TEXT, parts[0], source.file)) | frozenset(
        _used(_TEXT, parts[1], source.file)
    )
    if html is not None:
        used |= frozenset(_used(_HTML, html, html_file))
        parts.append(html)
    # Words in brackets that are neither placeholders nor within code stay as they are.
    written = "\n".join((subject, body, source.html or ""))
    plain = _CODE.sub("", _PLACEHOLDER.sub("", written))
    return CompiledTemplate(
        language=language,
        file=source.file,
        subject=_TEXT.from_string(parts[0]),
        text=_TEXT.from_string(parts[1]),
        html=None if html is None else _HTML.from_string(html),
        used=used,
        takes=tuple(sorted(frozenset(chain.from_iterable(map(values_taken, parts))))),
        bracketed=tuple(dict.fromkeys(_BRACKETED.findall(plain))),
    )


def _code(text: str) -> str:
    """Return text with the placeholders as Jinja knows them."""
    return _PLACEHOLDER.sub(lambda placeholder: f"{{{{ {PLACEHOLDERS[placeholder[1]]} }}}}", text)


def _used(sandbox: _Sandbox, text: str, file: str) -> Iterator[str]:
    """Yield the names a template takes values from; BadTemplate for what there can't be."""
    try:
        tree = sandbox.parse(text)
        names = find_undeclared_variables(tree)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise BadTemplate(f"{file}{f':{line}' if line else ''}: {error}") from None
    for name in sorted(names - TEMPLATE_VALUES.keys() - sandbox.globals.keys()):
        known = ", ".join(sorted(TEMPLATE_VALUES))
        raise BadTemplate(f"{file}: {name} is unknown; known: {known}")
    for getattr_node in tree.find_all(nodes.Getattr):
        if not isinstance(getattr_node.node, nodes.Name) or getattr_node.node.name not in names:
            continue
        group, value = getattr_node.node.name, getattr_node.attr
        if value not in TEMPLATE_VALUES[group]:
            known = ", ".join(f"{group}.{possible}" for possible in sorted(TEMPLATE_VALUES[group]))
            raise BadTemplate(f"{file}: {group}.{value} is unknown; known: {known}")
    yield from names & TEMPLATE_VALUES.keys()


def values_taken(text: str) -> Iterator[str]:
    """Yield the values a template takes, be they written `person.first_name` or with brackets."""
    tree = _TEXT.parse(text)
    taken: list[tuple[nodes.Expr, object]]
    taken = [(node.node, node.attr) for node in tree.find_all(nodes.Getattr)]
    for node in tree.find_all(nodes.Getitem):  # `person["first_name"]`
        taken.append((node.node, node.arg.value if isinstance(node.arg, nodes.Const) else None))
    for name, key in taken:
        if isinstance(name, nodes.Name) and key in TEMPLATE_VALUES.get(name.name, ()):
            yield f"{name.name}.{key}"


def is_blank(values: Mapping[str, object], taken: str) -> bool:
    """Whether a value a template takes, such as `person.first_name`, is empty."""
    name, _, field = taken.partition(".")
    group = values.get(name)
    return not (group.get(field) if isinstance(group, Mapping) else group)


def _run(wording: CompiledTemplate, template: Template, values: Mapping[str, object]) -> str:
    try:
        text = template.render(values)
    except Exception as error:  # whatever a template does, the others' mail goes
        raise NotRendered(f"{wording.file}: {type(error).__name__}: {error}") from error
    if len(text) > MOST_OCTETS:
        raise NotRendered(f"{wording.file}: more than {MOST_OCTETS} characters")
    return text


@dataclass(frozen=True, slots=True)
class CheckedTrigger:
    """A trigger with its template, both checked."""

    trigger: Trigger
    template: MailTemplate
