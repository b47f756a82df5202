"""The sandbox's HTTP side: HTTP/1.1, persistent connections, faults as planned."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.sandbox.call import Call, SandboxProblem, SandboxReply
from gateway.sandbox.faults import SandboxFault

VERSION = "/3.0"
MOST_AT_ONCE = 10
#: Answers a call; the fault says what to do with the reply.
Answering = Callable[[Call, dict[str, str]], tuple[SandboxReply, SandboxFault | None]]


class ConnectionSet:
    """Counts the calls in progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def enter(self) -> int:
        """Count a call in and return how many there are."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            return self._now

    def leave(self) -> None:
        """Count a call out."""
        with self._lock:
            self._now -= 1


class Server(ThreadingHTTPServer):
    """Listens on loopback and can drop all connections."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Answering) -> None:
        super().__init__(("127.0.0.1", port), SandboxRequestHandler)
        self.answer = answer
        self.calls = ConnectionSet()
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Drop all connections."""
        self.stopping.set()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class SandboxRequestHandler(BaseHTTPRequestHandler):
    """Reads requests from one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle_call(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        if not url.path.startswith(VERSION):
            self._write((404, "", b""))
            return
        try:
            document = json.loads(body) if body else None
        except ValueError:
            document = SandboxProblem(
                400, "JSON Parse Exception", "We encountered an unspecified JSON error."
            )
        call = Call(
            method=self.command,
            path=url.path.removeprefix(VERSION),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            body=document,
        )
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.server.calls.enter() > MOST_AT_ONCE:
            headers["x-trigger-error"] = "TooManyRequests"
        try:
            reply, fault = self.server.answer(call, headers)
        finally:
            self.server.calls.leave()
        self._deliver(reply, fault)

    def _deliver(self, reply: SandboxReply, fault: SandboxFault | None) -> None:
        match fault:
            case SandboxFault.HANG:
                self.server.stopping.wait()
                self.close_connection = True
            case SandboxFault.CUT if reply[2]:
                self._write(reply, upto=len(reply[2]) // 2)
                self.close_connection = True
            case SandboxFault.CUT | SandboxFault.DROPPED:
                self.close_connection = True
            case _:
                self._write(reply)

    def _write(self, reply: SandboxReply, upto: int | None = None) -> None:
        status, content_type, body = reply
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:upto])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_call  # noqa: N815
