"""The API held against its own description, by a fuzzer that knows nothing else of it."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database
from gateway.store.sending import outbox
from tests.api.served import IDS, Served, served
from tests.api.test_reading import filed, keep, message

EXAMPLES = int(
    os.environ.get("FUZZ_EXAMPLES", "5")
)  #: Requests for each of some fifty routes: seconds, not minutes.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def test_every_answer_is_one_the_description_names(tmp_path: Path) -> None:
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as api:
        await furnish(api)
        await asyncio.to_thread(fuzz, api)

    answered = [status for _, _, status in api.counted]
    assert len(answered) > 100
    assert {200, 404, 422} <= set(answered)


async def furnish(api: Served) -> None:
    """Have something of everything, so that there is something to answer."""
    await api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    await api.ask("POST", "/suppressions", json={"address": "ann@example.org", "scope": "all"})
    keep(api, message("ann@example.org"))
    await filed(api)
    queued(api.database)


def queued(database: Database) -> None:
    now = datetime.now(UTC)
    draft = OutboxDraft(id=IDS.next(), type="dsn", key="k", recipient="a@x.org", body=b"", due=now)
    with database.writing() as connection:
        outbox.put(connection, draft)


def fuzz(api: Served) -> None:
    base = f"http://127.0.0.1:{api.port}"
    headers = {"Authorization": f"Bearer {api.token()}"}
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        def check(case: schemathesis.Case) -> None:  # type: ignore[type-arg]
            case.call_and_validate(base_url=base, headers=headers, checks=CHECKS, timeout=60)

        check()
