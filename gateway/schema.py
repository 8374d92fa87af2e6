"""Bring a database's schema up to date, or say that it isn't."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from core.database import Database
from core.errors import Misconfigured

HERE = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> str:
    """Run what migrations are missing, in one transaction; returns the revision reached."""
    return await database.write(_upgrade)


async def check(database: Database) -> None:
    """Raise `Misconfigured` unless the schema is the one that this program was made for."""
    found, wanted = await database.read(current), latest()
    if found == wanted:
        return
    state = "has no tables yet" if found is None else f"is at revision {found}, not {wanted}"
    raise Misconfigured(f"DATABASE_URL: the database {state}; run `gateway migrate` first.")


def latest() -> str:
    """The revision that this program was made for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 - there is always a first migration
    return head


def current(db: Connection) -> str | None:
    """The database's revision, or None if it was never migrated."""
    return MigrationContext.configure(db).get_current_revision()


def _upgrade(db: Connection) -> str:
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, "head")
    return latest()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config
