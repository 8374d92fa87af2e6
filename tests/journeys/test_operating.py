"""What whoever runs the gateway sees of it: signs of life, the page, the commands, the log."""

import asyncio
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from adapters.web.site import FILES
from adapters.web.sse import STREAMS
from core.database import DatabaseDown
from core.errors import Misconfigured, Transient
from core.models import Opening
from core.types import InboundEvent, Receipt
from gateway.app import build, serve, stop
from gateway.chat import Terminal
from gateway.doctor import Finding, examine, findings
from gateway.telemetry import configure_logging
from tests.databases import NAME, SERVER, copy_template, sqlite_url
from tests.fakes.anthropic import Answer, Cut, FakeAnthropic, Hold, Status
from tests.journeys import raw
from tests.journeys.house import KEY, PATIENCE, SOON, House, serving, settings, until

ROOT = Path(__file__).parents[2]
CANARY = "canary-in-a-coalmine"
MODELS = ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"]


async def away(*_: object, **__: object) -> None:
    raise DatabaseDown("gone")


async def got(house: House, path: str) -> tuple[int, str]:
    async with house.http.get(path) as response:
        return response.status, await response.text()


# --- signs of life ---


async def test_a_gateway_that_runs_is_alive_and_ready(either: House):
    """200 from both probes."""
    assert await got(either, "/livez") == (200, "ok\n")
    assert await got(either, "/readyz") == (200, "ok\n")


async def test_without_its_database_it_is_alive_but_not_ready(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """A restart would not help, but messages should go elsewhere."""
    monkeypatch.setattr(house.gateway.database, "read", away)
    assert await got(house, "/livez") == (200, "ok\n")
    assert await got(house, "/readyz") == (503, "the database does not answer\n")
    status, body = await got(house, "/health")
    assert status == 503
    assert json.loads(body)["checks"]["database"] == "unhealthy"


async def test_while_it_stops_it_takes_nothing_more_and_ends_what_it_began(house: House):
    """503 with the time to come again, and the running answer comes to its end."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    assert await got(house, "/livez") == (200, "ok\n")
    async with house.say("count") as viewer, house.say("later", "s") as other:
        await viewer.read(lambda viewer: viewer.text == "one ")
        await other.read()
        stopping = asyncio.create_task(stop(house.gateway, grace=10))
        await until(lambda: not house.gateway.handler.accepting)
        assert await got(house, "/readyz") == (503, "stopping\n")
        async with house.http.post("/api/chat", json={"message": "hi"}) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "2")
            assert "again" in (await response.json())["error"]
        hold.release()
        assert (await viewer.read()).text == "one two"
    await stopping
    with pytest.raises(aiohttp.ClientConnectorError):
        await got(house, "/livez")


async def test_health_tells_each_parts_state(house: House):
    """200 and `healthy` while all is well, with every model by name."""
    status, body = await got(house, "/health")
    told = json.loads(body)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", told.pop("timestamp"))
    assert status == 200
    assert told == {
        "status": "healthy",
        "checks": {"api": "healthy", "database": "healthy", "model": "healthy"},
        "models": dict.fromkeys(MODELS, "closed"),
    }


async def test_health_is_degraded_when_no_model_is_left(house: House):
    """One of three out of order is no alarm; all of them are 503."""
    for number, wanted in ((1, 200), (2, 503)):
        house.fake.script(*[Status(401)] * number)
        await house.chat("hi")
        status, body = await got(house, "/health")
        assert status == wanted
        assert list(json.loads(body)["models"].values()).count("open") == (1 if number == 1 else 3)
    assert json.loads(body)["status"] == "degraded"
    assert json.loads(body)["checks"]["model"] == "unhealthy"


async def test_metrics_have_a_turns_figures(house: House):
    """Messages, turns, tokens and cost by model; what runs and who watches, right now."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1, final_usage={"output_tokens": 7}))
    async with house.say("count") as viewer:
        await viewer.read(lambda viewer: viewer.text == "one ")
        during = samples(await got(house, "/metrics"))
        hold.release()
        await viewer.read()
    await house.ask("s", "hi", "m-1")
    await house.ask("s", "hi", "m-1")
    after = samples(await got(house, "/metrics"))
    assert during["gateway_turns_running"] == during["gateway_open_streams"] == 1
    assert after["gateway_turns_running"] == after["gateway_open_streams"] == 0
    assert after['gateway_messages_total{duplicate="false",platform="web"}'] == 2
    assert after['gateway_messages_total{duplicate="true",platform="web"}'] == 1
    assert after['gateway_turns_total{platform="web",status="done"}'] == 2
    spent = sum(request.tokens for request in house.fake.requests)
    assert after[f'gateway_tokens_total{{kind="input",model="{MODELS[0]}"}}'] == spent
    assert after[f'gateway_tokens_total{{kind="output",model="{MODELS[0]}"}}'] == 7 + 3
    assert after[f'gateway_cost_dollars_total{{model="{MODELS[0]}"}}'] > 0
    assert after["gateway_first_text_seconds_count"] == 2


def samples(answer: tuple[int, str]) -> dict[str, float]:
    status, text = answer
    assert status == 200
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


# --- the page ---


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("", "application/json"),
    ],
)
async def test_the_root_is_a_page_for_browsers_and_json_for_programs(
    house: House, accept: str, kind: str
):
    """By `Accept`, and caches are told so."""
    reply = await raw.ask(house.port, "GET", "/", [("Accept", accept)] if accept else [])
    assert reply.status == 200
    assert "Accept" in str(reply.header("Vary"))
    assert str(reply.header("Content-Type")).startswith(kind)
    if kind == "text/html":
        assert reply.body.lower().startswith(b"<!doctype html>")
    else:
        assert reply.json == {"status": "ok", "service": "chat-api"}


