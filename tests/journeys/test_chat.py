"""Seed 000: what its document prints, its server and its client, holds for this gateway."""

import asyncio
import codecs
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from core.text import NOTICES
from core.types import Notice
from gateway.config import FALLBACKS
from tests.fakes.anthropic import Answer, BadLine, Cut, Eof, ErrorEvent, Hold, Status, words
from tests.journeys.house import KEY, SOON, House, serving, until

QUESTION = "How do I read a file in Node.js?"
BROKE_OFF = NOTICES[Notice.INTERRUPTED]
AWKWARD = 'data: {"type":"done"}\r\n\n: [DONE]\u2028\u2029\x85\x00 "quoted\\" 🌍 é \ufeff\t'
FIRST = "claude-sonnet-5-5"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody says how long to wait, wait hardly at all."""
    monkeypatch.setattr("core.backoff.LEAST", SOON)
    monkeypatch.setattr("core.backoff.FIRST", SOON)


# --- the request and its answer ---


async def test_the_printed_request_streams_its_answer(either: House):
    """The request for curl is answered with texts and then `done`, its session and its tokens."""
    headers = {"User-Agent": "curl/8.5.0", "Accept": "*/*", "Content-Type": "application/json"}
    body = '{"message": "How do I read a file in Node.js?", "sessionId": "test-1"}'
    async with either.stream("POST", "/api/chat", data=body, headers=headers) as viewer:
        await viewer.read()
    *texts, done = viewer.typed
    assert {key for text in texts for key in text} == {"type", "text"}
    assert "".join(text["text"] for text in texts) == f"You said: {QUESTION}"
    [asked] = either.fake.requests
    spent = {"input": asked.tokens, "output": 10}  # the fake counts its own deltas
    assert done == {"type": "done", "sessionId": "test-1", "usage": spent}
    assert viewer.response.headers["X-Session-Id"] == "test-1"
    assert viewer.response.headers["Vary"] == "Accept, Authorization"
    assert viewer.response.content_type == "text/event-stream"


@pytest.mark.parametrize("accept", ["application/json, text/plain, */*", "text/event-stream"])
async def test_what_a_library_accepts_by_itself_changes_nothing(house: House, accept: str):
    """Some name JSON first and take anything: they still get the events that they read."""
    headers = {"Accept": accept}
    body = {"message": "hi", "sessionId": "s"}
    async with house.stream("POST", "/api/chat", json=body, headers=headers) as viewer:
        await viewer.read()
    assert viewer.text == "You said: hi"


async def test_a_follow_up_is_asked_with_the_conversation_so_far(either: House):
    """The model sees both questions and its own answer, in their order."""
    await either.chat(QUESTION, "test-1")
    await either.chat("And in Python?", "test-1")
    assert either.fake.requests[1].history == [
        ("user", QUESTION),
        ("assistant", f"You said: {QUESTION}"),
        ("user", "And in Python?"),
    ]


async def test_the_text_comes_while_the_model_speaks(house: House):
    """The first words are on the screen before the model has said the last."""
    hold = Hold()
    house.fake.script(Answer("one two three", hold=hold, hold_after=1))
    async with house.say("count") as viewer:
        await viewer.read(lambda viewer: viewer.text == "one ")
        hold.release()
        assert (await viewer.read()).text == "one two three"


@pytest.mark.parametrize("session", [{}, {"sessionId": None}], ids=["absent", "null"])
async def test_without_a_session_one_is_made(house: House, session: dict[str, Any]):
    """Each request gets a session of its own, told in the header and in `done`, to go on with."""
    names = []
    for text in ("one", "two"):
        body = {"message": text, **session}
        async with house.stream("POST", "/api/chat", json=body) as viewer:
            await viewer.read()
        names.append(viewer.response.headers["X-Session-Id"])
        assert viewer.typed[-1]["sessionId"] == names[-1]
    assert len({uuid.UUID(name) for name in names}) == 2
    assert house.fake.requests[1].history == [("user", "two")]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": None},
        {"message": 7},
        {"message": True},
        {"message": ["hi"]},
        {"message": {"text": "hi"}},
        {"message": ""},
        {"message": " \n\t\u3000"},
        {"message": "\x00"},
        {"message": 7, "sessionId": "test-1"},
        [],
        [{"message": "hi"}],
        "hi",
        None,
    ],
    ids=json.dumps,
)
async def test_a_message_is_required(house: House, body: Any):
    """Whatever is not a text to read is refused with the seed's own words; nobody is asked."""
    headers = {"Content-Type": "application/json"}
    sent = json.dumps(body)
    async with house.http.post("/api/chat", data=sent, headers=headers) as response:
        assert response.status == 400
        assert await response.json() == {"error": "message is required"}
    assert house.fake.requests == []


