"""All events a trigger can mail on: each module beside this one that defines one."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from gateway.core.triggers import events
from gateway.core.triggers.trigger import ApplicationEvent, TriggerEvent
from gateway.core.triggers.values import DATE, PERSON, UNSUBSCRIBE_URL


def _events_of_modules() -> Iterator[TriggerEvent]:
    for module in iter_modules(events.__path__, f"{events.__name__}."):
        if module.name != __name__:
            for value in vars(import_module(module.name)).values():
                if isinstance(value, TriggerEvent):
                    yield value


#: By the name used in trigger files and the ledger, in the documentation's order.
EVENTS: Mapping[str, TriggerEvent] = {
    event.name: event for event in sorted(_events_of_modules(), key=lambda event: event.place)
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
