"""
What the dashboard shows, as data: rows of panels, panels of queries.

`dashboard.py` makes Grafana's JSON of it, `pictures.py` draws it, and `tests/ops` asks a real Prometheus
every query. `quiet` marks what has nothing to show while all is well.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How a panel looks."""

    NUMBER = "number"
    LINES = "lines"
    STACK = "stack"


@dataclass(frozen=True, slots=True)
class Panel:
    """Queries with their legends; `unit` is Grafana's name for it."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Kind = Kind.LINES
    width: int = 8
    quiet: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]


def _rate(metric: str, by: str, matching: str = "") -> tuple[str, str]:
    return f"sum by ({by}) (rate(allie_xero_{metric}{matching}[$__rate_interval]))", f"{{{{{by}}}}}"


def _quantiles(metric: str, by: str = "", matching: str = "") -> tuple[tuple[str, str], ...]:
    labels = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    bucket = f"allie_xero_{metric}_bucket{matching}"
    return tuple(
        (
            f"histogram_quantile({share}, sum by ({labels}) (rate({bucket}[$__rate_interval])))",
            f"p{share[2:]}{legend}",
        )
        for share in ("0.50", "0.95")
    )


def _age(metric: str, by: str = "") -> tuple[str, str]:
    """How old the instant in a gauge is; 0 stands for none."""
    oldest = f"min by ({by})" if by else "min"
    legend = f"{{{{{by}}}}}" if by else "age"
    return f"time() - ({oldest} (allie_xero_{metric}_timestamp_seconds) > 0)", legend


def _max(metric: str, by: str) -> tuple[str, str]:
    """One process reads these gauges; during a change of leader two may show them."""
    return f"max by ({by}) (allie_xero_{metric})", f"{{{{{by}}}}}"


UNEXPECTED = (
    'sum by (resource, outcome) (rate(allie_xero_records_total{outcome!="read"}[$__rate_interval])) > 0',
    "{{resource}} {{outcome}}",
)

CLINICS = Row(
    "What clinics feel",
    (
        Panel("Alerts",
              (('count(ALERTS{service="allie-xero", alertstate="firing"}) or vector(0)', "firing"),),
              kind=Kind.NUMBER, width=4, about="Each has a runbook: ops/runbooks."),
        Panel("Active connections", (('max(allie_xero_connections{state="active"})', "active"),),
              kind=Kind.NUMBER, width=4),
        Panel("Fresh", (("1 - allie_xero:stale:ratio", "fresh"),), "percentunit", Kind.NUMBER, 4,
              about="Share of active connections whose every stream is within its limit; objective 99 %."),
        Panel("Connections", (_max("connections", "state"),), kind=Kind.STACK, width=12),
        Panel("Least recently read list", (_age("sync_oldest_success", "stream"),), "s"),
        Panel("Connections past their limit", (_max("sync_stale_connections", "stream"),)),
        Panel("Waiting for the clinic",
              (("max by (reason) (allie_xero_connections_waiting) > 0", "{{reason}}"),), quiet=True),
        Panel("What clinics are told", (_rate("connection_changes_total", "status"),), "cps", Kind.STACK),
        Panel("Error budgets, 1 h",
              (("allie_xero:stale:ratio_avg1h", "stale"),
               ("allie_xero:refresh_errors:ratio_rate1h", "refreshes failed"),
               ("allie_xero:run_errors:ratio_rate1h", "syncs incomplete")), "percentunit",
              about="Objectives: 1 %, 0.1 %, 0.5 %."),
        Panel("What happens on their behalf", (_rate("outcomes_total", "outcome"),), "cps", Kind.STACK),
    ),
)  # fmt: skip

TOKENS = Row(
    "Tokens",
    (
        Panel("Refreshes by result", (_rate("token_refresh_total", "result"),), "cps", Kind.STACK),
        Panel("Refresh duration", _quantiles("token_refresh_duration_seconds", "phase"), "s"),
        Panel("Refresh without an outcome", (_age("token_unresolved_oldest"),), "s", quiet=True,
              about="Xero lets it be repeated for 30 minutes."),
        Panel("Least recently used token", (_age("token_oldest_use"),), "s",
              about="Used daily; Xero drops it after 60 days."),
        Panel("Sealing and opening",
              (("sum by (op, result) (rate(allie_xero_crypto_operations_total[$__rate_interval]))",
                "{{op}} {{result}}"),), "cps"),
        Panel("Token sets by key",
              (("max by (kek_id, role) (allie_xero_crypto_rows_by_key)", "{{kek_id}} ({{role}})"),),
              kind=Kind.STACK),
        Panel("Must stay at 0",
              (("sum(allie_xero_token_overlap_total)", "tokens presented twice"),
               ('sum(allie_xero_token_refresh_total{result="client_rejected"})', "our secret rejected"),
               ('sum(allie_xero_crypto_operations_total{op="open", result="unreadable"})', "not opened"))),
        Panel("Disconnect not told to Xero", (_age("revocation_oldest"),), "s", quiet=True),
        Panel("Data keys ever wrapped", (("max(allie_xero_crypto_wraps_max)", "wraps"),)),
    ),
)  # fmt: skip

XERO = Row(
    "Xero",
    (
        Panel("Calls", (_rate("xero_requests_total", "endpoint"),), "cps", Kind.STACK),
        Panel("Answers", (_rate("xero_requests_total", "status_class"),), "cps", Kind.STACK),
        Panel("Call duration", _quantiles("xero_request_duration_seconds"), "s"),
        Panel("Calls left this minute", (("min(allie_xero_xero_app_minute_left_ratio)", "app"),),
              "percentunit"),
        Panel("Organisations at a limit", (_max("xero_tenants_at_limit", "window"),)),
        Panel("Answers 429", (_rate("xero_rate_limited_total", "limit"),), "cps",
              about="An accident each: the budget should have waited."),
        Panel("Received", (_rate("xero_response_bytes_total", "endpoint"),), "Bps", Kind.STACK),
        Panel("Away for everybody", (_age("xero_outage_since"),), "s", quiet=True,
              about="One connection asks every 30 s; the others wait."),
        Panel("Values we do not know", (("sum(allie_xero_xero_unknown_values_total)", "values"),)),
        Panel("Answers of another organisation", (("sum(allie_xero_xero_wrong_tenant_total)", "answers"),),
              about="Must stay 0. None is kept."),
    ),
)  # fmt: skip

SYNCS = Row(
    "Syncs and backfill",
    (
        Panel("Passes ended",
              (("sum by (mode, result) (increase(allie_xero_sync_runs_total[$__rate_interval])) > 0",
                "{{mode}} {{result}}"),), kind=Kind.STACK, quiet=True),
        Panel("Passes not over", (_max("syncs", "state"),)),
        Panel("Oldest pass not over", (_age("sync_oldest_request", "state"),), "s", quiet=True),
        Panel("Passes of the last hour",
              (("max by (percentile) (allie_xero_sync_last_hour_seconds)", "p{{percentile}}"),), "s",
              about="From request to end: the median, the 95th percentile, the longest."),
        Panel("Pauses", (("max(allie_xero_pauses)", "in force"),),
              about="What an operator has stopped for a while: allie-xero status says which."),
        Panel("Slices",
              (("max(allie_xero_slices_running)", "running"), ("max(allie_xero_slices_due)", "waiting"),
               ("max(allie_xero_backfilling_connections)", "connections in backfill"))),
        Panel("Slice duration", _quantiles("message_duration_seconds", "", '{actor="sync.slice"}'), "s"),
        Panel("Wait for a worker", _quantiles("message_wait_seconds", "queue"), "s",
              about="From a job's sending to its start. A p95 far above the p50: some clinics are unlucky."),
        Panel("Records read", (_rate("records_total", "resource", '{outcome="read"}'),), "cps", Kind.STACK),
        Panel("Records not as expected",
              (UNEXPECTED,), "cps", quiet=True),
        Panel("Records changed", (_rate("records_changed_total", "stream"),), "cps", Kind.STACK),
    ),
)  # fmt: skip

QUEUES = Row(
    "Queues and outbox",
    (
        Panel("Ready",
              (('max by (queue) (allie_xero_queue_messages{kind="ready"})', "{{queue}}"),)),
        Panel("Delayed and dead",
              (('max by (queue, kind) (allie_xero_queue_messages{kind!="ready"})', "{{queue}} {{kind}}"),)),
        Panel("Not empty since",
              (_age("queue_nonempty_since", "queue"),), "s", quiet=True),
        Panel("Consumers", (_max("queue_consumers", "queue"),)),
        Panel("Messages", (_rate("messages_total", "result"),), "cps", Kind.STACK),
        Panel("Messages by actor", (_rate("messages_total", "actor"),), "cps", Kind.STACK),
        Panel("Outbox", (("max(allie_xero_outbox_pending)", "events"),)),
        Panel("Oldest event in the outbox", (_age("outbox_oldest"),), "s", quiet=True),
        Panel("Publishes", (_rate("publish_total", "result"),), "cps", Kind.STACK),
        Panel("Events sent", (_rate("events_sent_total", "event"),), "cps", Kind.STACK),
        Panel("Jobs sent", (_rate("jobs_sent_total", "actor"),), "cps", Kind.STACK),
        Panel("Consumers started",
              (("sum by (queue) (increase(allie_xero_consumer_starts_total[$__rate_interval]))",
                "{{queue}}"),)),
    ),
)  # fmt: skip

FAILURES = Row(
    "Failures",
    (
        Panel("Open failures", (_max("failures_open", "state"),), kind=Kind.STACK),
        Panel("Replays", (_max("replays", "state"),)),
        Panel("Failures of replays", (_max("replay_failures", "state"),), kind=Kind.STACK),
        Panel("Expiring within 14 days", (("max(allie_xero_failures_expiring)", "failures"),)),
        Panel("Dead letters",
              (("sum by (queue, code) (increase(allie_xero_dead_letters_total[$__rate_interval])) > 0",
                "{{queue}} {{code}}"),), quiet=True),
        Panel("Deliveries refused", (_rate("messages_refused_total", "why"),), "cps", Kind.STACK),
        Panel("Database faults", (_rate("db_errors_total", "kind"),), "cps"),
        Panel("Database without room",
              (('sum(increase(allie_xero_db_errors_total{kind="full"}[15m]))', "transactions"),),
              about="Must stay 0: what could not be written is tried again. Runbook: DatabaseFull."),
        Panel("Kept out of the logs", (_rate("redactions_total", "surface"),), "cps"),
    ),
)  # fmt: skip

PROCESSES = Row(
    "Processes",
    (
        Panel("Slots",
              (("sum(allie_xero_worker_slots_busy)", "busy"), ("sum(allie_xero_worker_slots)", "all"))),
        Panel("Last sign of life",
              (("time() - allie_xero_heartbeat_timestamp_seconds", "{{part}} {{instance}}"),), "s"),
        Panel("Longest-running message",
              (("time() - (min by (instance) (allie_xero_worker_oldest_message_timestamp_seconds) > 0)",
                "{{instance}}"),), "s", quiet=True),
        Panel("Dispatcher's rounds", _quantiles("dispatcher_tick_duration_seconds"), "s"),
        Panel("Readings of gauges", (_rate("readings_total", "result"),), "cps"),
        Panel("Database pool", (("sum by (state) (allie_xero_db_pool_connections)", "{{state}}"),),
              kind=Kind.STACK),
        Panel("Wait for the database", _quantiles("db_pool_wait_seconds"), "s"),
        Panel("Memory", (('process_resident_memory_bytes{job=~".*allie-xero.*"}', "{{instance}}"),), "bytes"),
        Panel("CPU",
              (('rate(process_cpu_seconds_total{job=~".*allie-xero.*"}[$__rate_interval])', "{{instance}}"),),
              "percentunit"),
        Panel("Open files", (('process_open_fds{job=~".*allie-xero.*"}', "{{instance}}"),)),
        Panel("Versions",
              (("count by (version, commit, schema) (allie_xero_build_info)",
                "{{version}} {{commit}} schema {{schema}}"),), kind=Kind.STACK),
        Panel("Ids left", (("min(allie_xero_db_sequence_headroom_ratio)", "fullest sequence"),),
              "percentunit"),
    ),
)  # fmt: skip

ROWS = (CLINICS, TOKENS, XERO, SYNCS, QUEUES, FAILURES, PROCESSES)
