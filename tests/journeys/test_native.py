"""The gateway's own API: sent once however often, followed from any byte, cancelled, listed."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.live import Cursor
from core.models import Opening
from core.text import NOTICES
from core.types import Notice
from tests.fakes.anthropic import Answer, Cut, Hold, Status
from tests.journeys.house import ENDS, SOON, House, Viewer, migrate, parse, serving, shown, until

LONG = "".join(f"wörd-{number} 🌍\n" for number in range(60))
SPACED = 0.001  # seconds between a model's words, so that each comes alone
REFUSED = NOTICES[Notice.REFUSED]


@pytest.fixture
def piecemeal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every delta of the model becomes an event, so that there are many places to cut."""
    monkeypatch.setattr("core.asking.COALESCE", 0)


def has(text: str):
    return lambda viewer: text in viewer.text


def enough(events: int):
    return lambda viewer: len(viewer.events) >= events or viewer.over


def cuts(raw: bytes) -> list[int]:
    """Some hundred places in `raw`: around every event's end, and at random."""
    ends = [match.end() for match in re.finditer(rb"\n\n", raw)]
    near = {end + step for end in ends for step in (-1, 0, 1)}
    others = random.Random(0).sample(range(len(raw)), 60)
    return sorted(at for at in {*near, *others} if 0 < at < len(raw))


# --- an answer's events ---


async def test_an_answer_is_told_from_its_begin_to_its_end(either: House):
    """`run.started`, deltas and `run.completed`, each with an id; the last one's ends in `.end`."""
    viewer = await either.ask("s", "hi", "m-1")
    started, *deltas, end = viewer.events
    run = viewer.run
    assert started.data == {"runId": run, "sessionId": "s", "messageId": "m-1"}
    assert {delta.name for delta in deltas} == {"delta"}
    assert end.name == "run.completed"
    assert end.id == f"{run}.1.end"
    [question, answer] = await either.history("s")
    assert end.data == {
        "runId": run,
        "message": {"id": answer["id"], "text": viewer.text, "createdAt": answer["createdAt"]},
        "stopReason": "end_turn",
        "model": "claude-sonnet-5-5",
        "usage": {"input": either.fake.requests[0].tokens, "output": 3},
    }
    assert question["runId"] == answer["runId"] == run


async def test_a_failed_run_says_what_may_be_done(house: House):
    """An outage may be retried, a refusal of the request itself not."""
    house.fake.default = Status(500, retry_after=SOON, message="in vault 7")
    outage = await house.ask("s", "hi")
    house.fake.default = Status(400, message="in vault 7")
    fault = await house.ask("s", "hi")
    for viewer, code, retryable in ((outage, "unavailable", True), (fault, "rejected", False)):
        assert viewer.end.name == "run.failed"
        assert viewer.end.data["code"] == code
        assert viewer.end.data["retryable"] is retryable
        assert viewer.end.data["runId"] == viewer.run
        assert b"vault" not in viewer.raw


async def test_a_refusal_takes_back_what_was_said(house: House):
    """The words so far are replaced on the screen."""
    house.fake.script(Answer("Well, first you", stop_reason="refusal"))
    viewer = await house.ask("s", "how to do harm")
    assert viewer.text == REFUSED
    assert viewer.end.data["message"]["text"] == REFUSED


# --- a message has an identity ---


async def test_the_same_message_again_is_the_same_run(either: House):
    """While it runs and after it has ended: the model is asked once, and all see one answer."""
    hold = Hold()
    either.fake.script(Answer("one two three", hold=hold, hold_after=1))
    async with either.send("s", "count", "m-1") as first, either.send("s", "count", "m-1") as again:
        await first.read(has("one "))
        await again.read(has("one "))
        receipt = await either.post("s", "count", "m-1")
        hold.release()
        await first.read()
        await again.read()
    late = await either.ask("s", "count", "m-1")
    assert [viewer.run for viewer in (again, late)] == [first.run] * 2
    assert receipt == {"messageId": "m-1", "sessionId": "s", "runId": first.run}
    assert {viewer.text for viewer in (first, again, late)} == {"one two three"}
    assert late.end == first.end == again.end
    assert len(either.fake.requests) == 1
    assert len(await either.said("s")) == 2


