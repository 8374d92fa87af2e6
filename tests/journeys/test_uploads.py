"""Files over the web: uploaded ahead of a message, sent with it once, read by their owner alone."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Connection

import core.files
from adapters.web.native import intake, outtake
from adapters.web.native.intake import Intake
from core import kinds
from tests.fakes.anthropic import Answer, Hold
from tests.journeys import raw
from tests.journeys.house import House, Viewer, migrate, serving, until
from tests.journeys.test_auth import ALL, SEND, SITE, asked, user, visitor

PNG = b"\x89PNG\r\n\x1a\n\x00\r\n--x\r\n\r\n" + bytes(range(256))
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
UPLOADS = "/api/v1/uploads"
NOBODY: dict[str, str] = {}


async def post(house: House, headers: dict[str, str] = NOBODY, **request: Any) -> tuple[int, Any]:
    """Status and JSON of an upload."""
    async with house.http.post(UPLOADS, headers=headers, **request) as response:
        return response.status, await response.json()


def form(content: bytes, name: str, field: str = "file") -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    data.add_field(field, content, filename=name, content_type="image/x-wrong")
    return data


async def upload(
    house: House, content: bytes = PNG, name: str = "a.png", headers: dict[str, str] = NOBODY
) -> str:
    """The id of a file that was taken."""
    status, told = await post(house, headers, data=form(content, name))
    assert status == 201, told
    return str(told["id"])


async def read(house: House, key: str, headers: dict[str, str] = NOBODY) -> bytes | int:
    """A file's bytes, or the status of a refusal."""
    async with house.http.get(f"{UPLOADS}/{key}", headers=headers) as response:
        return await response.read() if response.status == 200 else response.status


async def send(house: House, body: dict[str, Any], headers: dict[str, str] = NOBODY) -> Viewer:
    """A whole answer to a message."""
    async with house.stream("POST", SEND, json=body, headers=headers) as viewer:
        return await viewer.read()


async def refused(
    house: House, body: dict[str, Any], headers: dict[str, str] = NOBODY
) -> tuple[int, str]:
    """Status and sentence of a message that is not taken."""
    status, told = await asked(house, "POST", SEND, dict(headers), body)
    return status, told["error"]["message"]


async def identified(house: House, headers: dict[str, str]) -> dict[str, str]:
    """A visitor is the user Ann from now on; the sessions' new names."""
    token = {"token": user("ann")["Authorization"].removeprefix("Bearer ")}
    status, told = await asked(house, "POST", "/api/v1/identify", headers, token)
    assert status == 200
    return dict(told["sessions"])


async def cut_short(house: House, head: bytes, body: bytes) -> raw.Reply:
    """The answer to an upload that does not come to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(b"POST %b HTTP/1.1\r\nHost: localhost\r\n" % UPLOADS.encode() + head)
    writer.write(b"\r\n\r\n" + body)
    async with asyncio.timeout(10):
        reply = raw.Reply(await reader.readuntil(b"}}"))  # for the end, the server takes its time
    writer.close()
    return reply


async def unread(house: House, key: str, headers: dict[str, str]) -> asyncio.StreamWriter:
    """A request for a file that nobody takes in."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", house.port))
    _, writer = await asyncio.open_connection(sock=line, limit=1024)
    lines = [f"GET {UPLOADS}/{key} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return writer


def blocks(house: House, at: int = -1) -> list[dict[str, Any]]:
    """The blocks of the newest message of a request."""
    content = house.fake.requests[at].body["messages"][-1]["content"]
    assert isinstance(content, list)
    return content


@pytest_asyncio.fixture
async def caching(url: str, swift: None) -> AsyncIterator[House]:
    """A house whose model's server is spoken to as Anthropic's own."""
    async with serving(url, model_api="anthropic") as house:
        yield house


# --- taken ---


async def test_a_file_comes_as_a_form_or_as_its_bytes(either: House):
    """What it is, its own bytes say; it is read byte for byte as it came."""
    ways = [
        {"data": form(PNG, "my [1].png")},
        {"data": PNG, "params": {"name": "my [1].png"}},
        {"data": PNG, "headers": {"Content-Disposition": 'attachment; filename="my [1].png"'}},
    ]
    keys = set()
    for way in ways:
        status, told = await post(either, **way)
        expected = {"name": "my [1].png", "type": "image/png", "size": len(PNG)}
        assert (status, told) == (201, {"id": told["id"], **expected})
        assert await read(either, told["id"]) == PNG
        keys.add(told["id"])
    assert len(keys) == len(ways)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../a.png", "a.png"),
        ("C:\\x\\y.png", "y.png"),
        ("a\r\nb\x00\x1b c.png", "a b c.png"),
        ("ф.png", "ф.png"),
        ("x" * 300, "x" * 200),
        ("\u202egnp.exe", "gnp.exe"),
        ("..", ""),
        ("", ""),
    ],
)
async def test_a_files_name_is_one_plain_line(house: House, name: str, kept: str):
    """Without the folders that it came from, and not too long."""
    status, told = await post(house, data=PNG, params={"name": name})
    assert (status, told["name"]) == (201, kept)


