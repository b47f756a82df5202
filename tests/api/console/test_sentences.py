"""Sentences that the gateway writes in English are told in the reader's language."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from time import process_time

import pytest

import gateway
from gateway.api.console import sentences
from gateway.api.console.languages import LANGUAGES, say
from gateway.api.console.sentences import retell
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from tests.api.console.test_texts import TRANSLATED, files, used

HERE = Path(gateway.__file__).parent
#: Files of which whatever may reach somebody is told, with what of them doesn't.
TOLD = (
    *(
        (HERE / "crm" / f"{name}.py")
        for name in (
            "columns",
            "cells/date_columns",
            "cells/dates",
            "delimited",
            "files",
            "folder/feed_folder",
            "cells/flags",
            "importer",
            "tables",
            "text_encoding",
            "cells/values",
            "workbook",
        )
    ),
    HERE / "core/feed/references.py",
    HERE / "core/feed/address_cell.py",
    *((HERE / "core/mail/typed" / f"{name}.py") for name in ("address_fault", "typed_address")),
    HERE / "store/feed/idle_tags.py",
    HERE / "store/feed/still_referred.py",
    HERE / "app/campaigns/campaign_actions.py",
    HERE / "app/campaigns/campaign_people.py",
    HERE / "app/campaigns/campaign_report.py",
    HERE / "app/campaigns/mailchimp.py",
    HERE / "app/triggers/editing.py",
    HERE / "app/triggers/holding.py",
    HERE / "app/triggers/transitions.py",
    HERE / "app/triggers/trigger_previews.py",
    HERE / "core/triggers/vocabulary.py",
    HERE / "inbound/reading/trust.py",
    HERE / "core/campaigns/campaigns.py",
    HERE / "core/campaigns/membership.py",
    *(
        (HERE / "sync" / f"{name}.py")
        for name in (
            "campaign_calls",
            "campaign_processing",
            "campaign_states",
            "campaigns",
            "mailchimp_session",
            "preparation",
            "readiness",
            "refresh",
            "campaign_at_mailchimp",
        )
    ),
    HERE / "sync/mailchimp/transport.py",
    HERE / "store/campaigns/campaigns.py",
    HERE / "store/replies/inbox.py",
    HERE / "store/sending/outbox.py",
    HERE / "store/triggers/transitions.py",
    HERE / "api/console/oidc.py",
)
#: Where sentences are written that the console tells.
WRITERS = (
    *TOLD,
    *sorted((HERE / "app/checks").glob("*.py")),
    HERE / "app/people/erasure.py",
    HERE / "app/triggers/editing.py",
    HERE / "app/triggers/transitions.py",
    *sorted((HERE / "app/campaigns").glob("*.py")),
    HERE / "app/triggers/triggers.py",
    HERE / "api/guard.py",
    HERE / "api/problems.py",
    HERE / "api/json_response.py",
    HERE / "config/problems.py",
    HERE / "config/rules.py",
    HERE / "config/triggers.py",
    HERE / "config/values.py",
    *((HERE / "core/bounces" / f"{name}.py") for name in ("bounce", "bounce_share", "reason")),
    *((HERE / "core/decision" / f"{name}.py") for name in ("rule", "shipped_rules")),
    HERE / "core/feed/feed_mapping.py",
    HERE / "core/kinds.py",
    HERE / "core/mail/automatic.py",
    HERE / "core/moments.py",
    HERE / "core/people/people.py",
    HERE / "delivery/connection.py",
    HERE / "inbound/imap/login.py",
    *(
        (HERE / "store/feed" / f"{name}.py")
        for name in ("feed", "feed_faults", "references/references")
    ),
    HERE / "store/feed/staging_tables.py",
    *((HERE / "sync" / f"{name}.py") for name in ("activation", "member_calls", "reading")),
    HERE / "sync/mailchimp/official_client.py",
    *(
        (HERE / "api/routes" / f"{name}.py")
        for name in ("applications", "history", "messages", "people", "suppressions")
    ),
    HERE / "api/console/pages/triggers.py",
    HERE / "app/common.py",
    HERE / "triggers/transitions.py",
    HERE / "store/campaigns/audiences.py",
    HERE / "store/people/people.py",
    HERE / "store/people/erasing.py",
    HERE / "store/triggers/ledger.py",
    HERE / "store/triggers/status_mail.py",
    HERE / "inbound/importer.py",
    HERE / "app/replies/inbox_answers.py",
    HERE / "inbound/fetching.py",
    HERE / "inbound/filing_decision.py",
    HERE / "triggers/epoch.py",
    HERE / "triggers/runner.py",
    HERE / "store/views/status.py",
    HERE / "store/views/timeline.py",
    HERE / "sync/readiness.py",
    HERE / "triggers/template_faults.py",
    HERE / "triggers/template_sandbox.py",
    HERE / "triggers/templates.py",
    *Path(tomllib.__file__).parent.glob("_parser.py"),
)
#: Sentences that are put together from texts of several places.
COMPOSED = (
    "{known}; {name} may be {ours}",
    *(f"{{sort}} of {kind}" for kind in ("candidates", "contacts", "applications")),
    "an id that a spreadsheet has changed",
    "{value} is not a known tag: the one before, which keeps mail away, stays",
    *(f"{where} “{{char}}”" for where in ("ends in", "begins with")),
    "the campaign can't be sent: {faults}",
    "campaigns can't be made yet: {faults}",
    "{fault}. What can't be sent is best made again: {button}",
    "{domain}: put the SPF and CNAME records into the DNS that Mailchimp shows under Account, "
    "Domains, Start authentication",
    "applications have no status {name}; known: {names}",
    "several statuses are called {name}; known: {names}",
)
#: Parts of sentences in `TOLD` that are told as a whole only, and what nobody reads.
FRAGMENTS = (
    *(
        "it has x",
        r"did you mean x\?",
        "; x may be x",
        "; x for suppression only",
        "unexpected end.*",
    ),
    *("person gets|people get|person has|people have", " with x between the fields", "tag: x"),
    *("x of x", "x of xs", "x and x more", " and x more", "at a time", "(begins|ends) (with|in)"),
    *("; all of them are members.*", "x; nearest: x", ".*; x", "x: x x for x still to come: x"),
    *("x: x is an id x \\(x\\): x", "cell is|cells are", "x in columns without.*", "has x where.*"),
    # Answers of the API, and what the command line alone tells.
    *("x: confirmed = true.*", "x; if it is right, repeat with .*"),
    *("Adding people|Looking at the members|Reading the segment", "x: x; the nearest is x"),
    *("campaigns can't be made yet: ", r" \(x not yet\)", "no sender domain is .*x.*", " of x"),
    *(
        "there is no usable templatex.*",
        "Too Many Requests",
        r"(Callable|Iterator)\[.*",
        "x x; known: x",
    ),
    *("applications have no status|several statuses are called", "Mailchimp: x"),
    *('x = "x" x: there is no such x', "x, none was ever imported", "x; (known: x|write )x"),
    *("not a name", "somebody else's", "Authentication-Results: x"),  # In the log.
    "a comment ends too early",  # Told as results that can't be read.
    "Your account there has none of the roles.*",
)
#: Whose findings are lights of the page Today, all of them.
LIGHTS = ("check_relays", "mailbox_calls", "check_mailbox", "check_mailchimp", "check_bounces")
NO_LIGHTS = ("templates",)
_PLACE = re.compile(r"{\w+}")
#: A command as texts name it; that of adding the first user must be named.
COMMAND = re.compile(
    r"\bgateway (?!console user\b)(acts|applications|bounces|campaigns|check|console|db|dkim|docs|"
    r"explain|import|inbox|init|keys|mailchimp|messages|outbox|pause|person|resume|suppress|tail|"
    r"today|tokens|triggers|users)\b"
)
#: Commands that the pages of campaigns name as their buttons.
_BUTTON = re.compile(r"gateway\\ (?:campaigns|mailchimp)\\ [a-z]+(?:\\ \\-\\-template)?")
_FEWEST = 6  #: Letters of a form that says enough to be told from others.


def written_forms(node: ast.expr) -> list[str]:
    """Return patterns for what a text in code may come to; none: it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [re.escape(node.value)]
    if isinstance(node, ast.JoinedStr):
        return list(map("".join, product(*map(pieces, node.values))))
    return counts(node)