async def test_a_used_id_with_other_words_is_refused(house: House):
    """409: the new words would be lost without a word. In a cleared conversation it is free."""
    await house.ask("s", "hi", "m-1")
    body = {"messageId": "m-1", "text": "other words"}
    async with house.http.post("/api/v1/sessions/s/messages", json=body) as response:
        assert response.status == 409
        assert "an id of its own" in (await response.json())["error"]["message"]
    async with house.http.delete("/api/v1/sessions/s") as response:
        assert response.status == 204
    assert (await house.ask("s", "other words", "m-1")).text == "You said: other words"
    assert [text for _, text in await house.said("s")] == ["other words", "You said: other words"]


async def test_the_same_message_again_costs_nothing(url: str, swift: None):
    """A client that lost the answer may ask for it beyond its limit; a new message may not."""
    async with serving(url, rate_limit="1/minute") as house:
        await house.ask("s", "hi", "m-1")
        assert (await house.ask("s", "hi", "m-1")).text == "You said: hi"
        body = {"messageId": "m-2", "text": "hi"}
        async with house.http.post("/api/v1/sessions/s/messages", json=body) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 0


async def test_a_message_sent_many_times_at_once_is_stored_once(either: House):
    """Ten requests with one id in the same moment: one message, one run, one call."""
    viewers = await asyncio.gather(*[either.ask("s", "hi", "m-1") for _ in range(10)])
    assert len({viewer.run for viewer in viewers}) == 1
    assert len(either.fake.requests) == 1
    assert len(await either.said("s")) == 2


async def test_a_messages_id_counts_within_its_session(house: House):
    """The same id elsewhere is another message, also where ids and sessions have colons."""
    for session, message in (("a:b", "c"), ("a", "b:c"), ("d", "c")):
        text = f"to {session}"
        assert (await house.ask(session, text, message)).text == f"You said: {text}"
        assert await house.said(session) == [("user", text), ("assistant", f"You said: {text}")]


async def test_a_message_without_an_id_is_given_one(house: House):
    """Two of them are two messages, and each is told its id."""
    first, second = await house.ask("s", "hi"), await house.ask("s", "hi")
    names = {viewer.events[0].data["messageId"] for viewer in (first, second)}
    assert len(names) == 2
    again = await house.ask("s", "hi", first.events[0].data["messageId"])
    assert again.run == first.run


async def test_a_message_may_be_left_without_waiting(house: House):
    """`Prefer: respond-async` answers 202 with the run's id, and the run goes on alone."""
    receipt = await house.post("s", "hi", "m-1")
    await house.idle()
    assert await house.said("s") == [("user", "hi"), ("assistant", "You said: hi")]
    assert (await house.history("s"))[1]["runId"] == receipt["runId"]


# --- followed from any byte ---


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (Answer(LONG, chunk=13, gap=SPACED), LONG),
        (
            Answer("Hm. " * 20, stop_reason="max_tokens", gap=SPACED),
            "Hm. " * 20 + NOTICES[Notice.TRUNCATED],
        ),
        (Cut(after=9), "".join(f"word{n} " for n in range(9)) + NOTICES[Notice.INTERRUPTED]),
    ],
    ids=["whole", "truncated", "cut"],
)
async def test_a_broken_line_loses_nothing_of_a_run_that_is_over(
    either: House, piecemeal: None, behaviour: Any, text: str
):
    """Cut the stream at any byte: what was read and what follows are the same text, once."""
    either.fake.script(behaviour)
    whole = await either.ask("s", "hi")
    assert whole.text == text
    assert len(whole.events) >= (3 if isinstance(behaviour, Cut) else 12)
    for at in cuts(whole.raw):
        before = parse(whole.raw[:at])
        if not before:
            continue
        after = await either.seen("s", before[-1].id)
        assert shown(after.events, shown(before)) == text, at
        assert after.end.data == whole.end.data


async def test_a_broken_line_loses_nothing_of_a_run_that_goes_on(house: House, piecemeal: None):
    """Cut at any byte while it runs: every viewer ends with the same text."""
    hold = Hold()
    house.fake.script(Answer(LONG, chunk=7, gap=SPACED, hold=hold, hold_after=60))
    begun = LONG[: 7 * 60]

    async def follow(before: list[Any]) -> str:
        async with house.watch("s", before[-1].id) as viewer:
            follows.append(viewer)
            await viewer.read()
            return shown(viewer.events, shown(before))

    async with house.send("s", "hi") as first:
        await first.read(has(begun))
        seen = [parse(first.raw[:at]) for at in cuts(first.raw)]
        follows: list[Viewer] = []
        tasks = [asyncio.create_task(follow(before)) for before in seen if before]
        await until(lambda: len(follows) == len(tasks))
        hold.release()
        await first.read()
    assert first.text == LONG
    assert {await task for task in tasks} == {LONG}
    assert len(tasks) > 100


