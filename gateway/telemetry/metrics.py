"""The facts as Prometheus metrics."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from core import facts
from core.types import Usage

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

ACCEPT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3)
FIRST_TEXT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
TURN_BUCKETS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
BREAKER = {"closed": 0, "half_open": 1, "open": 2}
NANOS = 1e9  # in one

M = TypeVar("M", Counter, Gauge)

# Else every counter has a second line, which nothing reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Labelled(Generic[M]):
    """A metric with labels that finds its child by one look into a dict.

    `labels()` itself takes a lock and makes strings of everything, three times a turn.
    """

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}

    def __call__(self, *values: str) -> M:
        """The child with these labels."""
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = self._metric.labels(*values)
        return child


class Metrics:
    """All metrics of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._about_turns()
        self._about_models()
        self._about_replicas()
        self._counters: dict[type, Callable[[Any], None]] = {
            facts.Accepted: self._accepted,
            facts.FirstText: self._first_text,
            facts.TurnClosed: self._closed,
            facts.TurnBroke: lambda _: self.broken.inc(),
            facts.TurnFenced: lambda _: self.fenced.inc(),
            facts.TurnsRecovered: lambda fact: self.recovered.inc(len(fact.turn_ids)),
            facts.DeliveryRetried: lambda _: self.deliveries_retried.inc(),
            facts.PlatformBarred: lambda fact: self.platforms_barred(fact.platform).inc(),
            facts.DeliveryReported: lambda fact: self.deliveries(
                fact.platform, fact.status, fact.error_code or ""
            ).inc(),
            facts.DeliveryRefused: lambda _: self.deliveries_refused.inc(),
            facts.PlatformCalled: self._called,
            facts.InboundRefused: lambda fact: self.inbound_refused(fact.platform, fact.reason).inc(
                fact.count
            ),
            facts.FileFetched: lambda fact: self.files(fact.platform, fact.outcome).inc(),
            facts.PersonaBroke: lambda fact: self.findings(fact.persona, fact.rule).inc(),
            facts.Routed: lambda fact: self.routed(str(fact.simple).lower(), fact.reason).inc(),
            facts.Saved: lambda fact: self.saved.inc(fact.amount / NANOS),
            facts.BudgetNear: lambda fact: self.budgets(fact.whose, fact.span, "near").inc(),
            facts.BudgetSpent: lambda fact: self.budgets(
                fact.whose, fact.span, "refused" if fact.refused else "cheaper"
            ).inc(),
            facts.PriceUnknown: lambda fact: self.unpriced(fact.model).set(1),
            facts.Condensed: lambda fact: self.condensed.inc(1 if fact.messages else 0),
            facts.ModelRetried: lambda fact: self.retries(fact.model, fact.reason).inc(),
            facts.ModelFellBack: lambda _: self.fallbacks.inc(),
            facts.ModelInterrupted: lambda _: self.interruptions.inc(),
            facts.BreakerMoved: lambda fact: self.breaker(fact.model).set(BREAKER[fact.state]),
            facts.HeartbeatMissed: lambda _: self.heartbeats_missed.inc(),
            facts.ReplicaStopped: lambda _: None,  # nobody reads a metric of what is gone
        }

    def count(self, fact: facts.Fact) -> None:
        """Move what this fact moves."""
        self._counters[type(fact)](fact)

    def render(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self.registry)

    def _about_turns(self) -> None:
        counter, histogram, gauge = self._counter, self._histogram, self._gauge
        self.messages = Labelled(counter("messages", "Messages taken in.", "platform", "duplicate"))
        self.accept_seconds = histogram(
            "accept_seconds", "From a message's arrival until it was stored.", ACCEPT_BUCKETS
        )
        self.turns = Labelled(counter("turns", "Turns that ended.", "platform", "status"))
        self.turn_seconds = histogram("turn_seconds", "From a turn's begin to end.", TURN_BUCKETS)
        self.first_text_seconds = histogram(
            "first_text_seconds", "From a turn's begin to its first words.", FIRST_TEXT_BUCKETS
        )
        self.broken = counter("turns_broken", "Attempts that ended in an unforeseen error.")
        self.fenced = counter("turns_fenced", "Turns given up to another owner.")
        self.recovered = counter("turns_recovered", "Turns taken over from a dead owner.")
        self.deliveries_retried = counter(
            "deliveries_retried", "Answers that a platform did not take at once."
        )
        self.deliveries_refused = counter(
            "deliveries_refused", "Answers that a platform will never take."
        )
        self.deliveries = Labelled(
            counter("deliveries", "News of parts of answers.", "platform", "status", "error_code")
        )
        self.platforms_barred = Labelled(
            counter("platform_barred", "Times that a platform began to refuse us.", "platform")
        )
        self.inbound_refused = Labelled(
            counter("inbound_refused", "Requests turned away.", "platform", "reason")
        )
        self.files = Labelled(
            counter("files", "Files of messages that were fetched.", "platform", "outcome")
        )
        self.findings = Labelled(
            counter("persona_findings", "Rules that answers broke.", "persona", "rule")
        )
        self.routed = Labelled(
            counter("turns_routed", "Whether questions were simple, and why.", "simple", "reason")
        )
        self.saved = counter("saved_dollars", "What a cheaper model saved, in US dollars.")
        self.budgets = Labelled(
            counter("budgets", "Budgets that ran short.", "whose", "span", "outcome")
        )
        self.unpriced = Labelled(gauge("price_unknown", "1 for models of unknown price.", "model"))
        self.condensed = counter("condensed", "Times that a long conversation was condensed.")
        self.calls = Labelled(
            counter("platform_calls", "Calls of platforms' APIs.", "platform", "method", "outcome")
        )
        self.turns_running = gauge("turns_running", "Turns in work on this replica.")
        self.turns_waiting = gauge("turns_waiting", "Turns that wait until it is less busy.")
        self.open_streams = gauge("open_streams", "Viewers that follow a turn.")

    def _about_models(self) -> None:
        counter = self._counter
        self.tokens = Labelled(counter("tokens", "Tokens used.", "model", "kind"))
        self._prompts: dict[str, tuple[int, int]] = {}  # by model: tokens from the cache, of all
        self.cache_read_share = Labelled(
            self._gauge(
                "cache_read_share",
                "How much of what went in was read from the provider's cache, since the start.",
                "model",
            )
        )
        self.cost = Labelled(counter("cost_dollars", "What models cost, in US dollars.", "model"))
        self.retries = Labelled(
            counter("model_retries", "Model calls tried once more.", "model", "reason")
        )
        self.fallbacks = counter("model_fallbacks", "Models given up for a turn.")
        self.interruptions = counter(
            "model_interruptions", "Answers that broke off after their first words."
        )
        self.breaker = Labelled(
            self._gauge("breaker_state", "0 closed, 1 half open, 2 open.", "model")
        )

    def _about_replicas(self) -> None:
        self.heartbeats_missed = self._counter(
            "heartbeats_missed", "Signs of life that the database did not take."
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gateway_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"gateway_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"gateway_{name}", text, registry=self.registry, buckets=buckets)

    def _accepted(self, fact: facts.Accepted) -> None:
        self.messages(fact.platform, "true" if fact.duplicate else "false").inc()
        self.accept_seconds.observe(fact.seconds)

    def _called(self, fact: facts.PlatformCalled) -> None:
        self.calls(fact.platform, fact.method, fact.outcome[:40]).inc()

    def _first_text(self, fact: facts.FirstText) -> None:
        self.first_text_seconds.observe(fact.seconds)

    def _closed(self, fact: facts.TurnClosed) -> None:
        self.turns(fact.platform, fact.status).inc()
        self.turn_seconds.observe(fact.seconds)
        if fact.model is None:
            return
        if fact.usage is not None:
            self._used(fact.model, fact.usage)
        if fact.cost is not None:
            self.cost(fact.model).inc(fact.cost / NANOS)

    def _used(self, model: str, usage: Usage) -> None:
        self.tokens(model, "input").inc(usage.input)
        self.tokens(model, "output").inc(usage.output)
        self.tokens(model, "cache_read").inc(usage.cache_read)
        self.tokens(model, "cache_write").inc(usage.cache_write)
        read, prompt = self._prompts.get(model, (0, 0))
        read, prompt = read + usage.cache_read, prompt + usage.prompt
        self._prompts[model] = (read, prompt)
        self.cache_read_share(model).set(read / prompt if prompt else 0)
