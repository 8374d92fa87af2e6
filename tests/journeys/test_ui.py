"""The AI SDK's protocol, from the message to the last chunk, over real HTTP."""

import json
import re
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from core.types import Address, InboundEvent
from tests.fakes.anthropic import Answer, Hold, Status
from tests.journeys.house import SOON, House

UI = "/api/ui/chat"
ROOTS = [UI, "/api/chat"]
LINE = re.compile(rb"(: ok\n|: ping\n)*data: (\{.*\}|\[DONE\])\n\n")


class Screen:
    """What a client of the AI SDK shows of a stream, and the bytes that it has read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.raw = b""

    async def read(self, holds=None) -> "Screen":
        while holds is None or not holds(self):
            chunk = await self.response.content.readany()
            if not chunk:
                assert holds is None, f"it ended before that: {self.raw!r}"
                assert self.raw.endswith(b"data: [DONE]\n\n")
                return self
            self.raw += chunk
        return self

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return parse(self.raw)

    @property
    def text(self) -> str:
        return shown(self.chunks)

    @property
    def name(self) -> str:
        return str(self.chunks[0]["messageId"])

    @property
    def end(self) -> dict[str, Any]:
        return self.chunks[-1]


def parse(raw: bytes) -> list[dict[str, Any]]:
    """The whole chunks in `raw`."""
    whole = b"".join(raw.rpartition(b"\n\n")[:2])
    found = [match[2] for match in LINE.finditer(whole)]
    assert b"".join(match[0] for match in LINE.finditer(whole)) == whole
    return [json.loads(each) for each in found if each != b"[DONE]"]


def shown(chunks: list[dict[str, Any]]) -> str:
    """The text on the screen; fails where a client would."""
    text, opened = "", False
    for chunk in chunks:
        match chunk["type"]:
            case "text-start":
                opened = True
            case "text-delta":
                assert opened
                text += chunk["delta"]
            case "reset-step":
                text, opened = "", False
    return text


def message(text: str, name: str | None = None, role: str = "user") -> dict[str, Any]:
    named = {} if name is None else {"id": name}
    return {"role": role, "parts": [{"type": "text", "text": text}], **named}


def body(chat: str, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": chat, "messages": list(messages), "trigger": "submit-message", **more}


@asynccontextmanager
async def sending(house: House, sent: dict[str, Any], path: str = UI):
    async with house.http.post(path, json=sent) as response:
        assert response.status == 200, (response.status, await response.text())
        assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
        yield Screen(response)


async def send(house: House, sent: dict[str, Any], path: str = UI) -> Screen:
    async with sending(house, sent, path) as screen:
        return await screen.read()


@asynccontextmanager
async def resuming(house: House, chat: str, root: str = UI):
    async with house.http.get(f"{root}/{chat}/stream") as response:
        assert response.status == 200
        yield await Screen(response).read(lambda screen: screen.chunks)


async def idle(house: House, chat: str, root: str = UI) -> bool:
    """Whether there is nothing to come back to."""
    async with house.http.get(f"{root}/{chat}/stream") as response:
        assert response.status in {200, 204}
        return response.status == 204


async def stop(house: House, chat: str, root: str = UI) -> Any:
    async with house.http.post(f"{root}/{chat}/stop", json={}) as response:
        assert response.status == 200
        return await response.json()


async def refusal(house: House, sent: Any, path: str = UI) -> tuple[int, str]:
    async with house.http.post(path, json=sent) as response:
        return response.status, (await response.json())["error"]


def has(text: str):
    return lambda screen: text in screen.text


# --- a message and its answer ---


@pytest.mark.parametrize("path", ROOTS)
async def test_the_answer_comes_in_exactly_these_chunks(house: House, path: str):
    """From start to finish, with the usage, `[DONE]` last; the chat is the session."""
    house.fake.script(Answer("Hel\nlo", chunk=20))
    screen = await send(house, body("c", message("hi", "m")), path)
    name = screen.name
    assert screen.response.headers["X-Session-Id"] == "c"
    assert screen.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert screen.raw.removeprefix(b": ok\n").decode() == (
        f'data: {{"type":"start","messageId":"{name}","messageMetadata":{{"sessionId":"c"}}}}\n\n'
        'data: {"type":"start-step"}\n\n'
        'data: {"type":"text-start","id":"t0"}\n\n'
        'data: {"type":"text-delta","id":"t0","delta":"Hel\\nlo"}\n\n'
        'data: {"type":"text-end","id":"t0"}\n\n'
        'data: {"type":"finish-step"}\n\n'
        'data: {"type":"finish","finishReason":"stop","messageMetadata":{"usage":{"input":'
        f"{screen.end['messageMetadata']['usage']['input']},"
        f'"output":{screen.end["messageMetadata"]["usage"]["output"]}}}}}}}\n\n'
        "data: [DONE]\n\n"
    )
    assert await house.said("c") == [("user", "hi"), ("assistant", "Hel\nlo")]


async def test_the_server_remembers_what_was_said(either: House):
    """Of the messages that come along, only the last counts, once the chat is known."""
    await send(either, body("c", message("one", "1")))
    forged = message("something else", "x", "assistant")
    await send(either, body("c", message("one", "1"), forged, message("two", "2")))
    assert either.fake.requests[1].history == [
        ("user", "one"),
        ("assistant", "You said: one"),
        ("user", "two"),
    ]


async def test_a_chat_that_began_elsewhere_is_taken_over(either: House):
    """Its words are shown to the model, also later; what is no text is left out."""
    begun = [
        message("Be brief.", "s", "system"),
        message("one", "1"),
        {"id": "2", "role": "assistant", "parts": [{"type": "step-start"}, {"type": "file"}]},
        message("1.", "3", "assistant"),
    ]
    await send(either, body("c", *begun, message("two", "4")))
    await send(either, body("c", message("three", "5")))
    first, second = either.fake.requests
    assert first.history == [("user", "one"), ("assistant", "1."), ("user", "two")]
    assert "Be brief." in first.system
    assert second.history[:2] == first.history[:2]


async def test_the_last_message_alone_is_enough(house: House):
    """Clients may send `{id, message}`."""
    await send(house, body("c", message("one", "1")))
    screen = await send(house, {"id": "c", "message": message("two", "2")}, "/api/chat")
    assert screen.text == "You said: two"
    assert len(house.fake.requests[1].history) == 3


async def test_the_same_message_again_is_the_same_message(either: House):
    """While it is answered and later: one turn, one answer, for both."""
    hold = Hold()
    either.fake.script(Answer("one two", hold=hold, hold_after=1))
    sent = body("c", message("count", "m"))
    async with sending(either, sent) as first, sending(either, sent) as second:
        await first.read(has("one "))
        await second.read(has("one "))
        hold.release()
        await first.read()
        await second.read()
    third = await send(either, sent)
    assert {first.text, second.text, third.text} == {"one two"}
    assert first.name == second.name == third.name
    assert len(either.fake.requests) == 1


async def test_plain_text_is_for_who_asks_for_it(house: House):
    """`?protocol=text`, the body being the same; resumed in the same way."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    sent = body("c", message("hi", "m"))
    async with house.http.post("/api/chat?protocol=text", json=sent) as response:
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert await response.content.readexactly(4) == b"one "
        async with house.http.get("/api/chat/c/stream?protocol=text") as again:
            assert await again.content.readexactly(4) == b"one "
            hold.release()
            assert await again.text() == "two"
        assert await response.text() == "two"


