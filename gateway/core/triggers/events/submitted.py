"""Applications submitted by their candidates."""

from gateway.core.triggers.trigger import ApplicationEvent


class Submitted(ApplicationEvent):
    """A candidate has submitted an application."""

    name = "submitted"
    place = 6
    title = {
        "en": "Application submitted",
        "nl": "Sollicitatie ingediend",
        "de": "Bewerbung eingereicht",
        "fr": "Candidature soumise",
    }
    summary = {
        "en": "At once, when a candidate submits an application.",
        "nl": "Meteen als een kandidaat een sollicitatie indient.",
        "de": "Sofort, wenn jemand eine Bewerbung einreicht.",
        "fr": "Aussitôt qu'un candidat soumet son dossier.",
    }
    documented = (
        "the candidate submits the application",
        "`gateway applications submit 4711 [--status S]`, or the API",
    )
    by_candidate = True


SUBMITTED = Submitted()
