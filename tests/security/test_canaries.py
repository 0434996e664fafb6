"""
Unique values are pushed through every path, good and bad; then every surface is searched for them.

Tokens, codes and what no field of ours reads must be nowhere; a name may be where names are kept.
"""

import base64
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

import psutil
import psycopg
import pytest
from dramatiq.common import dq_name, xq_name
from psycopg import sql

from deployment.clinic import connect, grant, is_backfilled, value
from deployment.platform import QUEUE, Platform
from deployment.processes import Deployment, pids_of, until
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from entrypoints.local.service import Service
from security.canaries import NAME, PRIVATE, Sweep, plant, tokens
from security.surfaces import of_database, of_events, of_folder, of_processes, of_queues
from services.brokers import Broker
from services.databases import database_in, libpq_url
from simulator.client import Control, Organisation
from simulator.server import Running
from simulator.world import World
from workers.queues import QUEUES

CLINIC = "clinic-1"
PLANTED = {"planted token": "planted-t0k3n-8e1f", "planted code": "planted-c0de-5a7b"}
"""What events and answers bring that are not as they should be."""

NAMED = frozenset({"employee.last_name"})
"""Where the name of an employee is kept."""

HELD_BY_THE_BROKER = [*QUEUES, *map(dq_name, QUEUES), *map(xq_name, QUEUES), QUEUE]

BAD_ANSWERS: list[dict[str, Any]] = [
    {"kind": "status", "status": 400, "body": f'{{"Message": "{PRIVATE["tfn"]} {NAME}"}}'},
    {"kind": "status", "status": 500, "body": f"{PRIVATE['account']} {PLANTED['planted token']}"},
    {"kind": "redirect", "location": f"https://elsewhere.example/?t={PLANTED['planted token']}"},
    {"kind": "rate_limit", "problem": PLANTED["planted token"], "retry_after": PLANTED["planted token"]},
    {"kind": "malformed", "value": f"{PRIVATE['tfn']} {PLANTED['planted token']}"},
    {"kind": "unknown_field", "value": PLANTED["planted token"]},
    {"kind": "unknown_enum", "value": PRIVATE["tfn"]},
    {"kind": "truncated", "fraction": 0.7},
    {"kind": "odd_numbers"},
    {"kind": "html"},
]
BAD_TOKEN_ANSWERS: list[dict[str, Any]] = [
    {"kind": "status", "status": 400, "body": f'{{"error": "x {PLANTED["planted token"]}"}}'},
    {"kind": "status", "status": 401, "body": f'{{"error": "invalid_client {PLANTED["planted token"]}"}}'},
    {"kind": "status", "status": 500, "body": PLANTED["planted token"]},
    {"kind": "truncated", "fraction": 0.8},
    {"kind": "lost"},
]
CONNECT = "allie.xero.connect-completed.v1"
HEAD = f'"specversion": "1.0", "source": "test", "type": "{CONNECT}"'
CODE = '"type": "authorization_code", "code": "%s"'
BAD_EVENTS = [
    '{"half": "%s"',
    f'{{{HEAD}, "id": "no-data", "data": "%s"}}',
    f'{{{HEAD}, "id": "no-clinic", "data": {{"clinic_id": 7, "grant": {{{CODE}}}}}}}',
    f'{{{HEAD.replace(".v1", ".v9")}, "id": "too-new", "data": ["%s"]}}',
    '{"actor_name": "connection.complete", "args": ["%s"], "kwargs": {}, "options": {}}',
]


@contextmanager
def refusing_the_name(database_url: str) -> Iterator[None]:
    """A database that will not take the employee, and says so with the whole row."""
    constraint = "ALTER TABLE allie_xero.employee {} CONSTRAINT no_canary {}"
    with psycopg.connect(libpq_url(database_url), autocommit=True) as owner:
        check = sql.SQL("CHECK (last_name <> {})").format(sql.Literal(NAME))
        owner.execute(sql.SQL(constraint).format(sql.SQL("ADD"), check))
        yield
        owner.execute(sql.SQL(constraint).format(sql.SQL("DROP"), sql.SQL("")))


def be_terse(database_url: str) -> None:
    """As `docs/operations.md` asks of the server: its log quotes no rows."""
    with psycopg.connect(libpq_url(database_url), autocommit=True) as owner:
        name = sql.Identifier(database_in(database_url))
        owner.execute(sql.SQL("ALTER DATABASE {} SET log_error_verbosity = terse").format(name))


