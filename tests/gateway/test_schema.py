"""The migrations make the very schema that the program was written for."""

import shutil
from dataclasses import replace

import pytest
import pytest_asyncio
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from core import (
    account,
    arrivals,
    contacts,
    files,
    installations,
    leases,
    owed,
    people,
    reports,
    transcript,
    turns,
)
from core.again import again
from core.database import open_database
from core.errors import Misconfigured
from core.installations import Place, Sealed
from core.tables import metadata
from core.types import Address, Answer, Attachment, InboundEvent, Sender, Status
from gateway import schema
from tests.databases import migrated

HALF_WAY = """
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade():
    op.execute("CREATE TABLE half (id INTEGER)")
    raise RuntimeError("half way")
"""


def differences(db):
    """What a migration would have to do to make the database match `core.tables`."""
    context = MigrationContext.configure(
        db, opts={"compare_type": True, "compare_server_default": True}
    )
    return compare_metadata(context, metadata)


def indexes(db):
    """Every index as the database itself writes it down, its condition included."""
    if db.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    return {name: " ".join(sql.split()) for name, sql in db.execute(text(query))}


def rules(db):
    """Every check, key and unique rule by its name."""
    inspector = inspect(db)
    found = set()
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found.add((table, inspector.get_pk_constraint(table)["name"]))
        for rule in inspector.get_check_constraints(table):
            found.add((table, rule["name"]))
        for rule in inspector.get_foreign_keys(table):
            found.add((table, rule["name"], rule["referred_table"]))
        for rule in inspector.get_unique_constraints(table):
            found.add((table, rule["name"], tuple(rule["column_names"])))
    return found


def rebuild(db):
    """The tables as `core.tables` makes them, in place of the migrated ones."""
    db.execute(text("DROP TABLE IF EXISTS alembic_version"))
    metadata.drop_all(db)
    metadata.create_all(db)


def forget(db):
    """Leave nothing of the schema."""
    metadata.drop_all(db)
    db.execute(text("DROP TABLE IF EXISTS alembic_version"))


@pytest_asyncio.fixture
async def empty_database(database_url):
    """A database without a single table, on each engine in turn."""
    database = open_database(database_url)
    await database.write(forget)
    yield database
    await database.write(forget)
    await database.close()


async def test_the_migrated_schema_is_the_programs(empty_database):
    """Tables, columns, types and what may be NULL are what `core.tables` says."""
    await schema.migrate(empty_database)
    assert await empty_database.read(differences) == []


async def test_the_migrated_indexes_are_the_programs(empty_database):
    """Also their conditions, on which the engine's promises rest."""
    await schema.migrate(empty_database)
    migrated_ones = await empty_database.read(indexes)
    migrated_ones.pop("alembic_version_pkc", None)
    await empty_database.write(rebuild)
    assert migrated_ones == await empty_database.read(indexes)


async def test_the_migrated_rules_are_the_programs(empty_database):
    """Checks, keys and unique rules, by the names under which later migrations find them."""
    await schema.migrate(empty_database)
    migrated_ones = await empty_database.read(rules)
    await empty_database.write(rebuild)
    assert migrated_ones == await empty_database.read(rules)


async def test_migrating_twice_is_migrating_once(empty_database):
    """The second time finds nothing to do, and says the same."""
    first = await schema.migrate(empty_database)
    assert await schema.migrate(empty_database) == first == schema.latest()


async def test_a_migrated_database_passes_the_check(database_url):
    """And goes on to do so when it is opened again."""
    async with migrated(database_url) as database:
        await schema.check(database)


async def test_a_database_without_tables_is_told_what_to_run(empty_database):
    """The message names the variable and the command."""
    with pytest.raises(Misconfigured, match=r"DATABASE_URL.*no tables.*gateway migrate"):
        await schema.check(empty_database)


async def test_a_database_at_another_revision_is_told_what_to_run(database_url):
    """It may be older or newer: the message names both revisions."""

    def turn_back(db):
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    async with migrated(database_url) as database:
        await database.write(turn_back)
        try:
            with pytest.raises(Misconfigured) as refused:
                await schema.check(database)
        finally:
            await database.write(forget)
        assert "0000" in str(refused.value)
        assert schema.latest() in str(refused.value)
        assert "gateway migrate" in str(refused.value)


async def test_a_migration_that_fails_leaves_nothing(empty_database, monkeypatch, tmp_path):
    """All of it or none: a release that failed can be tried again."""
    copy = tmp_path / "migrations"
    shutil.copytree(schema.HERE, copy)
    (copy / "versions" / "9999_fails.py").write_text(HALF_WAY.format(before=schema.latest()))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "HERE", copy)
        with pytest.raises(RuntimeError, match="half way"):
            await schema.migrate(empty_database)
    assert await empty_database.read(lambda db: inspect(db).get_table_names()) == []
    assert await schema.migrate(empty_database) == schema.latest()


# --- an older database ---

