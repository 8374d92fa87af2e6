"""Claude over HTTP, against a fake of the API."""

import asyncio
import gzip
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import respx

from adapters.claude import Claude
from adapters.claude.client import mend
from core.errors import (
    GatewayError,
    Overloaded,
    RateLimited,
    Rejected,
    TooLong,
    Transient,
    Unavailable,
)
from core.types import Began, Done, Piece, Progress, Prompt, PromptMessage, Text, Usage
from tests.fakes.anthropic import (
    Answer,
    BadLine,
    Behaviour,
    Cut,
    Eof,
    ErrorEvent,
    FakeAnthropic,
    Hold,
    Stall,
    Status,
    words,
)

KEY = "sk-ant-test-0123456789"
MODEL = "claude-sonnet-5-5"
ANTHROPIC = "https://api.anthropic.com/v1/messages"
CACHED_1H = {"type": "ephemeral", "ttl": "1h"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeAnthropic]:
    async with FakeAnthropic() as running:
        yield running


@pytest.fixture
async def claude(fake: FakeAnthropic) -> AsyncIterator[Claude]:
    """Asks as if the fake were Anthropic's own."""
    made = Claude(api_key=KEY, base_url=fake.url, full_body=True)
    yield made
    await made.close()


@pytest.fixture
async def compatible(fake: FakeAnthropic) -> AsyncIterator[Claude]:
    """Asks as if the fake were somebody else's."""
    made = Claude(api_key=KEY, base_url=fake.url, full_body=False)
    yield made
    await made.close()


def prompt(*texts: str, system: str = "Be brief.", **fields: Any) -> Prompt:
    """A conversation in which the person and the model took turns to say the texts."""
    texts = texts or ("Hello there, how are you?",)
    roles = ("user", "assistant") * len(texts)
    messages = tuple(
        PromptMessage(role=role, text=text) for role, text in zip(roles, texts, strict=False)
    )
    return Prompt(system=system, messages=messages, max_tokens=500, **fields)


async def ask(claude: Claude, *texts: str, model: str = MODEL, **fields: Any) -> list[Piece]:
    async with aclosing(claude.stream(prompt(*texts, **fields), model)) as pieces:
        return [piece async for piece in pieces]


async def failure(claude: Claude, *texts: str) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        await ask(claude, *texts)
    return raised.value


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


# What an answer is


async def test_an_answer_begins_speaks_and_is_done(claude: Claude, fake: FakeAnthropic):
    """First what the request cost, then words, last why it ended and what it cost in all."""
    first, *_, last = pieces = await ask(claude, "Good morning")
    tokens = fake.requests[0].tokens
    assert first == Began(usage=Usage(input=tokens, output=1))
    assert text_of(pieces) == "You said: Good morning"
    assert last == Done(stop_reason="end_turn", usage=Usage(input=tokens, output=4))


async def test_words_are_handed_over_before_the_answer_is_whole(
    claude: Claude, fake: FakeAnthropic
):
    """A reader sees the beginning while the rest is not yet thought of."""
    hold = Hold()
    fake.script(Answer("one two three", hold=hold, hold_after=2))
    async with aclosing(claude.stream(prompt(), MODEL)) as stream:
        heard = ""
        while heard != "one two ":
            piece = await anext(stream)
            heard += piece.text if isinstance(piece, Text) else ""
        hold.release()
        assert text_of([piece async for piece in stream]) == "three"


async def test_thinking_is_told_as_progress(claude: Claude, fake: FakeAnthropic):
    """Before the first words there is a sign of life, which pings are not."""
    hold = Hold()
    fake.script(Answer("so", thinking="let me see", pings=3, hold=hold, hold_after=0))
    async with aclosing(claude.stream(prompt(), MODEL)) as stream:
        assert isinstance(await anext(stream), Began)
        assert await anext(stream) == Progress()
        hold.release()
        rest = [piece async for piece in stream]
    assert text_of(rest) == "so"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "end_turn"), ("cut sho", "max_tokens"), ("", "refusal"), ("I could", "refusal")],
)
async def test_an_answer_may_end_for_any_reason(
    claude: Claude, fake: FakeAnthropic, text: str, reason: str
):
    """Whatever stopped the model, the answer is whole, and says why."""
    fake.script(Answer(text, stop_reason=reason))
    pieces = await ask(claude)
    assert text_of(pieces) == text
    assert isinstance(pieces[-1], Done)
    assert pieces[-1].stop_reason == reason