@pytest.mark.parametrize("path", FILES)
async def test_the_pages_files_are_sent_once_and_may_load_nothing_foreign(house: House, path: str):
    """Each has its type and its policy; who has it already is told 304."""
    accept = ("Accept", "text/html")
    first = await raw.ask(house.port, "GET", path, [accept])
    assert first.status == 200
    assert first.header("Content-Type") == f"{FILES[path][1]}; charset=utf-8"
    policy = str(first.header("Content-Security-Policy"))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert first.header("X-Content-Type-Options") == "nosniff"
    tag = str(first.header("ETag"))
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await raw.ask(house.port, "GET", path, [accept, ("If-None-Match", known)])
        assert (again.status, again.body) == (304, b"")
        assert again.header("ETag") == tag
    stale = await raw.ask(house.port, "GET", path, [accept, ("If-None-Match", '"other"')])
    assert (stale.status, stale.body) == (200, first.body)


async def test_all_that_the_page_refers_to_is_there(house: House):
    """Nothing is loaded from elsewhere, and nothing is missing."""
    page = (await raw.ask(house.port, "GET", "/", [("Accept", "text/html")])).body.decode()
    found = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page))
    for script in [path for path in FILES if path.endswith(".js")]:
        code = (await raw.ask(house.port, "GET", script)).body.decode()
        found |= {f"/{name}" for name in re.findall(r'from "\./([^"]+)"', code)}
    assert found
    for path in found:
        if not path.startswith("data:"):
            assert (await raw.ask(house.port, "GET", path)).status == 200, path


async def test_the_page_is_told_whom_it_talks_to(house: House):
    """The model's name, and whether it is the demo."""
    status, body = await got(house, "/api/v1/config")
    assert status == 200
    about = {"name": "Chat", "demo": False, "model": MODELS[0], "greeting": None, "auth": ["open"]}
    assert json.loads(body) == about


async def test_the_page_is_told_how_whoever_answers_there_begins(url: str, tmp_path: Path):
    """By whoever is at home on the web, and else by `PERSONA`."""
    for defaults, greeting in (('["web"]', "Here!"), ('["slack"]', "Hello, I'm Alex")):
        (tmp_path / "own.toml").write_text(
            f"name = 'X'\nrole = 'y'\ngreeting = 'Here!'\ndefaults = {defaults}"
        )
        async with serving(url, personas_dir=tmp_path, persona="customer-support") as house:
            _, body = await got(house, "/api/v1/config")
            assert json.loads(body)["greeting"].startswith(greeting)


# --- the log ---


