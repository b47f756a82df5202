"""Files under their SHA-256: put once, never overwritten."""

import hashlib
from pathlib import Path

import pytest

from gateway.store.blobs import BlobMissing, Blobs, BlobsUnavailable


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


async def test_what_is_there_is_not_overwritten(blobs: Blobs, tmp_path: Path) -> None:
    digest = await blobs.put(b"content")
    (there,) = (tmp_path / "blobs").glob("*/*")
    before = there.stat().st_ino

    await blobs.put(b"content")

    assert before == there.stat().st_ino
    assert digest == there.name


async def test_what_is_not_there_is_missing(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing, match="lacks abab"):
        await blobs.get("ab" * 32)


async def test_a_folder_that_can_not_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BlobsUnavailable, match="the blob store failed"):
        await Blobs(f"file://{tmp_path}/file/blobs").put(b"x")