async def test_characters_of_all_planes_arrive_whole(claude: Claude, fake: FakeAnthropic):
    """However they are cut on the way."""
    fake.script(Answer("Grüße aus 東京 🗼" * 500, chunk=7))
    assert text_of(await ask(claude)) == "Grüße aus 東京 🗼" * 500


async def test_a_server_that_forgets_the_last_event_has_answered(
    compatible: Claude, fake: FakeAnthropic
):
    """With a reason to stop the answer is whole, where servers are known to be careless."""
    fake.script(Answer("hi", stop=False))
    assert isinstance((await ask(compatible))[-1], Done)


async def test_a_server_that_counts_no_tokens_leaves_the_usage_unknown(
    compatible: Claude, fake: FakeAnthropic
):
    """So that nobody takes the answer for free."""
    fake.script(Answer("hi", usage={"input_tokens": 0, "output_tokens": 0}, final_usage={}))
    assert (await ask(compatible))[-1] == Done(stop_reason="end_turn", usage=None)


# What is asked


async def test_anthropic_is_asked_to_keep_the_prompt(claude: Claude, fake: FakeAnthropic):
    """Up to the system prompt and up to the newest message; all else is plain."""
    await ask(claude, "one", "two", "three")
    assert fake.requests[0].body == {
        "model": MODEL,
        "max_tokens": 500,
        "stream": True,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHED_1H}],
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "three", "cache_control": CACHED_1H}],
            },
        ],
        "output_config": {"effort": "low"},
    }


async def test_the_prompt_is_kept_as_long_as_asked(claude: Claude, fake: FakeAnthropic):
    """What is written to the cache is counted for the same time."""
    fake.script(Answer("hi", usage={"input_tokens": 1, "cache_creation_input_tokens": 900}))
    first, *_ = await ask(claude, cache="5m")
    assert fake.requests[0].body["system"][0]["cache_control"]["ttl"] == "5m"
    assert first == Began(usage=Usage(input=1, cache_write_5m=900))


async def test_others_are_asked_for_nothing_but_an_answer(compatible: Claude, fake: FakeAnthropic):
    """The body has the fields that every server knows, as strings."""
    await ask(compatible, "one", "two", "three")
    assert fake.requests[0].body == {
        "model": MODEL,
        "max_tokens": 500,
        "stream": True,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
    }


@pytest.mark.parametrize("full_body", [True, False])
async def test_no_system_prompt_is_none_at_all(fake: FakeAnthropic, full_body: bool):  # noqa: FBT001
    """The API refuses an empty one."""
    claude = Claude(api_key=KEY, base_url=fake.url, full_body=full_body)
    await ask(claude, system="")
    await claude.close()
    assert "system" not in fake.requests[0].body


@pytest.mark.parametrize("status", [400, 422])
async def test_an_option_that_a_model_does_not_know_is_left_out_from_then_on(
    claude: Claude, fake: FakeAnthropic, status: int
):
    """The call goes on without it, the next leaves it out at once, and keeps the others."""
    fake.script(Status(status, message="This model does not support the effort parameter."))
    assert text_of(await ask(claude, "first")) == "You said: first"
    await ask(claude, "second")
    refused, repeated, later = fake.requests
    assert "output_config" in refused.body
    for request in (repeated, later):
        assert "output_config" not in request.body
        assert request.breakpoints == 2


async def test_other_models_keep_an_option_that_one_does_not_know(
    claude: Claude, fake: FakeAnthropic
):
    """What is learnt is learnt about one model."""
    fake.script(Status(400, message="output_config: Extra inputs are not permitted"))
    await ask(claude, model="claude-haiku-4-5")
    await ask(claude)
    assert "output_config" in fake.requests[-1].body


async def test_a_server_that_knows_no_option_is_asked_without_any(
    claude: Claude, fake: FakeAnthropic
):
    """Then the body is the one for strangers."""
    fake.refuses = ("output_config", "cache_control")
    assert text_of(await ask(claude, "hi")) == "You said: hi"
    body = fake.requests[-1].body
    assert (body["system"], body["messages"][-1]["content"]) == ("Be brief.", "hi")
    assert "output_config" not in body


