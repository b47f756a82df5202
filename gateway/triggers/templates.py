"""Templates of triggered mail: text and optional HTML per language, in Jinja's sandbox."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from gateway.core.errors import FileUnusable, GatewayError
from gateway.core.languages import in_language
from gateway.core.triggers.events.registry import TEMPLATE_VALUES
from gateway.core.triggers.trigger import QUALIFICATION_DATA, Trigger
from gateway.core.triggers.values import DATE, QUALIFICATION, UNSUBSCRIBE_URL
from gateway.triggers.template_faults import (
    OTHER_FILES,
    did_you_mean,
    line_of,
    run_fault,
    syntax_fault,
    tag,
)
from gateway.triggers.template_sandbox import (
    TemplateSandbox,
    TooCostly,
    check_nesting,
    fresh_budget,
)

#: The placeholders of seed S4 and the unsubscribe link, and what replaces them.
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
MOST_OCTETS = 1_000_000  #: Of a rendered text, and of a template.
MOST_TOKENS = 10_000  #: Tokens of code, 7 in `{{ person.name }}`; more take seconds to parse.

_SUBJECT = "Subject:"
_PLACEHOLDER = re.compile(rf"\[({'|'.join(PLACEHOLDERS)})\]")
_BRACKETED = re.compile(r"\[([^\W\d_][\w-]+)\]")
#: An unclosed construct extends to the end: searching again from each opening takes hours.
_CODE = re.compile(r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)|\{#.*?(?:#\}|\Z)|<!.*?(?:>|\Z)", re.DOTALL)


class BadTemplate(FileUnusable):
    """A template can't be used; the text names the file, the error and the remedy."""


class NotRendered(GatewayError):
    """A template failed for one person; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSource:
    """The files of a template in one language."""

    file: str  #: The text's file, as errors name it.
    text: str  #: Including its subject.
    html: str | None = None
    lacks_text: bool = False  #: There is only the HTML, from which no mail is made.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A rendered mail for one person."""

    language: str
    subject: str
    text: str
    html: str = ""  #: Empty if there is none.
    blank: tuple[str, ...] = ()  #: Values it uses that are empty: `person.first_name`.


@dataclass(frozen=True, slots=True, kw_only=True)
class _CompiledPart:
    """A subject, a text or HTML."""

    file: str
    before: int  #: Lines of the file that precede it.
    template: Template
    used: frozenset[str]
    takes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTemplate:
    """A template in one language, compiled."""

    language: str
    file: str
    subject: _CompiledPart
    text: _CompiledPart
    html: _CompiledPart | None
    used: frozenset[str]  #: Names it uses values of.
    takes: tuple[str, ...]  #: The values it uses: `person.first_name`.
    bracketed: tuple[str, ...]  #: Words in brackets that aren't placeholders.


_TEXT = TemplateSandbox(autoescape=False)
_HTML = TemplateSandbox(autoescape=True)
#: Raised by parsing and compiling for what nobody writes by hand: too deep, too many digits.
_UNCOMPILABLE = (TemplateError, RecursionError, SyntaxError, ValueError, MemoryError)


