"""The session for commands on campaigns, and their progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from gateway.cli.context import Context, of

if TYPE_CHECKING:
    from gateway.sync.mailchimp_session import MailchimpSession


@contextmanager
def session_of(context: typer.Context) -> Iterator[tuple[Context, "MailchimpSession"]]:
    """Lend a session for work on campaigns; on a terminal a bar shows the progress.

    NotReady before the activation, whichever campaign is named.
    """
    from gateway.app.campaigns import mailchimp
    from gateway.sync.readiness import active_audience

    invocation = of(context)
    with (
        invocation.store() as store,
        _bar() as bar,
        mailchimp.mailchimp_session(invocation.settings, store, progress=bar.beat) as session,
    ):
        active_audience(store)
        yield invocation, replace(session, finished=bar.stop)


class _Bar:
    """A bar for each kind of work, removed before anything else is printed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def beat(self, what: str, done: int, total: int) -> None:
        """Show the progress of a kind of work."""
        if not self._progress.live.is_started:
            self._progress.start()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=None)
        self._progress.update(self._tasks[what], completed=done, total=total or None)

    def stop(self) -> None:
        """Remove the bars."""
        self._progress.stop()


@contextmanager
def _bar() -> Iterator[_Bar]:
    """Show bars on a terminal, and nothing elsewhere; other output stays intact."""
    bar = _Bar(
        Progress(
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not sys.stderr.isatty(),
        )
    )
    try:
        yield bar
    finally:
        bar.stop()