async def test_a_refusal_that_no_option_explains_is_final(claude: Claude, fake: FakeAnthropic):
    """Nothing is asked twice without a reason."""
    fake.script(Status(400, message="metadata: Extra inputs are not permitted"))
    assert type(await failure(claude)) is Rejected
    assert len(fake.requests) == 1


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "//"])
async def test_the_base_url_may_end_as_people_write_it(fake: FakeAnthropic, end: str):
    """With a slash, with the API's version, or with both."""
    claude = Claude(api_key=KEY, base_url=fake.url + end, full_body=False)
    assert text_of(await ask(claude, "hi")) == "You said: hi"
    await claude.close()


def test_a_path_in_the_base_url_stays():
    """Only the version is taken off."""
    assert mend("https://openrouter.ai/api/v1/") == "https://openrouter.ai/api"


# Who asks


async def test_anthropic_gets_the_key_as_its_sdk_sends_it(claude: Claude, fake: FakeAnthropic):
    """As a bearer, and nowhere else."""
    await ask(claude)
    headers = fake.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert [name for name, value in headers.items() if KEY in value] == ["authorization"]


async def test_others_get_the_key_both_ways(compatible: Claude, fake: FakeAnthropic):
    """Many read one of the two headers only."""
    await ask(compatible)
    headers = fake.requests[0].headers
    assert (headers["authorization"], headers["x-api-key"]) == (f"Bearer {KEY}", KEY)


async def test_a_server_that_wants_no_key_gets_a_harmless_one(fake: FakeAnthropic):
    """A model on one's own machine works without any."""
    claude = Claude(api_key=None, base_url=fake.url, full_body=False)
    assert text_of(await ask(claude, "hi")) == "You said: hi"
    await claude.close()


async def test_the_environment_changes_nothing(
    fake: FakeAnthropic, monkeypatch: pytest.MonkeyPatch
):
    """What the SDK would read there is for other programs."""
    for name, value in {
        "ANTHROPIC_API_KEY": "theirs",
        "ANTHROPIC_AUTH_TOKEN": "theirs",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_PROFILE": "theirs",
        "ANTHROPIC_CUSTOM_HEADERS": "authorization: theirs\nX-Api-Key: theirs\nx-extra: theirs",
    }.items():
        monkeypatch.setenv(name, value)
    claude = Claude(api_key=KEY, base_url=fake.url, full_body=True)
    await ask(claude)
    await claude.close()
    headers = fake.requests[0].headers
    assert "theirs" not in headers.values()
    assert headers["authorization"] == f"Bearer {KEY}"


def test_the_sdk_is_not_loaded_before_it_is_needed():
    """The command line need not wait for it."""
    code = (
        "import sys, adapters.claude\n"
        "print({'anthropic', 'httpx2', 'aiohttp', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"


# What goes wrong


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status(400), Rejected),
        (Status(400, message="prompt is too long: 210000 tokens > 200000 maximum"), TooLong),
        (Status(401), Unavailable),
        (Status(402), Unavailable),
        (Status(403), Unavailable),
        (Status(404), Unavailable),
        (Status(405), Unavailable),
        (Status(408), Transient),
        (Status(409), Transient),
        (Status(413), TooLong),
        (Status(422), Rejected),
        (Status(429), RateLimited),
        (Status(429, code="enforced_spend_limit_reached"), Unavailable),
        (Status(429, code="contract_spend_limit_reached"), Unavailable),
        (Status(429, headers={"x-should-retry": "false"}), Unavailable),
        (Status(500), Transient),
        (Status(500, headers={"x-should-retry": "false"}), Unavailable),
        (Status(501), Unavailable),
        (Status(502, body="<html>Bad Gateway</html>"), Transient),
        (Status(503), Transient),
        (Status(503, kind="overloaded_error"), Overloaded),
        (Status(504), Transient),
        (Status(529), Overloaded),
        (Status(307, headers={"location": "/elsewhere"}), Unavailable),
    ],
)
async def test_a_status_says_what_to_do_next(
    claude: Claude, fake: FakeAnthropic, status: Status, expected: type[GatewayError]
):
    """One request is made, and its error is core's, of exactly this kind."""
    fake.script(status)
    error = await failure(claude)
    assert type(error) is expected
    assert fake.requests[0].id in str(error)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 529])
