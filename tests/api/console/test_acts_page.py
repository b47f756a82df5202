"""Who did what in the console, as people say it."""

import re
from pathlib import Path

import gateway.api.console as room
from gateway.api.console.pages import acts
from gateway.api.console.roles import ConsoleRole
from tests.api.console.browsing import signed_in
from tests.api.served import Served

FOLDER = Path(room.__file__).parent
ACT = (
    r'"(login|import|(?:address|application|campaign|logout|mail|mailchimp|message|outbox|person'
    r'|template|triggers?)\.[a-z]+)"'
)
#: Of what the acts are that a page names by `act=` alone.
SORTS = {"campaigns.py": "campaign", "inbox.py": "inbox"}


def acts_of_code() -> set[str]:
    """Return the name of every act that is journaled."""
    found = set()
    for file in sorted(FOLDER.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if file.name == "acts.py":
            continue
        found |= {act for act in re.findall(ACT, text) if not act.endswith(".html")}
        if file.name in SORTS:
            found |= {f"{SORTS[file.name]}.{act}" for act in re.findall(r'\bact="([a-z]+)"', text)}
    return found


def test_every_act_has_a_name() -> None:
    named = set(
        re.findall(r'"([a-z.]+)": text_for', Path(acts.__file__).read_text(encoding="utf-8"))
    )

    assert {"login", "person.suppress", "campaign.send", "trigger.enable"} < acts_of_code()
    assert named == acts_of_code()


async def test_an_act_is_told_in_the_readers_language(one_api: Served) -> None:
    async with signed_in(one_api, ConsoleRole.LOOK, language="fr") as browsing:
        page = await browsing.open("/console/acts")

    assert "s'est connecté login" in page.text
