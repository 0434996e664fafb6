"""Everything that can go right and wrong with a clinic, with the canaries on every path."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from adapters.crypto.generation import public_half
from deployment.clinic import grant, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from security.canaries import NAME, PRIVATE
from services.databases import libpq_url
from simulator.client import Control, Organisation

SEAL = Path(__file__).parents[2] / "examples" / "sealed-token-set" / "python" / "seal.py"
CLINIC = "clinic-1"
PLANTED = {"planted token": "planted-t0k3n-8e1f"}
"""What Xero's answers bring that are not as they should be."""

HANDED_OVER = {
    "sent token": "sent-t0k3n-3c9d",
    "sent code": "sent-c0de-5a7b",
    "sent number": "350264817",
}
"""What events bring that are not as they should be: the broker has these from the main platform."""

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


class Story:
    """Everything that can go right and wrong with a clinic."""

    def __init__(self, service: Deployment, platform: Platform, control: Control, database_url: str) -> None:
        self.service, self.platform, self.control, self.database_url = (
            service,
            platform,
            control,
            database_url,
        )
        self.sent = dict(HANDED_OVER)
        """Every value that the main platform has published: the codes, and token sets as they were sent."""

    def run(self, organisation: Organisation) -> None:
        with refusing_the_name(self.database_url):
            self._connect(CLINIC, self._consented(CLINIC, organisation))
            until(lambda: "StorageBug" in self.service.logs, "the refusal of the database")
            # Only now: a list that Xero refuses for good is not read again in this pass, and any may be hit.
            for number, fault in enumerate(BAD_ANSWERS):
                self.control.inject(path="/payroll.xro/*", skip=number, count=1, **fault)
        until(self._have_all_hit, "every bad answer", patience=200)
        self.control.clear_faults()
        self.platform.publish("sync-requested", {"clinic_id": CLINIC, "mode": "full", "requested_by": "test"})
        until(self._is_backfilled, "the backfill", patience=200)
        self._read_new_zealand()
        self._take_a_sealed_token_set()
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
        given = self._consented("clinic-nz", self.control.organisations()[2])
        self._connect("clinic-nz", given)
        until(lambda: is_backfilled(self.platform, "clinic-nz"), "the other country", patience=200)

    def _take_a_sealed_token_set(self) -> None:
        """The third country comes by one that is as it should be; for another clinic it is no good."""
        given = self._sealed("clinic-uk", self.control.organisations()[3])
        self._connect("clinic-5", given)
        refused = {"clinic_id": "clinic-5"}
        until(lambda: self.platform.events("connection-changed", **refused), "the refusal")
        self._connect("clinic-uk", given)
        active = {"clinic_id": "clinic-uk", "status": "active"}
        until(lambda: self.platform.events("connection-changed", **active), "the sealed connection")
        until(lambda: is_backfilled(self.platform, "clinic-uk"), "the third country", patience=200)
        assert not self.platform.events("connection-changed", **refused, status="active")

    def _consented(self, clinic: str, organisation: Organisation) -> dict[str, str]:
        given = grant(self.control, organisation)
        self.sent[f"code for {clinic}"] = given["code"]
        return given

    def _sealed(self, clinic: str, organisation: Organisation) -> dict[str, str]:
        """What the example for the main platform makes of a token set."""
        ring = json.loads(Path(self.service.environment["ALLIE_XERO_KEYRING_FILE"]).read_text())
        public = self.service.folder / "public.json"
        public.write_text(json.dumps({"receiving": {"keys": [public_half(ring["receiving"][0])]}}))
        obtained = {"clinic_id": clinic, "token_set": self.control.token_set(organisation)}
        command = [sys.executable, str(SEAL), str(public)]
        done = subprocess.run(command, input=json.dumps(obtained), capture_output=True, text=True, check=True)
        given: dict[str, str] = json.loads(done.stdout)
        self.sent[f"sealed for {clinic}"] = given["jwe"]
        return given

    def _connect(self, clinic: str, given: dict[str, str]) -> None:
        self.platform.publish("connect-completed", {"clinic_id": clinic, "grant": given})

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
            body = event % " ".join(HANDED_OVER.values())
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
                "code": HANDED_OVER["sent code"],
                "redirect_uri": "http://x",
            },
            "clinic-3": {"type": "sealed_token_set", "jwe": token_set["refresh_token"]},
            "clinic-4": {**grant(self.control, wide), "code": code},
        }
        self.sent |= {"code for clinic-4": code, "unsealed token": token_set["refresh_token"]}
        for clinic, given in grants.items():
            self._connect(clinic, given)
            until(lambda c=clinic: self.platform.events("connection-changed", clinic_id=c), "the refusal")  # type: ignore[misc]

    def _end(self) -> None:
        """One clinic goes and its payroll stays; of another everything is erased."""
        self.platform.publish("disconnect", {"clinic_id": CLINIC, "erase": "never"})
        self.platform.publish("disconnect", {"clinic_id": "clinic-uk", "erase": "now"})
        certificates = "SELECT count(DISTINCT clinic_id) FROM allie_xero.certificate"
        until(lambda: value(self.database_url, certificates) == 2, "the certificates")
        until(lambda: self.platform.events("payroll-erased", clinic_id="clinic-uk"), "the erasure")

    def _at_once(self, statement: str) -> None:
        with psycopg.connect(libpq_url(self.database_url), autocommit=True) as owner:
            owner.execute(statement.encode())
