"""The clients that the documents print, as they stand there, against this gateway."""

import asyncio
import json

import httpx2
import pytest

from tests.clients.node import Node
from tests.clients.printed import block, curls, document, fenced, origins, printed_tests
from tests.clients.standing import Stand, standing
from tests.fakes.anthropic import Answer, Status
from tests.journeys.house import SOON

WORLD = "Hello 🌍, naïve café.\n\ndata: [DONE]\n"
AWKWARD = Answer(WORLD, chunk=1)


# --- 000: a function that prints the answer as it comes ---


def talk(*words: str) -> str:
    """Calls of the printed function, in one session."""
    return "".join(f"\nawait chat({json.dumps(each)}, 's');" for each in words)


async def test_the_printed_function_shows_the_answer_and_its_tokens(url: str, node: Node):
    """Answers come whole, each with its usage below, and the session remembers."""
    code = block(document("000"), r"async function chat\(")
    script = await node.javascript(code) + talk("My name is Ada.", "Who am I?")
    async with standing(url, origins(code)) as stand:
        stand.house.fake.script(AWKWARD, Answer("Ada."))
        output = await node.run(script, remap=stand.remap)
        first, second = stand.house.fake.requests
    assert output.stdout == (
        f"{WORLD}\n[{first.tokens}in / {len(WORLD)}out tokens]\n"
        f"Ada.\n[{second.tokens}in / 1out tokens]\n"
    )
    assert [role for role, _ in second.history] == ["user", "assistant", "user"]


async def test_the_printed_function_survives_a_failure(url: str, node: Node):
    """It shows nothing and goes on, and the next question is answered."""
    code = block(document("000"), r"async function chat\(")
    script = await node.javascript(code) + talk("one", "two")
    async with standing(url, origins(code)) as stand:
        stand.house.fake.script(Status(400, message="no"), Answer("Two."))
        output = await node.run(script, remap=stand.remap)
    assert output.stdout.startswith("Two.\n[")


async def test_the_printed_call_of_curl_streams_typed_events(url: str, curl: None):
    """Its events are texts and then `done`, with the session that was named."""
    [call] = curls(document("000"))
    async with standing(url, origins(" ".join(call))) as stand:
        lines = (await stand.curl(call)).stdout.splitlines()
        [asked] = stand.house.fake.requests
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert "".join(event.get("text", "") for event in events) == f"You said: {asked.said}"
    assert events[-1]["type"] == "done"
    assert events[-1]["sessionId"] == json.loads(call[-1])["sessionId"]


# --- 001: a class with a session of its own, calls of curl, and tests ---


def class_of_001() -> str:
    return block(document("001"), "class ChatClient")


async def in_001(stand: Stand, node: Node, script: str) -> dict:
    """What a script with a client of the printed class ends with, by JSON."""
    code = f"{class_of_001()}\nconst client = new ChatClient();\nconst told = {{}};\n{script}\n"
    output = await node.run(f"{code}console.log(JSON.stringify(told));", remap=stand.remap)
    return output.json


async def test_the_printed_class_chats_in_a_session_of_its_own(url: str, node: Node):
    """An answer is told whole, with its session, and the turns are counted."""
    async with standing(url, origins(class_of_001())) as stand:
        stand.house.fake.script(AWKWARD)
        told = await in_001(
            stand,
            node,
            "told.one = await client.chat('one'); told.two = await client.chat('two');"
            "told.session = client.sessionId;",
        )
        history = stand.house.fake.requests[1].history
    assert (told["one"]["response"], told["two"]["response"]) == (WORLD, "You said: two")
    assert (told["one"]["turn_count"], told["two"]["turn_count"]) == (1, 2)
    assert {told["one"]["session_id"], told["two"]["session_id"]} == {told["session"]}
    assert history == [("user", "one"), ("assistant", WORLD), ("user", "two")]


