"""A store that is gone with all its files: no process and no command begins another one."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from tests.rig.postgres import Postgres
from tests.rig.process import has_banner, wait_until
from tests.smtp_proxy.crm import BULK, DECEASED, NO_BULK, Crm
from tests.system.conftest import StartCrm
from tests.system.impatience import IMPATIENT
from tests.test_supervisor import health

pytestmark = pytest.mark.system


class Loss(Protocol):
    """Takes away a store and all that shows that there was one, and brings it back."""

    url: str

    def begin(self) -> None: ...

    def is_made_anew(self) -> bool: ...

    def end(self) -> None: ...


class FilesMoved:
    """Every file of the store is moved to another folder, its lock too."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._elsewhere = folder / "store", folder / "elsewhere"
        self._folder.mkdir(parents=True)
        self.url = f"sqlite:///{self._folder}/gateway.db"

    def begin(self) -> None:
        self._elsewhere.mkdir()
        for file in self._folder.iterdir():
            file.rename(self._elsewhere / file.name)

    def is_made_anew(self) -> bool:
        return Path(self._folder, "gateway.db").exists()

    def end(self) -> None:
        shutil.rmtree(self._folder)
        self._elsewhere.rename(self._folder)


class FolderRenamed:
    """The folder of the store has another name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "store"
        self._folder.mkdir(parents=True)
        self.url = f"sqlite:///{self._folder}/gateway.db"

    def begin(self) -> None:
        self._folder.rename(self._folder.with_suffix(".away"))

    def is_made_anew(self) -> bool:
        return self._folder.exists()

    def end(self) -> None:
        self._folder.with_suffix(".away").rename(self._folder)


class SchemaEmptied:
    """The database on the server has no tables any more."""

    def __init__(self, postgres: Postgres) -> None:
        self.url = postgres.fresh_database()

    def begin(self) -> None:
        self._do("ALTER SCHEMA public RENAME TO away", "CREATE SCHEMA public")

    def is_made_anew(self) -> bool:
        with psycopg.connect(self.url) as connection:
            counted = connection.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchone()
        return counted != (0,)

    def end(self) -> None:
        self._do("DROP SCHEMA public CASCADE", "ALTER SCHEMA away RENAME TO public")

    def _do(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture(params=["files", "folder", "schema"])
def loss(request: pytest.FixtureRequest, tmp_path: Path) -> Loss:
    match request.param:
        case "files":
            return FilesMoved(tmp_path / "of")
        case "folder":
            return FolderRenamed(tmp_path / "of")
        case _:
            return SchemaEmptied(request.getfixturevalue("postgres"))


async def test_a_store_that_is_gone_is_away_and_never_made_anew(
    loss: Loss, start_crm: StartCrm
) -> None:
    crm = await start_crm(store_url=loss.url, roles=("smtp", "sender", "api"), wrapper=IMPATIENT)
    deceased, barred = crm.person(status=DECEASED), crm.person(NO_BULK)
    before = [(await crm.send([one], BULK)).end.code for one in (deceased, barred)]
    loss.begin()
    await wait_until(lambda: is_away(crm), "a red /health and no mail")
    codes = [(await crm.send([one], BULK)).end.code for one in (deceased, barred)]
    kill_roles(crm)
    await wait_until(lambda: has_banner(crm.port("crm")), "another worker", 30)
    codes += [(await crm.send([one], BULK)).end.code for one in (deceased, barred)]
    said = await crm.gateway.cli("suppress", "list")
    left_alone = not loss.is_made_anew()
    relayed = [one.recipients for one in crm.relayed if b"nobody@example.org" not in one.recipients]
    loss.end()
    await wait_until(lambda: is_green(crm), "a green /health", 30)
    after = (await crm.send([barred], BULK)).end.code

    assert ([550, 550], [451] * 4, 550) == (before, codes, after)
    assert ([], True) == (relayed, left_alone)
    assert 1 == said.returncode
    assert "put it back" in said.stderr or "No such file" in said.stderr, said.stderr


async def test_a_store_made_beside_a_running_gateway_is_not_taken_for_its_own(
    start_crm: StartCrm, tmp_path: Path
) -> None:
    loss = FilesMoved(tmp_path / "of")
    crm = await start_crm(store_url=loss.url, roles=("smtp", "api"), wrapper=IMPATIENT)
    barred = crm.person(NO_BULK)
    loss.begin()
    await wait_until(lambda: is_red(crm), "a red /health")
    await crm.gateway.do("db", "upgrade", "--new")
    kill_roles(crm)
    await wait_until(lambda: has_banner(crm.port("crm")), "another worker", 30)
    code = (await crm.send([barred], BULK)).end.code
    await wait_until(lambda: is_red(crm), "the API that was started anew, red again", 30)

    assert (451, []) == (code, crm.relayed)


def kill_roles(crm: Crm) -> None:
    """Kill every process but the supervisor, which starts them anew."""
    for pid in crm.gateway.processes()[1:]:
        os.kill(pid, signal.SIGKILL)


async def is_red(crm: Crm) -> bool:
    code, told = await asyncio.to_thread(health, crm.gateway.api_port)
    return (503, "unavailable") == (code, told.get("store"))


async def is_away(crm: Crm) -> bool:
    return await is_red(crm) and (await crm.send([b"nobody@example.org"], BULK)).end.code == 451


async def is_green(crm: Crm) -> bool:
    code, told = await asyncio.to_thread(health, crm.gateway.api_port)
    is_known = (await crm.send([b"nobody@example.org"], BULK)).end.code == 250
    return is_known and (200, "ok") == (code, told.get("store"))