async def test_the_log_holds_nobodys_words_and_no_key(
    house: House, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """At its most talkative, whatever fails and whoever quotes what."""
    configure_logging("debug", "json")
    quoting = f"cannot read {CANARY} with {KEY}"
    house.fake.script(Answer("fine"), Cut(after=2), Status(400, message=quoting))
    house.fake.script(*[Status(500, message=quoting, retry_after=SOON)] * 9)
    for _ in range(4):
        await house.chat(CANARY, "s")
    headers = {"Content-Type": "application/json"}
    for body in (f'{{"message": "{CANARY}', f'{{"message": ["{CANARY}"]}}'):
        await (await house.http.post("/api/chat", data=body, headers=headers)).read()
    await raw.send(house.port, f"GET /{CANARY}\x01 HTTP/1.1\r\n\r\n".encode())

    async def breaking(*asked: object) -> AsyncIterator[Opening]:
        yield Opening(model="m", text=CANARY)
        raise ValueError(CANARY, asked, KEY)

    monkeypatch.setattr(house.gateway.models, "stream", breaking)
    await house.post("s", CANARY)
    await house.idle()
    out, err = capfd.readouterr()
    assert CANARY not in out + err
    assert KEY not in out + err
    names = {json.loads(line)["event"] for line in err.splitlines()}
    assert names >= {"message.accepted", "turn.done", "turn.failed", "turn.broke", "model.retried"}
    assert logging.getLogger().level == logging.WARNING


# --- the commands ---


def environ(**changes: str) -> dict[str, str]:
    """A shell's environment without anything of ours, and these."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200", **changes}


async def launch(folder: Path, *args: str, **variables: str) -> asyncio.subprocess.Process:
    """`gateway …` in an empty folder."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from gateway.cli import main; main()", *args),
        cwd=folder,
        env=environ(**variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ran(folder: Path, *args: str, said: str = "", **variables: str) -> tuple[int, str, str]:
    """A command's status, output and errors."""
    process = await launch(folder, *args, **variables)
    async with asyncio.timeout(30):
        out, err = await process.communicate(said.encode())
    assert "Traceback" not in out.decode() + err.decode(), err.decode()
    return process.returncode or 0, out.decode(), err.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(
    folder: Path, url: str, fake: FakeAnthropic, **variables: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, aiohttp.ClientSession]]:
    """`gateway serve` in a process of its own, and a client of it."""
    port = free_port()
    told = {"PORT": str(port), "DATABASE_URL": url, "ANTHROPIC_BASE_URL": fake.url}
    told |= {"ANTHROPIC_API_KEY": KEY, "LOG_LEVEL": "debug", **variables}
    process = await launch(folder, "serve", **told)
    base = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession(base, timeout=PATIENCE) as http, asyncio.timeout(30):
            while not await answers(port):
                assert process.returncode is None, await process.communicate()
                await asyncio.sleep(0.02)
            yield process, http
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answers(port: int) -> bool:
    try:
        return (await raw.ask(port, "GET", "/livez")).status == 200
    except ConnectionError:
        return False


async def closed(http: aiohttp.ClientSession) -> None:
    """Wait until nobody listens any more."""
    assert http._base_url
    assert http._base_url.port
    while await answers(http._base_url.port):  # noqa: ASYNC110 - a process tells nobody
        await asyncio.sleep(0.01)


async def test_a_polite_signal_lets_the_answer_end(url: str, tmp_path: Path):
    """SIGTERM in the middle of an answer: its reader has the rest, and the exit status is 0."""
    hold = Hold()
    async with FakeAnthropic() as fake, served(tmp_path, url, fake) as (process, http):
        fake.script(Answer(f"one {CANARY} three", hold=hold, hold_after=1))
        async with http.post("/api/chat", json={"message": CANARY}) as response:
            seen = b""
            while b'"one ' not in seen:
                seen += await response.content.readany()
            process.send_signal(signal.SIGTERM)
            await closed(http)
            hold.release()
            seen += await response.read()
        assert f"{CANARY} three" in seen.decode()
        assert b'"done"' in seen
        out, err = await process.communicate()
    assert process.returncode == 0
    assert CANARY.encode() not in out + err
    assert KEY.encode() not in out + err
    assert b'"turn.done"' in err
    assert b"Traceback" not in err


