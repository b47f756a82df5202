"""The API's page for people: one file that loads nothing from elsewhere."""

import base64
import hashlib
from importlib import resources

from fastapi import Response

_SCRIPT = resources.files("gateway.api").joinpath("page.js").read_text(encoding="utf-8")
_STYLE = resources.files("gateway.api").joinpath("page.css").read_text(encoding="utf-8")
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>CRM mail gateway: API</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>CRM mail gateway: API</h1>
<p>Every request but this page and <a href="openapi.json">openapi.json</a> needs a token of
<code>gateway tokens create</code>.</p>
<p><label>Token <input id="token" type="password" autocomplete="off" size="50"></label></p>
<main id="routes">Reading openapi.json …</main>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


#: Only this script and style are allowed, and requests go only to the gateway.
_POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def page() -> Response:
    """Return the page."""
    headers = {"content-security-policy": _POLICY}
    return Response(_PAGE, headers=headers, media_type="text/html")
