"""Statements on the way of every turn, run without SQLAlchemy's share where that is half the cost.

On SQLite a statement costs a few microseconds, and SQLAlchemy's way to the driver and back several
times that. So what runs for every turn is compiled once, and then handed to the driver as it is;
on PostgreSQL, where a round trip outweighs it, it is executed as any other.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Connection
from sqlalchemy.sql.compiler import SQLCompiler

from core.database import from_json, to_json

Values = Mapping[str, Any]


class Prepared:
    """A statement with named parameters; what it says differently by dialect is a mapping.

    `columns` are the columns that an INSERT or UPDATE sets besides those in the statement;
    `parsed` the columns of its result that hold JSON.
    """

    def __init__(
        self, statement: Any, *, columns: Sequence[str] = (), parsed: Sequence[str] = ()
    ) -> None:
        self._statement = statement
        self._columns = list(columns) or None
        self._parsed = frozenset(parsed)
        self._sqlite: _Direct | None = None

    def rows(self, db: Connection, values: Values) -> list[Any]:
        """All rows, each with its columns as attributes."""
        if db.dialect.name == "sqlite":
            return self._direct(db).rows(_driver(db), values)
        return list(db.execute(self._spelled(db.dialect.name), values))

    def first(self, db: Connection, values: Values) -> Any:
        """The first row, or None."""
        found = self.rows(db, values)
        return found[0] if found else None

    def scalar(self, db: Connection, values: Values) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(db, values)
        return found[0][0] if found else None

    def count(self, db: Connection, values: Values) -> int:
        """How many rows were changed."""
        if db.dialect.name == "sqlite":
            return self._direct(db).count(_driver(db), values)
        return int(db.execute(self._spelled(db.dialect.name), values).rowcount)

    def _spelled(self, dialect: str) -> Any:
        return self._statement[dialect] if isinstance(self._statement, dict) else self._statement

    def _direct(self, db: Connection) -> "_Direct":
        if self._sqlite is None:
            compiled = self._spelled("sqlite").compile(
                dialect=db.dialect, column_keys=self._columns
            )
            self._sqlite = _Direct(compiled, self._parsed)
        return self._sqlite


class _Direct:
    """A compiled statement, as SQLite's driver takes it."""

    def __init__(self, compiled: SQLCompiler, parsed: frozenset[str]) -> None:
        self._text = str(compiled)
        # Where each parameter comes from: the caller, or the statement itself (literals).
        self._order = [(name, compiled.params.get(name)) for name in compiled.positiontup or ()]
        self._json = {name for name, bind in compiled.binds.items() if isinstance(bind.type, JSON)}
        self._parsed = parsed
        self._make: Callable[..., Any] | None = None
        self._decoded: list[int] = []

    def rows(self, driver: Any, values: Values) -> list[Any]:
        cursor = driver.execute(self._text, self._bind(values))
        if self._make is None:
            names = [column[0] for column in cursor.description]
            self._decoded = [at for at, name in enumerate(names) if name in self._parsed]
            # Its fields are known only here, which is more than mypy follows.
            made: Any = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024
            self._make = made._make
        return [self._make(self._decode(row)) for row in cursor.fetchall()]

    def count(self, driver: Any, values: Values) -> int:
        return int(driver.execute(self._text, self._bind(values)).rowcount)

    def _bind(self, values: Values) -> list[Any]:
        bound = [values.get(name, literal) for name, literal in self._order]
        if self._json:
            for at, (name, _) in enumerate(self._order):
                if name in self._json:
                    bound[at] = to_json(bound[at])
        return bound

    def _decode(self, row: tuple[Any, ...]) -> Sequence[Any]:
        if not self._decoded:
            return row
        values = list(row)
        for at in self._decoded:
            values[at] = from_json(values[at])
        return values


def _driver(db: Connection) -> Any:
    return db.connection.dbapi_connection
