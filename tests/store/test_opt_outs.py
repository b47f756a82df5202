"""The groups "MailChimp opt-out" belong to the gateway: what the CRM tells removes nobody."""

from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.people.people import Group, PersonRef
from gateway.store.campaigns import opt_outs
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings
from tests.store.feeding import CANDIDATE, CONTACT, NOW, member, person, tell

ANN, EVA = PersonRef(CANDIDATE, "ann"), PersonRef(CONTACT, "eva")


def join(database: Database, *refs: PersonRef) -> list[PersonRef]:
    with database.writing() as connection:
        return opt_outs.join(connection, refs, NOW)


def scopes(standings: Standings, address: str) -> set[Scope]:
    standing = standings.now([address])[address]
    return {entry.scope for holder in standing.holders for entry in holder.suppressions}


def test_no_feed_brings_anybody_back(database: Database, standings: Standings) -> None:
    tell(database, "people", person("ann", "ann@klant.test"))
    tell(database, "people", person("eva", "eva@klant.test", kind=CONTACT))

    assert join(database, ANN, EVA, ANN) == [ANN, EVA]
    assert join(database, ANN) == []
    tell(database, "memberships", member("ann", "news"), replace=True, lift=True)
    tell(database, "groups", Group(kind=CANDIDATE, crm_id="news"), replace=True, lift=True)

    assert scopes(standings, "ann@klant.test") == {Scope.MAILCHIMP}
    assert scopes(standings, "eva@klant.test") == {Scope.MAILCHIMP}
    assert TAG_SCOPES[opt_outs.TAG] is Scope.MAILCHIMP


def test_a_group_of_the_crm_that_bears_the_tag_is_used_and_stays(
    database: Database, standings: Standings
) -> None:
    tell(database, "people", person("ann", "ann@klant.test"))
    tell(database, "groups", Group(kind=CANDIDATE, crm_id="7", tag=opt_outs.TAG))
    join(database, ANN)

    tell(database, "groups", replace=True, lift=True)

    assert scopes(standings, "ann@klant.test") == {Scope.MAILCHIMP}
    with database.reading() as connection:
        found = opt_outs.group(connection, CANDIDATE)
    assert found
    assert found.crm_id == "7"


def test_a_group_of_the_crm_with_the_gateways_id_is_left_alone(database: Database) -> None:
    tell(database, "groups", Group(kind=CANDIDATE, crm_id=opt_outs.OWN_ID, name="Something"))

    with database.writing() as connection:
        made, is_new = opt_outs.ensure(connection, CANDIDATE)
        again, is_new_again = opt_outs.ensure(connection, CANDIDATE)

    assert (made.crm_id, is_new) == (f"{opt_outs.OWN_ID}-2", True)
    assert (again, is_new_again) == (made, False)
