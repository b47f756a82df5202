"""Applications whose status is changed by staff."""

from gateway.core.triggers.trigger import ApplicationEvent


class StatusChanged(ApplicationEvent):
    """Staff have changed an application's status."""

    name = "status_changed"
    place = 7
    title = {
        "en": "Status changed",
        "nl": "Status gewijzigd",
        "de": "Status geändert",
        "fr": "Statut modifié",
    }
    summary = {
        "en": "At once, when staff give an application another status.",
        "nl": "Meteen als medewerkers een sollicitatie een andere status geven.",
        "de": "Sofort, wenn Mitarbeitende einer Bewerbung einen anderen Status geben.",
        "fr": "Aussitôt qu'un membre du personnel donne un autre statut à une candidature.",
    }
    documented = (
        "staff give it another status by hand",
        "`gateway applications status accepted 4711 4712 --by s1 [--yes]`, or the API",
    )
    by_candidate = False


STATUS_CHANGED = StatusChanged()
