"""Files stored beside the database: raw mail and attachments, each under its SHA-256.

They are in a folder (`file:///…`) or in S3-compatible storage (`s3://bucket/prefix`). Files are
never overwritten: the same content has the same name.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from gateway.core.errors import GatewayError
from gateway.store.engine import on_disk

_PIECE = 256 * 1024
_S3_PIECE = 8 * 1024 * 1024  #: S3 accepts no parts smaller than 5 MiB.
_LARGE = 4 * 1024 * 1024  #: Larger files are uploaded in parts, to save memory.
_CONNECT = timedelta(seconds=5)
_REQUEST = timedelta(seconds=60)
_RETRY = timedelta(seconds=20)


class BlobsUnavailable(GatewayError):
    """The blob store can't be read or written right now."""

    @classmethod
    def of(cls, error: Exception) -> "BlobsUnavailable":
        """Return this error with the first line of what a library raised."""
        first_line = str(error).strip().partition("\n")[0]
        return cls(f"the blob store failed: {first_line[:300]}")


class BlobMissing(GatewayError):
    """A file the database refers to is missing from the blob store."""


class Blobs:
    """The blob store at a URL; it isn't contacted until something is read or written."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        self._folder = Path(rest) if scheme == "file" else None
        self._url = url
        self._store: LocalStore | S3Store | None = None
        self._synced: set[Path] = set()  #: Folders whose own names are durable.

    async def put(self, content: bytes) -> str:
        """Store octets durably; return their SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        await asyncio.to_thread(self._put_object, digest, content)
        return digest

    async def put_file(self, file: Path, digest: str) -> None:
        """Store a file durably whose SHA-256 is known."""
        await asyncio.to_thread(self._put_object, digest, file)

    async def get(self, digest: str) -> bytes:
        """Return a file's octets; raise `BlobMissing` if there is none."""
        return b"".join([piece async for piece in self.pieces(digest)])

    def file(self, digest: str) -> Path | None:
        """Return a file's path, for reading only; None if it isn't a file on this machine."""
        file = None if self._folder is None else self._folder / _path(digest)
        return file if file is not None and file.is_file() else None

    async def pieces(self, digest: str) -> AsyncIterator[bytes]:
        """Yield a file's octets in pieces."""
        pieces = self.read(digest)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    def read(self, digest: str) -> Iterator[bytes]:
        """Yield a file's octets in pieces, in this thread."""
        try:
            stored = obstore.get(self._open_store(), _path(digest))
            yield from map(bytes, stored.stream(min_chunk_size=_PIECE))
        except (NotFoundError, FileNotFoundError) as error:
            raise BlobMissing(f"the blob store lacks {digest}") from error
        except (BaseError, OSError) as error:
            raise BlobsUnavailable.of(error) from error

    def put_now(self, content: bytes) -> None:
        """Store octets durably, in this thread."""
        self._put_object(hashlib.sha256(content).hexdigest(), content)

    def remove(self, digest: str) -> bool:
        """Delete a file that nothing refers to any more; False if there was none."""
        try:
            store = self._open_store()
            obstore.head(store, _path(digest))
            obstore.delete(store, _path(digest))
        except (NotFoundError, FileNotFoundError):
            return False
        except (BaseError, OSError) as error:
            raise BlobsUnavailable.of(error) from error
        return True

    def _put_object(self, digest: str, content: bytes | Path) -> None:
        path = _path(digest)
        try:
            store = self._open_store()
            try:
                obstore.head(store, path)
            except (NotFoundError, FileNotFoundError):
                pass
            else:
                if self._folder is not None:
                    self._make_durable(self._folder / path)  # Another process may be about to.
                return
            # All at once, or in pieces that appear together at the end: anybody else writing the
            # same content writes the same octets.
            in_pieces = isinstance(content, Path) and content.stat().st_size > _LARGE
            chunk = _PIECE if self._folder is not None else _S3_PIECE
            obstore.put(
                store, path, content, use_multipart=in_pieces, chunk_size=chunk, max_concurrency=1
            )
            if self._folder is not None:
                self._make_durable(self._folder / path)
        except AlreadyExistsError:
            return
        except (BaseError, OSError) as error:
            raise BlobsUnavailable.of(error) from error

    def _make_durable(self, file: Path) -> None:
        """Make a file and its name survive a power failure."""
        on_disk.sync(file)
        on_disk.sync(file.parent)
        if file.parent not in self._synced:
            on_disk.sync(file.parent.parent)
            self._synced.add(file.parent)

    def _open_store(self) -> LocalStore | S3Store:
        if self._store is None and self._folder is not None:
            with suppress(OSError):  # The library reports what is wrong with it.
                self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._store = LocalStore(prefix=self._folder, mkdir=True)
        elif self._store is None:
            place = urlsplit(self._url)
            self._store = S3Store(
                place.netloc,
                prefix=place.path.strip("/") or None,
                # Plain HTTP is for servers on a private network, named that way in
                # AWS_ENDPOINT_URL.
                client_options={
                    "connect_timeout": _CONNECT,
                    "timeout": _REQUEST,
                    "allow_http": True,
                },
                retry_config={"max_retries": 2, "retry_timeout": _RETRY},
            )
        return self._store


def _path(digest: str) -> str:
    return f"{digest[:2]}/{digest}"
