"""A sandbox for each test of the sync."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.engine.database import Database
from tests.rig.prepared import copy_prepared
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import START, Api
from tests.sync.contract import contract
from tests.sync.mailchimp_rig import MailchimpRig


@pytest.fixture
def sandbox() -> Iterator[ScriptedSandbox]:
    """An account whose every call is checked against the contract, where that is at hand."""
    with ScriptedSandbox(start=START, check=contract()) as sandbox:
        yield sandbox
        assert not sandbox.violations


@pytest.fixture
def api(sandbox: ScriptedSandbox) -> Iterator[Api]:
    """A plain client of the sandbox."""
    api = Api(sandbox)
    yield api
    api.session.close()


@pytest.fixture
def lax() -> Iterator[Api]:
    """A client of an account for calls that break the contract on purpose."""
    with ScriptedSandbox(start=START) as sandbox:
        api = Api(sandbox)
        yield api
        api.session.close()


@pytest.fixture
def audience(sandbox: ScriptedSandbox) -> str:
    """An audience in an account that has a template and a sender domain."""
    return sandbox.furnish()


@pytest.fixture
def rig(sandbox: ScriptedSandbox, tmp_path: Path) -> Iterator[MailchimpRig]:
    """A CRM before an account with an audience, a template and a sender domain."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    copy_prepared(url)
    database = Database(url)
    database.prepare()
    rig = MailchimpRig(database, sandbox)
    yield rig
    rig.close()
    database.close()


@pytest.fixture
def active(rig: MailchimpRig) -> MailchimpRig:
    """The same, activated, with a member of staff who owns the people."""
    rig.activate()
    rig.staff()
    return rig
