"""What the gauges say of rows as they are."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from adapters.postgres.gauges import Gauges
from entrypoints.gauges import FROM_ROWS
from services.databases import libpq_url

CONNECTIONS = """
INSERT INTO allie_xero.connection (clinic_id, status, region, reason, tenant_id, connected_at)
VALUES ('one', 'active', 'AU', NULL, 't1', now() - interval '1 hour'),
       ('two', 'active', 'NZ', NULL, 't2', now() - interval '30 days'),
       ('three', 'needs_attention', 'AU', 'consent_withdrawn', 't3', now() - interval '30 days');
INSERT INTO allie_xero.sync_state (connection_id, clinic_id)
SELECT id, clinic_id FROM allie_xero.connection;
"""
SYNC = """
INSERT INTO allie_xero.sync (connection_id, clinic_id, mode, streams, state, requested_at, finished_at)
SELECT min(id), 'one', 'changes', ARRAY['users'], 'finished',
       now() - interval '{}' - make_interval(secs => s), now() - interval '{}'
  FROM allie_xero.connection, (VALUES (10), (20), (100)) AS took (s) GROUP BY s;
"""
BUDGET = """
INSERT INTO allie_xero.tenant_budget
VALUES ('t1', 60, 0, now() {} interval '9 seconds', 5000, 0, now() {} interval '9 hours')
"""
REPLAY = """
INSERT INTO allie_xero.replay (state, wanted, operator, reason, is_canary, created_at)
VALUES ('running', '{}', 'somebody', 'a ticket', false, to_timestamp(1000));
INSERT INTO allie_xero.replay_item (replay_id, failure_id, clinic_id, state, attempts)
SELECT id, 1, 'one', 'queued', 0 FROM allie_xero.replay;
"""
PAUSE = """
INSERT INTO allie_xero.pause (only_clinic, until, operator, reason, created_at)
VALUES ('one', now() + interval '1 hour', 'olga', 'T-1', now())
"""
CREDENTIALS = """
INSERT INTO allie_xero.credential (connection_id, clinic_id, generation, state, scopes, access_expires_at,
                                   obtained_at, intent_at, revoke_by)
SELECT c.id, c.clinic_id, 1, r.state, ARRAY[]::text[], now(), to_timestamp(r.obtained),
       to_timestamp(r.intent), to_timestamp(r.retired) + interval '24 hours'
  FROM (VALUES {}) AS r (clinic_id, state, obtained, intent, retired)
  JOIN allie_xero.connection c USING (clinic_id);
