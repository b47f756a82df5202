"""A sandbox for each test of the sync."""

from collections.abc import Iterator

import pytest

from gateway.sync.sandbox import Sandbox
from tests.sync.api import START, Api
from tests.sync.contract import contract


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An account whose every call is checked against the contract, where that is at hand."""
    with Sandbox(start=START, check=contract()) as sandbox:
        yield sandbox
        assert not sandbox.violations


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    """A plain client of the sandbox."""
    api = Api(sandbox)
    yield api
    api.session.close()


@pytest.fixture
def lax() -> Iterator[Api]:
    """A client of an account for calls that break the contract on purpose."""
    with Sandbox(start=START) as sandbox:
        api = Api(sandbox)
        yield api
        api.session.close()


@pytest.fixture
def audience(sandbox: Sandbox) -> str:
    """An audience in an account that has a template and a sender domain."""
    return sandbox.furnish()