CLOSED = {"status": "done", "answered_at": 2, "closed_at": 4}
HELLO = '[{"type":"text","text":"Hello"}]'
LONG_AGO = {
    "sessions": [
        {"id": 7, "history_from": 0, "window_from": 0, "created_at": 1, "updated_at": 2},
        {"id": 8, "history_from": 30, "window_from": 31, "created_at": 3, "updated_at": 4},
    ],
    "addresses": [
        {"id": 5, "session_id": 7, "conversation": "alice"},
        {"id": 6, "session_id": 8, "conversation": "bob"},
    ],
    "turns": [
        {
            "id": 20,
            "session_id": 7,
            "address_id": 5,
            "status": "done",
            "answered_at": 2,
            "closed_at": 2,
        },
        {
            "id": 31,
            "session_id": 8,
            "address_id": 6,
            "status": "done",
            "answered_at": 4,
            "closed_at": 4,
        },
        {"id": 32, "session_id": 8, "address_id": 6, "status": "running"},
    ],
    "messages": [
        {"id": 50, "session_id": 7, "turn_id": 20, "role": "user", "dedupe_key": "k50"},
        {"id": 51, "session_id": 7, "turn_id": 20, "role": "assistant", "dedupe_key": None},
        {"id": 52, "session_id": 8, "turn_id": 31, "role": "user", "dedupe_key": "k52"},
        {"id": 53, "session_id": 8, "turn_id": 31, "role": "assistant", "dedupe_key": None},
        {"id": 54, "session_id": 8, "turn_id": 32, "role": "user", "dedupe_key": "k54"},
        {"id": 55, "session_id": 8, "turn_id": None, "role": "user", "dedupe_key": "k55"},
    ],
    "deliveries": [{"id": 60, "turn_id": 31, "part": 0, "external_id": "ts", "sent_at": 4}],
    "replicas": [{"id": "dead", "beat_at": 1}],
}
SAME = {
    "sessions": {},
    "addresses": {"platform": "web", "account": "x", "direct": True},
    "turns": {"owner": "dead", "attempt": 1, "blame": 0, "started_at": 1},
    "messages": {"content": HELLO, "created_at": 1},
    "deliveries": {},
    "replicas": {},
}


def turn_to(db, revision):
    """Bring the schema to a revision."""
    config = schema._config()
    config.attributes["connection"] = db
    command.upgrade(config, revision)


def furnish(db):
    """Rows as the first revision had them; returns all of them."""
    for table, rows in LONG_AGO.items():
        for row in rows:
            values = {**row, **SAME[table]}
            if table == "messages":
                values["address_id"] = 5 if row["session_id"] == 7 else 6
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            db.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)  # noqa: S608
        if db.dialect.name == "postgresql" and table != "replicas":
            # As if the rows had been given their ids by it.
            db.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100)"))
    return snapshot(db)


def snapshot(db):
    """What is in the tables of the first revision, by its columns."""
    found = {}
    for table in LONG_AGO:
        rows = db.execute(text(f"SELECT * FROM {table} ORDER BY id")).mappings()  # noqa: S608
        found[table] = [dict(row) for row in rows]
    return found


def lean(stored):
    """A snapshot and more, without what is empty: columns that came later are."""
    rows, *more = stored
    return [
        {
            table: [{k: v for k, v in row.items() if v is not None} for row in each]
            for table, each in rows.items()
        },
        *more,
    ]


async def old(database):
    """Make a database of the first revision, with conversations in it; returns its rows."""
    await database.write(turn_to, "0001")
    return await database.write(furnish)


async def test_nothing_of_an_older_database_is_lost(empty_database):
    """Every row has every value that it had; what is new is empty."""
    before = await old(empty_database)
    assert await schema.migrate(empty_database) == schema.latest()
    after = await empty_database.read(snapshot)
    assert after.keys() == before.keys()
    for table, rows in before.items():
        for was, now in zip(rows, after[table], strict=True):
            assert {name: now[name] for name in was} == was
            assert not any(value for name, value in now.items() if name not in was)
    assert await empty_database.read(differences) == []


async def test_an_older_databases_turns_go_on(empty_database):
    """What ran is recovered and answered, what waited follows, and new messages are taken."""
    await old(empty_database)
    await schema.migrate(empty_database)
    write = empty_database.write
    [taken] = await write(leases.recover, "new", single=False, dead_ms=1000, lost=())
    assert (taken.id, taken.attempt, taken.system) == (32, 2, None)
    answer = Answer(status=Status.DONE, parts=({"type": "text", "text": "Late"},))
    _, following = await write(turns.close, taken, answer, now=9)
    assert following.message_ids == (55,)
    await write(turns.close, following.turn, answer, now=9)
    said = InboundEvent(
        address=Address(platform="web", account="x", conversation="alice"),
        text="Hi",
        message_key="k-new",
    )
    accepting = {"owner": "new", "now": 10, "stale_before": -1}
    receipt = await write(arrivals.accept, said, **accepting)
    assert receipt.session_id == 7
    spoken = await empty_database.read(transcript.spoken, 7, turn_id=receipt.turn_id)
    assert [message.turn_id for message in spoken] == [20, 20, receipt.turn_id]
    await write(turns.close, receipt.turn, answer, now=11)
    replaced = await write(again, 7, 20, owner="new", now=12)
    assert replaced.message_id == 50
    assert (await write(arrivals.accept, replace(said, message_key="k50"), **accepting)).duplicate