async def test_the_wait_that_a_server_asks_for_is_passed_on(
    claude: Claude, fake: FakeAnthropic, status: int
):
    """As it is, however long; whoever retries decides."""
    fake.script(Status(status, retry_after=7200))
    error = await failure(claude)
    assert isinstance(error, Transient)
    assert error.retry_after == 7200


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Overloaded),
        ("rate_limit_error", RateLimited),
        ("api_error", Transient),
        ("invalid_request_error", Rejected),
        ("permission_error", Unavailable),
    ],
)
async def test_an_error_in_the_stream_is_one_too(
    claude: Claude, fake: FakeAnthropic, kind: str, expected: type[GatewayError]
):
    """The status was 200 by then; the type counts, and the request's id is still known."""
    fake.script(ErrorEvent(kind))
    error = await failure(claude)
    assert type(error) is expected
    assert str(error) == f"{kind}: Overloaded (req_000001)"


@pytest.mark.parametrize(
    "fault",
    [
        lambda hold: Cut(after=3, hold=hold),
        lambda hold: Cut(after=3, reset=True, hold=hold),
        lambda hold: Eof(after=3, hold=hold),
        lambda hold: BadLine(after=3, hold=hold),
        lambda hold: ErrorEvent(after=3, hold=hold),
    ],
    ids=["cut", "reset", "eof", "bad line", "error event"],
)
async def test_words_before_a_fault_are_handed_over(
    claude: Claude, fake: FakeAnthropic, fault: Callable[[Hold], Behaviour]
):
    """An answer that breaks off has said what it said, and then raises."""
    hold = Hold()
    fake.script(fault(hold))
    async with aclosing(claude.stream(prompt(), MODEL)) as stream:
        heard = ""
        while heard != words(3):
            piece = await anext(stream)
            heard += piece.text if isinstance(piece, Text) else ""
        hold.release()
        with pytest.raises(Transient):
            await anext(stream)


@pytest.mark.parametrize("fault", [Cut(), Cut(reset=True), Eof(), BadLine()])
async def test_an_answer_that_breaks_off_at_once_may_be_asked_for_again(
    claude: Claude, fake: FakeAnthropic, fault: Any
):
    """The connection, or the pool, is not spoilt by it."""
    fake.script(fault)
    assert type(await failure(claude)) is Transient
    assert text_of(await ask(claude, "hi")) == "You said: hi"


async def test_no_reason_to_stop_is_no_answer_anywhere(compatible: Claude, fake: FakeAnthropic):
    """A careless server is not one that breaks off in the middle."""
    fake.script(Eof(after=2))
    assert "truncated" in str(await failure(compatible))


@pytest.mark.parametrize("after", ["headers", "words"])
async def test_silence_is_a_fault_that_passes(fake: FakeAnthropic, after: str):
    """No byte for `read_timeout` ends the call, before the first and between two."""
    silent = Answer(hold=Hold()) if after == "headers" else Stall(after=2)
    fake.script(silent)
    claude = Claude(api_key=KEY, base_url=fake.url, full_body=True, read_timeout=0.05)
    assert type(await failure(claude)) is Transient
    await claude.close()


async def test_nobody_at_home_is_a_fault_that_passes(claude: Claude, fake: FakeAnthropic):
    """The server may come back."""
    await fake.stop()
    assert type(await failure(claude)) is Transient


async def test_no_room_for_an_answer_asks_for_a_shorter_prompt(claude: Claude, fake: FakeAnthropic):
    """The API says it with a status of 200, as a reason to stop."""
    fake.script(Answer("", stop_reason="model_context_window_exceeded"))
    assert type(await failure(claude)) is TooLong


async def test_an_error_shows_nothing_that_was_said(claude: Claude, fake: FakeAnthropic):
    """Nor the key; and neither does what a traceback would add to it."""
    said = "My daughter's name is Ada, please"
    fake.script(Status(400, message=f"cannot read {said!r} of {KEY}", body=None))
    error = await failure(claude, said)
    assert "Ada" not in str(error)
    assert KEY not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


async def test_the_sdks_log_shows_nothing_that_was_said(
    claude: Claude, fake: FakeAnthropic, caplog: pytest.LogCaptureFixture
):
    """Even if everything is to be logged."""
    caplog.set_level("DEBUG")
    await ask(claude, "My daughter's name is Ada")
    assert "Ada" not in caplog.text


# Leaving