# --- forgetting ---


async def test_a_cleared_session_is_forgotten(either: House):
    """After DELETE the model sees nothing of what was said, and others keep their memory."""
    for session in ("mine", "yours"):
        await either.chat("secret", session)
    async with either.http.delete("/api/chat/mine") as response:
        assert (response.status, await response.json()) == (200, {"cleared": True})
    assert await either.said("mine") == []
    for session in ("mine", "yours"):
        await either.chat("again", session)
    assert either.fake.requests[2].history == [("user", "again")]
    assert len(either.fake.requests[3].history) == 3


async def test_clearing_tells_nobody_what_there_is(either: House):
    """A session that there is none of, or can't be, is cleared like any other."""
    for session in ("unknown", "..%2f", "a b", "%00", "a" * 200, "é", "%ff"):
        async with either.http.delete(f"/api/chat/{session}") as response:
            assert (response.status, await response.json()) == (200, {"cleared": True})


async def test_clearing_ends_the_answer_that_runs(house: House):
    """What is being said is stopped, its viewer is told, and none of it is remembered."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with house.say("count", "s") as viewer:
        await viewer.read(lambda viewer: viewer.text == "one ")
        async with house.http.delete("/api/chat/s") as response:
            assert response.status == 200
        await viewer.read()
    assert viewer.typed[-1]["cancelled"] is True
    assert await house.said("s") == []
    await house.chat("again", "s")
    assert house.fake.requests[-1].history == [("user", "again")]


# --- when the model's side fails ---


async def test_a_busy_model_is_asked_again(house: House):
    """Refused twice, it answers the third time, and the viewer sees one clean answer."""
    house.fake.script(*[Status(429, retry_after=SOON)] * 2)
    viewer = await house.chat("hi")
    assert viewer.text == "You said: hi"
    assert viewer.typed[-1]["type"] == "done"
    assert [request.body["model"] for request in house.fake.requests] == [FIRST] * 3


async def test_an_overloaded_model_is_stood_in_for(house: House):
    """The next model answers in its place, and nobody sees that."""
    house.fake.script(*[Status(529, retry_after=SOON)] * 3)
    viewer = await house.chat("hi")
    assert viewer.text == "You said: hi"
    assert [request.body["model"] for request in house.fake.requests] == [FIRST] * 3 + [
        FALLBACKS[0]
    ]


async def test_a_failure_is_told_and_the_message_kept(either: House):
    """With no model to be had there is an `error`; the message is in the next prompt all the same.

    What the provider said is not for its readers.
    """
    either.fake.default = Status(500, retry_after=SOON, message="oh no sk-ant-1 in vault 7")
    viewer = await either.chat("remember me", "s")
    [error] = viewer.typed
    assert set(error) == {"type", "error"}
    assert error["type"] == "error"
    assert error["error"].startswith("Sorry")
    assert b"vault" not in viewer.raw
    assert await either.said("s") == [("user", "remember me")]
    either.fake.default = Answer()
    assert (await either.chat("again", "s")).text == "You said: remember me\n\nagain"


@pytest.mark.parametrize(
    "broken",
    [
        Cut(after=3),
        Cut(after=3, reset=True),
        Eof(after=3),
        BadLine(after=3),
        ErrorEvent(after=3),
    ],
    ids=lambda behaviour: type(behaviour).__name__,
)
async def test_an_answer_that_breaks_off_is_kept_and_marked(house: House, broken: Any):
    """What was said stays, with a note; the note itself the model never sees."""
    house.fake.script(broken)
    viewer = await house.chat("hi", "s")
    assert viewer.text == words(3) + BROKE_OFF
    assert viewer.typed[-1]["type"] == "done"
    assert (await house.said("s"))[1] == ("assistant", words(3) + BROKE_OFF)
    await house.chat("go on", "s")
    asked = house.fake.requests[-1].history
    assert asked == [("user", "hi"), ("assistant", words(3)), ("user", "go on")]


@pytest.mark.parametrize("broken", [Cut(), Eof(), BadLine(), ErrorEvent()], ids=repr)
async def test_what_breaks_before_the_first_word_is_tried_again(
    house: House, hasty: None, broken: Any
):
    """Nobody has seen anything yet, so nobody need know."""
    house.fake.script(broken)
    viewer = await house.chat("hi")
    assert viewer.text == "You said: hi"
    assert len(house.fake.requests) == 2


@pytest.mark.parametrize(("api", "mark"), [("anthropic", BROKE_OFF), ("compatible", "")])
async def test_an_answer_needs_its_last_event_where_that_is_certain(url: str, api: str, mark: str):
    """Anthropic's own servers always end with message_stop; some others leave it out."""
    async with serving(url, model_api=api) as house:
        house.fake.script(Answer("All of it.", stop=False))
        assert (await house.chat("hi")).text == f"All of it.{mark}"


