"""How the sandbox answers a call: faults, the key, the operation, the contract."""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.sandbox import audiences, campaigns, members, reports, segments
from gateway.sandbox.account import Account
from gateway.sandbox.call import Call, SandboxAnswer, SandboxProblem, SandboxReply
from gateway.sandbox.faults import BAD_GATEWAY, BEFORE, TRIGGERED, FaultPlan, SandboxFault
from gateway.sandbox.router import Router

#: Method, path, query, body, status, content type, answer → contract violations.
Check = Callable[[str, str, dict[str, str], Any, int, str, bytes], list[str]]
REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class SandboxCall:
    """One call to the sandbox."""

    method: str
    path: str
    status: int


class Engine:
    """Turns calls into replies, one at a time."""

    def __init__(self, account: Account, check: Check | None) -> None:
        self.account = account
        self.faults = FaultPlan()
        self.calls: deque[SandboxCall] = deque(maxlen=REMEMBERED)
        self.violations: list[str] = []
        self._check = check
        self._router = Router()
        for module in (audiences, members, segments, campaigns, reports):
            self._router.include(module.router)

    def answer(
        self, call: Call, headers: dict[str, str]
    ) -> tuple[SandboxReply, SandboxFault | None]:
        """Answer a call; the fault returned with the reply says how the server should spoil it."""
        time.sleep(self.account.options.latency)
        with self.account.lock:
            self.account.catch_up()
            fault = self.faults.take(call)
            if isinstance(fault, SandboxFault) and fault in BEFORE:
                reply, fault = BEFORE[fault], None
            elif isinstance(fault, SandboxFault):
                reply = self._reply(call, self._refusal(headers))
                reply, fault = (
                    (BAD_GATEWAY, None) if fault is SandboxFault.BAD_GATEWAY else (reply, fault)
                )
            else:
                reply, fault = self._reply(call, fault or self._refusal(headers)), None
                self._compare(call, reply)
            self.calls.append(SandboxCall(call.method, call.path, reply[0]))
        return reply, fault

    def _refusal(self, headers: dict[str, str]) -> SandboxProblem | None:
        if self.account.revoked or "authorization" not in headers:
            return TRIGGERED["APIKeyInvalid"]
        return TRIGGERED.get(headers.get("x-trigger-error", ""))

    def _reply(self, call: Call, problem: SandboxProblem | None) -> SandboxReply:
        try:
            if problem or isinstance(call.body, SandboxProblem):
                raise problem or call.body
            answer = self._router.answer(self.account, call)
        except SandboxProblem as refused:
            document = refused.document(self.account.token(32))
            if self.account.options.shortens_problems:
                del document["type"]
            answer = SandboxAnswer(refused.status, document)
        if answer.document is None:
            return answer.status, "", b""
        kind = "application/problem+json" if answer.status >= 400 else "application/json"
        return answer.status, f"{kind}; charset=utf-8", json.dumps(answer.document).encode()

    def _compare(self, call: Call, reply: SandboxReply) -> None:
        status, content_type, body = reply
        shortened = status >= 400 and self.account.options.shortens_problems
        if self._check is None or shortened or isinstance(call.body, SandboxProblem):
            return
        breaches = self._check(
            call.method, call.path, call.query, call.body, status, content_type, body
        )
        self.violations += [
            f"{call.method} {call.path} → {status}: {breach}" for breach in breaches
        ]
