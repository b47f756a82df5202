"""What an address is suppressed by after its people are erased: its hash alone."""

from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import select

from gateway.core.kinds import Scope
from gateway.store.engine.database import Database
from gateway.store.people.erased_choices import KeptSuppression, keep_suppressed
from gateway.store.schema.suppressions import suppressions
from tests.store.feeding import NOW

SOON, LATE = NOW + timedelta(days=1), NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("before", "then", "kept"),
    [
        (None, None, [None]),
        (SOON, SOON, [SOON]),
        (LATE, SOON, [LATE]),
        (None, SOON, [None]),
        (SOON, LATE, [SOON, LATE]),
        (SOON, None, [SOON, None]),
    ],
)
def test_what_an_address_is_suppressed_by_already_is_not_kept_twice(
    database: Database,
    before: datetime | None,
    then: datetime | None,
    kept: list[datetime | None],
) -> None:
    new_id = count(1).__next__
    for until in (before, then, then):
        entry = KeptSuppression(name="sha256:1", scope=Scope.BULK, until=until, source="bounce")
        with database.writing() as connection:
            keep_suppressed(connection, [entry], key_mark="k", at=NOW, new_id=new_id)

    with database.reading() as connection:
        lasting = connection.scalars(select(suppressions.c.until).order_by(suppressions.c.id))
        assert kept == list(lasting)