async def test_a_refusal_is_not_remembered(house: House):
    """A notice follows what was on the screen already, and the question is not asked again."""
    hold = Hold()
    house.fake.script(Answer("Well, first you", hold=hold, hold_after=1, stop_reason="refusal"))
    async with house.say("how to do harm", "s") as viewer:
        await viewer.read(lambda viewer: viewer.text == "Well, ")
        hold.release()
        await viewer.read()
    assert viewer.text.startswith("Well, ")
    assert viewer.text.endswith(f"\n\n{NOTICES[Notice.REFUSED]}")
    assert viewer.typed[-1]["type"] == "done"
    assert await house.said("s") == [
        ("user", "how to do harm"),
        ("assistant", NOTICES[Notice.REFUSED]),
    ]
    await house.chat("hello", "s")
    assert house.fake.requests[-1].history == [("user", "hello")]


async def test_a_refusal_without_words_is_an_answer(house: House):
    """It is shown as the notice alone, and not tried again."""
    house.fake.script(Answer("", stop_reason="refusal"))
    assert (await house.chat("hi")).text == NOTICES[Notice.REFUSED]
    assert len(house.fake.requests) == 1


async def test_an_answer_that_is_too_long_says_so(house: House):
    """The reader learns that there is more; the model goes on from its own words alone."""
    house.fake.script(Answer("Once upon", stop_reason="max_tokens"))
    viewer = await house.chat("tell me", "s")
    assert viewer.text == "Once upon" + NOTICES[Notice.TRUNCATED]
    await house.chat("continue", "s")
    assert house.fake.requests[-1].history[1] == ("assistant", "Once upon")


async def test_thoughts_are_not_shown(house: House):
    """Thinking comes first in the stream, and is the model's own business."""
    house.fake.script(Answer("Yes.", thinking="what a strange person", pings=2))
    viewer = await house.chat("hi", "s")
    assert viewer.text == "Yes."
    assert b"strange" not in viewer.raw
    assert (await house.said("s"))[1] == ("assistant", "Yes.")


# --- clients that leave, and the printed one ---


async def test_an_answer_is_not_lost_with_its_reader(either: House):
    """Whoever leaves in the middle finds the whole answer later, and so does the model."""
    hold = Hold()
    either.fake.script(Answer("one two three", hold=hold, hold_after=1))
    async with either.say("count", "s") as viewer:
        await viewer.read(lambda viewer: viewer.text == "one ")
    await until(lambda: not either.gateway.web.server.connections)
    hold.release()
    await either.idle()
    assert await either.said("s") == [("user", "count"), ("assistant", "one two three")]
    assert either.fake.requests[0].outcome == "answered"


