"""What is wrong with a request is told to its sender, in its protocol's form. Never a 5xx."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.web.description.docs import DOCUMENT
from adapters.web.errors import DetailError, NativeError, OpenAIError, form_of
from tests.databases import sqlite_url
from tests.fakes.anthropic import Answer
from tests.journeys import raw
from tests.journeys.house import House, migrate, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = ("Content-Type", "application/json")
SEND = "/api/v1/sessions/s/messages"
EVENTS = "/api/v1/sessions/s/events"
FOREIGN = "Pages of other sites may not use this server without sign-in."
BIG = 256 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all tests here: what is refused leaves nothing behind."""
    url = sqlite_url(tmp_path_factory.mktemp("house"))
    await migrate(url)
    async with serving(url) as house:
        yield house


def told(reply: raw.Reply, path: str) -> str:
    """The refusal's sentence, which has to be in the form that the path's protocol uses."""
    form = form_of(path.partition("?")[0])
    [(key, error)] = reply.json.items()
    assert key == ("detail" if form is DetailError else "error")
    if form in {NativeError, OpenAIError}:
        assert "code" in error
        error = error["message"]
    elif isinstance(error, list):
        error = error[0]["msg"]
    assert isinstance(error, str)
    assert "Traceback" not in error
    assert ".py" not in error
    return error


async def refused(house: House, status: int, method: str, path: str, *args: Any) -> str:
    """The sentence of a request that has to be refused so, before any model hears of it."""
    asked = len(house.fake.requests)
    reply = await raw.ask(house.port, method, path, *args)
    assert reply.status == status, reply.raw
    assert len(house.fake.requests) == asked
    return told(reply, path)


# --- bodies ---


@pytest.mark.parametrize("path", ["/api/chat", SEND])
@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        ";;",
        "json",
    ],
)
async def test_only_json_is_taken(house: House, path: str, kind: str | None):
    """Another content type is 415: no page can send JSON here without asking first."""
    headers = [] if kind is None else [("Content-Type", kind)]
    said = await refused(house, 415, "POST", path, headers, b'{"message":"x","text":"x"}')
    assert "application/json" in said


BROKEN = {
    "empty": b"",
    "cut": b'{"message": "hi',
    "words": b"message=hi",
    "deep-lists": b"[" * 100_000,
    "deep-objects": b'{"a":' * 50_000,
    "utf-8": b'{"message": "\xff\xfe"}',
    "utf-8-key": b'{"\xc3": 1, "message": "hi"}',
    "utf-16": '{"message": "hi"}'.encode("utf-16"),
    "bom": b'\xef\xbb\xbf{"message": "hi"}',
    "high-surrogate": b'{"message": "a\\ud83d"}',
    "low-surrogate": b'{"message": "\\ude00a"}',
    "raw-nul": b'{"message": "\x00"}',
    "huge-integer": b'{"message": ' + b"9" * 5000 + b"}",
    "huge-float": b'{"message": 1e999}',
    "nan": b'{"message": NaN}',
    "two": b'{"message": "a"}{"message": "b"}',
}


@pytest.mark.parametrize("path", ["/api/chat", SEND])
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_json_is_refused(house: House, path: str, body: bytes):
    """400, in few words: nothing of the body comes back."""
    assert await refused(house, 400, "POST", path, [JSON], body) == "invalid JSON"


@pytest.mark.parametrize(("path", "key"), [("/api/chat", "message"), (SEND, "text")])
@pytest.mark.parametrize(
    "value",
    ["null", "7", '""', '" \\n"', '"\\u0000"', "[]", "{}", "18446744073709551616", '"a", "K": 5'],
)
async def test_what_holds_no_message_is_refused(house: House, path: str, key: str, value: str):
    """400, naming the key. Of a key that comes twice the last one counts."""
    body = f'{{"{key}": {value}}}'.replace("K", key)
    said = await refused(house, 400, "POST", path, [JSON], body.encode())
    assert said == f"{key} is required"


