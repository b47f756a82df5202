"""Metrics, over all processes on a host.

Every process counts into files in one folder (`PROMETHEUS_MULTIPROC_DIR`); the `api` role adds them
up on request. Without that variable a process counts only for itself.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_INBOUND_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)
_MESSAGE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90)
_DEAD_FILES = "gauge_live*_{pid}.db"


class RelayHealth(Enum):
    """A relay's state, by its last response."""

    UP = 1.0
    DOWN = 0.0  #: No connection, no greeting, no answer.
    OUR_FAULT = -1.0  #: It refuses the gateway itself: someone must change a setting.


class MailchimpHealth(Enum):
    """The state of Mailchimp, by the last sync."""

    UP = 1.0
    DOWN = 0.0  #: It can't be reached, or doesn't answer.
    REFUSED = -1.0  #: It refuses the gateway itself, or the audience is gone: someone must act.


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReading:
    """A metric that is read on request, with a value for each label value."""

    name: str
    text: str
    label: str
    values: Mapping[str, float]
    only_rises: bool = False


M = TypeVar("M", Counter, Gauge)


class Metrics:
    """The metrics of one process; those with labels are called with the label values, in order."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        count = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        time = partial(Histogram, registry=self.registry)
        self.messages = _by_labels(
            count("gateway_messages", "Messages that reached RCPT.", ["listener", "kind", "rule"])
        )
        self.deliveries = _by_labels(
            count("gateway_deliveries", "Recipients by outcome.", ["kind", "state", "by"])
        )
        self.replies = _by_labels(
            count("gateway_relay_replies", "Final replies of the relays.", ["relay", "code"])
        )
        self.refused = _by_labels(
            count("gateway_refused", "Connections and logins refused.", ["reason"])
        )
        self.outbox = _by_labels(
            count(
                "gateway_outbox_attempts",
                "Attempts to send the gateway's own mail.",
                ["type", "state"],
            )
        )
        clients = "Clients connected."
        self.connections = _by_labels(
            gauge("gateway_connections", clients, ["listener"], multiprocess_mode="livesum")
        )
        works = "1 works, 0 can't be reached, -1 refuses the gateway itself."
        self._health = _by_labels(
            gauge("gateway_relay_health", works, ["relay"], multiprocess_mode="mostrecent")
        )
        self._mails = _by_labels(
            count("gateway_inbound_mails", "Mails for the importer.", ["origin", "outcome"])
        )
        success = "When a mailbox was last read to its end, in seconds since 1970."
        self._mailbox_success = _by_labels(
            gauge("gateway_mailbox_success", success, ["mailbox"], multiprocess_mode="max")
        )
        self._bounces = _by_labels(
            count(
                "gateway_bounces",
                "What came back, by recipient.",
                ["kind", "reason", "hard", "proof"],
            )
        )
        reachable = "1 can be read, 0 can't."
        self._mailbox_up = _by_labels(
            gauge("gateway_mailbox_up", reachable, ["mailbox"], multiprocess_mode="mostrecent")
        )
        lag = "From a mail's arrival to its record."
        self._inbound_seconds = time("gateway_inbound_seconds", lag, buckets=_INBOUND_SECONDS)
        self._measure_mailchimp()
        self._measure_api()
        self.committed = count("gateway_journal_messages", "Messages committed to the journal.")
        commit, message = "A group commit of the journal.", "MAIL to the reply after the content."
        self.commit_seconds = time(
            "gateway_journal_commit_seconds", commit, buckets=_COMMIT_SECONDS
        )
        self.message_seconds = time("gateway_message_seconds", message, buckets=_MESSAGE_SECONDS)

    def set_mailchimp_health(self, health: MailchimpHealth) -> None:
        """Set the state of Mailchimp after a sync."""
        self._mailchimp("main").set(health.value)
        if health is MailchimpHealth.UP:
            self._sync_success.set_to_current_time()

    def count_sync(self, activities: int, opt_outs: int) -> None:
        """Count the results of a sync."""
        self._activities.inc(activities)
        self._opt_outs.inc(opt_outs)

    def _measure_mailchimp(self) -> None:
        count = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        health = "1 answers, 0 can't be reached, -1 refuses the gateway itself."
        self._mailchimp = _by_labels(
            gauge("gateway_mailchimp_health", health, ["account"], multiprocess_mode="mostrecent")
        )
        success = "When Mailchimp last reported what is new, in seconds since 1970."
        self._sync_success = gauge("gateway_sync_success", success, multiprocess_mode="max")
        self._activities = count("gateway_activities", "What members of campaigns did.")
        self._opt_outs = count(
            "gateway_opt_outs", "People suppressed because of what Mailchimp reported."
        )

    def _measure_api(self) -> None:
        count = partial(Counter, registry=self.registry)
        self._requests = _by_labels(
            count("gateway_api_requests", "Requests to the API.", ["route", "method", "status"])
        )

    def count_request(self, route: str, method: str, status: int) -> None:
        """Count a request to the API; status 0: there was no response."""
        self._requests(route, method, str(status)).inc()

    def set_relay_health(self, name: str, health: RelayHealth) -> None:
        """Set the state of a relay after a connection or message."""
        self._health(name).set(health.value)

    def count_inbound_mail(self, origin: str, outcome: str, seconds: float | None) -> None:
        """Count a mail taken by the importer, and its delay since arrival, if known."""
        self._mails(origin, outcome).inc()
        if seconds is not None:
            self._inbound_seconds.observe(max(0.0, seconds))

    def count_bounce(self, kind: str, reason: str, *, is_hard: bool, proof: str) -> None:
        """Count a bounce for one recipient; empty `proof`: not about any mail of ours."""
        self._bounces(kind, reason, "yes" if is_hard else "no", proof or "none").inc()

    def set_mailbox_state(self, name: str, *, succeeded_at: float | None) -> None:
        """Set whether a mailbox could be read: when, in seconds since 1970; None: it could not."""
        self._mailbox_up(name).set(float(succeeded_at is not None))
        if succeeded_at is not None:
            self._mailbox_success(name).set(succeeded_at)


def _by_labels(metric: M) -> Callable[..., M]:
    """Return a function that returns a metric for its label values, each looked up once."""
    return cache(metric.labels)


@contextlib.contextmanager
def shared_folder() -> Iterator[None]:
    """Let the processes started inside count together, in an empty folder on this host.

    A folder given in the environment is kept, for roles started one by one; only leftovers of dead
    processes are removed from it.
    """
    given_folder = os.environ.get(FOLDER)
    if given_folder:
        Path(given_folder).mkdir(parents=True, exist_ok=True)
        _remove_leftovers(Path(given_folder))
        yield
        return
    with tempfile.TemporaryDirectory(prefix="gateway-metrics-") as folder:
        os.environ[FOLDER] = folder
        # The library reads the environment only once, when it is imported (0.26, `values.py`): too
        # early for processes forked from this one.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            del os.environ[FOLDER]
            values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def forget_process(pid: int) -> None:
    """Remove a dead process from the gauges of present state."""
    folder = os.environ.get(FOLDER)
    for file in Path(folder).glob(_DEAD_FILES.format(pid=pid)) if folder else ():
        file.unlink(missing_ok=True)


def exposition(readings: Iterable[MetricReading]) -> bytes:
    """Return all processes' metrics and these readings in Prometheus' text format."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_ReadingsCollector(tuple(readings)))
    return generate_latest(registry)


