import asyncio
import gc
import json
import logging
import sys
from typing import get_args

import pytest
import structlog
import uvloop
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from core.errors import Transient, Unavailable
from core.facts import (
    Accepted,
    BreakerMoved,
    BudgetNear,
    BudgetSpent,
    Condensed,
    DeliveryRefused,
    DeliveryReported,
    DeliveryRetried,
    Fact,
    FileFetched,
    FirstText,
    HeartbeatMissed,
    InboundRefused,
    ModelFellBack,
    ModelInterrupted,
    ModelRetried,
    PersonaBroke,
    PlatformBarred,
    PlatformCalled,
    PriceUnknown,
    ReplicaStopped,
    Routed,
    Saved,
    TurnBroke,
    TurnClosed,
    TurnFenced,
    TurnsRecovered,
)
from core.types import Status, Usage
from gateway.telemetry import Telemetry, configure_logging

SECRET = "sk-ant-hush-4711"
WORDS = "my doctor says"


def closed(**changes):
    fields = {
        "platform": "web",
        "turn_id": 7,
        "session_id": 3,
        "attempt": 1,
        "status": Status.DONE,
        "seconds": 1.23456,
        "model": "m",
        "stop_reason": "end_turn",
        "usage": Usage(input=10, output=20, cache_read=30, cache_write_5m=1, cache_write_1h=2),
        "cost": 2_500_000,
        "error": None,
    }
    return TurnClosed(**fields | changes)


FACTS = [
    Accepted(platform="web", session_id=3, message_id=9, turn_id=7, duplicate=False, seconds=0.002),
    FirstText(turn_id=7, session_id=3, model="m", seconds=0.3),
    closed(),
    TurnBroke(turn_id=7, session_id=3, attempt=1, error=ValueError(WORDS)),
    TurnFenced(turn_id=7, session_id=3, attempt=1),
    TurnsRecovered(turn_ids=(7, 8)),
    DeliveryRetried(platform="web", turn_id=7, seconds=1, error="gone"),
    ModelRetried(model="m", reason="Overloaded", seconds=0.5),
    ModelFellBack(model="m", reason="Unavailable", message="no such model", successor="n"),
    ModelInterrupted(model="m", reason="Transient"),
    BreakerMoved(model="m", state="open", seconds=10),
    HeartbeatMissed(error="refused"),
    ReplicaStopped(released=2),
    DeliveryRefused(platform="slack", turn_id=7, error="is_archived"),
    PlatformBarred(platform="slack", reason="invalid_auth"),
    DeliveryReported(platform="whatsapp", status="failed", error_code="63016"),
    PlatformCalled(platform="slack", method="chat.update", outcome="ratelimited", seconds=0.2),
    InboundRefused(platform="slack", reason="signature", count=3),
    Routed(turn_id=7, simple=True, reason="small_talk"),
    Saved(turn_id=7, model="h", amount=9),
    BudgetNear(whose="person", span="day"),
    BudgetSpent(turn_id=7, whose="all", span="month", refused=True),
    PriceUnknown(model="m"),
    PersonaBroke(turn_id=7, session_id=3, persona="ada", rule="no-refunds"),
    Condensed(session_id=3, messages=30, seconds=1.5, usage=Usage(input=9), cost=7),
    FileFetched(platform="slack", outcome="ok", size=5, seconds=0.2),
]


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
def logged(capsys):
    """Start logging as JSON at debug; call for the events since then."""
    yield from _logging(capsys, "debug")


@pytest.fixture
def logged_at_info(capsys):
    yield from _logging(capsys, "info")


def _logging(capsys, level):
    root = logging.getLogger()
    before = root.level
    configure_logging(level, "json")
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    _stop_logging(before)


def _stop_logging(level):
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if handler.name == "gateway"]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def metric(telemetry, sample):
    """The value of one sample, as a scraper reads it."""
    lines = telemetry.render().decode().splitlines()
    [value] = [line.rpartition(" ")[2] for line in lines if line.startswith(f"{sample} ")]
    return float(value)


def test_the_examples_are_all_the_facts_there_are():
    """Every kind of fact is tried below, so none can be forgotten here or in the telemetry."""
    assert {type(fact) for fact in FACTS} == set(get_args(Fact))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_each_fact_is_one_event(fact, telemetry, logged):
    """A fact is logged once, under a dotted name, with its time and its level."""
    telemetry.observe(fact)
    [event] = logged()
    assert "." in event["event"]
    assert event["level"] in {"debug", "info", "warning", "error"}
    assert event["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "fact", [f for f in FACTS if not isinstance(f, ReplicaStopped)], ids=lambda f: type(f).__name__
)
def test_each_fact_of_a_living_replica_moves_a_metric(fact, telemetry):
    """What is logged is counted too."""
    before = _ours(telemetry)
    telemetry.observe(fact)
    assert _ours(telemetry) != before


