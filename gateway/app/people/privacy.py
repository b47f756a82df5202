"""Erasing and exporting a person through the API."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.api.services import NotDone, PrivacyActions
from gateway.app.people import erasure
from gateway.app.people.export import ExportFailed, PersonExport, gather, write
from gateway.config import Settings
from gateway.core.people.people import RefOrAddress
from gateway.documents.erasures import CertificateDocument
from gateway.store.engine.database import Database


class PrivacyAnswers(PrivacyActions):
    """Privacy actions with the configured keys and folders."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database

    def erase(
        self,
        ref_or_address: RefOrAddress,
        *,
        by: str,
        mailchimp: str,
        with_files: bool,
        dry_run: bool,
    ) -> CertificateDocument:
        """Erase a person as `gateway person erase` does."""
        with _errors_as_not_done():
            subject = erasure.find_subject(self._database, ref_or_address)
            done = erasure.erase(
                self._settings(),
                self._database,
                subject,
                by=by,
                mailchimp=mailchimp,
                with_files=with_files,
                is_dry=dry_run,
            )
        return done.document()

    def export(self, ref_or_address: RefOrAddress) -> dict[str, object]:
        """Return all data held on a person, as `person.json`."""
        return self._gather(ref_or_address).document()

    def export_archive(self, ref_or_address: RefOrAddress) -> bytes:
        """Return the files of `gateway person export` in a zip archive."""
        gathered, archive = self._gather(ref_or_address), io.BytesIO()
        with tempfile.TemporaryDirectory() as name, _errors_as_not_done():
            folder = Path(name) / "person"
            write(self._settings(), gathered, folder)
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
                for file in sorted(folder.rglob("*")):
                    if file.is_file():
                        zipped.write(file, str(file.relative_to(folder)))
        return archive.getvalue()

    def _gather(self, ref_or_address: RefOrAddress) -> PersonExport:
        with _errors_as_not_done():
            subject = erasure.find_subject(self._database, ref_or_address)
            return gather(self._settings(), self._database, subject)


@contextmanager
def _errors_as_not_done() -> Iterator[None]:
    try:
        yield
    except erasure.SeveralMeant as error:
        raise NotDone(409, str(error)) from error
    except (erasure.NobodyToErase, ExportFailed) as error:
        raise NotDone(404, str(error)) from error
    except erasure.ErasureListUnusable as error:
        raise NotDone(503, str(error)) from error
