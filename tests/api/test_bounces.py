"""What came back, by the API."""

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.store.bounces import bounces
from tests.api.served import IDS, Served


def kept(inbox: int, position: int, address: str, kind: BounceKind) -> KeptBounce:
    return KeptBounce(
        inbox=inbox,
        position=position,
        message=inbox,
        proof=Proof.TOKEN,
        kind=kind,
        address=address,
        recipient=address,
        action="failed",
        status="5.1.1",
        diagnostic="550 5.1.1 no such user",
        reason="userunknown",
        hard=True,
    )


async def test_what_came_back_is_listed_page_by_page_and_no_recipient_is_lost(api: Served) -> None:
    older, newer = IDS.next(), IDS.next()
    with api.database.writing() as connection:
        bounces.add(connection, [kept(older, 0, "ann@example.org", BounceKind.COMPLAINT)])
        three = [kept(newer, n, f"b{n}@example.org", BounceKind.BOUNCE) for n in range(3)]
        bounces.add(connection, three)

    seen, following = [], ""
    for _ in range(4):
        answer = (await api.ask("GET", f"/bounces?limit=1{following}")).json()
        seen += [entry["address"] for entry in answer["items"]]
        following = f"&cursor={answer['next']}"
    of_ann = (await api.ask("GET", "/bounces?address=Ann@example.org&kind=complaint")).json()
    of_nobody = (await api.ask("GET", "/bounces?address=x@example.org")).json()
    wrong = await api.ask("GET", "/bounces?cursor=x")

    assert [*(f"b{n}@example.org" for n in range(3)), "ann@example.org"] == seen
    assert answer["next"] is None
    assert [ids.show(older)] == [entry["message"] for entry in of_ann["items"]]
    assert [] == of_nobody["items"]
    assert 422 == wrong.status_code
