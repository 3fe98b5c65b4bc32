"""The database: one engine per application, `db.session` in every request and job."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import URL, BigInteger, DateTime, Integer, MetaData, event, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from backend.core.driver_errors import hide_values

db = SQLAlchemy()

# Seconds that a connection may be unused before it is asked whether it still works.
ASKED_AFTER = 1
# In seconds, except the last, which is in milliseconds.
TIMEOUTS = {
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
SQLITE_SESSION = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
)


class Base(DeclarativeBase):
    # Without names, SQLite's constraints could not be altered by a migration. They have the names
    # of all their columns, as several constraints may begin with the same one.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC: PostgreSQL returns it aware, SQLite does not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


# For keys that never run out. On SQLite only INTEGER, which is as large, numbers rows by itself.
BigKey = BigInteger().with_variant(Integer, "sqlite")


def now() -> datetime:
    return datetime.now(UTC)


def init_app(app: Flask) -> None:
    uri = app.config.get("SQLALCHEMY_DATABASE_URI")
    if not uri:
        raise RuntimeError("SQLALCHEMY_DATABASE_URI is not set; in production set DATABASE_URL")
    url = engine_url(uri)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database and url.database != ":memory:":
        folder = Path(app.instance_path, url.database).parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {} if is_sqlite else postgresql_options(app.config)
    # A statement's parameters are the users' data, which must not get into the log.
    options |= {"url": url, "hide_parameters": not app.debug}
    app.config["SQLALCHEMY_ENGINES"] = {"default": options}
    db.init_app(app)
    # There are no async sessions here. The extension's teardown of them would start an
    # event loop after every request: 0.5 ms, ten times what Flask needs for /ping.
    app.teardown_appcontext_funcs = [
        partial(close, function)
        for function in app.teardown_appcontext_funcs
        if not iscoroutinefunction(function)
    ]
    statements = SQLITE_SESSION if is_sqlite else postgresql_session(app.config)
    with app.app_context():
        event.listen(db.engine, "connect", partial(set_up_connection, statements))
        event.listen(db.engine, "checkout", partial(replace_if_closed, db.engine.dialect))
        if not (is_sqlite or app.debug):
            event.listen(db.engine, "handle_error", hide_values)


def engine_url(uri: str) -> URL:
    """Return the URL with the driver and the time-outs that this service uses.

    SQLAlchemy's choice of a PostgreSQL driver changes with its version, and it refuses
    `postgres://`; the driver itself would wait two minutes for a silent host, and longer for
    one that has vanished.
    """
    url = make_url(uri)
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        url = url.set(drivername="postgresql+psycopg")
        return url.update_query_dict(TIMEOUTS | dict(url.query))
    return url


def postgresql_options(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pool_size": config["DATABASE_POOL_SIZE"],
        "max_overflow": config["DATABASE_MAX_OVERFLOW"],
        "pool_timeout": 5,
        # A prepared statement belongs to one connection, and PgBouncer may give the next another.
        "connect_args": {"prepare_threshold": None},
    }


def postgresql_session(config: Mapping[str, Any]) -> list[str]:
    """Return statements, as PgBouncer refuses such options in the URL.

    The second frees what a process has locked that was stopped in a transaction.
    """
    seconds = config["DATABASE_STATEMENT_TIMEOUT"]
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    return [f"SET {name} = '{seconds}s'" for name in names]


def set_up_connection(statements: Iterable[str], connection: Any, record: Any) -> None:
    for statement in statements:
        connection.execute(statement)
    connection.commit()


def replace_if_closed(dialect: Dialect, connection: Any, record: Any, _: Any) -> None:
    """Replace connections that were closed while unused, as by a restart of the database.

    SQLAlchemy's pool_pre_ping asks each time, which takes a sixth of a small request's time.
    """
    taken = time.monotonic()
    before, record.info["taken"] = record.info.get("taken", taken), taken
    if taken - before < ASKED_AFTER:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error:
        raise InvalidatePoolError from None


def close(function: Callable[..., Any], error: BaseException | None) -> None:
    """Close a session. If the database has gone away meanwhile, the answer stays the same."""
    with suppress(DBAPIError):
        function(error)
