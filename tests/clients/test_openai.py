"""OpenAI's own SDKs, of Python and of Node.js, against this gateway."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from adapters.web.sse import EventStream
from core.text import apology
from gateway.config import FALLBACKS
from tests.clients.node import Node
from tests.fakes.anthropic import Answer, Status
from tests.journeys.house import House, serving

MODEL = "claude-sonnet-5-5"
WORLD = 'Hello 🌍, naïve café.\r\n\ndata: [DONE]\n: ping\u2028"'
HI: list[Any] = [{"role": "user", "content": "hi"}]
KEY = "gw_a-key-of-more-than-thirty-two-characters"


@pytest_asyncio.fixture
async def client(house: House) -> AsyncIterator[AsyncOpenAI]:
    """Python's SDK as it is by default, retries included."""
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{house.port}/v1", api_key="none") as client:
        yield client


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are opened at once, so that failures are late."""
    monkeypatch.setattr("adapters.web.openai.routes.SOON", 0)


@pytest.fixture
def quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments come all the time."""
    monkeypatch.setitem(EventStream.__init__.__kwdefaults__, "heartbeat", 0.005)


async def test_python_is_answered(house: House, client: AsyncOpenAI):
    """A completion, with the model and the tokens."""
    house.fake.script(Answer(WORLD, chunk=1))
    told = await client.chat.completions.create(model=MODEL, messages=HI, temperature=0.2)
    [choice] = told.choices
    assert (choice.message.content, choice.finish_reason) == (WORLD, "stop")
    assert told.model == MODEL
    assert told.usage
    assert told.usage.prompt_tokens == house.fake.requests[0].tokens
    assert told.usage.completion_tokens == len(WORLD)


async def test_python_reads_a_stream(house: House, client: AsyncOpenAI):
    """Chunk by chunk, with the tokens at the end."""
    house.fake.script(Answer(WORLD, chunk=1))
    stream = await client.chat.completions.create(
        model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == WORLD
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.usage
    assert last.usage.completion_tokens == len(WORLD)


async def test_pythons_helper_reads_a_stream(house: House, client: AsyncOpenAI):
    """The one that puts the chunks together by itself."""
    async with client.chat.completions.stream(model=MODEL, messages=HI) as stream:
        told = await stream.get_final_completion()
    assert told.choices[0].message.content == "You said: hi"


@pytest.mark.usefixtures("quick_heart")
async def test_python_survives_a_heartbeat(house: House, client: AsyncOpenAI):
    """A comment between two chunks is no event to it."""
    house.fake.script(Answer("one two", gap=0.05))
    stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    words = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(words) == "one two"


async def test_python_lists_the_models(client: AsyncOpenAI):
    """Each can be looked at."""
    names = [model.id async for model in client.models.list()]
    assert names == [MODEL, *FALLBACKS]
    assert (await client.models.retrieve(names[-1])).id == names[-1]


async def test_python_is_told_of_a_model_that_is_not_here(house: House, client: AsyncOpenAI):
    """`NotFoundError`, by its code."""
    with pytest.raises(openai.NotFoundError) as refused:
        await client.chat.completions.create(model="gpt-4o", messages=HI)
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-4o")
    assert house.fake.requests == []


async def test_python_is_told_what_cannot_be_done(client: AsyncOpenAI):
    """`BadRequestError`, with the parameter."""
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model=MODEL, messages=HI, n=2)
    assert refused.value.param == "n"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_python_does_not_run_a_failed_answer_twice(
    house: House, client: AsyncOpenAI, *, stream: bool
):
    """It raises what an HTTP status is to it, and sends nothing again."""
    house.fake.script(Status(400, message="canary"))
    with pytest.raises(openai.InternalServerError) as failed:
        await client.chat.completions.create(model=MODEL, messages=HI, stream=stream)
    assert (failed.value.status_code, failed.value.code) == (502, "rejected")
    assert "canary" not in str(failed.value)
    assert len(house.fake.requests) == 1


async def test_python_is_told_of_a_failure_in_a_stream(
    house: House, client: AsyncOpenAI, late: None
):
    """`APIError`, and nothing is run twice."""
    house.fake.script(Status(400, message="canary"))
    stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    with pytest.raises(openai.APIError) as failed:
        [chunk async for chunk in stream]
    assert failed.value.message.startswith(apology(1)[:20])
    assert failed.value.code == "rejected"
    assert len(house.fake.requests) == 1


