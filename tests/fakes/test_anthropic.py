"""The fake of the Messages API is worth its tests only if it is as strict as the API."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import pytest

from tests.fakes.anthropic import Answer, FakeAnthropic, Hold

GOOD: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi"}],
}
MARKED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}


@pytest.fixture
async def fake() -> AsyncIterator[FakeAnthropic]:
    async with FakeAnthropic() as running:
        yield running


@pytest.fixture
async def sdk(fake: FakeAnthropic) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        api_key="k", base_url=fake.url, max_retries=0, http_client=anthropic.DefaultAioHttpClient()
    ) as client:
        yield client


async def test_the_sdk_understands_its_answers(fake: FakeAnthropic, sdk: anthropic.AsyncAnthropic):
    """Whole, or as a stream with thinking and pings."""
    whole = await sdk.messages.create(**GOOD)
    fake.script(Answer(lambda request: request.said.upper(), thinking="hm", pings=2))
    async with sdk.messages.stream(**GOOD) as stream:
        streamed = await stream.get_final_message()
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert whole.content[-1].model_dump()["text"] == "You said: hi"
    assert streamed.content[-1].model_dump()["text"] == "HI"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"temperature": 1}, "`temperature` is not supported by this model."),
        ({"sytem": "x"}, "sytem: Extra inputs are not permitted"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "user", "content": " "}]}, "non-empty content"),
        ({"messages": [{"role": "system", "content": "x"}]}, "Input should be 'user' or"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 'must use the "user" role'),
        (
            {"messages": [*GOOD["messages"], {"role": "assistant", "content": "x"}]},
            "This model does not support assistant message prefill.",
        ),
        ({"system": [MARKED] * 5}, "A maximum of 4 blocks with cache_control"),
        ({"system": ""}, "system: text content blocks must be non-empty"),
    ],
)
async def test_it_refuses_what_the_api_refuses(
    fake: FakeAnthropic, sdk: anthropic.AsyncAnthropic, wrong: dict[str, Any], message: str
):
    """In the API's form, and without taking anything from the script."""
    fake.script(Answer("next"))
    with pytest.raises(anthropic.BadRequestError) as refused:
        await sdk.messages.create(**GOOD, extra_body=wrong)
    assert message in str(refused.value)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id == fake.requests[0].id
    reply = await sdk.messages.create(**GOOD)
    assert reply.content[0].model_dump()["text"] == "next"


async def test_it_refuses_strangers(fake: FakeAnthropic, sdk: anthropic.AsyncAnthropic):
    """Only listed keys are taken, if there is a list."""
    fake.keys = {"another"}
    with pytest.raises(anthropic.AuthenticationError):
        await sdk.messages.create(**GOOD)


async def test_it_counts_the_calls_of_a_conversation(
    fake: FakeAnthropic, sdk: anthropic.AsyncAnthropic
):
    """So that a test can tell whether turns overlapped."""
    hold = Hold()
    fake.script(Answer(hold=hold), Answer(), Answer())
    first = asyncio.create_task(sdk.messages.create(**GOOD))
    await hold.reached.wait()
    await sdk.messages.create(**GOOD)
    await sdk.messages.create(**{**GOOD, "messages": [{"role": "user", "content": "other"}]})
    hold.release()
    await first
    assert fake.most_at_once == {"hi": 2, "other": 1}
    assert [request.beside for request in fake.requests] == [0, 1, 0]


async def test_it_is_scripted_over_http_as_a_program():
    """Where the gateway under test is a process, so may be the fake."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.anthropic", "--text", "ok"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    url = (await process.stdout.readline()).decode().strip()
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        steps = [{"do": "Status", "status": 529}, {"do": "Cut", "after": 1}]
        await session.post("/script", json=steps)
        statuses = []
        for _ in range(3):
            response = await session.post("/v1/messages", json=GOOD)
            statuses.append(response.status)
            await response.content.read() if response.status != 200 else response.close()
        seen = await (await session.get("/requests")).json()
    process.kill()
    await process.wait()
    assert statuses == [529, 200, 200]
    assert [each["said"] for each in seen] == ["hi"] * 3
    assert json.dumps(seen[0]["body"]) == json.dumps(GOOD)
