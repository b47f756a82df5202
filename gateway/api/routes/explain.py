"""Why a message would be sent, or not, without sending it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.bearer import READS
from gateway.api.json_response import OneAddress, PlainText, SenderAddress, Using, respond
from gateway.api.problems import Problem
from gateway.api.schemas import answers
from gateway.core.decision.explanation import ExplainedMail
from gateway.documents.explanations import ExplanationDocument

router = APIRouter(tags=["messages"], dependencies=[READS])

_FILE = {"schema": {"type": "string", "format": "binary"}}
_CONTENT = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": _FILE, "application/octet-stream": _FILE},
    }
}


@router.post(
    "/explain",
    responses=answers(ExplanationDocument, "What would become of the message, and why."),
    openapi_extra=_CONTENT,
)
async def explain_message(
    request: Request,
    using: Using,
    *,
    sender: Annotated[SenderAddress, Query(alias="from", description="The envelope sender.")],
    to: Annotated[list[OneAddress], Query(max_length=1000, description="A recipient.")],
    listener: Annotated[PlainText | None, Query(description="The listener it arrives at.")] = None,
    login: Annotated[PlainText | None, Query(description="The login it is sent with.")] = None,
) -> Response:
    """Explain the decision on a message, as `gateway explain` does; nothing is sent.

    The body is the mail as a file; its first MiB is enough.
    """
    content = await request.body()
    if not content.strip():
        raise Problem(422, "the body is not a mail: it is empty")
    mail = ExplainedMail(
        content=content, sender=sender, recipients=tuple(to), listener=listener, login=login
    )
    return respond(request, await using.explain(mail))
