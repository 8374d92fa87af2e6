"""The migrations make the very schema that the program was written for."""

import shutil

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from core.database import open_database
from core.errors import Misconfigured
from core.tables import metadata
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


def test_there_is_one_newest_revision():
    """Two branches that were merged carelessly would leave two."""
    assert len(ScriptDirectory.from_config(schema._config()).get_heads()) == 1
