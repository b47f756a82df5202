"""Operations handed over to be done in the background."""

import io
import json
import tarfile
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from gateway.sandbox.account import Account, Batch
from gateway.sandbox.call import (
    NO_CONTENT,
    Call,
    Document,
    SandboxAnswer,
    SandboxProblem,
    invalid,
    not_found,
    shaped,
    write_time,
)
from gateway.sandbox.router import Router

STEPS = ("pending", "preprocessing", "started", "finalizing", "finished")
URL_LASTS = timedelta(minutes=10)
MOST_PENDING = 500
RESULTS = "/results/"


def batch_router(inner: Router) -> Router:
    """Return the operations on batches; `inner` answers what is in them."""
    router = Router()

    @router.on("POST", "/batches")
    def start_batch(account: Account, call: Call) -> SandboxAnswer:
        operations = call.object().get("operations")
        if not operations:
            raise invalid("operations", "This value should not be blank.")
        if sum(batch.status != "finished" for batch in account.batches.values()) >= MOST_PENDING:
            raise SandboxProblem(429, "TooManyRequests", "You have more than 500 pending batches.")
        batch = Batch(id=account.token(), operations=operations, submitted=account.now())
        account.batches[batch.id] = batch
        return SandboxAnswer(200, _document(account, batch))

    @router.on("GET", "/batches")
    def list_batches(account: Account, call: Call) -> SandboxAnswer:
        batches = list(account.batches.values())
        documents = [_document(account, batch) for batch in call.page(batches)]
        return SandboxAnswer(200, shaped(call, {"batches": documents, "total_items": len(batches)}))

    @router.on("GET", "/batches/{batch_id}")
    def get_batch(account: Account, call: Call) -> SandboxAnswer:
        batch = _find(account, call)
        _step(account, batch, inner)
        return SandboxAnswer(200, shaped(call, _document(account, batch)))

    @router.on("DELETE", "/batches/{batch_id}")
    def delete_batch(account: Account, call: Call) -> SandboxAnswer:
        del account.batches[_find(account, call).id]
        return NO_CONTENT

    return router


def _find(account: Account, call: Call) -> Batch:
    batch = account.batches.get(call.names["batch_id"])
    if batch is None:
        raise not_found()
    return batch


def _step(account: Account, batch: Batch, inner: Router) -> None:
    """Advance a batch by one status: each look at it shows the next."""
    if batch.status == "finished":
        return
    batch.status = STEPS[STEPS.index(batch.status) + 1]
    if batch.status == "started":
        batch.results = [_run(account, inner, operation) for operation in batch.operations]
        batch.errored = sum(result["status_code"] >= 400 for result in batch.results)
        account.random.shuffle(batch.results)
    if batch.status == "finished":
        batch.completed = account.now()


def _run(account: Account, inner: Router, operation: Document) -> Document:
    url = urlsplit(operation["path"])
    params = {name: str(value) for name, value in (operation.get("params") or {}).items()}
    try:
        call = Call(
            method=operation["method"],
            path=url.path,
            query=dict(parse_qsl(url.query)) | params,
            body=json.loads(operation["body"]) if operation.get("body") else None,
        )
        answer = inner.answer(account, call)
    except SandboxProblem as problem:
        answer = SandboxAnswer(problem.status, problem.document(account.token(32)))
    return {
        "status_code": answer.status,
        "operation_id": operation.get("operation_id", ""),
        "response": json.dumps(answer.document or {}),
    }


def _document(account: Account, batch: Batch) -> Document:
    return {
        "id": batch.id,
        "status": batch.status,
        "total_operations": len(batch.operations),
        "finished_operations": len(batch.results),
        "errored_operations": batch.errored,
        "submitted_at": write_time(batch.submitted),
        "completed_at": write_time(batch.completed),
        "response_body_url": _url(account, batch) if batch.completed else "",
    }


def _url(account: Account, batch: Batch) -> str:
    token = account.token(32)
    batch.urls[token] = account.now() + URL_LASTS
    return account.results_url + RESULTS + batch.id + ".tar.gz?" + urlencode({"token": token})


def archive(account: Account, path: str, token: str) -> bytes | None:
    """Return the results of a batch, several files of them; None once the URL has ended."""
    batch = account.batches.get(path.removeprefix(RESULTS).removesuffix(".tar.gz"))
    if batch is None or batch.urls.get(token, batch.submitted) <= account.now():
        return None
    packed = io.BytesIO()
    half = (len(batch.results) + 1) // 2
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for number, part in enumerate((batch.results[:half], [], batch.results[half:])):
            content = json.dumps(part).encode() if part else b""
            entry = tarfile.TarInfo(f"./{batch.id}-{number}.json")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