@pytest.mark.parametrize(("path", "key"), [("/api/chat", "sessionId"), (SEND, "messageId")])
@pytest.mark.parametrize(
    "name", ["", ".", "..", "a b", "a/b", "é", "a\x00", "a\n", "x" * 129, 7, [], {}]
)
async def test_a_name_that_is_none_is_refused(house: House, path: str, key: str, name: Any):
    """400, with the rule for names."""
    body = json.dumps({"message": "hi", "text": "hi", key: name}).encode()
    said = await refused(house, 400, "POST", path, [JSON], body)
    assert said.startswith(f"{key} must be 1 to 128 letters")


@pytest.mark.parametrize("path", ["/api/chat", SEND])
@pytest.mark.parametrize("form", ["whole", "chunked", "compressed"])
async def test_what_is_too_large_is_refused(house: House, path: str, form: str):
    """413, however it comes; a small parcel that unpacks to a large one too."""
    body, headers = b'{"message": "' + b"a" * BIG + b'"}', [JSON]
    if form == "chunked":
        headers = [JSON, ("Transfer-Encoding", "chunked")]
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    if form == "compressed":
        headers, body = [JSON, ("Content-Encoding", "gzip")], gzip.compress(body * 20)
    assert "256 KiB" in await refused(house, 413, "POST", path, headers, body)


@pytest.mark.parametrize("path", ["/api/chat", SEND])
async def test_a_body_that_is_not_what_its_headers_say_is_refused(house: House, path: str):
    """400 for what was to be compressed and isn't."""
    headers = [JSON, ("Content-Encoding", "gzip")]
    said = await refused(house, 400, "POST", path, headers, b'{"message": "hi", "text": "hi"}')
    assert "encoded" in said


async def test_the_longest_message_is_taken(house: House):
    """What just fits is answered: 255 KiB are no refusal."""
    house.fake.script(Answer("long"))
    text = "a" * (255 * 1024)
    viewer = await house.ask("long", text)
    assert viewer.text == "long"
    assert house.fake.requests[-1].said == text


async def test_strange_signs_in_a_message_are_no_fault(house: House):
    """Emoji, right-to-left, controls and long words reach the model; NULs are left out."""
    text = "🌍 שלום \u202e \x07\x1b[31m \ufffe \U0010ffff" + "x" * 5000
    await house.ask("strange", f"\x00{text}\x00")
    assert house.fake.requests[-1].said == text


# --- who may come in ---