async def test_a_client_that_asks_first_is_told_to_go_on(house: House):
    """`Expect: 100-continue`, as programs send it with what is large."""
    status, _ = await post(house, data=PNG, expect100=True)
    assert status == 201


async def test_a_file_is_shown_as_an_image_or_not_at_all(house: House):
    """Nothing in it runs, whatever a browser takes it for; its name comes through whole."""
    for content, kind, shown in (
        (PNG, "image/png", "inline"),
        (PDF, "application/pdf", "attachment"),
        (b"<script>alert(1)</script>", "text/plain", "attachment"),
    ):
        key = await upload(house, content, 'ä "b".x')
        async with house.http.get(f"{UPLOADS}/{key}") as response:
            headers = response.headers
            assert response.content_type == kind
        said = f"{shown}; filename=\"_ _b_.x\"; filename*=UTF-8''%C3%A4%20%22b%22.x"
        assert headers["Content-Disposition"] == said
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Cache-Control"] == "private, max-age=86400, immutable"


@pytest.mark.parametrize("charset", ["latin-1", "utf-16"])
async def test_a_text_of_another_charset_is_text(house: House, charset: str):
    """As programs for Windows write it; it is kept in UTF-8."""
    status, told = await post(house, data=form("Grüße".encode(charset), "a.csv"))
    assert (status, told["type"], told["size"]) == (201, "text/plain", 7)
    assert await read(house, told["id"]) == "Grüße".encode()


async def test_few_files_are_read_into_memory_at_once(url: str, monkeypatch: pytest.MonkeyPatch):
    """One caller's wait for each other, not others'; who does not take theirs is soon cut off."""
    monkeypatch.setattr(outtake, "AT_ONCE", 2)
    monkeypatch.setattr(outtake, "OF_ONE", 1)
    monkeypatch.setattr(outtake, "PATIENCE", 0.4)
    monkeypatch.setattr(outtake, "LEAST", 1 << 30)
    reads, find = [], core.files.read

    def counted(db: Connection, platform: str, account: str, key: str) -> core.files.Upload:
        reads.append(account)
        return find(db, platform, account, key)

    monkeypatch.setattr(core.files, "read", counted)
    async with serving(url, **ALL) as house:
        small = await upload(house, headers=user("bob"))
        large = core.files.Upload(name="", type="application/pdf", content=bytes(8 << 20))
        keep = partial(core.files.keep, now=int(time.time() * 1000))
        await house.gateway.database.write(keep, "web", "user:ada", "large", large)
        lazy = [await unread(house, "large", user("ada")) for _ in range(2)]
        await until(lambda: bool(reads))
        for _ in range(3):
            assert await read(house, small, user("bob")) == PNG
        assert reads == ["user:ada", *["user:bob"] * 3]
        await until(lambda: reads.count("user:ada") == 2)
        for writer in lazy:
            writer.close()


# --- refused ---


async def test_what_is_no_file_is_refused(house: House):
    """400 for nothing, for a form without its file, and for what is no form."""
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhi\r\n'
    for request in (
        {"data": b""},
        {"data": form(b"", "a.png")},
        {"data": form(PNG, "a.png", "other")},
        {"data": part * 2 + b"--b--", "headers": kind},
        {"data": part, "headers": kind},
        {"data": b"--b--", "headers": kind},
        {"data": b"--b\r\nhi\r\n--b--", "headers": kind},
        {"data": b"\r\n--b" * 9999, "headers": kind},
        {"data": b"hi", "headers": {"Content-Type": "multipart/form-data"}},
    ):
        status, told = await post(house, **request)
        assert (status, bool(told["error"]["message"])) == (400, True), request
    reply = await raw.ask(house.port, "POST", UPLOADS, [("Content-Encoding", "gzip")], b"hi")
    assert (reply.status, "encoded" in reply.json["error"]["message"]) == (400, True)
    status, _ = await post(house, data=b"before\r\n" + part + b"--b--after", headers=kind)
    assert status == 201