def _ours(telemetry):
    return [line for line in telemetry.render().splitlines() if line.startswith(b"gateway_")]


def test_a_closed_turn_tells_its_figures_by_name(telemetry, logged):
    """The event of a turn has its ids, its time, its tokens and its cost in dollars."""
    telemetry.observe(closed())
    [event] = logged()
    del event["timestamp"]
    assert event == {
        "level": "info",
        "event": "turn.done",
        "platform": "web",
        "turn_id": 7,
        "session_id": 3,
        "attempt": 1,
        "seconds": 1.2346,
        "model": "m",
        "stop_reason": "end_turn",
        "input": 10,
        "output": 20,
        "cache_read": 30,
        "cache_write": 3,
        "cost_dollars": 0.0025,
    }


@pytest.mark.parametrize(
    ("status", "event", "level"),
    [
        (Status.DONE, "turn.done", "info"),
        (Status.CANCELLED, "turn.cancelled", "info"),
        (Status.FAILED, "turn.failed", "warning"),
    ],
)
def test_a_turns_end_names_its_event(status, event, level, telemetry, logged):
    """How a turn ended is in the event's name, and a failure is a warning."""
    telemetry.observe(closed(status=status, model=None, usage=None, cost=None))
    [told] = logged()
    assert (told["event"], told["level"]) == (event, level)


def test_messages_are_told_at_debug_only(telemetry, logged_at_info):
    """At info a turn is one line, however many messages and words it had."""
    for fact in FACTS[:3]:
        telemetry.observe(fact)
    assert [event["event"] for event in logged_at_info()] == ["turn.done"]


def test_tokens_and_cost_are_counted_by_model(telemetry):
    """Tokens are counted by kind, and nano-dollars become dollars."""
    telemetry.observe(closed())
    telemetry.observe(closed())
    kinds = {"input": 20, "output": 40, "cache_read": 60, "cache_write": 6}
    counted = {k: metric(telemetry, f'gateway_tokens_total{{kind="{k}",model="m"}}') for k in kinds}
    assert counted == kinds
    assert metric(telemetry, 'gateway_cost_dollars_total{model="m"}') == pytest.approx(0.005)


def test_turns_and_messages_are_counted_by_platform(telemetry):
    """Duplicates and failures can be told apart from the rest."""
    telemetry.observe(FACTS[0])
    telemetry.observe(closed(status=Status.FAILED, error="unavailable"))
    assert metric(telemetry, 'gateway_messages_total{duplicate="false",platform="web"}') == 1
    assert metric(telemetry, 'gateway_turns_total{platform="web",status="failed"}') == 1


@pytest.mark.parametrize(
    ("fact", "histogram"),
    [
        (FACTS[0], "gateway_accept_seconds"),
        (FACTS[1], "gateway_first_text_seconds"),
        (FACTS[2], "gateway_turn_seconds"),
    ],
)
def test_waits_are_histograms(fact, histogram, telemetry):
    """The waits that people feel are kept as distributions, in seconds."""
    telemetry.observe(fact)
    assert metric(telemetry, f"{histogram}_count") == 1
    assert metric(telemetry, f"{histogram}_sum") == fact.seconds


@pytest.mark.parametrize(
    ("fact", "sample", "value"),
    [
        (FACTS[5], "gateway_turns_recovered_total", 2),
        (FACTS[6], "gateway_deliveries_retried_total", 1),
        (FACTS[7], 'gateway_model_retries_total{model="m",reason="Overloaded"}', 1),
        (FACTS[8], "gateway_model_fallbacks_total", 1),
        (FACTS[9], "gateway_model_interruptions_total", 1),
        (FACTS[11], "gateway_heartbeats_missed_total", 1),
        (FACTS[-8], 'gateway_turns_routed_total{reason="small_talk",simple="true"}', 1),
        (FACTS[-7], "gateway_saved_dollars_total", 9e-9),
        (FACTS[-5], 'gateway_budgets_total{outcome="refused",span="month",whose="all"}', 1),
        (FACTS[-3], 'gateway_persona_findings_total{persona="ada",rule="no-refunds"}', 1),
        (FACTS[-2], "gateway_condensed_total", 1),
        (FACTS[-1], 'gateway_files_total{outcome="ok",platform="slack"}', 1),
    ],
)
def test_troubles_are_counted(fact, sample, value, telemetry):
    """Each kind of trouble has its counter, a take-over one for each turn taken."""
    telemetry.observe(fact)
    assert metric(telemetry, sample) == value


