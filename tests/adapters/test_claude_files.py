"""Files as Claude is shown them, and as servers are that can't see them."""

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from adapters.claude import Claude
from core.errors import Rejected
from core.types import File, Prompt, PromptMessage
from tests.fakes.anthropic import FakeAnthropic, Status

MODEL = "claude-sonnet-5-5"
CAT = File(name="cat.png", type="image/png", content=b"\x89PNG\r\n\x1a\n\x00\xff")
PLAN = File(name="plan.pdf", type="application/pdf", content=b"%PDF-1.7\xff")


@pytest.fixture
async def fake() -> AsyncIterator[FakeAnthropic]:
    async with FakeAnthropic() as running:
        yield running


async def ask(fake: FakeAnthropic, *messages: PromptMessage, full_body: bool) -> None:
    prompt = Prompt(system="Be brief.", messages=messages, max_tokens=500)
    made = Claude(api_key="sk-ant-test", base_url=fake.url, full_body=full_body)
    try:
        await again(made, prompt)
    finally:
        await made.close()


async def again(claude: Claude, prompt: Prompt) -> None:
    async with aclosing(claude.stream(prompt, MODEL)) as pieces:
        async for _ in pieces:
            pass


def look(text: str, *files: File) -> PromptMessage:
    return PromptMessage(role="user", text=text, files=files)


def said(fake: FakeAnthropic, call: int = -1) -> Any:
    """The content of the newest message of a request."""
    return fake.requests[call].body["messages"][-1]["content"]


def block(kind: str, file: File) -> dict[str, Any]:
    data = base64.b64encode(file.content).decode()
    return {"type": kind, "source": {"type": "base64", "media_type": file.type, "data": data}}


async def test_files_come_before_the_words_and_are_cached(fake: FakeAnthropic) -> None:
    """An image, a PDF, the text; the prefix is kept up to the last of them."""
    await ask(fake, look("What?", CAT, PLAN), full_body=True)
    cached = {"type": "ephemeral", "ttl": "1h"}
    words = {"type": "text", "text": "What?", "cache_control": cached}
    assert said(fake) == [block("image", CAT), block("document", PLAN), words]


async def test_a_file_without_words_is_cached_itself(fake: FakeAnthropic) -> None:
    """No empty text stands beside it: the API refuses those."""
    await ask(fake, look("", CAT), full_body=True)
    cached = {"type": "ephemeral", "ttl": "1h"}
    assert said(fake) == [{**block("image", CAT), "cache_control": cached}]


async def test_another_server_is_shown_files_without_caching(fake: FakeAnthropic) -> None:
    """Many can see."""
    await ask(fake, look("What?", CAT), full_body=False)
    assert said(fake) == [block("image", CAT), {"type": "text", "text": "What?"}]


async def test_a_server_that_cannot_see_is_told_that_there_is_a_file(fake: FakeAnthropic) -> None:
    """It says so once; from then on it is not shown any, and documents are another matter."""
    fake.script(Status(400, message="image input is not supported by this model"))
    made = Claude(api_key="sk-ant-test", base_url=fake.url, full_body=False)
    try:
        prompt = Prompt(system="", messages=(look("What?", CAT, PLAN),), max_tokens=500)
        for _ in range(2):
            await again(made, prompt)
    finally:
        await made.close()
    words = {"type": "text", "text": "[A file, “cat.png”.]\n\nWhat?"}
    assert [len(request.body["messages"][0]["content"]) for request in fake.requests] == [3, 2, 2]
    assert said(fake) == [block("document", PLAN), words]


async def test_one_bad_file_does_not_blind_claude(fake: FakeAnthropic) -> None:
    """The refusal is about that file; the next one is shown."""
    fake.script(Status(400, message="Unsupported image: the file is damaged"))
    made = Claude(api_key="sk-ant-test", base_url=fake.url, full_body=True)
    try:
        prompt = Prompt(system="s", messages=(look("What?", CAT),), max_tokens=500)
        with pytest.raises(Rejected):
            await again(made, prompt)
        await again(made, prompt)
    finally:
        await made.close()
    assert said(fake)[0] == block("image", CAT)


async def test_many_files_do_not_hide_what_was_kept_before_them(fake: FakeAnthropic) -> None:
    """A provider looks back over 20 blocks: the question before is marked once more."""
    answer = PromptMessage(role="assistant", text="Hello.")
    await ask(fake, look("Hi"), answer, look("And these?", *[CAT] * 20), full_body=True)
    body = fake.requests[0].body
    assert "cache_control" in body["messages"][0]["content"][-1]
    assert fake.requests[0].breakpoints == 3
