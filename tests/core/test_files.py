"""Files are bound to one message of their owner's, and go when it goes."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from core import account, arrivals, files
from core.errors import NotFound, RateLimited
from core.files import Fault, Upload
from core.tables import files as table
from core.types import Attachment
from tests.core.stage import POSTGRESQL
from tests.core.test_again import accept, told

PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = Upload(name="a.png", type="image/png", content=PNG)
SENT = Attachment(name="cat.png", type="image/png", source={"url": "u"})
UPLOADED = (Attachment(name="a.png", upload="k"),)


async def keep(database, key="k", *, whose="x", now=0, content=PNG):
    upload = Upload(name="a.png", type="image/png", content=content)
    await database.write(files.keep, "web", whose, key, upload, now=now)


async def rows(database):
    return await database.read(lambda db: db.execute(select(table)).all())


async def test_a_file_of_a_platform_waits_to_be_fetched(database):
    """Its message knows it by a key, and its row by what its platform told of it."""
    await accept(database, "look", key="web:m", files=(SENT, SENT))
    found = await database.read(files.find, ["web:m/0", "web:m/1"])
    assert [each.is_there for each in found.values()] == [False, False]
    kept = found["web:m/1"]
    assert (kept.platform, kept.name, kept.source) == ("web", "cat.png", {"url": "u"})


async def test_what_is_fetched_stays(database):
    """A second content, of somebody who was late, changes nothing."""
    await accept(database, "look", key="web:m", files=(SENT,))
    await database.write(files.fill, "web:m/0", "image/png", PNG)
    await database.write(files.fill, "web:m/0", "text/plain", b"late")
    [kept] = (await database.read(files.find, ["web:m/0"])).values()
    assert (kept.is_there, kept.type, kept.size) == (True, "image/png", len(PNG))
    assert await database.read(files.contents, ["web:m/0", "other"]) == {"web:m/0": PNG}


async def test_the_same_message_again_brings_its_files_once(database):
    """A platform delivers twice."""
    for _ in range(2):
        await accept(database, "look", key="web:m", files=(SENT,))
    assert len(await rows(database)) == 1


async def test_an_upload_is_sent_once(database):
    """A second message can't have it; and then nothing of that one is stored."""
    await keep(database)
    await accept(database, "look", files=UPLOADED)
    with pytest.raises(NotFound):
        await accept(database, "again", key="late", files=UPLOADED)
    assert await database.read(arrivals.stored, told("again", key="late")) is None


async def test_an_upload_is_its_owners(database):
    """Nobody else can send, read or delete it."""
    await keep(database, whose="y")
    with pytest.raises(NotFound):
        await accept(database, "look", files=UPLOADED)
    with pytest.raises(NotFound):
        await database.read(files.read, "web", "x", "k")
    assert not await database.write(files.discard, "web", "x", "k")
    assert await database.read(files.read, "web", "y", "k") == PICTURE


async def test_what_was_sent_can_be_read_but_not_deleted(database):
    """It belongs to its message."""
    await keep(database)
    await accept(database, "look", files=UPLOADED)
    assert not await database.write(files.discard, "web", "x", "k")
    assert await database.read(files.read, "web", "x", "k") == PICTURE


async def test_uploads_that_wait_are_few(database, monkeypatch):
    """By number and by size, for each account alone; one that is sent makes room."""
    monkeypatch.setattr(files, "MOST_UNSENT", 2)
    await keep(database)
    await keep(database, "k2")
    with pytest.raises(RateLimited):
        await keep(database, "k3")
    await keep(database, "other", whose="y")
    await accept(database, "look", files=UPLOADED)
    await keep(database, "k3")
    monkeypatch.setattr(files, "UNSENT_BYTES", 3 * len(PNG) - 1)
    await database.write(files.discard, "web", "x", "k2")
    await keep(database, "k4")
    await database.write(files.discard, "web", "x", "k4")
    with pytest.raises(RateLimited):
        await keep(database, "k5", content=PNG + PNG)


