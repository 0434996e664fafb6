"""How connections to PostgreSQL are made: bounded in number, in time, and in what they may hang on."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

LIMITS = {
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}
"""What every transaction is held to; see `adapters.postgres.transaction.BEGIN`."""

CONNECT_TIMEOUT_S = 5


def open_engine(
    url: str, *, pool_size: int = 8, application_name: str = "allie-xero", pooled: bool = True
) -> Engine:
    """
    An engine for `url` (`postgresql://…`), whatever driver the URL names.

    Its errors never carry parameters. A connection that died in the pool is noticed before it is used.
    Where `pooled`, nothing is prepared: a pooler in transaction mode, which keeps no prepared statements, may
    be in between. What asks often, and knows that there is none, is faster without.
    """
    prepared = {"prepare_threshold": None} if pooled else {}
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": application_name,
            **prepared,
        },
    )


def pool_use(engine: Engine) -> tuple[int, int]:
    """How many of the engine's connections are idle, and how many are in use."""
    assert isinstance(engine.pool, QueuePool), "open_engine makes no other"  # noqa: S101
    return engine.pool.checkedin(), engine.pool.checkedout()
