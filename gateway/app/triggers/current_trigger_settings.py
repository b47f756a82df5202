"""The settings of triggered mail from those of the config and the files, renewed on changes."""

from gateway import logs
from gateway.app import common
from gateway.app.triggers import triggers
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.store.engine.database import Database
from gateway.triggers.trigger_settings import TriggerSettings

log = logs.get("triggers")


class CurrentTriggerSettings:
    """The `TriggerSettingsSource` of an engine; the caller must `close` it."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Raises GatewayError if a configured file can't be used."""
        self._settings = settings
        self._database = database
        self._files = triggers.CurrentTriggerFiles(settings)
        self._standings = common.standings(settings, database)
        self.current = self._make()

    def refresh(self, settings: Settings) -> None:
        """Use new settings and changed files; on GatewayError, the old ones stay in use."""
        if settings is not self._settings:
            files = triggers.CurrentTriggerFiles(settings)
            self._standings.close()
            self._standings = common.standings(settings, self._database)
            self._files, self._settings = files, settings
        elif not self._files.refresh():
            return
        self.current = self._make()

    def newest(self) -> TriggerSettings:
        """Return those of the files as they are now; if they can't be read, the old ones."""
        try:
            self.refresh(self._settings)
        except (GatewayError, OSError) as error:
            log.error("triggers_put_off", reason=str(error))
        return self.current

    def close(self) -> None:
        """Release the store."""
        self._standings.close()

    def _make(self) -> TriggerSettings:
        files = self._files
        return triggers.trigger_settings(
            self._settings, dict(files.checked_triggers), self._standings, unusable=files.unusable
        )
