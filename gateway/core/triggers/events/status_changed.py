"""Applications whose status is changed by staff."""

from gateway.core.triggers.trigger import ApplicationEvent


class StatusChanged(ApplicationEvent):
    """Staff have changed an application's status."""

    name = "status_changed"
    title = "Status changed"
    summary = "At once, when staff give an application another status."
    documented = (
        "staff give it another status by hand",
        "`gateway applications status accepted 4711 4712 --by s1 [--yes]`, or the API",
    )
    by_candidate = False


STATUS_CHANGED = StatusChanged()