@pytest.mark.parametrize(("state", "value"), [("closed", 0), ("half_open", 1), ("open", 2)])
def test_a_breaker_shows_its_state(state, value, telemetry):
    """The gauge of a model's breaker is 0 when closed, 1 half open, 2 open."""
    telemetry.observe(BreakerMoved(model="m", state="open", seconds=1))
    telemetry.observe(BreakerMoved(model="m", state=state, seconds=1))
    assert metric(telemetry, 'gateway_breaker_state{model="m"}') == value


def test_gauges_are_asked_for_when_rendered(telemetry):
    """Running turns and open streams are as they are now, not as they were when watched."""
    now = {"turns": 1, "waiting": 3, "streams": 2}
    telemetry.watch(
        turns_running=lambda: now["turns"],
        turns_waiting=lambda: now["waiting"],
        open_streams=lambda: now["streams"],
    )
    now["turns"] = 5
    assert metric(telemetry, "gateway_turns_running") == 5
    assert metric(telemetry, "gateway_turns_waiting") == 3
    assert metric(telemetry, "gateway_open_streams") == 2


def test_each_telemetry_counts_for_itself(telemetry):
    """Two gateways in one process do not see each other's figures."""
    telemetry.observe(closed())
    assert b'status="done"' not in Telemetry().render()


def _break_down():
    try:
        _store()
    except OperationalError as error:
        raise Transient(f"the database is away: {error}") from error


def _store():
    statement = "INSERT INTO messages (content) VALUES (?)"
    raise OperationalError(statement, {"content": WORDS}, ValueError(SECRET))


def test_a_broken_turn_tells_where_but_not_about_what(telemetry, logged):
    """Of an error its types and frames are logged; a statement's values and messages are not."""
    with pytest.raises(Transient) as broke:
        _break_down()
    telemetry.observe(TurnBroke(turn_id=7, session_id=3, attempt=1, error=broke.value))
    [event] = logged()
    assert event["error"] == "core.errors.Transient"
    told = event["exception"]
    assert told.startswith("core.errors.Transient: the database is away")
    assert "caused by sqlalchemy.exc.OperationalError\n" in told
    assert "gateway/test_telemetry.py:" in told
    assert ":_store" in told
    for hidden in (SECRET, WORDS, "INSERT", "parameters", "[SQL"):
        assert hidden not in json.dumps(event)


def test_a_foreign_errors_message_is_not_told(telemetry, logged):
    """An error that is not ours may quote what a person wrote, so only its type is told."""
    telemetry.observe(FACTS[3])
    [event] = logged()
    assert event["exception"] == event["error"] == "ValueError"


def test_a_group_tells_of_its_members(telemetry, logged):
    """The errors of tasks that failed together are all named."""
    group = ExceptionGroup(WORDS, [KeyError(WORDS), Unavailable("no such model")])
    telemetry.observe(TurnBroke(turn_id=7, session_id=3, attempt=1, error=group))
    [event] = logged()
    assert event["exception"].splitlines() == [
        "ExceptionGroup",
        "caused by KeyError",
        "caused by core.errors.Unavailable: no such model",
    ]


@pytest.mark.parametrize(
    "message",
    [
        f"bad key {SECRET}",
        "Authorization: Bearer abc.hush-4711",
        "x-api-key: hush-4711",
        "cannot reach postgres://me:hush-4711@db/x",
        "token xoxb-hush-4711 was refused",
        "first line\nhush-4711 on the second",
        "(sqlite3.OperationalError) away [SQL: x] [parameters: ('hush-4711',)]",
    ],
)
def test_secrets_in_the_words_of_others_are_blotted_out(message, telemetry, logged):
    """What a provider or a database says is cut to a line, its secrets and values left out."""
    telemetry.observe(HeartbeatMissed(error=message))
    telemetry.observe(ModelFellBack(model="m", reason="x", message=message, successor=None))
    telemetry.observe(DeliveryRetried(platform="web", turn_id=7, seconds=1, error=message))
    error = Transient(message)
    telemetry.observe(TurnBroke(turn_id=7, session_id=3, attempt=1, error=error))
    events = logged()
    assert len(events) == 4
    assert "hush-4711" not in json.dumps(events)


