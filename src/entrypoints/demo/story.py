"""What the demo tells, chapter by chapter."""

import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from domain.messages import ConnectCompleted, Disconnect, SyncRequested
from domain.model.connection import Region
from entrypoints.cli.output import complain, console, kilobytes, table
from entrypoints.demo.parts import NothingToRunOn, Parts, assembled
from simulator.client import REDIRECT_URI, Organisation

CLINIC = "harbour-physio"
STAFF = 14
RUNS = 26
PATIENCE_S = 120.0


class TooSlow(Exception):
    """Something that takes seconds has not come within minutes."""


def main(*, keep: bool = False, rabbitmq: bool = False) -> None:
    """Tell the story; with `keep` leave everything running until Ctrl-C, or until its terminal is closed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="allie-xero-demo-"))
    console.print("[bold]Allie-Xero[/]: a simulated clinic, from connect to certificate\n")
    try:
        with assembled(folder, rabbitmq=rabbitmq) as parts:
            _tell(parts, keep=keep)
    except NothingToRunOn as error:
        shutil.rmtree(folder)
        complain(f"The demo cannot run: {error}")
        raise SystemExit(3) from None
    except TooSlow as error:
        complain(f"{error}; the log is {folder / 'demo.log'}")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("\nStopped.")
    shutil.rmtree(folder)  # only after a failure does somebody want the log


def _tell(parts: Parts, *, keep: bool) -> None:
    console.print(f"  database   {parts.database}")
    console.print(f"  broker     {parts.broker}")
    console.print(f"  Xero       the simulator, {parts.simulator_url}")
    organisation = _source(parts)
    _connect(parts, organisation)
    _newest(parts)
    _cost(parts)
    _privacy(parts, organisation)
    _change(parts, organisation)
    if keep:
        _wait(parts)
    _disconnect(parts, organisation)


def _source(parts: Parts) -> Organisation:
    organisation = parts.control.create_organisation(
        name="Harbour Physiotherapy", staff=STAFF, runs=RUNS, seed=7
    )
    truth = parts.control.truth(organisation.tenant_id)
    payslips = sum(len(run["payslips"]) for run in truth["pay_runs"])
    console.print(
        f"\n[bold]1. In Xero[/] there is a clinic, {organisation.name}:\n"
        f"   {len(truth['employees'])} employees, {len(truth['pay_runs'])} pay runs, "
        f"{payslips} payslips, {len(truth['timesheets'])} timesheets."
    )
    return organisation


def _connect(parts: Parts, organisation: Organisation) -> None:
    console.print("\n[bold]2. The clinic clicks Connect[/], says yes in Xero, and Allie publishes one event.")
    parts.control.clear_ledger()
    code = parts.control.consent(organisation.owner, [organisation.tenant_id])
    grant = {"type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    started = time.monotonic()
    parts.publish(ConnectCompleted.type, {"clinic_id": CLINIC, "grant": grant})
    _until(lambda: _heard(parts, "connection-changed", status="active"), "the connection")
    console.print(f"   active after {time.monotonic() - started:.1f} s; reading, newest first:")
    with Progress(
        TextColumn("   {task.description}"),
        BarColumn(40),
        TextColumn("{task.percentage:>3.0f} %"),
        console=console,
    ) as progress:
        task = progress.add_task("payroll", total=None)
        while not _heard(parts, "sync-finished", mode="backfill"):
            backfill = parts.reports.backfill(_connection(parts), Region.AU)
            if backfill.calls_left:
                progress.update(task, total=100, completed=backfill.percent)
            if time.monotonic() - started > PATIENCE_S:
                raise TooSlow("the first sync did not end")
            time.sleep(0.1)
        progress.update(task, total=1, completed=1)
    console.print(f"   everything was there after {time.monotonic() - started:.1f} s")


def _newest(parts: Parts) -> None:
    console.print("\n[bold]3. The latest pay run[/], as Allie's analytics read it:\n")
    run = parts.reports.pay_runs(CLINIC)[0]
    payslips = parts.reports.ask(
        "SELECT first_name || ' ' || last_name AS name, earnings, tax, employer_pension, net_pay"
        " FROM allie_xero_read.payslip WHERE pay_run_id = :id ORDER BY earnings DESC",
        id=run["pay_run_id"],
    )
    rows = [[one["name"], *_amounts(one)] for one in payslips]
    rows.append(["[bold]the run as a whole[/]", *_amounts(run)])
    title = f"{run['period_start']:%d %b} to {run['period_end']:%d %b %Y}, {_payment(run)}"
    drawn = table(title, ("employee", "earnings", "tax", "super", "net pay"), rows)
    for column in drawn.columns[1:]:
        column.justify = "right"
    console.print(drawn)


def _payment(run: Any) -> str:
    return f"{run['status']}, payment date {run['payment_date']:%d %b}"


def _amounts(row: Any) -> list[str]:
    return [f"{row[key]:,.2f}" for key in ("earnings", "tax", "employer_pension", "net_pay")]


def _cost(parts: Parts) -> None:
    counts = parts.control.counts()
    console.print(
        f"\n[bold]4. What it cost[/]: {counts['requests']} calls to Xero, {kilobytes(counts['bytes_sent'])} "
        "on the wire."
    )


def _privacy(parts: Parts, organisation: Organisation) -> None:
    private = parts.control.truth(organisation.tenant_id, ["private"])["private"]["employees"]
    values = {one["tax_number"] for one in private if one["tax_number"]}
    values |= {account["number"] for one in private for account in one["bank_accounts"]}
    values |= {one["address"]["line1"] for one in private} | {one["date_of_birth"] for one in private}
    found = _search(parts, sorted(values))
    console.print(
        f"\n[bold]5. What was left out[/]: with it Xero sent {len(values)} tax file numbers, bank accounts,\n"
        f"   births and addresses. Every table was searched for each of them: {found} found."
    )


def _search(parts: Parts, values: list[str]) -> int:
    tables = parts.reports.ask(
        "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables"
        " WHERE table_schema = 'allie_xero' AND table_type = 'BASE TABLE'"
    )
    return sum(
        parts.reports.ask(
            f"SELECT count(*) AS hits FROM {one['name']} t, unnest(CAST(:values AS text[])) v"  # noqa: S608
            " WHERE position(v IN CAST(t AS text)) > 0",
            values=values,
        )[0]["hits"]
        for one in tables
    )


def _change(parts: Parts, organisation: Organisation) -> None:
    console.print("\n[bold]6. Later[/] the clinic posts that draft, and somebody asks for fresh data.")
    parts.control.change(organisation.tenant_id, "post_draft_run")
    parts.control.clear_ledger()
    parts.heard.clear()
    started = time.monotonic()
    parts.publish(SyncRequested.type, {"clinic_id": CLINIC, "requested_by": "demo"})
    _until(lambda: _heard(parts, "sync-finished", mode="changes"), "the posted pay run")
    counts = parts.control.counts()
    run = parts.reports.pay_runs(CLINIC)[0]
    console.print(
        f"   {_payment(run)}: known after {time.monotonic() - started:.1f} s, with {counts['requests']} "
        f"calls\n   and {kilobytes(counts['bytes_sent'])}; what had not changed was not read again."
    )


def _disconnect(parts: Parts, organisation: Organisation) -> None:
    console.print("\n[bold]7. The clinic disconnects[/].")
    parts.publish(Disconnect.type, {"clinic_id": CLINIC, "requested_by": "demo"})
    certificates = _until(
        lambda: parts.reports.ask("SELECT * FROM allie_xero.certificate ORDER BY id DESC LIMIT 1"),
        "the certificate",
    )
    visible = parts.reports.ask("SELECT count(*) AS rows FROM allie_xero_read.payslip")[0]["rows"]
    links = [one for one in parts.control.connections() if one["tenant_id"] == organisation.tenant_id]
    document = certificates[0]["document"]
    console.print(
        f"   Xero lists {len(links)} connections; {visible} payslips are visible. The certificate:\n"
    )
    rows = [[name, str(document[key])] for name, key in CERTIFIED]
    rows.append(["signature (Ed25519)", bytes(certificates[0]["signature"]).hex()[:48] + "…"])
    console.print(table("Erasure certificate", ("", ""), rows))
    console.print("\nThat was the main job. Next: README.md, or ./run test")


CERTIFIED = (
    ("clinic", "clinic_id"),
    ("destroyed", "erased"),
    ("at Xero", "revocation"),
    ("data key, gone", "key_id"),
    ("when", "at"),
)


def _wait(parts: Parts) -> None:
    file = parts.log_file.with_name("environment")
    exports = {name: text.replace("+psycopg", "") for name, text in parts.environment.items()}
    file.write_text("".join(f"export {name}={shlex.quote(text)}\n" for name, text in exports.items() if text))
    say = partial(console.print, highlight=False)
    say("\nLeft running; Ctrl-C ends it. In another terminal:")
    say(f"  . {file}        # DATABASE_URL, key ring, Xero app" + ("" if parts.amqp_url else "; no AMQP_URL"))
    say("  psql $DATABASE_URL -c 'TABLE allie_xero_read.pay_run'")
    say(f"  ./run allie-xero connections show {CLINIC}")
    say("  ./run allie-xero status; ./run allie-xero keys status; ./run allie-xero certificates verify")
    say(f"  tail -f {parts.log_file}")
    say(f"  curl {parts.simulator_url}/_sim/health")
    while True:
        time.sleep(3600)


def _connection(parts: Parts) -> int:
    return int(parts.reports.connections(CLINIC)[0]["connection_id"])


def _heard(parts: Parts, kind: str, **wanted: str) -> bool:
    return any(
        f".{kind}." in event["type"] and wanted.items() <= event["data"].items()
        for event in list(parts.heard)
    )


def _until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TooSlow(f"{what} did not come")
        time.sleep(0.05)
    return result
