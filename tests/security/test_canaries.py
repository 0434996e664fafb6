"""
Unique values are pushed through every path, good and bad; then every surface is searched for them.

Tokens, codes and what no field of ours reads must be nowhere; a name may be where names are kept.
"""

import base64
import json
import os
import signal
from urllib.parse import quote, quote_plus

import psutil
import psycopg
import pytest
from dramatiq.common import dq_name, xq_name
from psycopg import sql

from deployment.operating import Operator
from deployment.platform import QUEUE, Platform
from deployment.processes import Deployment, pids_of, until
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from entrypoints.local.service import Service
from security.canaries import NAME, PRIVATE, Sweep, plant, tokens
from security.commands import of_command_line
from security.story import CLINIC, HANDED_OVER, PLANTED, Story
from security.surfaces import of_database, of_events, of_folder, of_processes, of_queues, since
from services.brokers import Broker
from services.databases import database_in, libpq_url
from simulator.server import Running
from simulator.world import World
from workers.queues import QUEUES

NAMED = frozenset({"employee.last_name"})
"""Where the name of an employee is kept."""

HELD_BY_THE_BROKER = [*QUEUES, *map(dq_name, QUEUES), *map(xq_name, QUEUES), QUEUE]


def be_terse(database_url: str) -> None:
    """As `docs/operations.md` asks of the server: its log quotes no rows."""
    with psycopg.connect(libpq_url(database_url), autocommit=True) as owner:
        name = sql.Identifier(database_in(database_url))
        owner.execute(sql.SQL("ALTER DATABASE {} SET log_error_verbosity = terse").format(name))


def test_no_canary_is_on_any_surface(  # noqa: PLR0917 - every surface is a fixture
    service: Deployment,
    main_platform: Platform,
    world: World,
    xero: Running,
    database_url: str,
    vhost_url: str,
    postgres: Service,
    rabbitmq: Broker,
    operator: Operator,
) -> None:
    organisation, _ = (xero.control.create_organisation(staff=6, runs=3, seed=seed) for seed in (1, 2))
    for seed, region in enumerate(("NZ", "UK"), start=3):
        xero.control.create_organisation(region=region, staff=3, runs=1, seed=seed)
    for clinic in world.clinics.values():
        plant(clinic)
    be_terse(database_url)
    before = of_folder("broker", rabbitmq.folder) if isinstance(rabbitmq, PrivateRabbitmq) else {}
    service.start_dispatcher()
    worker = service.start_worker()
    story = Story(service, main_platform, xero.control, database_url)
    story.run(organisation)

    metrics = {f"metrics of {name}": service.scrape(name) for name in ("worker", "dispatcher")}
    for pid in pids_of(worker):
        assert psutil.Process(pid).rlimit(psutil.RLIMIT_CORE) == (0, 0), "a crash writes no memory to disk"
        os.kill(pid, signal.SIGABRT)
    worker.wait(30)
    service.running.remove(worker)

    secrets = {**tokens(world), **story.sent, **PLANTED, **PRIVATE}
    sweep = Sweep({**secrets, "name": NAME}, {"name": NAMED})
    surfaces = {
        **of_processes(service),
        **metrics,
        **of_events(main_platform),
        **of_command_line(operator),
        **of_database(database_url),
        **of_queues(vhost_url, HELD_BY_THE_BROKER),
    }
    if isinstance(postgres, PrivatePostgres):
        surfaces["PostgreSQL's log"] = postgres.log.read_text(errors="replace")
    assert NAME in surfaces["employee.last_name"], "the canary did come through"
    assert sweep.hits(surfaces) == []
    if isinstance(rabbitmq, PrivateRabbitmq):
        on_disk = since(before, of_folder("broker", rabbitmq.folder))
        found = {hit.canary for hit in Sweep(story.sent).hits(on_disk)}
        assert found, "what the main platform sends is there, and the sweep sees it"
        ours = {name: text for name, text in secrets.items() if text not in story.sent.values()}
        assert Sweep({**ours, "name": NAME}).hits(on_disk) == []


def test_with_the_redaction_sabotaged_the_sweep_goes_red(
    service: Deployment, main_platform: Platform, xero: Running
) -> None:
    service.start_dispatcher()  # it declares the queues; a worker's consumers do so in their own time
    service._start("worker", program="security.sabotaged")
    planted = {"type": "authorization_code", "code": HANDED_OVER["sent code"], "redirect_uri": "http://x"}
    main_platform.publish("connect-completed", {"clinic_id": CLINIC, "grant": planted})
    until(lambda: "incomplete" in service.logs, "the refusal")
    found = Sweep(HANDED_OVER).hits(of_processes(service))
    assert {(hit.surface, hit.canary) for hit in found} == {("log worker.log", "sent code")}
    assert xero.control.ledger(path="/connect/token")


def test_a_canary_that_a_command_prints_turns_the_sweep_red(operator: Operator) -> None:
    planted = HANDED_OVER["sent token"]
    operator.run("pause", "--everything", "--until", "30m", "--reason", planted)
    found = Sweep(HANDED_OVER).hits(of_command_line(operator))
    assert {"allie-xero pauses", "allie-xero pauses --json"} <= {hit.surface for hit in found}
    assert {hit.canary for hit in found} == {"sent token"}


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
    for value_ in (*PLANTED.values(), *HANDED_OVER.values(), NAME, PRIVATE["tfn"]):
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