def test_an_event_never_shows_what_nobody_decided_to_show(logged):
    """An object that is no plain value is named by its type; even a lone surrogate is written."""
    structlog.get_logger().info("x", key=SecretStr(SECRET), odd="\ud83d", big=2**70)
    [event] = logged()
    assert event["key"] == "<SecretStr>"
    assert (event["odd"], event["big"]) == ("\ud83d", 2**70)


def test_a_dead_log_does_not_hurt_a_turn(telemetry, monkeypatch, tmp_path):
    """When standard error is gone, facts are still counted and nothing is raised."""
    level = logging.getLogger().level
    with (tmp_path / "log").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        configure_logging("info", "json")
    telemetry.observe(closed())
    logging.getLogger("aiohttp.server").error("gone too")
    _stop_logging(level)
    assert metric(telemetry, 'gateway_turns_total{platform="web",status="done"}') == 1


def test_libraries_log_by_the_same_renderer(logged):
    """A library's warning is an event with its logger's name; its chatter is not logged."""
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("sqlalchemy.pool").warning("lost %s\nwith details", "a connection")
    [event] = logged()
    assert event["event"] == "lost a connection"
    assert (event["logger"], event["level"]) == ("sqlalchemy.pool", "warning")


def test_a_librarys_wrong_arguments_do_not_raise(logged):
    """A log call whose arguments do not fit its message is logged as it is."""
    [ours] = [h for h in logging.getLogger().handlers if h.name == "gateway"]
    wrong = {"msg": "%d of %s", "args": ("one",), "levelno": 30, "levelname": "WARNING"}
    ours.handle(logging.makeLogRecord(wrong))
    assert [event["event"] for event in logged()] == ["%d of %s"]


def test_a_librarys_exception_is_one_field(logged):
    """A traceback is one field of one line, without the error's message."""
    try:
        int(WORDS)
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    [event] = logged()
    assert event["exception"].startswith("ValueError\n  gateway/test_telemetry.py:")
    assert WORDS not in json.dumps(event)


def test_our_own_exceptions_are_one_field_too(logged):
    """An event of ours that is logged with its exception hides the message just so."""
    log = structlog.get_logger()
    try:
        int(WORDS)
    except ValueError as error:
        log.exception("x.failed")
        log.warning("x.failed", exc_info=error)
    one, other = logged()
    assert one["exception"] == other["exception"]
    assert one["exception"].startswith("ValueError\n")
    assert WORDS not in json.dumps([one, other])


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_an_error_that_nobody_awaited_is_logged_without_its_words(loop, logged):
    """A task that dies unheard leaves one event, and neither its repr nor its message."""

    async def die():
        raise ValueError(WORDS)

    async def main():
        task = asyncio.create_task(die())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
    [event] = logged()
    assert event["event"] == "Task exception was never retrieved"
    assert event["exception"].startswith("ValueError\n  gateway/test_telemetry.py:")
    assert WORDS not in json.dumps(event)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_callback_that_dies_keeps_its_arguments_to_itself(loop, logged):
    """The event loop names the callback that failed, not what it was called with."""

    async def main():
        asyncio.get_running_loop().call_soon(int, WORDS)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
    [event] = logged()
    assert event["event"].startswith("Exception in callback")
    assert WORDS not in json.dumps(event)


def test_a_second_call_replaces_the_first(capsys, logged_at_info):
    """Logging that is configured anew logs once, in the new format and at the new level."""
    configure_logging("warning", "console")
    structlog.get_logger().info("x.hidden")
    structlog.get_logger().warning("x.shown", number=4)
    logging.getLogger("x").warning("library")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "x.shown" in lines[0]
    assert "number=4" in lines[0]
    assert not lines[0].startswith("{")


def test_auto_is_json_where_nobody_reads_along(capsys, logged_at_info):
    """Without a terminal `auto` means JSON, without colours."""
    configure_logging("info", "auto")
    structlog.get_logger().info("x.shown")
    assert json.loads(capsys.readouterr().err)["event"] == "x.shown"


def test_auto_is_readable_on_a_terminal(capsys, logged_at_info, monkeypatch):
    """On a terminal `auto` is for eyes; a broken turn's frames stand below its line."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure_logging("info", "auto")
    error = Transient("away")
    Telemetry().observe(TurnBroke(turn_id=7, session_id=3, attempt=1, error=error))
    shown = capsys.readouterr().err
    assert not shown.startswith("{")
    assert shown.endswith("\ncore.errors.Transient: away\n")