async def test_a_reader_that_leaves_while_the_message_is_stored_is_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """Nobody heard that it is stored, but it is; so it has its answer at once."""
    write, storing, gate = house.gateway.database.write, asyncio.Event(), asyncio.Event()

    async def slowly(*args: Any, **kwargs: Any) -> Any:
        storing.set()
        await gate.wait()
        return await write(*args, **kwargs)

    monkeypatch.setattr(house.gateway.database, "write", slowly)
    asking = asyncio.create_task(house.chat("hi", "s"))
    await storing.wait()
    asking.cancel()
    await until(lambda: not house.gateway.web.server.connections)
    gate.set()
    await house.fake.came(1)
    await house.idle()
    assert await house.said("s") == [("user", "hi"), ("assistant", "You said: hi")]


async def test_the_models_call_is_made_once_whatever_the_reader_does(house: House):
    """Ten readers that leave at once: ten questions, each asked once and answered."""
    for number in range(10):
        async with house.say(f"question {number}", f"s{number}"):
            pass
    await house.fake.came(10)
    await house.idle()
    said = sorted(request.said for request in house.fake.requests)
    assert said == [f"question {number}" for number in range(10)]
    for number in range(10):
        assert len(await house.said(f"s{number}")) == 2


def printed_client(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The seed's own reader, in Python, line by line as it is printed there."""
    decoder, buffer = codecs.getincrementaldecoder("utf-8")("replace"), ""
    for value in chunks:
        buffer += decoder.decode(value)
        lines = buffer.split("\n")
        buffer = lines.pop()
        for line in lines:
            if not line.startswith("data: "):
                continue
            event = json.loads(line[6:])
            if event["type"] == "done":
                yield {"in": event["usage"]["input"], "out": event["usage"]["output"]}
            else:
                yield event


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(AWKWARD, chunk=1),
        Answer(AWKWARD * 40, chunk=11),
        Answer("🌍" * 300, chunk=7, usage={}, final_usage={}),
        Answer("no", stop_reason="refusal"),
        Answer("cut", stop_reason="max_tokens", thinking="hm"),
        Cut(after=2),
        Status(400, message="no"),
    ],
    ids=["awkward", "long", "emoji", "refused", "truncated", "cut", "failed"],
)
async def test_the_printed_client_reads_every_stream(house: House, behaviour: Any, size: int):
    """However the bytes are cut: every `data: ` line is JSON, and `done` has its usage."""
    house.fake.script(behaviour)
    viewer = await house.chat("hi")
    cut = [viewer.raw[at : at + size] for at in range(0, len(viewer.raw), size)]
    *texts, end = printed_client(cut)
    assert "".join(event["text"] for event in texts) == viewer.text
    assert all(isinstance(count, int) for count in end.values()) or end["type"] == "error"
    assert b"[DONE]" not in viewer.raw.replace(b": [DONE]", b"")  # but for the model's own words
    if isinstance(behaviour, Answer) and behaviour.stop_reason == "end_turn":
        assert viewer.text == behaviour.text


async def test_the_key_goes_to_the_model_and_nowhere_else(house: House):
    """The provider gets it; no answer of the gateway holds it."""
    viewer = await house.chat("hi")
    assert house.fake.requests[0].headers["x-api-key"] == KEY
    assert KEY.encode() not in viewer.raw
    for path in ("/health", "/metrics", "/api/v1/config", "/"):
        async with house.http.get(path) as response:
            assert KEY not in await response.text()


async def test_questions_that_come_at_once_are_answered_one_by_one(house: House):
    """Two requests on one session never make two calls at once, and both get an answer."""
    hold = Hold()
    house.fake.script(Answer("first answer", hold=hold))
    first = asyncio.create_task(house.chat("first", "s"))
    await house.fake.came(1)
    second = asyncio.create_task(house.chat("second", "s"))
    async with house.watch("s"):  # by now the second is in the queue, or on its way there
        hold.release()
    answers = [(await task).text for task in (first, second)]
    assert answers == ["first answer", "You said: second"]
    assert house.fake.most_at_once == {"first": 1}
    assert house.fake.requests[1].history[1:] == [("assistant", "first answer"), ("user", "second")]