class MailTemplate:
    """A template in all its languages; `default` is for people whose own it lacks."""

    def __init__(self, sources: Mapping[str, TemplateSource], *, default: str) -> None:
        self._wordings = {
            language: compile_template(language, source) for language, source in sources.items()
        }
        self._default = default

    def render(self, language: str, values: Mapping[str, object]) -> Rendered:
        """Render a mail in a language, or the default one, or the first; raises `NotRendered`."""
        wording = in_language(self._wordings, language, self._default)
        html = "" if wording.html is None else _run(wording.html, values)
        subject = " ".join(_run(wording.subject, values).split())
        return Rendered(
            language=wording.language,
            subject=subject,
            text=_run(wording.text, values).strip("\n") + "\n",
            html=html,
            blank=tuple(name for name in wording.takes if is_blank(values, name)),
        )

    def language_of(self, language: str) -> str:
        """Return the language used for a person of that language."""
        return in_language(self._wordings, language, self._default).language

    def faults(self, trigger: Trigger) -> Iterator[str]:
        """Return what prevents a trigger from using the template."""
        value_names = {DATE, UNSUBSCRIBE_URL, *(group.name for group in trigger.values)}
        for wording in self._wordings.values():
            for name in sorted(wording.used - value_names):
                if name == QUALIFICATION.name:
                    yield (
                        f"{wording.file}: the qualification's values need "
                        f'before_send = ["{QUALIFICATION_DATA}"] in the trigger {trigger.name}'
                    )
                else:
                    yield f"{wording.file}: {name} has no value in mail of {trigger.event}"

    @property
    def has_link(self) -> bool:
        """Whether it has an unsubscribe link, in any language."""
        return any(UNSUBSCRIBE_URL in wording.used for wording in self._wordings.values())

    def doubts(self) -> Iterator[str]:
        """Report words in brackets that remain as they are."""
        for wording in self._wordings.values():
            for word in wording.bracketed:
                placeholders = ", ".join(f"[{placeholder}]" for placeholder in PLACEHOLDERS)
                yield f"{wording.file}: [{word}] is not a placeholder and stays; {placeholders} are"


@lru_cache(maxsize=500)
def compile_template(language: str, source: TemplateSource) -> CompiledTemplate:
    """Compile a template in one language; BadTemplate says what is wrong.

    Results are cached: pages of the console ask for all templates whenever they are opened.
    """
    if source.lacks_text:
        raise BadTemplate(f"{source.file}: is missing, and HTML alone is not sent: write the text")
    head, _, body = source.text.removeprefix("\ufeff").partition("\n")
    if not head.startswith(_SUBJECT) or not head.removeprefix(_SUBJECT).strip():
        raise BadTemplate(f"{source.file}: the first line must be `{_SUBJECT} …`")
    subject = head.removeprefix(_SUBJECT).strip()
    html_file = source.file.removesuffix(".txt") + ".html"
    parts = [
        _compiled_part(_TEXT, _code(subject), source.file),
        _compiled_part(_TEXT, _code(body), source.file, before=1),
    ]
    if source.html is not None:
        parts.append(_compiled_part(_HTML, _code(source.html), html_file))
    # Words in brackets that are neither placeholders nor in code remain as they are.
    written = "\n".join((subject, body, source.html or ""))
    plain = _CODE.sub("", _PLACEHOLDER.sub("", written))
    return CompiledTemplate(
        language=language,
        file=source.file,
        subject=parts[0],
        text=parts[1],
        html=None if source.html is None else parts[2],
        used=frozenset(chain.from_iterable(part.used for part in parts)),
        takes=tuple(sorted(frozenset(chain.from_iterable(part.takes for part in parts)))),
        bracketed=tuple(dict.fromkeys(_BRACKETED.findall(plain))),
    )


def _code(text: str) -> str:
    """Return a text with its placeholders as Jinja code."""
    return _PLACEHOLDER.sub(lambda placeholder: f"{{{{ {PLACEHOLDERS[placeholder[1]]} }}}}", text)


def _compiled_part(
    sandbox: TemplateSandbox, text: str, file: str, *, before: int = 0
) -> _CompiledPart:
    """Compile a part of a template; BadTemplate says what is wrong.

    `before` is the number of lines of its file that precede it.
    """
    if len(text) > MOST_OCTETS:
        raise BadTemplate(f"{file}: more than {MOST_OCTETS} characters")
    try:
        if next(islice(sandbox.lex(text), MOST_TOKENS, None), None) is not None:
            raise BadTemplate(f"{file}: more than {MOST_TOKENS} words and signs of code")
        tree = sandbox.parse(text)
        check_nesting(tree)
        names = find_undeclared_variables(tree)
        for line, why in _not_there(sandbox, tree, names):
            raise BadTemplate(f"{file}:{line + before}: {why}")
        return _CompiledPart(
            file=file,
            before=before,
            template=sandbox.from_string(tree),
            used=frozenset(names & TEMPLATE_VALUES.keys()),
            takes=frozenset(values_taken(tree)),
        )
    except BadTemplate:
        raise
    except _UNCOMPILABLE as error:
        place = f":{error.lineno + before}" if isinstance(error, TemplateSyntaxError) else ""
        raise BadTemplate(f"{file}{place}: {_uncompilable(error, sandbox)}") from None


