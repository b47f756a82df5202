"""Which line of the config a problem is in."""

import pytest

from gateway.config.problems import KeyPath, line_of

TEXT = """\
# bind is what a listener is bound to.
time_zone = "Europe/Paris"
relays = [{ name = "bind", host = "mail.example.org" }]

[smtp]
workers = 2

[[smtp.listeners]]
name = "bind"  # bind = "127.0.0.1:2525"
"bind" = "127.0.0.1:25"

[[ smtp . listeners ]]
  name = "second"
  bind = "127.0.0.1:2626"
  tls.cert = "bind"

[store]
url = '''
bind = "no key"
'''
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("time_zone",), 2),
        (("relays", 0, "host"), 3),
        (("relays", 0), None),  # not a table with a header of its own
        (("smtp",), 5),
        (("smtp", "workers"), 6),
        (("smtp", "listeners", 0), 8),
        (("smtp", "listeners", 0, "bind"), 10),
        (("smtp", "listeners", 1, "bind"), 14),
        (("smtp", "listeners", 1, "tls", "cert"), 15),
        (("store", "url"), 18),
        # What is missing is missing in …
        (("smtp", "listeners", 1, "mode"), 12),
        (("store", "blobs"), 17),
        (("crm", "folder"), None),
    ],
)
def test_a_key_is_found_where_it_is(path: KeyPath, line: int | None) -> None:
    assert line == line_of(TEXT, path)