async def cut_off(house: House, mark: str, size: int) -> bytes:
    """What comes within so many bytes of the events after a mark; then the line is cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    # Without chunks, as an old proxy asks for it: each byte that comes is the stream's.
    head = f"GET /api/v1/sessions/s/events HTTP/1.0\r\nHost: localhost\r\nLast-Event-ID: {mark}"
    raw = b""
    try:
        writer.write(f"{head}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        while len(raw) < size and (some := await reader.read(size - len(raw))):
            raw += some
    finally:
        writer.transport.abort()
    return raw


async def stubborn(house: House, mark: str, size: int) -> str:
    """Follow an answer over a line that is cut every so many bytes; what stands there at last."""
    screen, over = "", False
    while not over:
        events = parse(await cut_off(house, mark, size))
        screen, over = shown(events, screen), any(event.name in ENDS for event in events)
        if not events:
            size *= 2  # what came meanwhile is one event, which is longer by now
        else:
            mark = events[-1].id
    return screen


async def test_a_line_that_is_cut_again_and_again_loses_nothing(either: House, piecemeal: None):
    """Whatever the number of bytes between two cuts: byte for byte the same text at last."""
    either.fake.script(Answer(LONG, chunk=7, gap=SPACED))
    async with either.send("s", "hi") as viewer:
        await viewer.read(lambda viewer: viewer.events)
        mark = viewer.events[0].id
        sizes = [*range(60, 400, 7), *range(400, 3000, 97)]
        texts = await asyncio.gather(*[stubborn(either, mark, size) for size in sizes])
        await viewer.read()
    assert len(texts) == len(sizes)
    assert {text.encode() for text in texts} == {LONG.encode()} == {viewer.text.encode()}


async def test_a_broken_line_does_not_bring_back_a_refused_answer(house: House, piecemeal: None):
    """Cut at any byte before a refusal: afterwards the notice stands there, and it alone."""
    house.fake.script(Answer("First you take a big", gap=SPACED, stop_reason="refusal"))
    whole = await house.ask("s", "how to do harm")
    for at in cuts(whole.raw):
        if before := parse(whole.raw[:at]):
            after = await house.seen("s", before[-1].id)
            assert shown(after.events, shown(before)) == REFUSED, at


async def test_a_second_attempt_replaces_the_first(
    either: House, monkeypatch: pytest.MonkeyPatch, piecemeal: None
):
    """A viewer of an attempt that broke gets the next one's text in full, live and later."""
    ask, seen = either.gateway.models.stream, asyncio.Event()

    async def breaking(*_: object) -> AsyncIterator[Opening]:
        yield Opening(model="m", text="Half an ans")
        await seen.wait()
        monkeypatch.setattr(either.gateway.models, "stream", ask)
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(either.gateway.models, "stream", breaking)
    either.fake.script(Answer("The whole answer."))
    async with either.send("s", "hi") as viewer:
        await viewer.read(has("Half an ans"))
        seen.set()
        await either.idle()
        for _ in range(2):  # at two looks it is nobody's work, so it is taken up again
            await either.gateway.replica.tick()
        await viewer.read()
    assert viewer.text == "The whole answer."
    assert viewer.end.id == f"{viewer.run}.2.end"
    stale = next(event for event in viewer.events if event.name == "delta")
    assert stale.id == f"{viewer.run}.1.11"
    later = await either.seen("s", stale.id)
    assert shown(later.events, "Half an ans") == "The whole answer."
    assert len(either.fake.requests) == 1


@pytest.mark.parametrize("mark", ["{run}.0.3", "{run}.7.0", "{run}.1.999999"])
async def test_a_mark_that_fits_nothing_gets_everything(house: House, mark: str):
    """Of another attempt, or beyond the end: the text is sent anew, to replace what is there."""
    run = (await house.ask("s", "hi")).run
    later = await house.seen("s", mark.format(run=run))
    assert later.events[0].name == "snapshot"
    assert shown(later.events, "whatever stood here") == "You said: hi"