@pytest.mark.parametrize("path", ["/api/chat", SEND, "/", "/health", "/metrics", "/nowhere"])
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "localhost.evil.example"),
        ("Host", "127.0.0.1.evil.example:8000"),
        ("Host", "evil@localhost"),
        ("Host", "localhost:80@evil"),
        ("Host", "localhost/evil"),
        ("Host", "192.168.1.4"),
        ("Host", "255.255.255.255"),
        ("Host", "[::2]:80"),
        ("Host", "["),
        ("Host", ""),
        ("Host", b"\xff"),
        ("Origin", "https://evil.example"),
        ("Origin", "http://localhost.evil.example"),
        ("Origin", "http://localhost@evil.example"),
        ("Origin", "http://localhost/evil"),
        ("Origin", b"http://localhost/\xff"),
        ("Origin", "http://:x@localhost"),
        ("Origin", "null"),
        ("Origin", "file://"),
        ("Origin", "chrome-extension://localhost"),
        ("Origin", "localhost"),
        ("Origin", ""),
        ("Forwarded", "for=1.2.3.4"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("x-forwarded-server", "proxy"),
        ("X-Real-IP", "127.0.0.1"),
    ],
)
async def test_what_comes_from_elsewhere_is_refused(
    house: House, path: str, header: str, value: str | bytes
):
    """403 for a foreign name, a page of another site, and a proxy that faces the world."""
    method = "POST" if path in {"/api/chat", SEND} else "GET"
    body = b'{"message": "hi", "text": "hi"}' if method == "POST" else b""
    await refused(house, 403, method, path, [JSON, (header, value)], body)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1",
        "127.0.0.1:8000",
        "[::1]:8000",
        "[::1]",
        "127.0.0.2",
    ],
)
async def test_this_machine_is_served_under_all_its_names(house: House, host: str):
    """Every loopback address is this machine's own, whatever HOST was set to."""
    for headers in ([("Host", host)], [("Origin", f"http://{host}")]):
        assert (await raw.ask(house.port, "GET", "/livez", headers)).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/chat"),
        ("POST", SEND),
        ("DELETE", "/api/chat/s"),
        ("POST", "/api/v1/runs/1/cancel"),
    ],
)
async def test_no_other_site_may_do_anything(house: House, method: str, path: str):
    """A browser that says `cross-site` is refused, though it may say no origin."""
    headers = [JSON, ("Sec-Fetch-Site", "cross-site")]
    assert await refused(house, 403, method, path, headers, b"{}") == FOREIGN


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173"]
)
async def test_a_local_page_may_ask_and_read(house: House, origin: str):
    """Its preflight is granted, and every answer names it: a stream's, a refusal's."""
    asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type, last-event-id"),
    ]
    granted = await raw.ask(house.port, "OPTIONS", "/api/chat", asked)
    assert granted.status == 204
    assert granted.header("Access-Control-Allow-Origin") == origin
    assert granted.header("Access-Control-Allow-Headers") == "content-type, last-event-id"
    assert "DELETE" in str(granted.header("Access-Control-Allow-Methods"))
    for body, status in ((b'{"message": "hi"}', 200), (b"{", 400)):
        reply = await raw.ask(house.port, "POST", "/api/chat", [JSON, ("Origin", origin)], body)
        assert reply.status == status
        assert reply.header("Access-Control-Allow-Origin") == origin
        assert "X-Session-Id" in str(reply.header("Access-Control-Expose-Headers"))
        assert "Origin" in str(reply.header("Vary"))


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
async def test_a_foreign_page_may_read_nothing(house: House, method: str):
    """Its preflight is refused, and so is all else, without a word that would let it read."""
    headers = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")]
    reply = await raw.ask(house.port, method, "/api/chat", headers)
    assert reply.status == 403
    assert b"Access-Control" not in reply.head


# --- addresses ---


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/chat", "POST"),
        ("PUT", "/api/chat", "POST"),
        ("OPTIONS", "/api/chat", "POST"),
        ("POST", "/api/chat/s", "DELETE"),
        ("DELETE", SEND, "GET, POST"),
        ("HEAD", SEND, "GET, POST"),
        ("POST", EVENTS, "GET"),
        ("PATCH", "/api/v1/sessions/s", "DELETE, GET"),
        ("GET", "/api/v1/runs/1/cancel", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("TRACE", "/", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    house: House, method: str, path: str, allow: str
):
    """405, with `Allow`, as HTTP has it."""
    reply = await raw.ask(house.port, method, path)
    assert reply.status == 405
    assert sorted(str(reply.header("Allow")).replace(" ", "").split(",")) == allow.split(", ")
    if method != "HEAD":
        assert method in told(reply, path)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/v1/", "/api/v1/nowhere", "//livez", "/livez/"]
)
async def test_an_address_of_nothing_is_not_found(house: House, path: str):
    """404 in the form of the API that it would belong to."""
    await refused(house, 404, "GET", path)


