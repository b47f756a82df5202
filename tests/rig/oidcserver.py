"""An OpenID Connect provider that accepts everybody (Core 1.0, 3.1; RFC 7636)."""

import base64
import hashlib
import json
import secrets
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.rig.process import LOOPBACK

CLIENT, SECRET = "mail-gateway", "s3cret"


@cache
def _keys() -> tuple[RSAKey, RSAKey]:
    return RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})


class OidcServer:
    """Signs everybody in with `claims`; `changes` override what an ID token must have."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"preferred_username": "anna", "roles": ["work", "other"]}
        self.changes: dict[str, Any] = {}
        self.signs_with_published = True
        self._codes: dict[str, dict[str, str]] = {}
        self._key, self._other = _keys()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if parts.path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", owner._let_in(query))
                    self.end_headers()
                elif parts.path == "/keys":
                    self._answer(200, KeySet([owner._key]).as_dict(private=False))
                else:
                    self._answer(200, owner._document())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                given = self.headers.get("Authorization", "").removeprefix("Basic ")
                is_known = base64.b64decode(given).decode() == f"{CLIENT}:{SECRET}"
                self._answer(*owner._token(form) if is_known else (401, {"error": "bad_client"}))

            def _answer(self, status: int, document: Any) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.issuer = f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def _let_in(self, query: dict[str, str]) -> str:
        assert "S256" == query["code_challenge_method"]
        code = secrets.token_urlsafe()
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "17",
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            **self.claims,
            **self.changes,
        }
        key = self._key if self.signs_with_published else self._other
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}
