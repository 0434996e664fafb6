"""
The tables of the service itself; the payroll is in `payroll.tables`.

Together with the migrations the only truth about the schema; a test holds the two against each other.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

SCHEMA = "allie_xero"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
    },
)

Instant = DateTime(timezone=True)
TEXT, BIGINT, INTEGER = Text(), BigInteger(), Integer()


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _connection(*, primary_key: bool = False, index: bool = False) -> Column[int]:
    return Column(
        "connection_id",
        BigInteger,
        ForeignKey(f"{SCHEMA}.connection.id"),
        primary_key=primary_key,
        nullable=False,
        index=index,
    )


def _required(name: str, type_: TypeEngine[Any] = TEXT) -> Column[Any]:
    return Column(name, type_, nullable=False)


def _counter(name: str, type_: TypeEngine[Any] = BIGINT) -> Column[Any]:
    return Column(name, type_, nullable=False, server_default=text("0"))


def _stamped(name: str) -> Column[Any]:
    return Column(name, Instant, nullable=False, server_default=text("now()"))


connection = Table(
    "connection",
    metadata,
    _id(),
    _required("clinic_id"),
    _required("status"),
    _counter("generation"),
    Column("tenant_id", Text),
    Column("tenant_name", Text),
    Column("xero_connection_id", Text),
    Column("region", Text),
    Column("reason", Text),
    Column("choices", JSONB, nullable=False, server_default=text("'[]'")),
    Column("consent_event", Text),
    Column("connected_at", Instant),
    Column("disconnected_at", Instant),
    Column("erase_at", Instant),
    Column("erased_at", Instant),
    Column("work_claimed_until", Instant),
    _stamped("created_at"),
    _stamped("changed_at"),
    Index(
        "connection_open_clinic_key",
        "clinic_id",
        unique=True,
        postgresql_where=text("status <> 'disconnected'"),
    ),
    Index(
        "connection_open_tenant_key",
        "tenant_id",
        unique=True,
        postgresql_where=text("status <> 'disconnected'"),
    ),
    Index("connection_clinic_idx", "clinic_id", "id"),
    Index("connection_erase_idx", "erase_at", postgresql_where=text("erase_at IS NOT NULL")),
)

credential = Table(
    "credential",
    metadata,
    _id(),
    _connection(index=True),
    _required("clinic_id"),
    _required("generation", BIGINT),
    _required("state"),
    Column("tenant_id", Text),
    Column("xero_connection_id", Text),
    Column("consent_event", Text),
    Column("user_id", Text),
    Column("user_name", Text),
    Column("user_email", Text),
    Column("scopes", ARRAY(Text), nullable=False),
    _counter("version"),
    Column("data_key", LargeBinary),
    Column("key_id", Text),
    Column("kek_id", Text),
    Column("sealed_tokens", LargeBinary),
    Column("sealed_previous", LargeBinary),
    Column("previous_until", Instant),
    _required("access_expires_at", Instant),
    _required("obtained_at", Instant),
    _counter("lease_epoch"),
    Column("lease_until", Instant),
    Column("intent_at", Instant),
    Column("cooldown_until", Instant),
    Column("revoke_by", Instant),
    Column("work_claimed_until", Instant),
    Column("shredded_at", Instant),
    _stamped("created_at"),
    Index(
        "credential_live_key",
        "connection_id",
        unique=True,
        postgresql_where=text("state = 'live'"),
    ),
    Index(
        "credential_pending_key",
        "connection_id",
        unique=True,
        postgresql_where=text("state = 'pending'"),
    ),
    Index("credential_user_idx", "user_id"),
    Index("credential_idle_idx", "obtained_at", postgresql_where=text("state = 'live'")),
    Index("credential_intent_idx", "intent_at", postgresql_where=text("intent_at IS NOT NULL")),
    Index(
        "credential_revocation_idx",
        "revoke_by",
        postgresql_where=text("state = 'revocation_pending'"),
    ),
)

credential_audit = Table(
    "credential_audit",
    metadata,
    _id(),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    _required("clinic_id"),
    _required("credential_id", BIGINT),
    _required("version", BIGINT),
    _required("action"),
    Column("kek_id", Text),
    Column("process", Text, server_default=text("current_setting('allie_xero.process', true)")),
    Column("purpose", Text, server_default=text("current_setting('allie_xero.purpose', true)")),
    Column("message_id", Text, server_default=text("current_setting('allie_xero.message_id', true)")),
    Column("database_user", Text, nullable=False, server_default=text("session_user")),
    Index("credential_audit_credential_idx", "credential_id", "id"),
)

sync_state = Table(
    "sync_state",
    metadata,
    _connection(primary_key=True),
    _required("clinic_id"),
    Column("due_at", Instant),
    Column("work_claimed_until", Instant),
    _counter("lease_epoch"),
    Column("lease_until", Instant),
    _counter("attempts", INTEGER),
    Column("backfilled_at", Instant),
    Column("changes_at", Instant),
    Column("reconcile_at", Instant),
    Index("sync_state_due_idx", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("sync_state_periodic_idx", text("least(changes_at, reconcile_at)")),
)

sync = Table(
    "sync",
    metadata,
    _id(),
    _connection(index=True),
    _required("clinic_id"),
    _required("mode"),
    Column("streams", ARRAY(Text), nullable=False),
    _required("state"),
    Column("requested_by", Text),
    Column("traceparent", Text),
    _required("requested_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("tallies", JSONB, nullable=False, server_default=text("'{}'")),
    Index("sync_finished_idx", "finished_at"),
    Index("sync_queued_key", "connection_id", unique=True, postgresql_where=text("state = 'queued'")),
    Index("sync_running_key", "connection_id", unique=True, postgresql_where=text("state = 'running'")),
)

scan = Table(
    "scan",
    metadata,
    _connection(primary_key=True),
    Column("resource", Text, primary_key=True),
    _required("clinic_id"),
    Column("watermark", Instant),
    Column("finished_at", Instant),
    Column("fault", Text),
    Column("attempted_at", Instant),
    Column("sync_id", BigInteger),
    Column("begun_at", Instant),
    _required("page", INTEGER),
    Column("head", Text),
    Column("since", Instant),
    Column("mark", Instant),
)

scan_seen = Table(
    "scan_seen",
    metadata,
    _connection(primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    _required("clinic_id"),
)

usage = Table(
    "usage",
    metadata,
    _connection(primary_key=True),
    Column("month", Date, primary_key=True),
    _required("clinic_id"),
    _counter("calls"),
    _counter("wire_bytes"),
)

tenant_budget = Table(
    "tenant_budget",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    _required("minute_limit", INTEGER),
    _required("minute_remaining", INTEGER),
    Column("minute_resets_at", Instant),
    _required("day_limit", INTEGER),
    _required("day_remaining", INTEGER),
    Column("day_resets_at", Instant),
)

app_budget = Table(
    "app_budget",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    _required("minute_limit", INTEGER),
    _required("minute_remaining", INTEGER),
    Column("minute_resets_at", Instant),
)

outage = Table(
    "outage",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    _required("failures", INTEGER),
    Column("last", BigInteger),
    Column("began_at", Instant),
    Column("ask_at", Instant),
)

inbox = Table(
    "inbox",
    metadata,
    Column("source", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    _required("type"),
    _required("clinic_id"),
    _stamped("begun_at"),
    Column("claimed_until", Instant),
    Column("completed_at", Instant),
    Column("outcome", Text),
    _counter("attempts", INTEGER),
    Column("event_time", Instant),
    Index("inbox_clinic_idx", "clinic_id", "type"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _required("event_id"),
    _required("clinic_id"),
    _required("type"),
    _required("data", JSONB()),
    Column("traceparent", Text),
    _stamped("created_at"),
    Column("sent_at", Instant),
    _counter("attempts", INTEGER),
    Column("next_attempt_at", Instant),
    Index("outbox_event_key", "event_id", unique=True),
    Index("outbox_unsent_idx", "id", postgresql_where=text("sent_at IS NULL")),
)

failure = Table(
    "failure",
    metadata,
    _id(),
    _required("fingerprint"),
    _required("state"),
    _required("error"),
    _required("place"),
    _required("subject"),
    Column("stream", Text),
    Column("clinic_id", Text),
    Column("connection_id", BigInteger),
    Column("context", JSONB, nullable=False, server_default=text("'{}'")),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    _stamped("first_seen_at"),
    _stamped("last_seen_at"),
    Column("until", Instant),
    Column("event", JSONB),
    Column("settled_at", Instant),
    Column("settled_by", Text),
    Column("settled_why", Text),
    Index(
        "failure_open_key",
        text("coalesce(connection_id, 0)"),
        "place",
        "subject",
        unique=True,
        postgresql_where=text("state NOT IN ('resolved', 'discarded')"),
    ),
    Index(
        "failure_connection_idx",
        "connection_id",
        "subject",
        postgresql_where=text("state NOT IN ('resolved', 'discarded')"),
    ),
    Index("failure_fingerprint_idx", "fingerprint", "state"),
    Index("failure_last_seen_idx", "last_seen_at"),
)

failure_attempt = Table(
    "failure_attempt",
    metadata,
    Column(
        "failure_id",
        BigInteger,
        ForeignKey(f"{SCHEMA}.failure.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    ),
    Column("number", Integer, primary_key=True, nullable=False),
    Column("clinic_id", Text),
    _stamped("at"),
    _required("state"),
    _required("error"),
    Column("context", JSONB, nullable=False, server_default=text("'{}'")),
    Column("process", Text, server_default=text("current_setting('allie_xero.process', true)")),
    Column("version", Text, server_default=text("current_setting('allie_xero.version', true)")),
)

replay = Table(
    "replay",
    metadata,
    _id(),
    _required("state"),
    _required("wanted", JSONB()),
    _required("operator"),
    _required("reason"),
    Column("is_canary", Boolean, nullable=False),
    Column("rate", Integer),
    _required("created_at", Instant),
    Column("released_at", Instant),
    Column("ended_at", Instant),
    Index(
        "replay_open_idx",
        "id",
        postgresql_where=text("state IN ('awaiting_approval', 'running', 'paused')"),
    ),
)

replay_item = Table(
    "replay_item",
    metadata,
    _id(),
    Column("replay_id", BigInteger, ForeignKey(f"{SCHEMA}.replay.id"), nullable=False),
    _required("failure_id", BIGINT),
    _required("clinic_id"),
    _required("state"),
    _required("attempts", INTEGER),
    Column("due_at", Instant),
    Column("started_at", Instant),
    Column("settled_at", Instant),
    Column("note", Text),
    Index("replay_item_replay_idx", "replay_id", "state"),
    Index(
        "replay_item_open_key",
        "failure_id",
        unique=True,
        postgresql_where=text("state IN ('queued', 'released', 'started')"),
    ),
    Index("replay_item_due_idx", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

pause = Table(
    "pause",
    metadata,
    _id(),
    Column("only_clinic", Text),
    Column("stream", Text),
    Column("lane", Text),
    _required("until", Instant),
    _required("operator"),
    _required("reason"),
    _required("created_at", Instant),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    Index("pause_open_idx", "until", postgresql_where=text("ended_at IS NULL")),
)

replay_audit = Table(
    "replay_audit",
    metadata,
    _id(),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    _required("replay_id", BIGINT),
    _required("action"),
    _required("operator"),
    _required("reason"),
    _required("detail", JSONB()),
    Column("database_user", Text, nullable=False, server_default=text("session_user")),
    Index("replay_audit_replay_idx", "replay_id", "id"),
)

certificate = Table(
    "certificate",
    metadata,
    _id(),
    _required("clinic_id"),
    _required("connection_id", BIGINT),
    _required("erased"),
    _required("issued_at", Instant),
    _required("document", JSONB()),
    _required("signature", LargeBinary()),
    _required("signing_key_id"),
    Index("certificate_clinic_idx", "clinic_id", "id"),
)