# --- how it ends ---


async def test_a_failure_is_told_in_the_stream(house: House):
    """An error chunk with words for people, and never without one: that would look like success."""
    house.fake.default = Status(500, message="canary", retry_after=SOON)
    screen = await send(house, body("c", message("hi", "m")))
    assert [chunk["type"] for chunk in screen.chunks] == ["start", "start-step", "error"]
    assert "Sorry" in screen.end["errorText"]
    assert b"canary" not in screen.raw


@pytest.mark.parametrize("root", ROOTS)
async def test_stopping_ends_the_answer_where_it_is(either: House, root: str):
    """Every reader is told so with an abort chunk, and what was said is kept."""
    either.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with sending(either, body("c", message("count", "m"))) as screen:
        await screen.read(has("one "))
        assert await stop(either, "c", root) == {"success": True}
        await screen.read()
    assert [chunk["type"] for chunk in screen.chunks[-2:]] == ["text-end", "abort"]
    assert await either.said("c") == [("user", "count"), ("assistant", "one ")]
    assert await stop(either, "c", root) == {"success": True}


@pytest.mark.parametrize("chat", ["nobody", "..%2f", "%00", "x" * 200])
async def test_stopping_what_is_not_there_succeeds(house: House, chat: str):
    """Nobody learns whether there is such a chat."""
    assert await stop(house, chat) == {"success": True}
    assert await idle(house, chat)