async def test_a_second_signal_does_not_wait(url: str, tmp_path: Path):
    """Whoever asks twice has the process gone, in silence; the turn is taken up later."""
    async with FakeAnthropic() as fake, served(tmp_path, url, fake) as (process, http):
        fake.script(Answer("one two", hold=Hold(), hold_after=1))
        async with http.post("/api/chat", json={"message": "hi"}) as response:
            while b'"one ' not in await response.content.readany():
                pass
            process.send_signal(signal.SIGTERM)
            await closed(http)
            process.send_signal(signal.SIGTERM)
            _, err = await process.communicate()
    assert b"Traceback" not in err
    async with serving(url) as house:
        assert (await house.fake.came(1)).said == "hi"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HOST": "0.0.0.0"}, ["HOST", "not a loopback address"]),  # noqa: S104
        ({"HOST": "example.com", "PORT": "many"}, ["HOST", "PORT"]),
        ({"PORT": "taken"}, ["PORT", "taken by another program"]),
        ({"DATABASE_URL": "empty"}, ["DATABASE_URL", "gateway migrate"]),
        ({"DATABASE_URL": "used"}, ["DATABASE_URL", "in use by another gateway process"]),
    ],
    ids=["public", "two-faults", "port", "schema", "second"],
)
async def test_what_an_operator_can_mend_is_told_in_words(
    house: House, tmp_path: Path, variables: dict[str, str], words: list[str]
):
    """`gateway serve` names the variable and exits with 2, without a stack trace."""
    (tmp_path / "other").mkdir()
    copy_template(sqlite_url(tmp_path / "other"))
    places = {
        "taken": str(house.port),
        "empty": sqlite_url(tmp_path / "nowhere"),
        "used": house.gateway.settings.database_url,
    }
    told = {"PORT": str(free_port()), "DATABASE_URL": sqlite_url(tmp_path / "other")} | variables
    told = {name: places.get(value, value) for name, value in told.items()}
    status, out, err = await ran(tmp_path, "serve", **told)
    assert (status, out) == (2, "")
    for word in words:
        assert word in err


@pytest_asyncio.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """A PostgreSQL database without a single table."""
    name = f"{NAME}_empty"
    server = await asyncpg.connect(f"{SERVER}/postgres")
    await server.execute(f"CREATE DATABASE {name}")
    yield f"{SERVER}/{name}"
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_an_empty_postgresql_is_told_in_words(empty_url: str):
    """What has no tables yet is the operator's to migrate, and no error of anything else."""
    async with FakeAnthropic() as fake:
        gateway = build(settings(empty_url, fake))
        with pytest.raises(Misconfigured, match="gateway migrate"):
            await serve(gateway, asyncio.Event(), lambda _: None)


async def test_the_terminal_talks_to_the_demo(url: str, tmp_path: Path):
    """Piped lines are asked in their order, with no gateway running; and one can go on later."""
    told = {"DATABASE_URL": url, "PORT": str(free_port())}
    status, out, err = await ran(tmp_path, "chat", said="my name is Ada\n\n", **told)
    assert (status, err) == (0, "")
    assert "demo" in out
    assert "“my name is Ada”" in out
    [session] = re.findall(r"gateway chat --session (\S+)", out)
    more = await ran(tmp_path, "chat", "--session", session, said="again\n/quit\nno\n", **told)
    assert "message 2 of this conversation" in more[1]
    assert "“no”" not in more[1]


async def test_the_terminal_can_be_left_at_any_time(url: str, tmp_path: Path):
    """Ctrl-C while it waits for the next line of a pipe: it is gone, and no error is shown."""
    process = await launch(tmp_path, "chat", DATABASE_URL=url, PORT=str(free_port()))
    assert process.stdout
    assert b"demo" in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err) == (128 + signal.SIGINT, b"")


async def test_the_terminal_talks_to_a_gateway_that_runs(house: House, tmp_path: Path):
    """It finds the one on PORT, and shows what goes wrong there."""
    house.fake.script(Answer("**Hello** there."), Status(400))
    port = str(house.port)
    status, out, err = await ran(tmp_path, "chat", said="hi\nagain\n", PORT=port)
    assert (status, err) == (0, "")
    assert "Hello there." in out
    assert "Sorry, I could not answer that" in out


