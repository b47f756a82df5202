"""What stands around a reader of each page: a config, files of the CRM, servers."""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.sandbox import ScriptedSandbox
from tests.rig.sink import RawSink

PEOPLE = """\
kind,crm_id,first_name,emails,birthday,consent_email
candidate,17,Ann,ann@example.org,1980-03-01,yes
candidate,18,Ben,ben@example.org,1981-05-02,yes
contact,17,Cleo,cleo@example.org,,
"""
MAIL = """\
From: Office <office@example.org>
To: ann@example.org
Subject: Vacancies
Precedence: bulk
Message-ID: <1@crm.example.org>

Dear Ann, these vacancies may interest you.
"""


@dataclass(slots=True, kw_only=True)
class Trial:
    """A reader's surroundings."""

    folder: Path  #: Where the reader's shell is.
    relay: RawSink
    stack: AsyncExitStack  #: Ends what the page started.
    environment: dict[str, str] = field(default_factory=dict)
    #: What stands here for names of a page, such as its example's mail server.
    names: dict[str, str] = field(default_factory=dict)
    #: What a block's output tells for the next ones: a name in the page, and where it stands.
    learned: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[int], Awaitable[None]] | None = None  #: Called with the number of each block.
    port: int = 0  #: Of the listener, where the page runs a gateway.

    def learn(self, output: str) -> None:
        """Take up what a block has told."""
        for name, pattern in self.learned.items():
            if told := re.search(pattern, output, re.MULTILINE):
                self.names[name] = told[1]

    def configure(self, changes: Mapping[str, Any] | None = None) -> GatewayProcess:
        """Write a config in front of the relay, which commands take without being told."""
        store_url = f"sqlite:///{self.folder}/gateway.db"
        config = gateway_config(store_url=store_url, relay_port=self.relay.port, changes=changes)
        gateway = GatewayProcess(self.folder, config, roles=("api",))
        self.environment["GATEWAY_CONFIG"] = str(gateway.file)
        self.stack.push_async_callback(gateway.close)
        return gateway

    def write(self, **files: str) -> None:
        """Put files into the reader's folder: `people_csv` is people.csv."""
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)


async def readme(trial: Trial) -> None:
    """The files of its comments, and its mail server."""
    trial.port = free_port()
    trial.environment["GATEWAY_API__BIND"] = f"{LOOPBACK}:{free_port()}"  # 8025 may be another's
    trial.names = {
        "mail.example.org": f"{LOOPBACK}:{trial.relay.port}",
        "0.0.0.0:2525": f"{LOOPBACK}:{trial.port}",
        "192.0.2.10/32": "127.0.0.0/8",
    }
    trial.write(
        groups_csv="crm_id,name,tag\n12,No bulk mail,NoMailingsTag\n",
        statuses_csv="crm_id,name,tag\n3,Deceased,NoMailTag\n",
        people_csv="crm_id,emails,status\n17,ann@example.org,\n",
        memberships_csv="group,person\n12,17\n",
        mail_eml=MAIL,
    )


async def api(trial: Trial) -> None:
    """A gateway whose feed has the applications, the status and the member of staff."""
    gateway = trial.configure(
        {
            "triggers": {"folder": "triggers"},
            "notices": {"from": "office@example.org"},
        }
    )
    for kind, text in {
        "staff": "crm_id,name,email,roles\ns1,Eva,eva@example.org,manager\n",
        "statuses": "kind,crm_id,name\napplication,accepted,Accepted\n",
        "people": PEOPLE,
        "applications": "reference,person,responsible\n4711,17,s1\n4712,18,s1\n",
    }.items():
        await gateway.feed(kind, text)
    await gateway.start()
    await wait_until(lambda: "api" in gateway.log_text(), "the API")
    trial.names = {"127.0.0.1:8025": f"{LOOPBACK}:{gateway.api_port}"}
    trial.learned = {"ID": r"^(\w{13}) .* office "}


async def campaigns(trial: Trial) -> None:
    """An account, and the people whom the example adds."""
    sandbox = trial.stack.enter_context(ScriptedSandbox())
    sandbox.furnish()
    gateway = trial.configure(
        {"mailchimp": {"api_key": "0123456789abcdef-us1", "base_url": sandbox.url}}
    )
    await gateway.feed("groups", "kind,crm_id,name\ncandidate,7,Nieuwsbrief\n")
    await gateway.feed("people", PEOPLE)
    await gateway.feed("memberships", "kind,group,person\ncandidate,7,17\n")
    trial.write(selection_csv="kind,crm_id\ncandidate,18\n")
    trial.names = {"10001": str(next(iter(sandbox.account.templates)))}
    trial.learned = {"0sbb20y8mc400": r"^Created: (\w{13})$"}


async def console(trial: Trial) -> None:
    """A person."""
    await trial.configure().feed("people", PEOPLE)


async def feed(trial: Trial) -> None:
    """An export with columns of the CRM's own, which the config knows already."""
    own = {"crm_id": "KandidaatID", "emails": ["E-mail"], "last_name": "Achternaam"}
    trial.configure({"crm": {"map": {"people": own}}})
    trial.write(export_csv="KandidaatID;E-mail;Achternaam\n17;ann@example.org;Bos\n")


async def operation(trial: Trial) -> None:
    """A store."""
    await trial.configure().feed("people", PEOPLE)


async def triggers(trial: Trial) -> None:
    """The page's own trigger and template."""
    gateway = trial.configure({"notices": {"from": "office@example.org"}})
    await gateway.feed("people", PEOPLE)
    for name, text in {
        "triggers/birthday.toml": 'event = "birthday"\ntemplate = "birthday"\n',
        "templates/birthday/de.txt": "Subject: Alles Gute, {{ person.first_name }}!\n\nGuten Tag\n",
    }.items():
        file = trial.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


async def unsubscribe(trial: Trial) -> None:
    """The page's config; what arrived at the relay is the mail that its reader saves."""
    (trial.folder / "dkim").mkdir()
    trial.configure(
        {
            "api": {"public_url": "https://mail.example.org"},
            "bounces": {"address": "bounces@example.org"},
            "notices": {"from": "crm@example.org"},
            "smtp": {
                "listeners": [
                    {"name": "crm", "bind": f"{LOOPBACK}:{free_port()}", "unsubscribe": "add"}
                ]
            },
        }
    )

    async def save(number: int) -> None:
        if number == 1:
            (trial.folder / "MESSAGE.eml").write_bytes(trial.relay.messages[-1].content)

    trial.before = save


#: By page: what makes its surroundings.
SETUPS: Mapping[str, Callable[[Trial], Awaitable[None]]] = {
    "README.md": readme,
    "docs/api.md": api,
    "docs/campaigns.md": campaigns,
    "docs/console.md": console,
    "docs/feed.md": feed,
    "docs/operation.md": operation,
    "docs/triggers.md": triggers,
    "docs/unsubscribe.md": unsubscribe,
}
