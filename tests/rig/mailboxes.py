"""The mailboxes of a server on this machine, as seen by their owners."""

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager

from tests.rig.process import LOOPBACK

PASSWORD = 'right"pass\\word'


class Mailboxes:
    """A mailbox for anybody who gives PASSWORD."""

    def __init__(self, port: int) -> None:
        self.port = port

    @contextmanager
    def open(self, user: str) -> Iterator[imaplib.IMAP4]:
        """Lend a logged-in connection."""
        with imaplib.IMAP4(LOOPBACK, self.port) as client:
            client.login(user, PASSWORD)
            yield client

    def deliver(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        """Put mails into a folder."""
        with self.open(user) as client:
            for mail in mails:
                done, said = client.append(_quoted(folder), "", "", mail)
                assert done == "OK", said

    def mails(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """Return the mails in a folder that are not marked as deleted, oldest first."""
        with self.open(user) as client:
            if client.select(_quoted(folder), readonly=True)[0] != "OK":
                return []
            return [_content(client, uid) for uid in _uids(client)]

    def count(self, user: str, folder: str = "INBOX") -> int:
        """Return the number of mails in a folder not marked as deleted; 0 if there is no folder."""
        with self.open(user) as client:
            if client.select(_quoted(folder), readonly=True)[0] != "OK":
                return 0
            return len(_uids(client))

    def folders(self, user: str) -> list[str]:
        """Return the names of all folders, in wire format."""
        with self.open(user) as client:
            _, lines = client.list()
            return sorted(_name(line) for line in lines if isinstance(line, bytes))


def _uids(client: imaplib.IMAP4) -> list[bytes]:
    """Return the UIDs of mails not marked as deleted; hoodiecrow answers nothing if none."""
    found = client.uid("SEARCH", "UNDELETED")[1][0]
    return found.split() if found else []


def _content(client: imaplib.IMAP4, uid: bytes) -> bytes:
    _, found = client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
    assert isinstance(found[0], tuple)
    return bytes(found[0][1])


def _name(line: bytes) -> str:
    text = line.decode()
    return text.rpartition(' "')[2].strip('"') if text.endswith('"') else text.split()[-1]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
