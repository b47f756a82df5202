"""However long a list is, its page asks the store the same number of questions."""

from pathlib import Path

from sqlalchemy import event

from benchmarks import crm_data
from benchmarks.crm_data import Sizes
from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from tests.api.console.browsing import signed_in
from tests.api.served import IDS, served

FEW = Sizes(
    people=20,
    applications=20,
    campaigns=2,
    members=200,
    triggers=3,
    runs=1,
    mails=2,
    files=2,
    entries=2,
    bounces=2,
)
MANY = Sizes(
    people=400,
    applications=400,
    campaigns=40,
    members=2_000,
    triggers=3,
    runs=4,
    mails=60,
    files=12,
    entries=60,
    bounces=40,
)
PAGES = (
    "today",
    "people",
    "people?q=jansen",
    "people/candidate:17",
    "inbox",
    "inbox?state=all",
    "inbox/{mail}",
    "bounces",
    "campaigns",
    "campaigns/{campaign}",
    "campaigns/{campaign}?which=out",
    "campaigns/{campaign}/plot",
    "triggers",
    "triggers/history",
    "triggers/{trigger}",
    "applications",
    "applications?q=nurse",
    "feed",
    "feed/files/done/{file}",
    "outbox",
    "acts",
)


async def questions(folder: Path, sizes: Sizes) -> dict[str, int]:
    """Fill a store; return how many questions each page asks it when it is opened again."""
    folder.mkdir()
    url, asked = f"sqlite:///{folder}/gateway.db", list[str]()
    counts = {}
    async with served(url, folder, crm_data.changes(folder)) as api:
        places = crm_data.fill(api.settings, api.database, folder, IDS.next, sizes)
        named = {
            "mail": ids.show(places.mail),
            "campaign": ids.show(places.campaign),
            "trigger": places.trigger,
            "file": places.file,
        }
        event.listen(
            api.database.engine,
            "before_cursor_execute",
            lambda _, __, statement, *___: asked.append(statement),
        )
        async with signed_in(api, *ConsoleRole) as browsing:
            for page in PAGES:
                for _ in range(2):
                    asked.clear()
                    await browsing.open(f"/console/{page.format(**named)}")
                counts[page] = len(asked)
    return counts


async def test_no_page_asks_the_store_more_the_more_there_is_to_list(tmp_path: Path) -> None:
    few = await questions(tmp_path / "few", FEW)
    many = await questions(tmp_path / "many", MANY)

    assert {} == {page: (few[page], count) for page, count in many.items() if count > few[page]}