async def test_an_answer_at_its_longest_says_so(house: House):
    """`length`, which is what the client's own models would say."""
    house.fake.script(Answer("much", stop_reason="max_tokens"))
    screen = await send(house, body("c", message("hi", "m")))
    assert screen.end["finishReason"] == "length"
    assert (await house.said("c"))[1][1] == screen.text


async def test_what_replaces_the_words_comes_after_them(house: House):
    """A model that refuses midway leaves nothing in the history, and its stream ends well."""
    hold = Hold()
    house.fake.script(Answer("bad words", stop_reason="refusal", hold=hold, hold_after=1))
    async with sending(house, body("c", message("hi", "m"))) as screen:
        await screen.read(has("bad "))
        hold.release()
        await screen.read()
    assert screen.end["finishReason"] == "content-filter"
    stored = (await house.said("c"))[1][1]
    assert "bad" not in stored
    assert screen.text.startswith("bad ")
    assert screen.text.endswith(f"\n\n{stored}")


# --- coming back ---


@pytest.mark.parametrize("root", ROOTS)
async def test_a_reader_that_comes_back_has_it_from_the_start(either: House, root: str):
    """Leaving stops nothing; the replay has the same name, so that it takes the first's place."""
    hold = Hold()
    either.fake.script(Answer("one two three", hold=hold, hold_after=2))
    async with sending(either, body("c", message("count", "m"))) as first:
        await first.read(has("one "))
    async with resuming(either, "c", root) as second:
        hold.release()
        await second.read()
    assert second.name == first.name
    assert second.text == "one two three"
    assert await idle(either, "c", root)
    assert await either.said("c") == [("user", "count"), ("assistant", "one two three")]


@pytest.mark.parametrize("cut", range(0, 700, 139))
async def test_a_stream_cut_at_any_byte_is_made_whole(house: House, cut: int):
    """Whoever comes back has the same text, now or later, and what was seen is its beginning."""
    text, hold = "wörds 🌍 and more of them, to the end", Hold()
    house.fake.script(Answer(text, chunk=3, hold=hold, hold_after=7))
    async with sending(house, body("c", message("hi", "m"))) as first:
        await first.read(lambda screen: len(screen.raw) >= cut or len(screen.text) == 21)
    async with resuming(house, "c") as resumed:
        hold.release()
        await resumed.read()
    repeated = await send(house, body("c", message("hi", "m")))
    assert resumed.text == repeated.text == text
    assert text.startswith(shown(parse(first.raw[:cut])))
    assert len(house.fake.requests) == 1


async def test_a_foreign_chat_is_not_there(house: House):
    """Nothing to resume, as for one that is unknown, and stopping it stops nothing."""
    hold = Hold()
    house.fake.script(Answer("all of it", hold=hold))
    theirs = Address(platform="web", account="user:ann", conversation="c")
    event = InboundEvent(address=theirs, text="hi", message_key="theirs")
    receipt = await house.gateway.handler.accept(event)
    assert await idle(house, "c")
    assert await stop(house, "c") == {"success": True}
    hold.release()
    updates = [each async for each in house.gateway.handler.watch(receipt)]
    assert "".join(each.text for each in updates) == "all of it"