class Story:
    """Everything that can go right and wrong with a clinic."""

    def __init__(self, service: Deployment, platform: Platform, control: Control, database_url: str) -> None:
        self.service, self.platform, self.control, self.database_url = (
            service,
            platform,
            control,
            database_url,
        )

    def run(self, organisation: Organisation) -> None:
        with refusing_the_name(self.database_url):
            connect(self.control, self.platform, organisation)
            until(lambda: "StorageBug" in self.service.logs, "the refusal of the database")
            # Only now: a list that Xero refuses for good is not read again in this pass, and any may be hit.
            for number, fault in enumerate(BAD_ANSWERS):
                self.control.inject(path="/payroll.xro/*", skip=number, count=1, **fault)
        until(self._have_all_hit, "every bad answer", patience=200)
        self.control.clear_faults()
        self.platform.publish("sync-requested", {"clinic_id": CLINIC, "mode": "full", "requested_by": "test"})
        until(self._is_backfilled, "the backfill", patience=200)
        self._read_new_zealand()
        self._refresh_badly()
        self._send_nonsense()
        self._hand_over_badly()
        self._end()

    def _have_all_hit(self) -> bool:
        """Should a pass end too soon, as when the lists of staff and runs were refused, others come."""
        self._at_once("UPDATE allie_xero.sync_state SET changes_at = now()")
        self._go_on_at_once()
        return all(fault["hits"] for fault in self.control.faults())

    def _is_backfilled(self) -> bool:
        self._go_on_at_once()
        return is_backfilled(self.platform, CLINIC)

    def _read_new_zealand(self) -> None:
        """Where lists bring what is private, and dates are written otherwise."""
        connect(self.control, self.platform, self.control.organisations()[2], "clinic-nz")
        until(lambda: is_backfilled(self.platform, "clinic-nz"), "the other country", patience=200)

    def _go_on_at_once(self) -> None:
        """Nobody waits here for a pause to be over."""
        self._at_once(
            "UPDATE allie_xero.sync_state SET due_at = now(), work_claimed_until = NULL"
            " WHERE lease_until IS NULL OR lease_until < now(); DELETE FROM allie_xero.outage"
        )

    def _refresh_badly(self) -> None:
        for fault in BAD_TOKEN_ANSWERS:
            self.control.inject(path="/connect/token", count=1, **fault)
            said = self.service.logs.count("token refresh")
            self._at_once(
                "UPDATE allie_xero.credential SET obtained_at = obtained_at - interval '2 days',"
                " cooldown_until = NULL, work_claimed_until = NULL"
            )
            until(lambda said=said: self.service.logs.count("token refresh") > said, "the refresh")  # type: ignore[misc]
            self.control.clear_faults()

    def _send_nonsense(self) -> None:
        for event in BAD_EVENTS:
            body = event % " ".join([*PLANTED.values(), PRIVATE["tfn"]])
            self.platform.publish_raw(body.encode(), CONNECT)
        quarantined = (
            "SELECT count(*) FROM allie_xero.failure WHERE state = 'quarantined' AND place <> 'sync'"
        )
        until(lambda: value(self.database_url, quarantined) >= len(BAD_EVENTS), "the quarantine")

    def _hand_over_badly(self) -> None:
        """Codes that are no good, token sets that are not sealed, and scopes that are too wide."""
        token_set = self.control.token_set(self.control.organisations()[0])
        wide = self.control.organisations()[1]
        code = self.control.consent(
            wide.owner, [wide.tenant_id], scopes=["offline_access", "payroll.payruns"]
        )
        grants = {
            "clinic-2": {
                "type": "authorization_code",
                "code": PLANTED["planted code"],
                "redirect_uri": "http://x",
            },
            "clinic-3": {"type": "sealed_token_set", "jwe": token_set["refresh_token"]},
            "clinic-4": {**grant(self.control, wide), "code": code},
        }
        for clinic, given in grants.items():
            self.platform.publish("connect-completed", {"clinic_id": clinic, "grant": given})
            until(lambda c=clinic: self.platform.events("connection-changed", clinic_id=c), "the refusal")  # type: ignore[misc]

    def _end(self) -> None:
        self.platform.publish("disconnect", {"clinic_id": CLINIC, "erase": "never"})
        until(lambda: value(self.database_url, "SELECT 1 FROM allie_xero.certificate"), "the certificate")

    def _at_once(self, statement: str) -> None:
        with psycopg.connect(libpq_url(self.database_url), autocommit=True) as owner:
            owner.execute(statement.encode())


