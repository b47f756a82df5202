"""The list of all events a trigger can mail on, in the documentation's order."""

from collections.abc import Mapping

from gateway.core.triggers.events.birthday import BIRTHDAY
from gateway.core.triggers.events.first_delivery import FIRST_DELIVERY
from gateway.core.triggers.events.qualification_expired import QUALIFICATION_EXPIRED
from gateway.core.triggers.events.qualification_expiring import QUALIFICATION_EXPIRING
from gateway.core.triggers.events.set_date import SET_DATE
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.core.triggers.trigger import ApplicationEvent, TriggerEvent
from gateway.core.triggers.values import DATE, PERSON, UNSUBSCRIBE_URL

#: By the name used in trigger files and the ledger.
EVENTS: Mapping[str, TriggerEvent] = {
    event.name: event
    for event in (
        BIRTHDAY,
        QUALIFICATION_EXPIRED,
        QUALIFICATION_EXPIRING,
        SET_DATE,
        FIRST_DELIVERY,
        SUBMITTED,
        STATUS_CHANGED,
    )
}
#: The names of those caused by a change to an application.
APPLICATION_EVENTS = frozenset(
    name for name, event in EVENTS.items() if isinstance(event, ApplicationEvent)
)
#: Every name a template may use, with its fields.
TEMPLATE_VALUES: Mapping[str, frozenset[str]] = {
    PERSON.name: PERSON.fields,
    DATE: frozenset(),
    UNSUBSCRIBE_URL: frozenset(),
    **{
        group.name: group.fields
        for event in EVENTS.values()
        for group in (*event.values, *event.values_on_request)
    },
}


def application_event(name: str) -> ApplicationEvent:
    """Return the application event of that name; raise KeyError if there is none."""
    event = EVENTS[name]
    if not isinstance(event, ApplicationEvent):
        raise KeyError(name)
    return event
