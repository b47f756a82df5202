"""Who has what in hand, as tests have it."""

from gateway.store.engine.leases import IsGone


def seen_ended(*holders: str) -> IsGone:
    """Return what a process knows that has seen these end; all others are elsewhere."""

    def is_gone(holder: str, /, *, is_silent: bool = False) -> bool:
        return holder in holders or is_silent

    return is_gone


nobody_is_gone = seen_ended()


def nobody_knows(_: str) -> None:
    """Say of no holder what it had begun."""