def _uncompilable(error: Exception, sandbox: TemplateSandbox) -> str:
    if isinstance(error, TemplateSyntaxError):
        return syntax_fault(error, sandbox.filters)
    if isinstance(error, TemplateError):  # Nested too deeply: it says so itself.
        return str(error)
    return "it is nested too deeply, or has too long a number: write it in shorter parts"


def _not_there(
    sandbox: TemplateSandbox, tree: nodes.Template, names: Set[str]
) -> Iterator[tuple[int, str]]:
    """Yield names in a template that can't exist, each with its line."""
    for other in tree.find_all(OTHER_FILES):
        sign = tag(type(other).__name__.lower().replace("fromimport", "from"))
        yield other.lineno, f"{sign} finds no other file: write here what it is to take in"
    for name in sorted(names - TEMPLATE_VALUES.keys() - sandbox.globals.keys()):
        lines = [node.lineno for node in tree.find_all(nodes.Name) if node.name == name]
        yield min(lines, default=1), _unknown_fault(name, sorted(TEMPLATE_VALUES))
    for attribute in tree.find_all(nodes.Getattr):
        if not isinstance(attribute.node, nodes.Name) or attribute.node.name not in names:
            continue
        group, value = attribute.node.name, attribute.attr
        possible = [f"{group}.{name}" for name in sorted(TEMPLATE_VALUES[group])]
        if not possible:
            sign = f"{{{{ {group} }}}}"
            yield attribute.lineno, f"{group} has no parts: write {sign} without {value}"
        elif f"{group}.{value}" not in possible:
            yield attribute.lineno, _unknown_fault(f"{group}.{value}", possible)


def _unknown_fault(name: str, known_names: Sequence[str]) -> str:
    return (
        f"{name} is unknown{did_you_mean(name, known_names) or ';'} known: {', '.join(known_names)}"
    )


def values_taken(tree: nodes.Template) -> Iterator[str]:
    """Yield the values a template uses, whether written `person.first_name` or with brackets."""
    accesses: list[tuple[nodes.Expr, object]]
    accesses = [(node.node, node.attr) for node in tree.find_all(nodes.Getattr)]
    for node in tree.find_all(nodes.Getitem):  # `person["first_name"]`
        accesses.append((node.node, node.arg.value if isinstance(node.arg, nodes.Const) else None))
    for name, key in accesses:
        if isinstance(name, nodes.Name) and key in TEMPLATE_VALUES.get(name.name, ()):
            yield f"{name.name}.{key}"


def is_blank(values: Mapping[str, object], value_name: str) -> bool:
    """Whether a value used by a template, such as `person.first_name`, is empty."""
    name, _, field = value_name.partition(".")
    group = values.get(name)
    return not (group.get(field) if isinstance(group, Mapping) else group)


def _run(part: _CompiledPart, values: Mapping[str, object]) -> str:
    pieces: list[str] = []
    size = 0
    try:
        with fresh_budget():
            for piece in part.template.generate(values):
                pieces.append(piece)
                size += len(piece)
                if size > MOST_OCTETS:
                    raise TooCostly(f"more than {MOST_OCTETS} characters: make it shorter")
        written = "".join(pieces)
        written.encode()
    except UnicodeEncodeError as error:  # For example from `{{ "\ud800" }}`.
        raise NotRendered(f"{part.file}: writes half of a character") from error
    except RecursionError as error:
        raise NotRendered(f"{part.file}: a macro of it calls itself without end") from error
    except Exception as error:  # whatever a template does, the others' mail is sent
        line = line_of(error)
        place = f"{part.file}:{line + part.before}" if line else part.file
        raise NotRendered(f"{place}: {run_fault(error)}") from error
    return written


@dataclass(frozen=True, slots=True)
class CheckedTrigger:
    """A trigger with its template, both checked."""

    trigger: Trigger
    template: MailTemplate
