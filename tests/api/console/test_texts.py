"""Every text of the console is there in every language, and is used."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import nodes

import gateway.api.console as room
from gateway.api.console.languages import LANGUAGES, say
from gateway.api.console.rendering import NAVIGATION, environment

FOLDER = Path(room.__file__).parent
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
#: By which name code asks for a text, and as which argument it stands there.
ASKING = {"text_for": 1, "say": 1, "_": 0, "text": 0}


def texts_of_templates() -> Iterator[str]:
    for file in sorted((FOLDER / "templates").glob("*.html")):
        tree = environment().parse(file.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "_" and call.args:
                yield from constants(call.args[0])


def constants(node: nodes.Node) -> Iterator[str]:
    """Yield the texts an expression may come to: one, or either of a choice."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        for branch in (node.expr1, node.expr2):
            if branch is not None:
                yield from constants(branch)


def texts_of_code() -> Iterator[str]:
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            at = ASKING.get(name)
            if at is not None and len(node.args) > at:
                argument = node.args[at]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def files(language: str) -> dict[str, dict[str, str]]:
    return {
        file.name: tomllib.loads(file.read_text(encoding="utf-8"))
        for file in sorted((FOLDER / "texts" / language).glob("*.toml"))
    }


def used() -> set[str]:
    pages = (name for _, name in NAVIGATION)
    return {*texts_of_templates(), *texts_of_code(), *pages}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    known = {text for texts in files(language).values() for text in texts}

    assert set() == used() - known


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_keeps_what_is_inserted(language: str) -> None:
    wrong = [
        (text, translation)
        for texts in files(language).values()
        for text, translation in texts.items()
        if set(re.findall(r"{(\w+)", text)) != set(re.findall(r"{(\w+)", translation))
    ]

    assert [] == wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_text_is_translated_once(language: str) -> None:
    """What stands among the sentences is said by pages, too."""
    places = Counter(text for texts in files(language).values() for text in texts)

    assert [] == [text for text, count in places.items() if count > 1]


def test_each_language_has_the_same_texts() -> None:
    first, *others = [
        {name: set(texts) for name, texts in files(language).items()} for language in TRANSLATED
    ]

    assert [first] * len(others) == others


@pytest.mark.parametrize(
    ("language", "count", "told"),
    [
        ("en", 0, "0 mails"),
        ("en", 1, "1 mail"),
        ("nl", 2, "2 mails"),
        ("de", 1, "1 Mail"),
        ("fr", 0, "0 e-mail"),
        ("fr", 1, "1 e-mail"),
        ("fr", 11, "11 e-mails"),
    ],
)
def test_one_of_a_thing_is_not_several(language: str, count: int, told: str) -> None:
    assert told == say(language, "{count} mail|{count} mails", count=count)


def test_a_text_with_a_number_before_a_word_has_a_form_for_one() -> None:
    """Such as `{count} mails`; whatever else follows a number is the same for one."""
    texts = {text for known in files("nl").values() for text in known} | used()
    counted = re.compile(r"{(?:count|number|more|seconds|days)} (?:more )?(?:[a-z]{2,}s|people)\b")
    always_several = re.compile(r"{count} recipients|{count} people have the address|{hours} hours")

    wrong = [text for text in texts if counted.search(text) and "|" not in text]
    assert [] == [text for text in wrong if not always_several.search(text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_of_the_plot_have_room_beside_it(language: str) -> None:
    """Beside a number of six digits: 178 units, some 7.5 for each character."""
    labels = ("Opened", "not by machines", "with machines", "Clicked", "Unsubscribed", "Came back")

    assert [] == [told for label in labels if len(told := say(language, label)) > 17]


def test_what_is_inserted_is_no_text_of_ours() -> None:
    assert "Tijden zijn in {x}." == say("nl", "Times are in {zone}.", zone="{x}")
