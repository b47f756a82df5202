"""A long job on Mailchimp keeps its lease, and ends where another process has taken it over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gateway.store.engine.database import Database
from gateway.store.engine.leases import IsGone
from gateway.sync.mailchimp_session import LEASE, MailchimpSession, leased
from tests.store.holders import nobody_is_gone, seen_ended


class TakenOver(Exception):
    """Another process has the job."""


class Jobs:
    """Sessions of processes that share a store and a clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = datetime(2027, 3, 1, 9, tzinfo=UTC)

    def session(self, holder: str, is_gone: IsGone = nobody_is_gone) -> MailchimpSession:
        return MailchimpSession(
            database=self.database,
            client=cast(Any, None),  # nothing is asked of Mailchimp
            standings=cast(Any, None),
            holder=holder,
            is_gone=is_gone,
            clock=lambda: self.now,
            pause=lambda _: None,
        )

    def pass_by(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def jobs(store_url: str) -> Iterator[Jobs]:
    """A store of each kind."""
    database = Database(store_url)
    database.prepare()
    yield Jobs(database)
    database.close()


def test_a_job_that_takes_longer_than_the_lease_keeps_it_by_its_beats(jobs: Jobs) -> None:
    one, two = jobs.session("one"), jobs.session("two")

    with leased(one, "job", lost=TakenOver()) as own:
        assert own is not None
        for _ in range(3):
            jobs.pass_by(LEASE * 0.6)
            own.beat("people", 1, 2)
            with leased(two, "job", lost=TakenOver()) as other:
                assert other is None
    with leased(two, "job", lost=TakenOver()) as other:
        assert other is not None


def test_who_was_silent_for_the_whole_lease_hears_that_another_has_the_job(jobs: Jobs) -> None:
    one, two = jobs.session("one"), jobs.session("two")

    with leased(one, "job", lost=TakenOver()) as own:
        assert own is not None
        jobs.pass_by(LEASE)
        with leased(two, "job", lost=TakenOver()) as other:
            assert other is not None
            with pytest.raises(TakenOver):
                own.beat("people", 1, 2)


def test_the_job_of_a_process_that_has_ended_is_taken_at_once(jobs: Jobs) -> None:
    one, two = jobs.session("one"), jobs.session("two", seen_ended("one"))

    with leased(one, "job", lost=TakenOver()), leased(two, "job", lost=TakenOver()) as other:
        assert other is not None