async def test_whoever_has_seen_the_end_is_told_that_there_is_no_more(house: House):
    """204 for one that knows the end, and for one that comes without a mark when nothing runs."""
    run = (await house.ask("s", "hi")).run
    for headers in ({}, {"Last-Event-ID": f"{run}.1.end"}):
        async with house.http.get("/api/v1/sessions/s/events", headers=headers) as response:
            assert response.status == 204
            assert await response.read() == b""


async def test_whoever_has_seen_one_end_follows_the_next_run(house: House):
    """The mark of an answer's end leads to the answer that runs now, from its begin."""
    first = await house.ask("s", "hi")
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    await house.post("s", "count")
    async with house.watch("s", first.end.id) as viewer:
        await viewer.read(has("one "))
        hold.release()
        await viewer.read()
    assert viewer.run != first.run
    assert viewer.text == "one two"


async def test_an_address_may_hold_the_mark(house: House):
    """`?after=` does what the header does, for clients that can't set one."""
    whole = await house.ask("s", "hi")
    mark = whole.events[0].id
    async with house.stream("GET", f"/api/v1/sessions/s/events?after={mark}") as viewer:
        await viewer.read()
    assert viewer.text == "You said: hi"
    assert [event.name for event in viewer.events] == ["delta", "run.completed"]


async def test_twenty_viewers_see_one_answer(house: House, piecemeal: None):
    """Whenever they come, and also if some leave: one call, one text."""
    hold = Hold()
    house.fake.script(Answer(LONG, chunk=5, gap=SPACED, hold=hold, hold_after=20))
    await house.post("s", "hi")
    await house.fake.came(1)

    async def look(number: int) -> str:
        async with house.watch("s") as viewer:
            await viewer.read(has(LONG[:50]))
            looking.append(number)
            if number % 4 == 0:
                return "left"
            return (await viewer.read()).text

    looking: list[int] = []
    tasks = [asyncio.create_task(look(number)) for number in range(20)]
    await until(lambda: len(looking) == 20)
    hold.release()
    texts = [await task for task in tasks]
    assert texts.count("left") == 5
    assert texts.count(LONG) == 15
    assert len(house.fake.requests) == 1


async def test_a_viewer_may_come_to_another_replica(postgres: str, monkeypatch: pytest.MonkeyPatch):
    """Two gateways on one database: what one answers, the other shows, and asks nobody again."""
    monkeypatch.setattr("core.viewers.ELSEWHERE", 0.02)
    await migrate(postgres)
    async with serving(postgres) as one, serving(postgres) as two:
        hold = Hold()
        one.fake.script(Answer("one two", hold=hold, hold_after=1))
        async with one.send("s", "count", "m-1") as first:
            await first.read(has("one "))
            async with two.send("s", "count", "m-1") as again, two.watch("s") as other:
                await again.read(lambda viewer: viewer.raw)
                hold.release()
                for viewer in (first, again, other):
                    await viewer.read()
                    assert viewer.text == "one two"
                    assert viewer.end == first.end
        assert await two.said("s") == await one.said("s")
        assert len(one.fake.requests) == 1
        assert two.fake.requests == []


# --- order ---


async def test_what_is_sent_meanwhile_waits_and_is_answered_in_order(either: House):
    """Three messages during an answer: one call at a time, none lost, all in the next prompt."""
    hold = Hold()
    either.fake.script(Answer("first answer", hold=hold))
    sent = [await either.post("s", "first")]
    await either.fake.came(1)
    sent += [await either.post("s", text) for text in ("second", "third", "fourth")]
    assert [each["runId"] is None for each in sent] == [False, True, True, True]
    waiting = await either.history("s")
    assert [each["status"] for each in waiting] == ["running"] + ["waiting"] * 3
    async with either.send("s", "second", sent[1]["messageId"]) as viewer:
        hold.release()
        await viewer.read()
    assert viewer.text == "You said: second\n\nthird\n\nfourth"
    assert await either.said("s") == [
        ("user", "first"),
        ("assistant", "first answer"),
        ("user", "second"),
        ("user", "third"),
        ("user", "fourth"),
        ("assistant", viewer.text),
    ]
    assert either.fake.most_at_once == {"first": 1}
    assert len(either.fake.requests) == 2


