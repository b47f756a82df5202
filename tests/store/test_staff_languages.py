"""In which language staff read notes, also while the store is away."""

from pathlib import Path

import pytest

from gateway.core.people.people import Staff
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.people.staff_languages import StaffLanguages
from tests.store.feeding import tell

ANN, BEN, CY = "ann@example.org", "ben@example.org", "cy@example.org"


# A server that goes away is tested with the database.
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_N4_languages_are_as_last_known_while_the_store_is_away(
    database: Database, tmp_path: Path
) -> None:
    path, elsewhere = Path(str(database.url.database)), tmp_path / "elsewhere"
    languages = StaffLanguages(database)
    tell(
        database,
        "staff",
        Staff(crm_id="1", email=ANN, language="de"),
        Staff(crm_id="2", email=BEN, language="fr"),
        Staff(crm_id="3", email=CY),
    )
    with_store = await languages.of([BEN, CY, ANN])
    languages.remember()
    database.engine.dispose()
    languages.close()
    path.rename(elsewhere)

    assert ["fr", "de"] == with_store == await languages.of([BEN, CY, ANN])
    with pytest.raises(StoreUnavailable):
        languages.remember()
    assert ["fr", "de"] == await languages.of([BEN, CY, ANN])
    assert [] == await StaffLanguages(database).of([ANN])

    elsewhere.rename(path)
    tell(database, "staff", Staff(crm_id="1", email=ANN, language="nl"))
    assert ["nl"] == await languages.of([ANN])
    languages.close()