async def test_python_can_be_remembered(house: House, client: AsyncOpenAI):
    """By a header of its own, or in the metadata."""
    for said in ("one", "two"):
        await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": said}],
            metadata={"session_id": "s"},
        )
    await client.chat.completions.create(
        model=MODEL, messages=HI, extra_headers={"X-Session-Id": "s"}
    )
    assert len(house.fake.requests[-1].history) == 5


async def test_python_signs_in_with_its_key(url: str, swift: None):
    """The key of a program; any other is an `AuthenticationError`."""
    async with serving(url, web_auth="apikey", api_token=KEY) as house:
        base = f"http://127.0.0.1:{house.port}/v1"
        async with AsyncOpenAI(base_url=base, api_key=KEY) as client:
            told = await client.chat.completions.create(model=MODEL, messages=HI)
        async with AsyncOpenAI(base_url=base, api_key="gw_another") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()
    assert told.choices[0].message.content == "You said: hi"


NODE = """
import OpenAI from "openai";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none" });
const messages = [{ role: "user", content: "hi" }];
const told = {};

async function stream(more = {}) {
  const chunks = [];
  const options = { model, messages, stream: true, ...more };
  for await (const chunk of await client.chat.completions.create(options)) chunks.push(chunk);
  return chunks;
}

// The class of what is thrown, as whoever catches it tests for.
async function thrown(attempt) {
  try {
    await attempt();
  } catch (error) {
    return [error.constructor.name, error.status ?? null, error.code, error.message];
  }
}
"""


async def ran(house: House, node: Node, script: str) -> dict[str, Any]:
    """What the script tells."""
    code = f"{NODE}\n{script}\nconsole.log(JSON.stringify(told));"
    return dict((await node.run(code, f"http://127.0.0.1:{house.port}/v1", MODEL)).json)


async def test_node_is_answered(house: House, node: Node):
    """Whole, in chunks with the tokens, and by the helper that puts chunks together."""
    house.fake.default = Answer(WORLD, chunk=1)
    told = await ran(
        house,
        node,
        """
        told.whole = await client.chat.completions.create({ model, messages });
        told.chunks = await stream({ stream_options: { include_usage: true } });
        told.helper = await client.chat.completions.stream({ model, messages }).finalContent();
        """,
    )
    assert told["whole"]["choices"][0]["message"]["content"] == WORLD
    *chunks, last = told["chunks"]
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in chunks) == WORLD
    assert last["usage"]["completion_tokens"] == len(WORLD)
    assert told["helper"] == WORLD


async def test_node_lists_the_models(house: House, node: Node):
    """And is told of one that is not here."""
    told = await ran(
        house,
        node,
        """
        told.names = (await client.models.list()).data.map((card) => card.id);
        told.one = await client.models.retrieve(model);
        told.missing = await thrown(() => stream({ model: "gpt-4o" }));
        told.wrong = await thrown(() => stream({ n: 2 }));
        """,
    )
    assert told["names"] == [MODEL, *FALLBACKS]
    assert told["one"]["id"] == MODEL
    assert told["missing"][:3] == ["NotFoundError", 404, "model_not_found"]
    assert told["wrong"][:2] == ["BadRequestError", 400]
    assert house.fake.requests == []


async def test_node_does_not_run_a_failed_answer_twice(house: House, node: Node):
    """It throws what an HTTP status is to it, whole as in a stream, and sends nothing again."""
    house.fake.default = Status(400, message="canary")
    told = await ran(
        house,
        node,
        """
        told.whole = await thrown(() => client.chat.completions.create({ model, messages }));
        told.stream = await thrown(() => stream());
        """,
    )
    for error in told.values():
        assert error[:3] == ["InternalServerError", 502, "rejected"]
        assert "canary" not in error[3]
    assert len(house.fake.requests) == 2


async def test_node_is_told_of_a_failure_in_a_stream(house: House, node: Node, late: None):
    """`APIError`, and nothing is run twice."""
    house.fake.default = Status(400, message="canary")
    told = await ran(house, node, "told.stream = await thrown(() => stream());")
    assert told["stream"][:3] == ["APIError", None, "rejected"]
    assert len(house.fake.requests) == 1