BAD_NAMES = ["..", "%2e%2e", ".", "%2E", "a%2fb", "%00", "a%00", "a%0d%0aX:%20y", "%ff", "%c3%a9"]
BAD_NAMES += ["a%20b", "%zz", "x" * 129, "x" * 200, "%F0%9F%8C%8D", "a;b", "a,b", "~", "%25"]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_session_that_cannot_be_is_refused(house: House, name: str):
    """400 with the rule, wherever it stands in an address."""
    at = f"/api/v1/sessions/{name}"
    for method, path in (
        ("GET", f"{at}/messages"),
        ("POST", f"{at}/messages"),
        ("GET", f"{at}/events"),
        ("DELETE", at),
    ):
        said = await refused(house, 400, method, path, [JSON], b'{"text": "hi"}')
        assert "1 to 128 letters" in said


@pytest.mark.parametrize("tail", ["/messages", "/events", ""])
async def test_a_session_that_nobody_wrote_in_is_not_found(house: House, tail: str):
    """404, and asking for it makes none."""
    method = "GET" if tail else "DELETE"
    for _ in range(2):
        said = await refused(house, 404, method, f"/api/v1/sessions/nobody{tail}")
        assert said == "There is no such session."


RUNS = [
    "0",
    "4711",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
    "9" * 500,
]
RUNS += ["-1", "1.0", "1e3", "0x1", "abc", "%20", "%d9%a3", "%C2%B2", "..%2f", "%00", "+1"]


@pytest.mark.parametrize("run", RUNS)
async def test_a_run_that_is_none_is_not_found(house: House, run: str):
    """404, also for numbers that no database holds and for digits of other scripts."""
    await refused(house, 404, "POST", f"/api/v1/runs/{run}/cancel")


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ("x", 400),
        ("1.1", 400),
        ("1.1.1.1", 400),
        ("..", 400),
        ("1.1.-1", 400),
        ("1.1.END", 400),
        ("1.x.end", 400),
        ("1.9223372036854775808.1", 400),
        (b"1.1.\xc2\xb2", 400),
        (b"\xff", 400),
        ("9" * 3000, 400),
        ("4711.1.1", 404),
        ("4711.1.end", 404),
        ("9223372036854775807.1.1", 404),
    ],
)
async def test_a_mark_of_nothing_is_refused(house: House, mark: str | bytes, status: int):
    """400 for what is no event's id, 404 for a run that there is none of."""
    await house.ask("s", "hi")
    reply = await raw.ask(house.port, "GET", EVENTS, [("Last-Event-ID", mark)])
    assert reply.status == status
    told(reply, EVENTS)


async def test_a_mark_of_another_session_is_not_found(house: House):
    """Nobody reads another conversation by its run's number."""
    run = (await house.ask("mine", "secret")).run
    await house.ask("yours", "hi")
    path = "/api/v1/sessions/yours/events"
    for place in ("1.0", "1.end"):
        reply = await raw.ask(house.port, "GET", path, [("Last-Event-ID", f"{run}.{place}")])
        assert reply.status == 404
        assert "secret" not in told(reply, path)


@pytest.mark.parametrize(
    "query",
    ["before=x", "before=-1", "limit=x", "limit=", "limit=1.5", "before=%ff", "limit=" + "9" * 40],
)
async def test_a_page_that_is_no_number_is_refused(house: House, query: str):
    """400, before anything is looked up."""
    await house.ask("s", "hi")
    path = f"{SEND}?{query}"
    reply = await raw.ask(house.port, "GET", path)
    assert reply.status == 400
    assert "whole numbers" in told(reply, path)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=9223372036854775807", "before=9223372036854775807"]
)
async def test_a_page_beyond_all_there_is_is_no_fault(house: House, query: str):
    """Numbers out of range are answered with what there is."""
    await house.ask("s", "hi")
    reply = await raw.ask(house.port, "GET", f"{SEND}?{query}")
    assert reply.status == 200
    assert set(reply.json) == {"messages", "running"}


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(house: House, data: bytes):
    """400 by the parser, and the server goes on."""
    reply = await raw.send(house.port, data)
    assert reply.from_parser
    assert b"Traceback" not in reply.body
    assert (await raw.ask(house.port, "GET", "/livez")).status == 200


