"""The end of `gateway demo --console`: the console with the demo's data, until Ctrl-C."""

import os
import secrets
import smtplib
import subprocess
import sys
import urllib.request
import webbrowser
from contextlib import suppress

from gateway.api.console.roles import ConsoleRole
from gateway.api.console.users import put_user
from gateway.cli.context import Context
from gateway.cli.demo import sample
from gateway.cli.demo.waiting import wait_for
from gateway.cli.output import print_line

_USER = "demo"


def open_console(invocation: Context, replies: int, gateway: "subprocess.Popen[bytes]") -> None:
    """Print a login, open it in a browser, and wait until Ctrl-C or the gateway ends.

    The browser is the desktop's, or the one named by BROWSER; on a machine without either, and over
    SSH, the URL can be copied. `replies` is the port that takes forwarded replies.
    """
    settings = invocation.settings
    with smtplib.SMTP("127.0.0.1", replies, timeout=30) as server:
        server.sendmail(sample.STAFF, "replies@crm.example", sample.UNFILED.encode())
    password = secrets.token_urlsafe(9)
    put_user(settings.console.users, _USER, password, [ConsoleRole.MANAGE, ConsoleRole.RUN])
    url = f"http://{settings.api.bind}/console"
    wait_for(lambda: _login_page(url), "the console did not answer in time")
    print_line("\nThe console is open on all this:", "bold")
    print_line(f"  URL:      {url}\n  user:     {_USER}\n  password: {password}")
    print_line("\nWorth a look there:")
    for page, why in (
        ("Send failed", "why Bram, Élise and Frits got no mailing, and what lifts it"),
        ("Inbox", "a forwarded mail whose subject names no application"),
        ("Applications", "4711: the status “Invited” mails Carla Weber, after a preview"),
        ("Triggers", "birthday and invited, to be changed"),
        ("Campaigns", "the report of the one that was sent"),
    ):
        print_line(f"  {page:<13} {why}")
    print_line(f"\nThe same for commands: gateway --config {invocation.file} messages list")
    print_line("Ctrl-C ends it, and nothing stays on this machine.")
    sys.stdout.flush()
    if sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys():
        with suppress(webbrowser.Error):
            webbrowser.open(url)
    with suppress(KeyboardInterrupt):
        gateway.wait()


def _login_page(url: str) -> bool | None:
    """Whether the login page responds; None if not yet."""
    with (
        suppress(OSError),
        urllib.request.urlopen(f"{url}/login", timeout=5) as page,  # noqa: S310 - this machine
    ):
        return page.status == 200 or None
    return None