async def told(house: House, text: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """What the terminal hears of an answer."""
    async for event in Terminal(house.http, "s")._events(text):
        yield event


async def test_the_terminal_takes_a_lost_line_up_again(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """It asks for the rest, and the message is not sent twice."""
    monkeypatch.setattr("gateway.chat.PAUSE", 0)
    hold = Hold()
    house.fake.script(Answer("one two three", hold=hold, hold_after=1))
    text = ""
    async for kind, data in told(house, "count"):
        if kind == "delta":
            text += data["text"]
        if text == "one ":
            [stream] = house.gateway.web.app[STREAMS]
            stream._cut_off()
            hold.release()
    assert (kind, text) == ("run.completed", "one two three")
    assert len(house.fake.requests) == 1


async def test_the_terminal_waits_for_a_gateway_that_restarts(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """While it is told to come again it does, with the same message."""
    monkeypatch.setattr("gateway.chat.PAUSE", 0)
    accept, keys = house.gateway.handler.accept, list[str]()

    async def restarting(event: InboundEvent) -> Receipt:
        keys.append(event.message_key)
        if len(keys) < 3:
            raise Transient("the server is restarting")
        return await accept(event)

    monkeypatch.setattr(house.gateway.handler, "accept", restarting)
    heard = [kind async for kind, _ in told(house, "hi")]
    assert heard[-1] == "run.completed"
    assert len(keys) == 3
    assert len(set(keys)) == 1


async def test_the_terminal_reads_lines_of_any_length(house: House):
    """A long answer that comes in one piece is one line."""
    house.fake.script(Answer("x" * 300_000, chunk=300_000))
    text = "".join([data["text"] async for kind, data in told(house, "hi") if kind == "delta"])
    assert text == "x" * 300_000


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--url", "http://127.0.0.1:1"], "127.0.0.1:1"),
        (["--url", "nonsense"], "nonsense"),
        (["--session", "a b"], "1 to 128 letters"),
        ([], "gateway migrate"),
    ],
)
async def test_the_terminal_says_why_it_cannot_talk(
    url: str, tmp_path: Path, args: list[str], words: str
):
    """In words, with the exit status 2."""
    told = {"PORT": str(free_port())} | ({"DATABASE_URL": url} if args else {})
    status, _, err = await ran(tmp_path, "chat", *args, said="hi\n", **told)
    assert status == 2
    assert words in err


async def looked(**variables: str) -> dict[str, Finding]:
    """What the doctor finds, by what it looked at."""
    found = [finding async for finding in findings(variables, Path("/nonexistent"))]
    return {f"{finding.what} {finding.verdict}": finding for finding in found}


async def test_the_doctor_on_a_fresh_machine(tmp_path: Path):
    """With nothing set: the database is yet to be made, answers come from the demo; status 1."""
    status, out, err = await ran(tmp_path, "doctor", PORT=str(free_port()))
    assert (status, err) == (1, "")
    lines = {line.split()[1]: line for line in out.splitlines() if line.strip()}
    assert lines["DATABASE_URL"].startswith("fail")
    assert "gateway migrate" in lines["DATABASE_URL"]
    assert lines["ANTHROPIC_API_KEY"].startswith("warn")
    assert "demo" in lines["ANTHROPIC_API_KEY"]


async def test_the_doctor_finds_nothing_wrong(url: str):
    """With all in order each model is asked for a word."""
    port = str(free_port())
    async with FakeAnthropic(keys={KEY}) as fake:
        found = await looked(
            DATABASE_URL=url, ANTHROPIC_BASE_URL=fake.url, ANTHROPIC_API_KEY=KEY, PORT=port
        )
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert [request.body["model"] for request in fake.requests] == MODELS
    assert KEY not in str(found)


async def test_the_doctor_knows_a_wrong_key(url: str):
    """It says that the key is what to mend, and does not show it."""
    async with FakeAnthropic(keys={"another"}) as fake:
        found = await looked(
            DATABASE_URL=url, ANTHROPIC_BASE_URL=fake.url, ANTHROPIC_API_KEY=KEY, PORT="0"
        )
    told = found["ANTHROPIC_API_KEY fail"].words
    assert "x-api-key" in told
    assert KEY not in str(found)


async def test_the_doctor_knows_that_nobody_is_there(url: str):
    """Where nothing answers, the address is what to mend."""
    found = await looked(DATABASE_URL=url, ANTHROPIC_BASE_URL="http://127.0.0.1:1", PORT="0")
    assert "does not answer" in found["ANTHROPIC_BASE_URL fail"].words


async def test_the_doctor_shows_what_servers_say_as_it_is(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Brackets in a message are no markup."""
    monkeypatch.chdir(tmp_path)
    async with FakeAnthropic(default=Status(404, message="no such [/model] [red]here")) as fake:
        for name, value in environ(DATABASE_URL=url, ANTHROPIC_BASE_URL=fake.url, PORT="0").items():
            monkeypatch.setenv(name, value)
        assert await examine() == 1
    assert "no such [/model] [red]here" in capsys.readouterr().out


async def test_the_doctor_tells_every_fault_of_the_settings():
    """One line for each variable, and nothing else is looked at."""
    found = await looked(PORT="many", LOG_LEVEL="loud", HOST="0.0.0.0")  # noqa: S104
    assert set(found) == {"settings fail"}


async def test_the_doctor_lets_a_running_gateway_be(house: House):
    """Its database and its port are in use, which is no fault."""
    settings = house.gateway.settings
    found = await looked(DATABASE_URL=settings.database_url, PORT=str(house.port))
    assert "running gateway" in found["DATABASE_URL ok"].words
    assert "running gateway" in found["PORT warn"].words