async def test_a_flood_is_neither_lost_nor_mixed(either: House):
    """Many messages to few sessions at once: never two calls in a session, each asked once."""
    texts = {f"s{session}": [f"{session}-{number}." for number in range(8)] for session in range(4)}
    await asyncio.gather(
        *[either.ask(session, text) for session, said in texts.items() for text in said]
    )
    assert all(request.beside == 0 for request in either.fake.requests)
    for session, said in texts.items():
        spoken = await either.said(session)
        asked = [text for role, text in spoken if role == "user"]
        assert sorted(asked) == sorted(said)
        answers = "\n\n".join(text for role, text in spoken if role == "assistant")
        assert re.findall(r"\d-\d\.", answers) == asked


async def restless(house: House, session: str, text: str, chance: random.Random) -> None:
    """Send a message, and follow its answer to the end, leaving and coming back all the time."""
    screen, mark, over = "", "", False
    while not over:
        coming = house.watch(session, mark) if mark else house.send(session, text, text)
        async with coming as viewer:
            await viewer.read(enough(chance.choice([1, 2, 3, 99])))
        screen, mark, over = shown(viewer.events, screen), viewer.events[-1].id, viewer.over
    assert screen == viewer.end.data["message"]["text"]


@pytest.mark.parametrize("seed", range(3))
async def test_restless_readers_end_with_what_is_stored(either: House, piecemeal: None, seed: int):
    """Whatever readers and models do: each message once, each answer whole, one call at a time."""
    chance = random.Random(seed)
    texts = {f"s{session}": [f"{session}-{number}" for number in range(6)] for session in range(5)}
    either.fake.script(
        *chance.choices(
            [
                Answer(gap=SPACED),
                Answer("no, no, no", gap=SPACED, stop_reason="refusal"),
                Answer("on and on", chunk=1, stop_reason="max_tokens"),
                Cut(after=3),
            ],
            weights=[4, 1, 1, 1],
            k=20,
        )
    )
    await asyncio.gather(
        *[restless(either, session, text, chance) for session in texts for text in texts[session]]
    )
    assert not any(request.beside for request in either.fake.requests)
    for session, sent in texts.items():
        asked = [text for role, text in await either.said(session) if role == "user"]
        assert sorted(asked) == sent


async def test_sessions_do_not_wait_for_each_other(house: House):
    """An answer that hangs in one holds up no other."""
    hold = Hold()
    house.fake.script(Answer("slow", hold=hold))
    slow = asyncio.create_task(house.ask("slow", "one"))
    await house.fake.came(1)
    assert (await house.ask("quick", "two")).text == "You said: two"
    hold.release()
    assert (await slow).text == "slow"


# --- cancelling ---


async def test_cancelling_keeps_what_was_said(either: House):
    """The viewer is told `run.cancelled` with the words so far; model and history know them."""
    either.fake.script(Answer("one two three", hold=Hold(), hold_after=1))
    async with either.send("s", "count") as viewer:
        await viewer.read(has("one "))
        assert await either.cancel(viewer.run) == {"runId": viewer.run, "running": True}
        await viewer.read()
    assert viewer.end.name == "run.cancelled"
    assert viewer.end.data["message"]["text"] == viewer.text == "one "
    history = await either.history("s")
    assert [(each["text"], each["status"]) for each in history] == [
        ("count", "cancelled"),
        ("one ", "cancelled"),
    ]
    await either.fake.requests[0].ended.wait()
    assert either.fake.requests[0].outcome == "abandoned"
    await either.ask("s", "go on")
    assert either.fake.requests[1].history == [
        ("user", "count"),
        ("assistant", "one "),
        ("user", "go on"),
    ]


async def test_cancelling_before_the_first_word_keeps_the_question(house: House):
    """There is nothing to keep but the question, which the next prompt has."""
    house.fake.script(Answer("late", hold=Hold()))
    async with house.send("s", "hi") as viewer:
        await house.fake.came(1)
        await viewer.read(lambda viewer: viewer.events)
        await house.cancel(viewer.run)
        await viewer.read()
    assert viewer.end.name == "run.cancelled"
    assert viewer.end.data["message"] is None
    assert (await house.ask("s", "again")).text == "You said: hi\n\nagain"


