"""A server that issues access tokens, and says whether each is valid (RFC 6749, RFC 7662)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

from tests.rig.process import LOOPBACK


class TokenServer:
    """Issues `token-1`, `token-2` …; `forms` are the requests it got."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.forms: list[dict[str, str]] = []
        self.good: set[str] = set()
        self.expires_in: Any = 3600
        self.refuses: tuple[int, Any] | None = None  #: Status and document of every answer.
        self.rotates = False  #: Whether each answer replaces the refresh token.
        self._spent: set[str] = set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {key: values[0] for key, values in parse_qs(body).items()}
                status, document = owner._answer(self.path, form)
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        root = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        self.token_url = f"{root}/token"
        self.introspection_url = f"{root}/introspect"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def revoke(self) -> None:
        """Revoke all tokens issued."""
        self.good.clear()

    def _answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/introspect":
            is_good = form.get("token") in self.good
            return 200, {"active": is_good, "username": self.user if is_good else ""}
        self.forms.append(form)
        if self.refuses is not None:
            return self.refuses
        refresh_token = form.get("refresh_token", "")
        if refresh_token in self._spent:
            return 400, {"error": "invalid_grant"}
        token = f"token-{len(self.forms)}"
        self.good.add(token)
        answer = {"token_type": "Bearer", "access_token": token, "expires_in": self.expires_in}
        if self.rotates:
            self._spent.add(refresh_token)
            answer["refresh_token"] = f"refresh-{len(self.forms)}"
        return 200, answer