async def test_closing_the_iterator_ends_the_call(claude: Claude, fake: FakeAnthropic):
    """The server sees it at once, and need not think on."""
    fake.script(Stall(after=2))
    stream = claude.stream(prompt(), MODEL)
    await anext(stream)
    await stream.aclose()
    await fake.requests[0].ended.wait()
    assert fake.requests[0].outcome == "abandoned"


@pytest.mark.parametrize("silent", [Stall(after=2), Answer(hold=Hold())], ids=["words", "headers"])
async def test_cancelling_the_reader_ends_the_call(
    claude: Claude, fake: FakeAnthropic, silent: Any
):
    """While it waits for words, and while it waits for the first byte."""
    fake.script(silent)
    reader = asyncio.create_task(ask(claude))
    request = await fake.came(1)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await request.ended.wait()
    assert request.outcome == "abandoned"


async def test_a_connection_serves_the_next_call_too(claude: Claude, fake: FakeAnthropic):
    """A whole answer leaves it fit for use, even if its last byte is yet to come at `Done`."""
    for _ in range(3):
        await ask(claude)
        hold = Hold()
        fake.script(Answer("hi", linger=hold))
        async with aclosing(claude.stream(prompt(), MODEL)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Done):
                    hold.release()
                    break
    assert fake.connections == 1


async def test_a_response_without_end_does_not_hold_the_reader(claude: Claude, fake: FakeAnthropic):
    """The answer is whole; its connection is given up after a moment."""
    fake.script(Answer("hi", linger=Hold()))
    assert isinstance((await ask(claude))[-1], Done)
    await fake.requests[0].ended.wait()
    assert fake.requests[0].outcome == "abandoned"


async def test_many_calls_run_side_by_side(claude: Claude, fake: FakeAnthropic):
    """One client serves all conversations, each with its own answer."""
    answers = await asyncio.gather(*(ask(claude, f"number {n}") for n in range(50)))
    assert [text_of(pieces) for pieces in answers] == [f"You said: number {n}" for n in range(50)]


# The other transport


@pytest.fixture
async def elsewhere(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Claude]:
    """Asks Anthropic itself, over the transport that respx can stand in for."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    made = Claude(api_key=KEY, base_url=None, full_body=True, transport="httpx2")
    yield made
    await made.close()


STREAM = (
    b'data: {"type":"message_start","message":{"usage":{"input_tokens":5}}}\n\n'
    b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}\n\n'
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":2}}\n\n'
    b'data: {"type":"message_stop"}\n\n'
)


@respx.mock
async def test_without_a_base_url_anthropic_is_asked(elsewhere: Claude):
    """Whatever the environment says."""
    respx.post(ANTHROPIC).mock(return_value=httpx.Response(200, content=STREAM))
    assert await ask(elsewhere) == [
        Began(usage=Usage(input=5)),
        Text("hi"),
        Done(stop_reason="end_turn", usage=Usage(input=5, output=2)),
    ]


@respx.mock
async def test_an_answer_may_come_compressed(elsewhere: Claude):
    """Though nobody asked for it."""
    coded = httpx.Response(200, content=gzip.compress(STREAM), headers={"content-encoding": "gzip"})
    respx.post(ANTHROPIC).mock(return_value=coded)
    assert text_of(await ask(elsewhere)) == "hi"


@respx.mock
@pytest.mark.parametrize(
    "broken", [httpx.ConnectError("no route"), httpx.ReadTimeout("slow"), httpx.ReadError("cut")]
)
async def test_transport_errors_pass(elsewhere: Claude, broken: Exception):
    """Whichever transport has them."""
    respx.post(ANTHROPIC).mock(side_effect=broken)
    assert type(await failure(elsewhere)) is Transient


@respx.mock
async def test_a_wait_in_milliseconds_is_understood(elsewhere: Claude):
    """The finer header counts."""
    headers = {"retry-after-ms": "250", "retry-after": "1"}
    respx.post(ANTHROPIC).mock(return_value=httpx.Response(429, headers=headers))
    error = await failure(elsewhere)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 0.25


async def test_both_transports_speak_to_a_real_socket(fake: FakeAnthropic):
    """The second is a setting, for where the first does not do."""
    claude = Claude(api_key=KEY, base_url=fake.url, full_body=True, transport="httpx2")
    fake.script(Answer("hi"), Cut(after=1))
    assert text_of(await ask(claude)) == "hi"
    assert type(await failure(claude)) is Transient
    await claude.close()