async def test_cancelling_twice_is_cancelling_once(house: House):
    """While it ends and long after, also of a run that came to its own end."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with house.send("s", "count") as viewer:
        await viewer.read(has("one "))
        await asyncio.gather(*[house.cancel(viewer.run) for _ in range(5)])
        await viewer.read()
    assert await house.cancel(viewer.run) == {"runId": viewer.run, "running": False}
    done = await house.ask("s", "hi")
    assert await house.cancel(done.run) == {"runId": done.run, "running": False}
    assert (await house.history("s"))[-1]["status"] == "done"


async def test_cancelling_leaves_what_waits(house: House):
    """The message that waited is answered as if nothing had been cancelled."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with house.send("s", "count") as viewer:
        await viewer.read(has("one "))
        waiting = await house.post("s", "next")
        await house.cancel(viewer.run)
        await viewer.read()
    later = await house.ask("s", "next", waiting["messageId"])
    assert later.text == "You said: next"
    assert later.end.name == "run.completed"


async def test_cancelling_does_not_wait_for_a_model_that_rests(house: House):
    """A run that waits for its next try ends at once, and nobody is asked again."""
    house.fake.script(Status(429, retry_after=9))
    async with house.send("s", "hi") as viewer:
        await viewer.read(lambda viewer: viewer.events)
        await (await house.fake.came(1)).ended.wait()
        await house.cancel(viewer.run)
        await viewer.read()
    assert viewer.end.name == "run.cancelled"
    assert len(house.fake.requests) == 1


@pytest.mark.parametrize("after", range(8))
async def test_cancelling_at_any_moment_ends_the_run_once(house: House, after: int):
    """Whatever the answer is at just then, it ends one way, and the next question is answered."""
    house.fake.script(Answer("one two three four", gap=0.005))
    receipt = await house.post("s", "count")
    for _ in range(after * 4):
        await asyncio.sleep(0)
    await asyncio.sleep(after * 0.005)
    await house.cancel(receipt["runId"])
    viewer = await house.ask("s", "count", receipt["messageId"])
    assert viewer.end.name in ENDS - {"run.failed"}
    assert "one two three four".startswith(viewer.text)
    assert (await house.ask("s", "more")).end.name == "run.completed"


# --- history ---


async def test_history_is_read_in_pages(either: House):
    """`limit` newest, then what stands `before` them: all in order, none twice, none left out."""
    for number in range(7):
        await either.ask("s", f"question {number}")
    whole = await either.history("s")
    assert [each["role"] for each in whole] == ["user", "assistant"] * 7
    assert [each["id"] for each in whole] == sorted({each["id"] for each in whole}, key=int)
    assert await either.history("s", limit=0) == whole[-1:]
    for limit in (1, 3, 4, 14, 500):
        pages: list[Any] = []
        query: dict[str, Any] = {"limit": limit}
        while page := await either.history("s", **query):
            assert len(page) <= limit
            pages = page + pages
            query["before"] = page[0]["id"]
        assert pages == whole


async def test_history_tells_what_runs(house: House):
    """A page that is loaded in the middle of an answer learns which run to follow."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    receipt = await house.post("s", "count")
    await hold.reached.wait()
    async with house.http.get("/api/v1/sessions/s/messages") as response:
        told = await response.json()
    assert told["running"] == receipt["runId"]
    assert [each["text"] for each in told["messages"]] == ["count"]
    hold.release()
    await house.idle()
    async with house.http.get("/api/v1/sessions/s/messages") as response:
        assert (await response.json())["running"] is None


async def test_a_session_that_was_cleared_is_empty(either: House):
    """DELETE answers 204; then nothing is shown, and the model remembers nothing."""
    await either.ask("s", "secret")
    async with either.http.delete("/api/v1/sessions/s") as response:
        assert response.status == 204
    assert await either.history("s") == []
    await either.ask("s", "again")
    assert either.fake.requests[1].history == [("user", "again")]
    assert len(await either.history("s")) == 2


async def test_a_position_means_the_same_while_it_runs_and_later(house: House):
    """What a cursor leaves out is what the viewer has, in characters, not bytes."""
    hold = Hold()
    house.fake.script(Answer("🌍🌍 é", hold=hold, hold_after=1))
    async with house.send("s", "hi") as viewer:
        await viewer.read(has("🌍🌍 "))
        [update] = [event for event in viewer.events if event.name == "delta"]
        assert update.id == f"{viewer.run}.1.3"
        hold.release()
        await viewer.read()
    cursor = Cursor(attempt=1, position=1)
    updates = [each async for each in house.gateway.handler.follow(int(viewer.run), cursor)]
    assert "".join(each.text for each in updates) == "🌍 é"