async def test_the_printed_class_streams(url: str, node: Node):
    """The chunks are the answer and nothing else, and the history has it."""
    async with standing(url, origins(class_of_001())) as stand:
        stand.house.fake.script(AWKWARD)
        told = await in_001(
            stand,
            node,
            "told.chunks = []; await client.chatStream('one', (chunk) => told.chunks.push(chunk));"
            "told.history = await client.getHistory(); told.session = client.sessionId;",
        )
    assert "".join(told["chunks"]) == WORLD
    assert told["history"] == {
        "session_id": told["session"],
        "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": WORLD}],
        "turn_count": 1,
    }


async def test_the_printed_class_resets_its_session(url: str, node: Node):
    """The session goes on, and knows nothing of what was said."""
    async with standing(url, origins(class_of_001())) as stand:
        told = await in_001(
            stand,
            node,
            "await client.chat('secret'); await client.reset();"
            "told.history = await client.getHistory(); told.again = await client.chat('again');",
        )
        asked = stand.house.fake.requests[1]
    assert (told["history"]["messages"], told["history"]["turn_count"]) == ([], 0)
    assert told["again"]["turn_count"] == 1
    assert asked.history == [("user", "again")]


async def test_the_printed_class_tells_of_a_failure(url: str, node: Node):
    """It throws the error that it has for this, and the session can be gone on with."""
    async with standing(url, origins(class_of_001())) as stand:
        stand.house.fake.default = Status(500, retry_after=SOON)
        told = await in_001(
            stand,
            node,
            "try { await client.chat('one'); } catch (error) { told.error = error.message; }",
        )
        assert {request.said for request in stand.house.fake.requests} == {"one"}
    assert told == {"error": "Chat failed"}


async def test_the_printed_calls_of_curl_chat_and_tell_the_history(url: str, curl: None):
    """The second tells what the first has said and was answered."""
    chat, history = curls(document("001").partition("Full Implementation")[0])
    async with standing(url, origins(" ".join(chat + history))) as stand:
        answer = json.loads((await stand.curl(chat)).stdout)
        told = json.loads((await stand.curl(history)).stdout)
        [asked] = stand.house.fake.requests
    assert answer["response"] == f"You said: {asked.said}"
    assert [message["content"] for message in told["messages"]] == [asked.said, answer["response"]]


@pytest.mark.parametrize("name", ["test_chat", "test_history"])
async def test_the_printed_tests_pass(url: str, name: str):
    """Its own tests of its own server hold for this one, over HTTP."""
    async with standing(url, set()) as stand:
        with httpx2.Client(base_url=stand.base) as client:
            functions = {"client": client}
            exec(printed_tests(document("001")), functions)  # noqa: S102 - what it prints is what is tested
            await asyncio.to_thread(functions[name])
        assert len(stand.house.fake.requests) == 1


# --- 002: a program that asks three questions ---


async def test_the_printed_program_is_answered(url: str, node: Node):
    """Each of its questions is answered and ended, and none knows of another."""
    code = fenced(document("002"), "javascript")
    async with standing(url, origins(code)) as stand:
        output = await node.run(code, remap=stand.remap, module=False)
        asked = [request.history for request in stand.house.fake.requests]
    assert [len(history) for history in asked] == [1, 1, 1]
    answers = [line for line in output.stdout.splitlines() if line.startswith("You said: ")]
    assert answers == [f"You said: {text}" for [(_, text)] in asked]
    assert output.stderr == ""


async def test_the_printed_program_reads_every_character(url: str, node: Node):
    """Line breaks, marks and what looks like an end come through as they are."""
    code = fenced(document("002"), "javascript")
    async with standing(url, origins(code)) as stand:
        stand.house.fake.default = AWKWARD
        output = await node.run(code, remap=stand.remap, module=False)
    assert output.stdout.count(f"\n{WORLD}\n") == 3
    assert output.stderr == ""


async def test_the_printed_program_survives_a_failure(url: str, node: Node):
    """What cannot be answered is ended, and the next question is asked."""
    code = fenced(document("002"), "javascript")
    async with standing(url, origins(code)) as stand:
        stand.house.fake.script(Status(400, message="no"))
        output = await node.run(code, remap=stand.remap, module=False)
        asked = [request.said for request in stand.house.fake.requests]
    assert output.stdout.count("You said: ") == 2
    assert [f"You said: {text}" in output.stdout for text in asked] == [False, True, True]