def mailboxes_up() -> dict[str, bool]:
    """Return whether the processes on this host could last read each mailbox."""
    return {name: value > 0 for name, value in _gauges("gateway_mailbox_up", "mailbox").items()}


def relay_health() -> dict[str, RelayHealth]:
    """Return the last known state of each relay on this host."""
    gauges = _gauges("gateway_relay_health", "relay")
    return {name: RelayHealth(value) for name, value in gauges.items()}


def relay_replies() -> dict[str, float]:
    """Return how many final replies the processes on this host got from each relay."""
    return _gauges("gateway_relay_replies", "relay")


def mailchimp_health() -> MailchimpHealth | None:
    """Return the last known state of Mailchimp on this host; None if there is none yet."""
    gauges = _gauges("gateway_mailchimp_health", "account")
    return MailchimpHealth(gauges["main"]) if "main" in gauges else None


def _gauges(name: str, label: str) -> dict[str, float]:
    """Return the values of a metric over all processes on this host, added up by label."""
    registry = CollectorRegistry()
    if not os.environ.get(FOLDER):
        return {}
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    values: dict[str, float] = {}
    for metric in registry.collect():
        for sample in metric.samples if metric.name == name else ():
            values[sample.labels[label]] = values.get(sample.labels[label], 0.0) + sample.value
    return values


class _ReadingsCollector(Collector):
    def __init__(self, readings: Sequence[MetricReading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            family: CounterMetricFamily | GaugeMetricFamily = (
                CounterMetricFamily(reading.name, reading.text, labels=[reading.label])
                if reading.only_rises
                else GaugeMetricFamily(reading.name, reading.text, labels=[reading.label])
            )
            for key, value in reading.values.items():
                family.add_metric([key], value)
            yield family


def _remove_leftovers(folder: Path) -> None:
    """Remove the files of dead processes, even if another now has the same id.

    A process keeps the file it counts into mapped for as long as it lives (prometheus_client 0.26,
    `mmap_dict.py`).
    """
    for file in folder.glob("*.db"):
        pid = file.stem.rpartition("_")[2]
        if not pid.isdigit():
            continue
        try:
            mapped = Path("/proc", pid, "maps").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            mapped = ""
        except PermissionError:  # another user's process: there is no way to know whether it counts
            continue
        if str(file.resolve()) not in mapped:
            file.unlink(missing_ok=True)
