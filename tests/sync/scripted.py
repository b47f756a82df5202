"""A real HTTP server that answers what a test wrote down, byte for byte."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JSON = "application/json"
PROBLEM = "application/problem+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server."""

    status: int = 200
    body: bytes = b""
    content_type: str = ""
    cut: bool = False  #: Announces one byte more than it sends, and hangs up.
    hangs: bool = False  #: Says nothing until the server stops.
    drops: bool = False  #: Hangs up without a word.


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(slots=True)
class Script:
    """What to answer, in order; the last answer is given again and again."""

    replies: list[Reply]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    gate: threading.Event | None = None  #: Answers wait for it.
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, asked: Asked) -> Reply:
        """Write a request down and take the answer that is due."""
        with self.lock:
            self.asked.append(asked)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with connections kept open, as Mailchimp does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    script: Script

    def answer(self) -> None:
        script = self.script
        with script.lock:
            script.at_once += 1
            script.most_at_once = max(script.most_at_once, script.at_once)
        reply = script.next(self.read())
        if script.gate:
            script.gate.wait(10)
        with script.lock:
            script.at_once -= 1
        if reply.hangs:
            script.stopping.wait(10)
        if reply.hangs or reply.drops:
            self.close_connection = True
            return
        self.reply(reply)

    def read(self) -> Asked:
        url = urlsplit(self.path)
        return Asked(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            connection=self.client_address[1],
        )

    def reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        if reply.content_type:
            self.send_header("Content-Type", reply.content_type)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = reply.cut

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815


@contextmanager
def answering(*replies: Reply) -> Iterator[Script]:
    """Run the server on a free port for the length of a test."""
    script = Script(list(replies))
    handler = type("ScriptedHandler", (Handler,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        script.url = f"http://127.0.0.1:{http.server_port}/3.0"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield script
        finally:
            script.stopping.set()
            http.shutdown()
            thread.join()