async def test_an_upload_waits_for_a_day(database):
    """Then it is deleted; one that was sent stays."""
    await keep(database)
    await accept(database, "look", files=UPLOADED)
    await keep(database, "old", now=1)
    await keep(database, "new", now=files.DAY + 2)
    assert {row.key for row in await rows(database)} == {"k", "new"}


async def test_files_go_with_their_conversation(database):
    """And an account's uploads with the account, and nobody else's."""
    await keep(database)
    await accept(database, "look", files=UPLOADED)
    await accept(database, "look", place="other", key="web:m", files=(SENT,))
    await keep(database, "unsent")
    await keep(database, "theirs", whose="y")
    await database.write(account.erase_some, "web", "x", name="alice", now=1)
    assert {row.key for row in await rows(database)} == {"web:m/0", "unsent", "theirs"}
    await database.write(account.erase_some, "web", "x", now=1)
    assert {row.key for row in await rows(database)} == {"theirs"}


async def test_files_go_to_whom_their_account_goes(database):
    """The sent and the unsent."""
    await keep(database)
    await accept(database, "look", files=UPLOADED)
    await keep(database, "unsent")
    await database.write(account.hand_over, "web", "x", to="y")
    for key in ("k", "unsent"):
        assert await database.read(files.read, "web", "y", key) == PICTURE


async def test_a_conversation_that_begins_with_a_picture_is_called_after_it(database):
    """It has no words to be called by."""
    await keep(database)
    await accept(database, "", files=UPLOADED)
    found = await database.read(account.find, "web", "x", "alice")
    assert found.title == "a.png"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PNG, "image/png"),
        (b"", Fault.EMPTY),
        (b"PK\x03\x04", Fault.KIND),
        (b"a" * (64 * 1024), "text/plain"),
        (b"a" * (64 * 1024 + 1), Fault.SIZE),
        (("a" * 64 * 1024).encode("utf-16"), "text/plain"),
        (("a" * (64 * 1024 + 1)).encode("utf-16"), Fault.SIZE),
        (b"a" * (64 * 1024 - 1) + b"\xfc", Fault.SIZE),
    ],
)
def test_a_file_that_no_model_takes_is_known_before(content, found):
    """By its kind and its size."""
    assert files.kind(content) is found or files.kind(content) == found


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cat\u202egnp.exe\u2066", "catgnp.exe"),
        ("a\u200b\ufeff\x00\x1b[31m.png", "a [31m.png"),
        ("a\r\nb\u2028c\x85.png", "a b c .png"),
        ("n" * 300, "n" * 200),
        ("ф😀.png", "ф😀.png"),
        ("", ""),
    ],
)
async def test_a_name_is_one_line_of_what_can_be_seen(database, name, kept):
    """On whatever platform, where it is kept and where its message tells of it."""
    await keep(database)
    both = (replace(SENT, name=name), Attachment(name=name, upload="k"))
    await accept(database, "look", key="web:m", files=both)
    found = await database.read(files.find, ["web:m/0"])
    assert found["web:m/0"].name == kept
    parts = files.parts_of(told("look", key="web:m", files=both))
    assert [part["name"] for part in parts] == [kept, kept]


@POSTGRESQL
async def test_uploads_that_come_at_once_are_counted_one_by_one(database, monkeypatch):
    """None slips past another that is not committed yet; nobody else's wait for them."""
    monkeypatch.setattr(files, "MOST_UNSENT", 2)
    many = [keep(database, f"k{n}") for n in range(8)]
    others = [keep(database, f"o{n}", whose=f"y{n}") for n in range(4)]
    ended = await asyncio.gather(*many, *others, return_exceptions=True)
    assert sum(isinstance(each, RateLimited) for each in ended) == 6
    assert len(await rows(database)) == 2 + 4