async def test_an_older_databases_conversations_can_be_listed_and_erased(empty_database):
    """With all that refers to them, also the delivery of an answer."""
    await old(empty_database)
    await schema.migrate(empty_database)
    found = await empty_database.read(account.conversations, "web", "x", before=None, limit=9)
    assert [(each.name, each.turns, each.title) for each in found] == [
        ("bob", 1, "Hello"),
        ("alice", 1, "Hello"),
    ]
    assert await empty_database.write(account.erase_some, "web", "x", now=5) == 2
    left = await empty_database.read(snapshot)
    assert {table for table, rows in left.items() if rows} == {
        *("replicas", "sessions", "addresses", "turns")  # figures, and nobody's
    }


async def test_a_database_without_installs_gets_room_for_them(empty_database):
    """What people said and thought of it stays as it was, and an install can be stored."""

    def think(db):
        db.execute(text("INSERT INTO feedback VALUES (1, 51, -1, 'No', 9)"))
        db.execute(text("INSERT INTO visitors VALUES ('v', 3, 4, NULL)"))

    def thought(db):
        asked = [text("SELECT * FROM feedback"), text("SELECT * FROM visitors")]
        return snapshot(db), [db.execute(each).all() for each in asked]

    await empty_database.write(turn_to, "0002")
    await empty_database.write(furnish)
    await empty_database.write(think)
    before = await empty_database.read(thought)
    assert await schema.migrate(empty_database) == schema.latest()
    assert lean(await empty_database.read(thought)) == lean(before)
    place = Place(platform="chat", app="A", enterprise="", account="T")
    sealed = Sealed(secret=bytes(range(256)), key_id="k")
    known = {"name": "Acme", "details": {"bot": "B"}, "expires_at": 2**40}
    await empty_database.write(installations.save, place, sealed=sealed, now=1, **known)
    [stored] = await empty_database.read(installations.live, "chat")
    assert (stored.place, stored.sealed, stored.expires_at) == (place, sealed, 2**40)


async def test_a_database_without_contacts_gets_room_for_them(empty_database):
    """What is stored stays as it was; what was sent can fail, and is owed to who writes again."""

    def install(db):
        place = Place(platform="chat", app="A", enterprise="", account="T")
        sealed = Sealed(secret=bytes(range(256)), key_id="k")
        known = {"name": "Acme", "details": {"bot": "B"}, "expires_at": 2**40}
        installations.save(db, place, sealed=sealed, now=1, **known)

    def stored(db):
        return snapshot(db), db.execute(text("SELECT * FROM installations")).all()

    write = empty_database.write
    await write(turn_to, "0003")
    await write(furnish)
    await write(install)
    before = await empty_database.read(stored)
    assert await schema.migrate(empty_database) == schema.latest()
    assert lean(await empty_database.read(stored)) == lean(before)
    assert await empty_database.read(differences) == []
    heard = await write(contacts.hear, "chat", "us", ["a", "b"], now=2**41)
    assert await empty_database.read(contacts.find, "chat", "us", "b") == heard
    news = reports.Report(status="failed", rank=7, error_code="1")
    assert await write(reports.rise, "chat", "ts", news, now=2**41)
    assert await empty_database.read(reports.find, "chat", "ts") == news
    assert await write(owed.fail, "ts", now=2**41) == 31
    [running] = await write(leases.recover, "new", single=False, dead_ms=1000, lost=())
    [debt] = await empty_database.read(owed.due, running)
    assert (debt.turn_id, debt.text, debt.parts) == (31, "Hello", {})
    assert await write(account.erase_some, "web", "x", now=5) == 2
    assert await empty_database.read(owed.due, running) == []


async def test_a_database_without_people_and_files_gets_room_for_them(empty_database):
    """What is stored stays; whoever goes on with a conversation is known from then on."""
    write = empty_database.write
    await write(turn_to, "0004")
    await write(furnish)
    before = await empty_database.read(snapshot)
    assert await schema.migrate(empty_database) == schema.latest()
    assert lean([await empty_database.read(snapshot)]) == lean([before])
    assert await empty_database.read(differences) == []
    said = InboundEvent(
        address=Address(platform="web", account="x", conversation="alice"),
        text="look",
        message_key="web:new",
        files=(Attachment(name="cat.png", source={"url": "u"}),),
        sender=Sender(external_id="", name="Ada"),
    )
    accepting = {"owner": "new", "now": 10, "stale_before": -1}
    receipt = await write(arrivals.accept, said, **accepting)
    assert receipt.session_id == 7
    [person] = await empty_database.read(people.listed, limit=9)
    assert person.name == "Ada"
    reach = await empty_database.read(people.reach, person.id)
    assert reach.address == said.address
    assert list(await empty_database.read(files.find, ["web:new/0"])) == ["web:new/0"]


def test_there_is_one_newest_revision():
    """Two branches that were merged carelessly would leave two."""
    assert len(ScriptDirectory.from_config(schema._config()).get_heads()) == 1