"""
NONE = "NULL::integer"
CASES: dict[str, tuple[str, dict[tuple[str, str], float]]] = {
    "connections by state": (
        "",
        {("connections", "active"): 2, ("connections", "needs_attention"): 1},
    ),
    "a paused connection": (
        PAUSE,
        {("connections", "active"): 1, ("connections", "paused"): 1, ("pauses", ""): 1},
    ),
    "why a clinic must act": ("", {("connections_waiting", "consent_withdrawn"): 1}),
    "a connection that was never read is stale in time": ("", {("stale_connections", ""): 1}),
    "no outage": ("", {("outage_since", ""): 0}),
    "one clinic's trouble is no outage": (
        "INSERT INTO allie_xero.outage (failures, began_at) VALUES (1, to_timestamp(1000))",
        {("outage_since", ""): 0},
    ),
    "an outage": (
        "INSERT INTO allie_xero.outage (failures, began_at) VALUES (3, to_timestamp(1000))",
        {("outage_since", ""): 1000},
    ),
    "passes of the last hour": (
        SYNC.format("5 minutes", "5 minutes"),
        {("sync_seconds", "50"): 20, ("sync_seconds", "100"): 100},
    ),
    "no tokens": (
        "",
        {
            ("token_oldest_use", ""): 0,
            ("token_unresolved_oldest", ""): 0,
            ("connections", "revocation_pending"): 0,
            ("revocation_oldest", ""): 0,
        },
    ),
    "tokens of different age, and older ones of a clinic that must act": (
        CREDENTIALS.format(
            f"('one', 'live', 2000, {NONE}, {NONE}), ('two', 'live', 1000, NULL, NULL),"
            " ('three', 'live', 500, NULL, NULL)"
        ),
        {("token_oldest_use", ""): 1000, ("token_unresolved_oldest", ""): 0, ("revocation_oldest", ""): 0},
    ),
    "refreshes without an outcome, and one of tokens that are not used any more": (
        CREDENTIALS.format(
            f"('one', 'live', 9000, 2000, {NONE}), ('two', 'live', 9000, 1000, NULL),"
            " ('three', 'revocation_pending', 9000, 500, 700)"
        ),
        {("token_oldest_use", ""): 9000, ("token_unresolved_oldest", ""): 1000},
    ),
    "tokens that Xero has not been told to forget": (
        CREDENTIALS.format(
            f"('one', 'revocation_pending', 9000, {NONE}, 2000),"
            " ('two', 'revocation_pending', 9000, NULL, 1000), ('three', 'shredded', 9000, NULL, 500)"
        ),
        {
            ("connections", "revocation_pending"): 2,
            ("revocation_oldest", ""): 1000,
            ("token_oldest_use", ""): 0,
        },
    ),
    "no replay": ("", {("replay_oldest_unstarted", ""): 0}),
    "a replay that nobody has begun": (
        REPLAY,
        {("replays", "running"): 1, ("replay_items", "queued"): 1, ("replay_oldest_unstarted", ""): 1000},
    ),
    "a replay that is under way": (
        REPLAY + "UPDATE allie_xero.replay_item SET state = 'started'",
        {("replay_items", "started"): 1, ("replay_oldest_unstarted", ""): 0},
    ),
    "an empty outbox": ("", {("outbox_pending", ""): 0, ("outbox_oldest", ""): 0}),
    "a budget that is used up": (
        BUDGET.format("+", "+"),
        {("tenants_at_limit", "minute"): 1, ("tenants_at_limit", "day"): 1},
    ),
    "a window that is over limits nobody": (
        BUDGET.format("-", "-"),
        {("tenants_at_limit", "minute"): 0, ("tenants_at_limit", "day"): 0},
    ),
}


@pytest.fixture
def gauges(database_url: str) -> Iterator[Gauges]:
    found = Gauges(database_url, changes=timedelta(hours=1))
    yield found
    found.close()


def run(database_url: str, statements: str) -> None:
    with psycopg.connect(libpq_url(database_url)) as connection:
        connection.execute(statements.encode())


def read(gauges: Gauges) -> dict[tuple[str, str], float]:
    samples = gauges.read()
    assert samples is not None
    assert len({(one.metric, one.label) for one in samples}) == len(samples)
    return {(one.metric, one.label): one.value for one in samples}


@pytest.mark.parametrize("case", CASES)
def test_rows_are_told(database_url: str, gauges: Gauges, case: str) -> None:
    statements, expected = CASES[case]
    run(database_url, CONNECTIONS + statements)
    found = read(gauges)
    assert {key: found.get(key) for key in expected} == expected


def test_passes_of_earlier_hours_are_over(database_url: str, gauges: Gauges) -> None:
    run(database_url, CONNECTIONS + SYNC.format("2 hours", "2 hours"))
    assert not [metric for metric, _ in read(gauges) if metric == "sync_seconds"]


def test_every_gauge_has_a_meaning_and_labels_on_its_list(database_url: str, gauges: Gauges) -> None:
    run(database_url, CONNECTIONS + SYNC.format("1 minute", "1 minute"))
    found = read(gauges)
    assert {metric for metric, _ in found} <= FROM_ROWS.keys() | {"rows_by_key"}
    for metric, label in found:
        spec = FROM_ROWS.get(metric)
        if spec is not None:
            assert not label if spec.label is None else label in spec.label.values, metric


def test_one_process_reads_at_a_time_and_another_takes_over(database_url: str, gauges: Gauges) -> None:
    assert gauges.read() is not None
    other = Gauges(database_url, changes=timedelta(hours=1))
    assert other.read() is None
    gauges.close()
    assert other.read() is not None
    other.close()