def test_no_canary_is_on_any_surface(  # noqa: PLR0917 - every surface is a fixture
    service: Deployment,
    main_platform: Platform,
    world: World,
    xero: Running,
    database_url: str,
    vhost_url: str,
    postgres: Service,
    rabbitmq: Broker,
) -> None:
    organisation, _ = (xero.control.create_organisation(staff=6, runs=3, seed=seed) for seed in (1, 2))
    xero.control.create_organisation(region="NZ", staff=3, runs=1, seed=3)
    for clinic in world.clinics.values():
        plant(clinic)
    be_terse(database_url)
    service.start_dispatcher()
    worker = service.start_worker()
    Story(service, main_platform, xero.control, database_url).run(organisation)

    metrics = {f"metrics of {name}": service.scrape(name) for name in ("worker", "dispatcher")}
    for pid in pids_of(worker):
        assert psutil.Process(pid).rlimit(psutil.RLIMIT_CORE) == (0, 0), "a crash writes no memory to disk"
        os.kill(pid, signal.SIGABRT)
    worker.wait(30)
    service.running.remove(worker)

    secrets = {**tokens(world), **PLANTED, **PRIVATE}
    sweep = Sweep({**secrets, "name": NAME}, {"name": NAMED})
    surfaces = {
        **of_processes(service),
        **metrics,
        **of_events(main_platform),
        **of_database(database_url),
        **of_queues(vhost_url, HELD_BY_THE_BROKER),
    }
    if isinstance(postgres, PrivatePostgres):
        surfaces["PostgreSQL's log"] = postgres.log.read_text(errors="replace")
    assert NAME in surfaces["employee.last_name"], "the canary did come through"
    assert sweep.hits(surfaces) == []
    if isinstance(rabbitmq, PrivateRabbitmq):
        on_disk = Sweep({**tokens(world), "name": NAME, "address": PRIVATE["address"]})
        assert on_disk.hits(of_folder("broker", rabbitmq.folder)) == []


def test_with_the_redaction_sabotaged_the_sweep_goes_red(
    service: Deployment, main_platform: Platform, xero: Running
) -> None:
    service.start_dispatcher()  # it declares the queues; a worker's consumers do so in their own time
    service._start("worker", program="security.sabotaged")
    planted = {"type": "authorization_code", "code": PLANTED["planted code"], "redirect_uri": "http://x"}
    main_platform.publish("connect-completed", {"clinic_id": CLINIC, "grant": planted})
    until(lambda: "incomplete" in service.logs, "the refusal")
    found = Sweep(PLANTED).hits(of_processes(service))
    assert {(hit.surface, hit.canary) for hit in found} == {("log worker.log", "planted code")}
    assert xero.control.ledger(path="/connect/token")


@pytest.mark.parametrize(("verbosity", "is_quoted"), [("default", True), ("terse", False)])
def test_postgresqls_log_quotes_rows_unless_it_is_told_to_be_terse(
    verbosity: str, is_quoted: bool, postgres: Service, database_url: str
) -> None:
    if not isinstance(postgres, PrivatePostgres):
        pytest.skip("the log of a server that was given cannot be read")
    quoted = f"quoted-{verbosity}-5e1a"
    with psycopg.connect(libpq_url(database_url), autocommit=True) as owner:
        owner.execute(f"SET log_error_verbosity = {verbosity}".encode())
        owner.execute("CREATE TABLE kept (value text CHECK (value = ''))")
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("INSERT INTO kept VALUES (%s)", [quoted])
    found = Sweep({"row": quoted}).hits({"log": postgres.log.read_text(errors="replace")})
    assert bool(found) is is_quoted


@pytest.mark.parametrize("before", ["", "a", "ab", "\u00e9", "{'x': '"])
def test_the_sweep_finds_every_spelling(before: str) -> None:
    for value_ in (*PLANTED.values(), NAME, PRIVATE["tfn"]):
        whole = f"{before}{value_}, and more"
        spelled = [
            whole,
            whole.encode().hex(),
            whole.encode().hex().upper(),
            base64.b64encode(whole.encode()).decode(),
            base64.urlsafe_b64encode(whole.encode()).decode(),
            quote(whole, safe=""),
            quote_plus(whole),
            json.dumps(whole),
            json.dumps(whole, ensure_ascii=False),
        ]
        for text in spelled:
            assert Sweep({"it": value_}).hits({"somewhere": text}), text
        assert Sweep({"it": value_}).hits({"somewhere": "nothing"}) == []