@pytest.mark.parametrize("wonders", ["wonders", b"\xff\xfe"])
@pytest.mark.parametrize(("method", "path"), [("POST", SEND), ("PUT", SEND), ("GET", "/nowhere")])
async def test_an_expectation_that_nobody_knows_is_refused(
    house: House, method: str, path: str, wonders: str | bytes
):
    """417, also for bytes that are no UTF-8, and where nothing is; it says what is understood."""
    reply = await raw.ask(house.port, method, path, [JSON, ("Expect", wonders)], b"{}")
    assert reply.status == 417
    assert b"100-continue" in reply.body


# --- anything at all ---


NAMES = st.sampled_from(["s", "..", "%2e", "%00", "%ff", "x" * 200, "a:b", "1", "9" * 30])
PATHS = st.builds(
    lambda path, name, query: path.replace("*", name) + query,
    st.sampled_from(
        [re.sub("{[^}]+}", "*", path) for path in json.loads(DOCUMENT.read_bytes())["paths"]]
        + ["/page.js", "/docs", "/ws", "/api/v1/sessions/*/x", "/*", "//*"]
    ),
    NAMES,
    st.one_of(
        st.just(""),
        st.from_regex(r"\?(before|limit|after|x)=[0-9%a-f.-]{0,22}", fullmatch=True),
    ),
)
VALUES = st.one_of(
    st.sampled_from([b"localhost", b"http://localhost", b"gzip", b"POST", b"cross-site"]),
    st.sampled_from([b"1.1.1", b"1.1.end", b"text/html", b"application/json", b"respond-async"]),
    st.sampled_from([b"Bearer x", b"Bearer a.b.c", b"websocket", b"text/plain", b"s", b"13"]),
    st.binary(max_size=20).map(lambda value: bytes(set(value) - set(b"\r\n\x00")).strip()),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("Accept", "Origin", "Content-Encoding", "Transfer-Encoding", "Last-Event-ID"),
                *("Prefer", "If-None-Match", "Range", "Upgrade", "Cookie", "Sec-Fetch-Site"),
                *("Expect", "Authorization", "X-Session-Id", "Idempotency-Key"),
                *("Access-Control-Request-Method", "Access-Control-Request-Headers", "Host"),
            ]
        ),
        VALUES,
    ),
    max_size=4,
    unique_by=lambda header: header[0],
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    *("message", "sessionId", "text", "messageId", "messages", "role", "content"),
                    *("parts", "type", "trigger", "id", "model", "stream", "session_id", "value"),
                    *("action", "chatInput", "runId", "token", "metadata", "stream_options"),
                ]
            ),
            inner,
        ),
    ),
    max_leaves=6,
)
BODIES = st.one_of(
    st.just(b""), st.binary(max_size=40), ANYTHING.map(lambda value: json.dumps(value).encode())
)


async def test_nothing_that_is_sent_breaks_the_server(house: House):
    """No request is answered with a 5xx, and every refusal is in its protocol's form."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=400, deadline=None)
    @given(
        method=st.sampled_from(["GET", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"]),
        path=PATHS,
        kind=st.sampled_from([[], [JSON]]),
        headers=HEADERS,
        body=BODIES,
    )
    @example("POST", "/api/chat", [JSON], [("Content-Encoding", b"gzip")], b"{}")
    def try_it(method: str, path: str, kind: list[Any], headers: list[Any], body: bytes) -> None:
        asking = raw.ask(house.port, method, path, kind + headers, body)
        reply = asyncio.run_coroutine_threadsafe(asking, loop).result()
        assert 200 <= reply.status < 500, reply.raw
        if reply.status >= 400 and not reply.from_parser:
            assert method == "HEAD" or told(reply, path)

    await asyncio.to_thread(try_it)  # hypothesis itself does not wait for anybody
