"""Applications submitted by their candidates."""

from gateway.core.triggers.trigger import ApplicationEvent


class Submitted(ApplicationEvent):
    """A candidate has submitted an application."""

    name = "submitted"
    title = "Application submitted"
    summary = "At once, when a candidate submits an application."
    documented = (
        "the candidate submits the application",
        "`gateway applications submit 4711 [--status S]`, or the API",
    )
    by_candidate = True


SUBMITTED = Submitted()