# --- answers anew ---


async def test_regenerating_takes_the_answers_place(either: House):
    """The question is asked once more as if the first answer had never been."""
    either.fake.script(Answer("first"), Answer("second"))
    first = await send(either, body("c", message("hi", "m")))
    again = body("c", message("hi", "m"), trigger="regenerate-message")
    second = await send(either, again)
    assert (first.text, second.text) == ("first", "second")
    assert first.name != second.name
    assert either.fake.requests[1].history == [("user", "hi")]
    assert await either.said("c") == [("user", "hi"), ("assistant", "second")]


async def test_regenerating_a_named_answer_twice_is_doing_it_once(either: House):
    """A client that repeats a lost request joins what it began."""
    first = await send(either, body("c", message("hi", "m")))
    again = body("c", message("hi", "m"), trigger="regenerate-message", messageId=first.name)
    second, third = await send(either, again), await send(either, again)
    assert second.name == third.name != first.name
    assert len(either.fake.requests) == 2


async def test_regenerating_an_earlier_answer_drops_what_came_after(either: House):
    """The conversation goes on from there."""
    for number in (1, 2, 3):
        await send(either, body("c", message(f"question {number}", f"m{number}")))
    sent = [message("question 1", "m1"), message("You said: question 1", "a", "assistant")]
    again = body("c", *sent, message("question 2", "m2"), trigger="regenerate-message")
    await send(either, again)
    assert [text for role, text in await either.said("c") if role == "user"] == [
        "question 1",
        "question 2",
    ]
    assert len(either.fake.requests[3].history) == 3


async def test_regenerating_stops_the_answer_that_runs(house: House):
    """Its reader is told; the new one comes whole."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1), Answer("three"))
    async with sending(house, body("c", message("count", "m"))) as first:
        await first.read(has("one "))
        again = body("c", message("count", "m"), trigger="regenerate-message")
        second = await send(house, again)
        await first.read()
    assert first.end == {"type": "abort"}
    assert second.text == "three"
    assert await house.said("c") == [("user", "count"), ("assistant", "three")]


@pytest.mark.parametrize("name", ["m", None])
async def test_regenerating_what_never_came_asks_it(house: House, name: str | None):
    """The first request was lost: this one is the question."""
    again = body("c", message("hi", name), trigger="regenerate-message", messageId="msg_1")
    assert (await send(house, again)).text == "You said: hi"
    assert await house.said("c") == [("user", "hi"), ("assistant", "You said: hi")]


async def test_another_chats_answer_cannot_be_regenerated(house: House):
    """A name from elsewhere means nothing here: the question's own answer is replaced."""
    foreign = await send(house, body("d", message("theirs", "m")))
    await send(house, body("c", message("mine", "m")))
    again = body("c", message("mine", "m"), trigger="regenerate-message", messageId=foreign.name)
    await send(house, again)
    assert house.fake.requests[2].history == [("user", "mine")]
    assert await house.said("d") == [("user", "theirs"), ("assistant", "You said: theirs")]


# --- messages that are edited ---


async def test_an_edit_takes_the_messages_place(either: House):
    """And all that came after it is gone; the same request again joins it."""
    await send(either, body("c", message("one", "1")))
    await send(either, body("c", message("two", "2")))
    edit = body("c", message("uno", "1"), messageId="1")
    first, second = await send(either, edit), await send(either, edit)
    assert first.name == second.name
    assert first.text == "You said: uno"
    assert await either.said("c") == [("user", "uno"), ("assistant", "You said: uno")]
    assert either.fake.requests[2].history == [("user", "uno")]
    assert len(either.fake.requests) == 3


