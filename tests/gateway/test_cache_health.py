"""Whoever pays for a cache that does not work is told."""

from pathlib import Path

import pytest

from core.cache_health import CacheHealth, cache_health
from core.facts import TurnClosed
from core.types import Status, Usage
from gateway.doctor import findings
from gateway.telemetry import Telemetry
from tests.core.stage import SQLITE, event, stage
from tests.fakes.scripted import Began, Done, Text

GOOD = Usage(input=10, cache_read=3000, cache_write_5m=90)
BAD = Usage(input=2000, cache_read=500, cache_write_5m=600)


def says(usage):
    return [Began(usage=usage), Text("ok"), Done(stop_reason="end_turn", usage=usage)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("core.asking.COALESCE", 0.0)


async def talked(database, *usages, place="alice"):
    """A conversation whose answers cost this."""
    async with stage(database, *map(says, usages)) as theatre:
        for _ in usages:
            await theatre.handler.accept(event(place=place))
            await theatre.done()


async def test_the_first_turns_and_short_prompts_say_nothing(database):
    """There was nothing to be found in the cache yet, or nothing that it keeps."""
    await talked(database, BAD, BAD, GOOD, Usage(input=40), GOOD)
    await talked(database, BAD, BAD, place="bob")
    found = await database.read(cache_health)
    assert found == CacheHealth(turns=2, prompt=6200, read=6000)


async def test_nothing_is_said_of_nothing(database):
    """A new database."""
    assert (await database.read(cache_health)).share == 0


@SQLITE
@pytest.mark.parametrize(("usage", "verdict"), [(GOOD, "ok"), (BAD, "warn")])
async def test_the_doctor_warns_of_a_cache_that_is_not_read(
    database, database_url, usage, verdict, monkeypatch
):
    """If the newest answers read less than half of what they took in; with what it may be."""
    await talked(database, *[usage] * 22)
    await database.close()
    monkeypatch.setattr("gateway.doctor._models", _none)
    told = {"DATABASE_URL": database_url, "ANTHROPIC_API_KEY": "k", "PORT": "0"}
    seen = [each async for each in findings(told, Path("/nonexistent"))]
    [cache] = [each for each in seen if each.what == "prompt cache"]
    assert cache.verdict == verdict
    assert ("MODEL_FALLBACKS" in cache.words) == (verdict == "warn")
    assert "last 20 answers" in cache.words


async def _none(_):
    return
    yield


def test_the_share_that_is_read_is_a_metric():
    """By model, of all that went in since the start."""
    telemetry = Telemetry()
    for usage in (GOOD, BAD):
        telemetry.observe(
            TurnClosed(
                platform="web",
                turn_id=1,
                session_id=1,
                attempt=1,
                status=Status.DONE,
                seconds=1,
                model="m",
                stop_reason="end_turn",
                usage=usage,
                cost=None,
                error=None,
            )
        )
    share = 3500 / 6200
    assert f'gateway_cache_read_share{{model="m"}} {share}'.encode() in telemetry.render()
