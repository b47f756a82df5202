"""SQLite stores with an empty schema, made once by each test process, then copied."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from gateway.store.engine.database import Database


def prepare(url: str) -> None:
    """Create the schema."""
    database = Database(url)
    database.prepare()
    database.close()


@cache
def prepared_file() -> Path:
    """Return the file of a store to copy."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "gateway.db"
    prepare(f"sqlite:///{file}")
    return file


def copy_prepared(url: str) -> None:
    """Copy an empty store to the path in an SQLite URL, unless there is a file."""
    file = make_url(url).database
    if url.startswith("sqlite") and file and not Path(file).exists():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(prepared_file(), file)
