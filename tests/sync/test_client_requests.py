"""What the client asks, as it comes over the wire."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.sync.mailchimp.client import MailchimpClient, member_id, timestamp
from gateway.sync.mailchimp.errors import (
    UnusableKey,
)
from tests.sync.asking import (
    ANN,
    FULL,
    KEY,
    NO_CONTENT,
    PING,
    asking,
    client_of,
    rows,
)
from tests.sync.scripted import JSON


def test_connections_are_kept_open() -> None:
    with asking(PING) as (client, script):
        for _ in range(5):
            client.ping()

    assert len({asked.connection for asked in script.asked}) == 1


def test_the_key_goes_out_as_basic_authentication() -> None:
    with asking(PING) as (client, script):
        client.ping()

    expected = "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVmLXVzMQ=="
    assert expected == script.asked[0].headers["authorization"]


def test_the_word_server_stays_in_ids_and_hosts() -> None:
    with asking(FULL) as (client, script):
        client.audience("server9")

    assert script.asked[0].path == "/3.0/lists/server9"
    with client_of("http://mock-server.test/3.0/") as elsewhere:
        assert elsewhere.base_url == "http://mock-server.test/3.0"


@pytest.mark.parametrize(
    "value", ["", "a/../b", "ann@crm.test", "a b", "a?b", "a\n", "é", "{list_id}"]
)
def test_only_an_id_can_stand_in_a_path(value: str) -> None:
    with asking(PING) as (client, script), pytest.raises(ValueError, match="not a Mailchimp id"):
        client.member("l1", value)

    assert not script.asked


def test_booleans_go_out_in_lower_case_and_times_without_fractions() -> None:
    at = datetime(2026, 11, 2, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    with asking(FULL) as (client, script):
        client.put_member("l1", ANN, {})
        list(client.email_activity("c1", since=at))
        client.schedule("c1", at)

    put, activity, schedule = script.asked
    assert put.query == {"skip_merge_validation": "true"}
    assert activity.query["since"] == "2026-11-02T09:00:00+00:00"
    assert json.loads(schedule.body) == {"schedule_time": "2026-11-02T09:00:00+00:00"}


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        timestamp(datetime(2026, 11, 2, 10))  # noqa: DTZ001


def test_actions_post_the_null_the_official_client_posts() -> None:
    with asking(NO_CONTENT) as (client, script):
        client.send("c1")

    assert script.asked[0].body == b"null"
    assert script.asked[0].headers["content-type"] == JSON


def test_a_segment_is_changed_at_its_own_address() -> None:
    with asking(FULL) as (client, script):
        client.change_segment("l1", 49, add=["ann@crm.test"], remove=["bob@crm.test"])

    assert script.asked[0].path == "/3.0/lists/l1/segments/49"
    assert json.loads(script.asked[0].body) == {
        "members_to_add": ["ann@crm.test"],
        "members_to_remove": ["bob@crm.test"],
    }


def test_new_members_never_overwrite_those_there() -> None:
    with asking(FULL) as (client, script):
        client.add_members("l1", [{"email_address": "ann@crm.test", "status": "subscribed"}])

    assert json.loads(script.asked[0].body)["update_existing"] is False


def test_more_than_500_in_one_call_are_refused_before_any_is_sent() -> None:
    with asking(PING) as (client, script), pytest.raises(ValueError, match="501 in one call"):
        client.add_members("l1", [{} for _ in range(501)])

    assert not script.asked


def test_pages_end_with_a_short_one_whatever_the_total_says() -> None:
    with asking(rows("members", 1000), rows("members", 1000), rows("members", 2)) as (
        client,
        script,
    ):
        pages = list(client.members("l1"))

    assert [len(page) for page in pages] == [1000, 1000, 2]
    assert [asked.query["offset"] for asked in script.asked] == ["0", "1000", "2000"]


def test_a_page_is_asked_for_when_it_is_taken() -> None:
    with asking(rows("emails", 500)) as (client, script):
        pages = client.email_activity("c1")
        next(pages)

        assert len(script.asked) == 1
        assert script.asked[0].query["offset"] == "0"
        assert script.asked[0].query["count"] == "500"


def test_an_empty_collection_has_no_page() -> None:
    with asking(rows("unsubscribes", 0)) as (client, _):
        assert not list(client.unsubscribed("c1"))


def test_what_json_cannot_hold_is_an_error_of_the_caller() -> None:
    with asking(PING) as (client, script), pytest.raises(TypeError):
        client.create_campaign({"at": datetime(2026, 1, 1, tzinfo=UTC)})

    assert not script.asked


def test_without_a_base_url_the_key_names_the_data_centre() -> None:
    client = MailchimpClient(KEY)

    assert client.base_url == "https://us1.api.mailchimp.com/3.0"
    assert client.link({"web_id": 7}) == "https://us1.admin.mailchimp.com/campaigns/show/?id=7"
    client.close()


@pytest.mark.parametrize("key", ["", "0123456789abcdef", "0123-", "0123-server", "a b-us1"])
def test_a_key_without_data_centre_is_refused_at_once(key: str) -> None:
    with pytest.raises(UnusableKey):
        MailchimpClient(key)


def test_with_a_base_url_any_key_will_do() -> None:
    client = MailchimpClient("key", base_url="https://api.mailchimp.com/3.0")

    assert client.link({"web_id": 7}) == "https://admin.mailchimp.com/campaigns/show/?id=7"
    client.close()


def test_a_member_is_known_by_the_hash_of_the_address_in_lower_case() -> None:
    assert member_id("Urist.McVankab@FreddiesJokes.com") == "62eeb292278cc15f5817cb78f7790b08"
