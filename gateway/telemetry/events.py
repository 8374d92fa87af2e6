"""The facts as log events: one name, one level and one set of fields each."""

import logging
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import structlog

from core import facts
from core.types import Status
from gateway.telemetry import scrub

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

NANOS = 1e9  # in one
# Messages are told at debug, turns at info, and above that what an operator may want to look into.
EVENTS: Mapping[type, tuple[str, int]] = {
    facts.Accepted: ("message.accepted", logging.DEBUG),
    facts.FirstText: ("turn.first_text", logging.DEBUG),
    facts.TurnFenced: ("turn.fenced", logging.WARNING),
    facts.TurnsRecovered: ("turns.recovered", logging.WARNING),
    facts.DeliveryRetried: ("delivery.retried", logging.WARNING),
    facts.PlatformBarred: ("platform.barred", logging.ERROR),
    facts.DeliveryReported: ("delivery.reported", logging.DEBUG),
    facts.DeliveryRefused: ("delivery.refused", logging.WARNING),
    facts.PlatformCalled: ("platform.called", logging.DEBUG),
    facts.InboundRefused: ("inbound.refused", logging.WARNING),
    facts.FileFetched: ("file.fetched", logging.INFO),
    facts.PersonaBroke: ("persona.broke", logging.INFO),
    facts.Routed: ("turn.routed", logging.DEBUG),
    facts.Saved: ("turn.saved", logging.DEBUG),
    facts.BudgetNear: ("budget.near", logging.WARNING),
    facts.BudgetSpent: ("budget.spent", logging.WARNING),
    facts.PriceUnknown: ("price.unknown", logging.WARNING),
    facts.Condensed: ("session.condensed", logging.INFO),
    facts.ModelRetried: ("model.retried", logging.WARNING),
    facts.ModelFellBack: ("model.fell_back", logging.WARNING),
    facts.ModelInterrupted: ("model.interrupted", logging.WARNING),
    facts.BreakerMoved: ("breaker.moved", logging.WARNING),
    facts.HeartbeatMissed: ("heartbeat.missed", logging.WARNING),
    facts.ReplicaStopped: ("replica.stopped", logging.INFO),
}
FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in EVENTS}
CLOSED = {status: f"turn.{status}" for status in Status}
OTHERS_WORDS = ("error", "message", "reason", "outcome")


def write(fact: facts.Fact) -> None:
    """Log the fact as one event, its fields by name."""
    match fact:
        case facts.TurnClosed():
            _closed(fact)
        case facts.TurnBroke():
            _broke(fact)
        case _:
            name, level = EVENTS[type(fact)]
            if isinstance(fact, facts.PlatformCalled) and fact.outcome != "ok":
                level = logging.INFO
            if log.is_enabled_for(level):
                log.log(level, name, **_told(fact))


def _told(fact: facts.Fact) -> dict[str, Any]:
    values = {name: getattr(fact, name) for name in FIELDS[type(fact)]}
    for name in OTHERS_WORDS:
        if name in values:
            values[name] = scrub.line(values[name])
    if "seconds" in values:
        values["seconds"] = round(values["seconds"], 4)
    return {name: value for name, value in values.items() if value is not None}


def _closed(fact: facts.TurnClosed) -> None:
    tell = log.warning if fact.status is Status.FAILED else log.info
    values: dict[str, Any] = {
        "platform": fact.platform,
        "turn_id": fact.turn_id,
        "session_id": fact.session_id,
        "attempt": fact.attempt,
        "seconds": round(fact.seconds, 4),
        "model": fact.model,
        "stop_reason": fact.stop_reason,
    }
    if fact.error is not None:
        values["error"] = scrub.line(fact.error)
    if fact.usage is not None:
        values["input"] = fact.usage.input
        values["output"] = fact.usage.output
        values["cache_read"] = fact.usage.cache_read
        values["cache_write"] = fact.usage.cache_write
    if fact.cost is not None:
        values["cost_dollars"] = fact.cost / NANOS
    tell(CLOSED[fact.status], **values)


def _broke(fact: facts.TurnBroke) -> None:
    log.error(
        "turn.broke",
        turn_id=fact.turn_id,
        session_id=fact.session_id,
        attempt=fact.attempt,
        error=scrub.name(fact.error),
        exception=scrub.describe(fact.error),
    )