async def test_what_no_model_reads_is_refused(house: House):
    """415, with the kinds that are read."""
    status, told = await post(house, data=form(b"PK\x03\x04\x00\xff", "a.png"))
    assert (status, told["error"]["code"]) == (415, "unsupported_media_type")
    assert kinds.READABLE in told["error"]["message"]


async def test_a_file_of_a_kind_may_be_so_large(house: House):
    """413 beyond, with the limit; and what just fits is taken, also beyond other routes' limit."""
    most = kinds.LARGEST_TEXT
    status, told = await post(house, data=b"a" * (most + 1))
    assert (status, told["error"]["code"]) == (413, "too_large")
    assert "64 KiB" in told["error"]["message"]
    assert (await post(house, data=b"a" * most))[0] == 201
    assert (await post(house, data=PNG + bytes(300 * 1024)))[0] == 201


async def test_no_more_is_read_than_any_file_may_have(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """413, with the limit: by what its head says, or once it was sent."""
    monkeypatch.setattr(intake, "LARGEST", 2048)
    monkeypatch.setattr(intake, "ENVELOPE", 1024)
    chunk = b"1000\r\n%b\r\n" % bytes(4096)
    for head, body in ((b"Content-Length: 9999", b""), (b"Transfer-Encoding: chunked", chunk)):
        reply = await cut_short(house, head, body)
        assert reply.status == 413
        assert "2 KiB is the most" in reply.json["error"]["message"]


async def test_an_upload_that_stops_half_way_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """408, in words; and what was held for it may be used again."""
    monkeypatch.setattr(intake, "SECONDS", 0.02)
    monkeypatch.setattr(intake, "ROOM", 20)
    for _ in range(2):
        reply = await cut_short(house, b"Content-Length: 100", bytes(15))
        assert reply.status == 408
        assert "send it again" in reply.json["error"]["message"]
    status, _ = await post(house, data=b"a" * 21)
    assert status == 503


async def test_an_upload_that_stalls_is_given_up_soon(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """408 long before all of its time is over; one that goes on, however slowly, is taken."""
    monkeypatch.setattr(intake, "STALL", 0.05)
    monkeypatch.setattr(intake, "LEAST", 10)

    async def slowly(chunk: bytes) -> AsyncIterator[bytes]:
        for _ in range(4):
            yield chunk
            await asyncio.sleep(0.02)

    assert (await post(house, data=slowly(b"a" * 10)))[0] == 201
    assert (await post(house, data=slowly(b"a" * 2)))[0] == 408


async def test_nobody_shuts_others_out_with_uploads_that_stall(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    """429 for the fourth body of one caller, while others' are taken; 503 says what is full."""
    began, take = asyncio.Semaphore(0), Intake._take
    over = asyncio.Event()

    def taken(self: Intake, body: bytearray, chunk: bytes) -> None:
        take(self, body, chunk)
        began.release()

    async def stalled() -> AsyncIterator[bytes]:
        yield PNG
        await over.wait()

    monkeypatch.setattr(Intake, "_take", taken)
    async with serving(url, **ALL) as house:
        many = [asyncio.create_task(post(house, user("ada"), data=stalled())) for _ in range(3)]
        for _ in many:
            await began.acquire()
        status, told = await post(house, user("ada"), data=PNG)
        assert (status, "Only 3 of your files" in told["error"]["message"]) == (429, True)
        assert (await post(house, user("bob"), data=PNG))[0] == 201
        monkeypatch.setattr(intake, "ROOM", 3 * len(PNG))
        status, told = await post(house, user("bob"), data=PNG)
        assert (status, "Too many files" in told["error"]["message"]) == (503, True)
        over.set()
        assert [status for status, _ in await asyncio.gather(*many)] == [201] * 3
        assert (await post(house, user("ada"), data=PNG))[0] == 201


async def test_uploads_that_wait_are_no_end_of_them(url: str, swift: None):
    """429 for too many without a message, and where uploads are more than messages may be."""
    async with serving(url, rate_limit="30/minute") as house:
        for _ in range(20):
            key = await upload(house, b"a")
        status, told = await post(house, data=b"a")
        assert (status, told["error"]["code"]) == (429, "rate_limited")
        await asked(house, "DELETE", f"{UPLOADS}/{key}", {})
        assert (await post(house, data=b"a"))[0] == 201
        for _ in range(9):
            status, told = await post(house, data=b"a")
        assert (status, "Too many messages" in told["error"]["message"]) == (429, True)


# --- sent ---


async def test_the_model_sees_the_image_and_goes_on_seeing_it(caching: House):
    """Its very bytes in the newest message, and the same at the same place a turn later."""
    key = await upload(caching)
    await send(caching, {"text": "What is this?", "files": [key]})
    image, text = blocks(caching)
    shown = {"media_type": "image/png", "data": base64.b64encode(PNG).decode(), "type": "base64"}
    assert image == {"type": "image", "source": shown}
    assert (text["text"], "cache_control" in text) == ("What is this?", True)
    await send(caching, {"text": "And now?"})
    first, _, newest = caching.fake.requests[-1].body["messages"]
    del text["cache_control"]
    assert json.dumps(first["content"]) == json.dumps([image, text])
    assert "cache_control" in newest["content"][-1]


@pytest.mark.parametrize("text", [{}, {"text": None}, {"text": " \n"}])
async def test_a_file_needs_no_words(caching: House, text: dict[str, Any]):
    """The file alone is the message, and what is cached ends with it."""
    caching.fake.script(Answer("A picture."))
    key = await upload(caching)
    viewer = await send(caching, {"files": [key], **text})
    assert viewer.text == "A picture."
    [image] = blocks(caching)
    assert (image["type"], "cache_control" in image) == ("image", True)


async def test_a_message_tells_which_files_came_with_it(either: House):
    """In the history and the export, by id and name; where there are none, not a word."""
    keys = [await upload(either, PNG, "a.png"), await upload(either, PDF, "b.pdf")]
    await send(either, {"text": "See?", "files": keys})
    named = [{"id": keys[0], "name": "a.png"}, {"id": keys[1], "name": "b.pdf"}]
    question, answer = await either.history("s")
    assert (question["files"], "files" in answer) == (named, False)
    _, document = await asked(either, "GET", "/api/v1/export", {})
    assert document["sessions"][0]["messages"][0]["files"] == named
    assert [await read(either, key) for key in keys] == [PNG, PDF]


async def test_the_same_message_with_its_files_is_the_same(either: House):
    """Its uploads are sent by then, and it is no error, while it runs and after."""
    hold = Hold()
    either.fake.script(Answer("one two", hold=hold))
    body = {"messageId": "m", "text": "hi", "files": [await upload(either), await upload(either)]}
    asking = [asyncio.create_task(send(either, body)) for _ in range(3)]
    await hold.reached.wait()
    hold.release()
    viewers = [await task for task in asking]
    viewers.append(await send(either, body))
    assert {viewer.text for viewer in viewers} == {"one two"}
    assert len(either.fake.requests) == 1


async def test_a_used_id_with_other_files_is_refused(house: House):
    """409 for more, fewer, other files, and for other words."""
    keys = [await upload(house) for _ in range(3)]
    body = {"messageId": "m", "text": "hi", "files": keys[:2]}
    await send(house, body)
    for other in (
        {"files": keys},
        {"files": keys[:1]},
        {"files": keys[1:]},
        {"files": []},
        {"text": "other"},
        {"text": ""},
    ):
        assert (await refused(house, body | other))[0] == 409, other
    assert len(house.fake.requests) == 1


async def test_a_file_is_sent_once(house: House):
    """404, with what to do, for one that was sent, deleted or never there; nothing is said."""
    sent, deleted, fresh = [await upload(house) for _ in range(3)]
    await send(house, {"text": "hi", "files": [sent]})
    assert (await asked(house, "DELETE", f"{UPLOADS}/{deleted}", {}))[0] == 204
    assert (await asked(house, "DELETE", f"{UPLOADS}/{sent}", {}))[0] == 404
    for key in (sent, deleted, "never"):
        status, message = await refused(house, {"text": "hi", "files": [fresh, key]})
        assert (status, "Upload it again" in message) == (404, True)
    assert len(await house.history("s")) == 2
    await send(house, {"text": "hi", "files": [fresh]})  # it was not used up


async def test_what_is_no_list_of_files_is_refused(house: House):
    """400: too many, one twice, what is no id; and words are needed where there is no file."""
    for files in ("a", {}, 7, [7], [None], ["a/b"], [".."], ["a", "a"], list("abcdefghijk")):
        status, message = await refused(house, {"text": "hi", "files": files})
        assert (status, message) == (400, "files must be a list of up to 10 ids, each once."), files
    for body in ({"files": []}, {"files": None}, {"files": ["a"], "text": 7}):
        assert await refused(house, body) == (400, "text is required")
    assert await read(house, "a%2Fb") == 400


# --- whose ---


async def test_a_file_is_its_owners_alone(either_url: str):
    """404 for another user and a visitor: to read, to delete, and to send."""
    await migrate(either_url)
    async with serving(either_url, **ALL) as house:
        key = await upload(house, headers=user("ada"))
        for other in (user("bob"), await visitor(house)):
            assert await read(house, key, other) == 404
            assert (await asked(house, "DELETE", f"{UPLOADS}/{key}", other))[0] == 404
            assert (await refused(house, {"text": "hi", "files": [key]}, other))[0] == 404
        await send(house, {"text": "hi", "files": [key]}, user("ada"))
        assert await read(house, key, user("bob")) == 404
        assert await read(house, key, user("ada")) == PNG
        assert len(house.fake.requests) == 1


async def test_a_token_allows_what_its_scopes_say(url: str):
    """Who may only write reads no file; who may only read neither uploads nor deletes one."""
    async with serving(url, **ALL) as house:
        writer, reader = user("ada", scope="chat"), user("ada", scope="history")
        key = await upload(house, headers=writer)
        assert await read(house, key, writer) == 403
        assert await read(house, key, reader) == PNG
        assert (await post(house, reader, data=PNG))[0] == 403
        assert (await asked(house, "DELETE", f"{UPLOADS}/{key}", reader))[0] == 403
        assert (await post(house, data=PNG))[0] == 401


async def test_a_visitors_files_go_along(either_url: str):
    """Sent or not, they are the user's once it is known who that is, and nobody else's."""
    await migrate(either_url)
    async with serving(either_url, **ALL) as house:
        headers = await visitor(house)
        waiting, sent = [await upload(house, headers=headers) for _ in range(2)]
        await send(house, {"text": "hi", "files": [sent]}, headers)
        [session] = (await identified(house, headers)).values()
        for key in (waiting, sent):
            assert await read(house, key, user("ann")) == PNG
            assert await read(house, key, headers) == 401
            assert await read(house, key, await visitor(house)) == 404
        path, body = f"/api/v1/sessions/{session}/messages", {"files": [waiting]}
        assert (await asked(house, "POST", path, user("ann"), body))[0] == 200
        assert len(blocks(house)) == 1


async def test_an_upload_that_outlasts_its_visitor_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    """401 once it is there, if meanwhile it is known who they are: it would be nobody's."""
    begun, known, take = asyncio.Event(), asyncio.Event(), Intake._take

    def taken(self: Intake, body: bytearray, chunk: bytes) -> None:
        take(self, body, chunk)
        begun.set()

    async def slowly() -> AsyncIterator[bytes]:
        yield PNG
        await known.wait()
        yield b"more"

    monkeypatch.setattr(Intake, "_take", taken)
    async with serving(url, **ALL) as house:
        headers = await visitor(house)
        sending = asyncio.create_task(post(house, headers, data=slowly()))
        await begun.wait()
        await identified(house, headers)
        known.set()
        assert (await sending)[0] == 401


async def test_what_is_erased_takes_its_files_along(either_url: str):
    """All that was sent, and what waits for its message; another's stay."""
    await migrate(either_url)
    async with serving(either_url, **ALL) as house:
        waiting, sent = [await upload(house, headers=user("ada")) for _ in range(2)]
        others = await upload(house, headers=user("bob"))
        await send(house, {"text": "hi", "files": [sent]}, user("ada"))
        assert (await asked(house, "DELETE", "/api/v1/me", user("ada")))[0] == 200
        assert [await read(house, key, user("ada")) for key in (waiting, sent)] == [404, 404]
        assert await read(house, others, user("bob")) == PNG


async def test_a_page_of_the_site_may_upload(url: str):
    """As it may send messages; of another site's page nothing is taken."""
    async with serving(url, **ALL) as house:
        headers = user("ada")
        assert (await post(house, headers | {"Origin": SITE}, data=form(PNG, "a.png")))[0] == 201
        foreign = headers | {"Origin": "https://other.example"}
        assert (await post(house, foreign, data=form(PNG, "a.png")))[0] == 403
