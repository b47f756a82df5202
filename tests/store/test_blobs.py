"""Files under their SHA-256: put once, never overwritten."""

import hashlib
import resource
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from gateway.store.engine.blobs import BlobMissing, Blobs, BlobsUnavailable


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(f"file://{tmp_path}/blobs")


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000])
async def test_what_was_put_is_got(blobs: Blobs, content: bytes) -> None:
    digest = await blobs.put(content)

    assert hashlib.sha256(content).hexdigest() == digest
    assert content == await blobs.get(digest)


async def test_a_file_is_put_without_being_read_into_memory(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()

    await blobs.put_file(file, digest)

    assert b"content" == await blobs.get(digest)


async def test_a_large_file_costs_no_memory(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "file"
    content = bytes(range(256)) * 180_000
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    await blobs.put(b"whatever the library needs is loaded")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    await blobs.put_file(file, digest)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    assert content == await blobs.get(digest)


async def test_what_is_there_is_not_overwritten(blobs: Blobs, tmp_path: Path) -> None:
    digest = await blobs.put(b"content")
    (there,) = (tmp_path / "blobs").glob("*/*")
    before = there.stat().st_ino

    await blobs.put(b"content")

    assert before == there.stat().st_ino
    assert digest == there.name


async def test_what_is_there_lies_in_a_file(blobs: Blobs) -> None:
    digest = await blobs.put(b"content")
    file = blobs.file(digest)

    assert b"content" == (file and file.read_bytes())
    assert blobs.file("ab" * 32) is None
    assert Blobs("s3://bucket/prefix").file(digest) is None


async def test_what_is_not_there_is_missing(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing, match="lacks abab"):
        await blobs.get("ab" * 32)


async def test_a_folder_that_can_not_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BlobsUnavailable, match="the blob store failed"):
        await Blobs(f"file://{tmp_path}/file/blobs").put(b"x")


class _Bucket(BaseHTTPRequestHandler):
    """As much of S3 as is needed to keep files: path-style PUT, HEAD and GET."""

    files: ClassVar[dict[str, bytes]] = {}
    is_down: ClassVar[bool] = False

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Wed, 04 Mar 2026 10:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.is_down:
            self._answer(400)
            return
        self.files[self.path] = body
        self._answer(200)

    def do_GET(self) -> None:
        if self.is_down or self.path not in self.files:
            self._answer(400 if self.is_down else 404)
        else:
            self._answer(200, self.files[self.path])

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Bucket]]:
    """S3-compatible storage, set up as obstore reads it from the environment."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield _Bucket
    server.shutdown()
    server.server_close()
    thread.join()
    _Bucket.files.clear()
    _Bucket.is_down = False


async def test_s3_keeps_files_below_a_prefix(bucket: type[_Bucket], tmp_path: Path) -> None:
    blobs = Blobs("s3://gateway/blobs")
    file = tmp_path / "file"
    file.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()

    await blobs.put_file(file, digest)
    await blobs.put(b"content")

    assert [f"/gateway/blobs/{digest[:2]}/{digest}"] == list(bucket.files)
    assert b"content" == await blobs.get(digest)


async def test_s3_that_refuses_is_unavailable(bucket: type[_Bucket]) -> None:
    bucket.is_down = True

    with pytest.raises(BlobsUnavailable):
        await Blobs("s3://gateway").put(b"x")


async def test_what_s3_lacks_is_missing(bucket: type[_Bucket]) -> None:
    with pytest.raises(BlobMissing):
        await Blobs("s3://gateway").get("ab" * 32)


async def test_other_users_of_the_machine_may_not_look_in(blobs: Blobs, tmp_path: Path) -> None:
    await blobs.put(b"content")

    assert 0 == (tmp_path / "blobs").stat().st_mode & 0o007