async def test_a_message_can_be_edited_to_and_fro(either: House):
    """Each edit is answered anew, also one to words that stood there before."""
    await send(either, body("c", message("one", "1")))
    for text in ("two", "one", "two", "one"):
        screen = await send(either, body("c", message(text, "1"), messageId="1"))
        assert screen.text == f"You said: {text}"
        assert await either.said("c") == [("user", text), ("assistant", f"You said: {text}")]
    assert len(either.fake.requests) == 5
    assert (await send(either, body("c", message("next", "9")))).text == "You said: next"
    assert len(either.fake.requests[5].history) == 3


async def test_an_edited_message_can_be_regenerated(either: House):
    """In its newest words."""
    await send(either, body("c", message("one", "1")))
    await send(either, body("c", message("two", "1"), messageId="1"))
    await send(either, body("c", message("two", "1"), trigger="regenerate-message"))
    assert either.fake.requests[2].history == [("user", "two")]
    assert await either.said("c") == [("user", "two"), ("assistant", "You said: two")]


async def test_sending_the_last_message_again_under_its_name_joins_it(house: House):
    """A page that was loaded anew sends what it has: nothing was edited."""
    first = await send(house, body("c", message("hi", "m")))
    second = await send(house, body("c", message("hi", "m"), messageId="m"))
    assert first.name == second.name
    assert len(house.fake.requests) == 1


@pytest.mark.parametrize("more", [{"messageId": "m"}, {"trigger": "regenerate-message"}])
async def test_what_was_cleared_is_asked_as_a_new_message(house: House, more: dict[str, str]):
    """A client that still shows it may go on from there; nothing that was cleared comes back."""
    await send(house, body("c", message("hi", "m")))
    async with house.http.delete("/api/chat/c") as response:
        assert response.status == 200
    screen = await send(house, body("c", message("other", "m"), **more))
    assert screen.text == "You said: other"
    assert [text for _, text in await house.said("c")] == ["other", "You said: other"]


# --- what is refused ---


WRONG: list[tuple[Any, str]] = [
    ({}, "messages"),
    ([], "messages"),
    (body("c"), "length"),
    (body("a/b", message("hi")), "id must be 1 to 128"),
    (body("..", message("hi")), "id must be"),
    ({**body("c", message("hi")), "id": 7}, "id must be"),
    (body("c", message("hi", role="assistant")), "must be the user's"),
    (body("c", message("hi", role="tool")), "role"),
    (body("c", message("  ")), "has no text"),
    (body("c", {"role": "user", "parts": "hi"}), "parts"),
    (body("c", {"role": "user", "parts": ["hi"]}), "parts"),
    (body("c", {"role": "user", "parts": [{"type": "text", "text": 1}]}), "parts[0].text"),
    (body("c", {**message("hi"), "id": "a b"}), "id"),
    (body("c", message("hi"), trigger="other"), "trigger"),
    (body("c", message("hi"), messageId=1), "messageId"),
    (body("c", {"role": "user", "parts": [{"type": "file", "url": "x"}]}), "Files"),
    ({"id": "c", "message": "hi"}, "message"),
]


async def test_a_refusal_says_what_to_mend(house: House):
    """400, and nothing is stored."""
    for sent, says in WRONG:
        status, error = await refusal(house, sent)
        assert status == 400
        assert says in error
    assert not house.fake.requests


@pytest.mark.parametrize("name", ["a\x00b", "a/b", "x~1234", "", "~" * 17])
async def test_a_name_to_be_replaced_that_is_none_is_refused(house: House, name: str):
    """In words, before anything is stored."""
    status, error = await refusal(house, body("c", message("hi", "m"), messageId=name))
    assert status == 400
    assert "messageId must be" in error


async def test_a_message_may_be_edited_without_end(house: House):
    """Each time from the version that stands there, whose name the client was not told."""
    await send(house, body("c", message("0", "m")))
    for number in range(1, 30):
        await send(house, body("c", message(str(number), "m"), messageId="m"))
    assert [text for _, text in await house.said("c")] == ["29", "You said: 29"]
