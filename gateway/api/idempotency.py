"""Requests with an Idempotency-Key: each is carried out once, however often it is sent."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header, Request, Response

from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.core.token import Token
from gateway.store.api import answers
from gateway.store.api.answers import StoredAnswer
from gateway.store.engine.database import StoreTransaction

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="Names this request: sent again within a day, it gets the same answer.",
    ),
]


async def in_one_step(
    using: ApiServices,
    request: Request,
    token: Token,
    key: str | None,
    work: Callable[[StoreTransaction], StoredAnswer],
) -> Response:
    """Do work and store its answer in one transaction: it is done once, whatever fails."""
    now = using.clock()
    if key is None:
        return _response(await using.database.write(work))
    request_record = _repeatable_request(request, token, key, await request.body())

    def remembered(connection: StoreTransaction) -> Response:
        earlier = answers.begin(connection, request_record, now)
        if earlier is not None:
            return _replay(earlier)
        answer = work(connection)
        answers.keep(connection, request_record, answer)
        return _response(answer)

    return await using.database.write(remembered)


async def in_steps(
    using: ApiServices,
    request_record: answers.RepeatableRequest | None,
    work: Callable[[], Awaitable[StoredAnswer]],
) -> Response:
    """Do work with its own transactions; a request that failed may be sent again."""
    if request_record is None:
        return _response(await work())
    now = using.clock()
    earlier = await using.database.write(answers.begin, request_record, now)
    if earlier is not None:
        return _replay(earlier)
    try:
        answer = await work()
    except BaseException:
        await using.database.write(answers.forget, request_record)
        raise
    await using.database.write(answers.keep, request_record, answer)
    return _response(answer)


def record_of_request(
    request: Request, token: Token, key: str | None, content: str
) -> answers.RepeatableRequest | None:
    """Return the record of a request with this digest of its content."""
    return None if key is None else _repeatable_request(request, token, key, content.encode())


def _repeatable_request(
    request: Request, token: Token, key: str, content: bytes
) -> answers.RepeatableRequest:
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    digest = hashlib.sha256(target + content).hexdigest()
    return answers.RepeatableRequest(token=token.id, key=key, digest=digest)


def _replay(earlier: answers.EarlierRequest) -> Response:
    if not earlier.is_same:
        raise Problem(422, "this Idempotency-Key was used for another request")
    if earlier.answer is None:
        raise Problem(409, "this request is still being worked on", headers={"retry-after": "5"})
    response = _response(earlier.answer)
    response.headers["idempotency-replayed"] = "true"
    return response


def _response(answer: StoredAnswer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.type or None)