def pieces(part: ast.expr) -> list[str]:
    """Return what a piece of an f-string may come to."""
    if isinstance(part, ast.Constant):
        return [re.escape(str(part.value))]
    assert isinstance(part, ast.FormattedValue)
    return [*counts(part.value), ".*"]  # Counts are told by themselves, too.


def counts(node: ast.expr) -> list[str]:
    """Return both forms that `counted` of `core.written` may come to; none: it isn't asked."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return []
    if node.func.id != "counted":
        return []
    constants = (word.value for word in node.args[1:] if isinstance(word, ast.Constant))
    words = [word for word in constants if isinstance(word, str)]
    several = words[1] if len(words) > 1 else f"{words[0]}s"
    return [rf"\d+\ {re.escape(word)}" for word in (words[0], several)]


def forms_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for written in written_forms(node) if isinstance(node, ast.expr) else ():
            form = written.replace(r"\d+", ".*").replace(r"\{\}", ".*")
            yield form
            yield form.removeprefix(r".*:\ ")  # Of a file, which is named before.
            yield rf"{form}:\ .*"  # The value that is wrong is told behind.
            yield form.replace("_", r"\ ")  # of names: `delivery_report`
            yield _BUTTON.sub(".*", form)
            yield from form.split(r":\ ")  # What is wrong and its cure may be told apart.


def samples(node: ast.expr) -> list[str]:
    """Return what a text in code may come to, with x and numbers inserted."""
    return [
        re.sub(r"\\(.)", r"\1", form.replace(r"\d+", "7").replace(".*", "x"))
        for form in written_forms(node)
        if re.search("[a-z]{2}", form)
    ]


def known_forms(language: str = "nl") -> list[str]:
    """Return the forms of sentences that are translated, of one thing and of several each."""
    texts = (text for name in sentences.FILES for text in files(language).get(name, ()))
    return [form for text in texts for form in text.split("|")]


def test_every_sentence_that_is_translated_is_one_the_gateway_writes() -> None:
    forms = {form for file in WRITERS for form in forms_in(file)}
    # Compiled once: there are more of them than `re` keeps.
    telling = [re.compile(form) for form in forms if len(re.sub(r"\.\*|\W", "", form)) >= _FEWEST]
    unknown = [
        text
        for text in known_forms()
        if text not in COMPOSED
        and re.escape(_PLACE.sub("\0", text)).replace("\0", ".*") not in forms
        and not any(form.fullmatch(text) for form in telling)
    ]

    assert [] == unknown


def test_every_light_is_told_in_the_readers_language() -> None:
    missing = []
    for name in LIGHTS:
        for node in ast.walk(ast.parse((HERE / f"app/checks/{name}.py").read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id not in ("good", "warning", "error"):
                continue
            subject, text = node.args
            if isinstance(subject, ast.Constant) and subject.value in NO_LIGHTS:
                continue
            missing += [
                (name, sample) for sample in samples(text) if retell("nl", sample) == sample
            ]

    assert [] == missing


@pytest.mark.parametrize("file", TOLD, ids=lambda file: file.stem)
def test_whatever_may_reach_a_page_is_told_in_the_readers_language(file: Path) -> None:
    """Where this fails, a sentence has no line in `texts/LANGUAGE/sentences*.toml`.

    What is a part of a sentence only, or nothing that people read, is one of `FRAGMENTS`.
    """
    missing = {
        sample
        for node in said_in(file)
        for sample in samples(node)
        if " " in sample.strip()
        and retell("nl", sample) == sample
        and not any(re.fullmatch(fragment, sample) for fragment in FRAGMENTS)
        and sample not in texts_of_pages()
    }

    assert set() == missing


@cache
def texts_of_pages() -> set[str]:
    """Return what `text_for` is asked for; of a module of the console that is no sentence."""
    return used()


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_each_shipped_rule_goes_by_is_told(language: str) -> None:
    tests = [rule.test.in_words for rule in SHIPPED_RULES]

    assert [] == [words for words in tests if retell(language, words) == words]


def said_in(file: Path) -> Iterator[ast.expr]:
    """Yield the texts in functions of a module, without docstrings and without parts of texts."""
    for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        nodes = list(ast.walk(function))
        inner = {
            id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values
        }
        inner |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        inner |= {id(part) for node in nodes if counts_of(node) for part in ast.walk(node)}
        for node in nodes:
            if id(node) not in inner and isinstance(node, ast.Constant | ast.JoinedStr):
                yield node


def counts_of(node: ast.AST) -> list[str]:
    return counts(node) if isinstance(node, ast.expr) else []


@pytest.mark.parametrize(
    ("language", "sentence", "told"),
    [
        ("nl", "answers, and its schema is whole", "antwoordt, en zijn schema is volledig"),
        (
            "de",
            "127.0.0.1:25: no connection within 20 s: is it running, and are host, port and tls "
            "right?",
            "127.0.0.1:25: keine Verbindung innerhalb von 20 s: Läuft er, und stimmen host, port "
            "und tls?",
        ),
        ("nl", "/srv/data can be written to", "/srv/data is beschrijfbaar"),
        (
            "fr",
            "crm was last fed 3 days ago: is its export running?",
            "crm a été alimenté pour la dernière fois il y a 3 jours : son export tourne-t-il ?",
        ),
        (
            "nl",
            "imap.example:993: the login is refused: NO [AUTH] bad: set username and password; "
            "some servers want an app password or xoauth2",
            "imap.example:993: de aanmelding wordt geweigerd: NO [AUTH] bad: stel username en "
            "password in; sommige servers willen een app-wachtwoord of xoauth2",
        ),
        (
            "nl",
            "7 entries are failed: gateway outbox list --state failed, then retry or cancel",
            "7 regels zijn mislukt: bekijk ze bij Uitgaand, verzend ze dan opnieuw of geef ze op",
        ),
        (
            "nl",
            "1 entry is failed: gateway outbox list --state failed, then retry or cancel",
            "1 regel is mislukt: bekijk die bij Uitgaand, verzend die dan opnieuw of geef die op",
        ),
        (
            "fr",
            "last 7 days: 0 bounces and 1 complaint of 15 mails",
            "7 derniers jours : 0 retour et 1 plainte pour 15 e-mails",
        ),
        (
            "nl",
            "was last fed 1 day ago: is its export running?",
            "is 1 dag geleden voor het laatst aangeleverd: loopt de export ervan?",
        ),
        ("de", "Geen bulk mails", "Geen bulk mails"),
        ("fr", "its `Precedence` matches `bulk`", "`Precedence` correspond à `bulk`"),
        ("fr", "whatever else it may say", "whatever else it may say"),
        ("fr", "whoever: whatever", "whoever: whatever"),
        ("nl", 'group "A: B (c)": no bulk mail', "groep “A: B (c)”: geen bulk-mail"),
        ("nl", "a@b.example: no campaigns (asked: 2)", "a@b.example: geen campagnes (asked: 2)"),
        ("en", "answers at https://x", "answers at https://x"),
        ("nl", "", ""),
        (
            "nl",
            'not a mail address, it has no @: write it as ann@example.org: "x"',
            'geen e-mailadres, het heeft geen @: schrijf het als ann@example.org: "x"',
        ),
        ("fr", "not a text: 5", "pas un texte : 5"),
        # What is inserted is nobody's form: braces in it stand as they are.
        ("nl", "answers at {url}", "antwoordt op {url}"),
    ],
)
def test_a_sentence_is_known_by_its_form(language: str, sentence: str, told: str) -> None:
    assert told == retell(language, sentence)


@pytest.mark.parametrize(
    ("language", "sentence", "told"),
    [
        ("nl", "{}@b.example: no bulk mail", "{}@b.example: geen bulk-mail"),
        ("de", "a@b.example: no mail at all ({})", "a@b.example: überhaupt keine Mails ({})"),
        ("fr", "a file of the gateway can't be used: {}", None),
        (
            "nl",
            "{}: no connection within 5 s: is it running, and are host, port and tls right?",
            None,
        ),
    ],
)
def test_a_sentence_is_told_however_long_what_stands_in_it_is(
    language: str, sentence: str, told: str | None
) -> None:
    for text in ("word " * 30, "word " * 300):
        written = sentence.format(text.strip())
        expected = retell(language, sentence.format("@@@")) if told is None else told

        assert written != retell(language, written)
        assert expected.replace("@@@", "{}").format(text.strip()) == retell(language, written)


def test_a_long_list_of_faults_is_told_line_by_line() -> None:
    line = "crm was last fed 3 days ago: is its export running?"

    assert "\n".join([retell("nl", line)] * 300) == retell("nl", "\n".join([line] * 300))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_of_the_console_names_a_command(language: str) -> None:
    texts = {text for known in files(language).values() for text in known.values()}
    if language == "en":
        texts |= used()

    assert [] == [text for text in texts if COMMAND.search(text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_that_names_a_command_is_told_with_a_page(language: str) -> None:
    """What commands, checks and errors say of commands, as the console would tell it."""
    named = sentences_with_commands()
    assert len(named) > 30

    whose = say(language, "whoever runs the gateway: {command}", command="").strip()
    bare = [text for text in named if COMMAND.search(retell(language, text).replace(whose, "@"))]
    assert [] == [text for text in bare if whose not in retell(language, text)]


@cache
def sentences_with_commands() -> frozenset[str]:
    return frozenset(
        sentence
        for file in sorted(HERE.rglob("*.py"))
        if "cli" not in file.relative_to(HERE).parts
        for sentence in texts_in(file)
        if COMMAND.search(sentence)
    )


def texts_in(file: Path) -> Iterator[str]:
    """Yield the texts of a module, without docstrings; what is inserted in them is x."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in alone:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
            )


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("so they wait: gateway import waiting", "so they wait: “Feed”"),
        ("held; gateway triggers resume", "held; “Triggers”"),
        ("nobody known as x: gateway person find NAME", "nobody known as x: “People”"),
        (
            "if that is right: gateway import people FILE --lift --replace",
            "if that is right: “Feed”",
        ),
        ("see `gateway triggers history` first", "see “Triggers, Runs and changes” first"),
        ("gateway resume lets it go", "“Today” lets it go"),
        (
            "the store is old: gateway db upgrade",
            "the store is old: whoever runs the gateway: gateway db upgrade",
        ),
        ("the gateway failed; its log says why", "the gateway failed; its log says why"),
        ("the gateway checks it", "the gateway checks it"),
    ],
)
def test_pages_stand_in_place_of_commands(sentence: str, told: str) -> None:
    assert told == retell("en", sentence)


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("count", [30, 190, 1500, 100_000])
def test_what_strangers_write_is_soon_told(language: str, count: int) -> None:
    """A server's answer may be long and look like many sentences at once."""
    text = "x: " * count + "is it?"
    retell(language, "")  # What is read once.

    began = process_time()
    assert text == retell(language, text)

    assert process_time() - began < 2
