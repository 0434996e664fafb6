"""
What can go wrong, how a test makes it go wrong, and how a person is told of it.

The table in docs/observability.md is made from it; `tests/faults/test_told.py` makes every row of it happen.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.crypto.generation import new_document
from adapters.crypto.keyring import write_document
from deployment.clinic import connect, rows
from deployment.platform import Platform
from deployment.processes import Deployment
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.crashing import crash
from simulator.client import Control, Organisation

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->"
HEAD = """| what goes wrong | alert | after | runbook | `allie-xero status` |
| --- | --- | --- | --- | --- |
"""

WAITED = """
UPDATE allie_xero.sync_state SET attempts = 0, work_claimed_until = NULL;
UPDATE allie_xero.credential SET cooldown_until = NULL;
"""
"""As if the service had been left alone since the last fault."""


@dataclass
class Patient:
    """The service with its surroundings, each of which can be hurt."""

    service: Deployment
    database_url: str
    node: PrivateRabbitmq
    xero: Control
    platform: Platform
    clinics: dict[str, Organisation] = field(default_factory=dict)

    @property
    def keyring(self) -> Path:
        """The key ring of every process."""
        return Path(self.service.environment["ALLIE_XERO_KEYRING_FILE"])

    def connect(self, clinic: str, organisation: Organisation) -> None:
        """Let a clinic connect."""
        self.clinics[clinic] = organisation
        connect(self.xero, self.platform, organisation, clinic)

    def ask_for_syncs(self, *clinics: str) -> None:
        """Have these clinics synced now; all of them if none is named."""
        for statement in WAITED.strip().splitlines():
            rows(self.database_url, f"{statement.rstrip(';')} RETURNING 1")
        for clinic in clinics or self.clinics:
            self.platform.publish("sync-requested", {"clinic_id": clinic})


Act = Callable[[Patient], None]


def _new_shape(patient: Patient) -> None:
    organisation = patient.xero.create_exact_organisation(staff=8, runs=1)
    patient.xero.inject("missing_id", path="*/Employees/*", tenant=organisation.tenant_id)
    patient.connect("drifts", organisation)


def _new_value(patient: Patient) -> None:
    tenant = patient.clinics["well"].tenant_id
    patient.xero.inject("unknown_enum", path="*/PayRuns*", tenant=tenant)
    patient.xero.change(tenant, "new_posted_run")
    patient.ask_for_syncs("well")


def _left(patient: Patient) -> None:
    patient.xero.disconnect(patient.clinics["leaves"].tenant_id)
    patient.ask_for_syncs("leaves")


def _day_used_up(patient: Patient) -> None:
    tenant = patient.clinics["busy"].tenant_id
    patient.xero.settings(limits=True, tenant_limits={tenant: {"day": 1}})
    patient.ask_for_syncs("busy")


def _secret_refused(patient: Patient) -> None:
    refusal = json.dumps({"error": "invalid_client"})
    patient.xero.inject("status", status=401, body=refusal, path="/connect/token")
    patient.xero.expire_tokens()
    patient.ask_for_syncs()


def _key_lost(patient: Patient) -> None:
    patient.keyring.rename(patient.keyring.with_suffix(".kept"))
    write_document(patient.keyring, new_document())
    patient.xero.expire_tokens()
    patient.ask_for_syncs()


def _key_found(patient: Patient) -> None:
    patient.keyring.with_suffix(".kept").replace(patient.keyring)


def _xero_away(patient: Patient) -> None:
    patient.xero.inject("status", status=503)
    patient.ask_for_syncs()


def _ring_missing(patient: Patient) -> None:
    patient.keyring.unlink()
    patient.service.stop(patient.service.running[-1])


def _lifted(patient: Patient) -> None:
    patient.xero.clear_faults()


@dataclass(frozen=True)
class Fault:
    """
    Something that goes wrong.

    `hurt` makes it, `mend` takes it away, `alert` must tell of it. `shows` is the line of the status, where N
    is a number and … is anything; None if all goes on and no line is due.
    """

    what: str
    alert: str
    shows: str | None
    hurt: Act
    mend: Act = _lifted

    def is_shown(self, status: list[str]) -> bool:
        """Whether the status has the line."""
        if self.shows is None:
            return True
        pattern = re.escape(self.shows).replace("…", ".+").replace("N", r"[1-9][\d,]*")
        return any(re.fullmatch(pattern, line) for line in status)

    def row(self, rule: dict[str, Any]) -> str:
        """Its row of the table."""
        severity = rule["labels"]["severity"]
        runbook = rule["annotations"]["runbook"]
        link = f"[{Path(runbook).stem}](../{runbook})"
        shown = f"`{self.shows}`" if self.shows else "no line: everything was kept"
        cells = (self.what, f"{self.alert} ({severity})", rule.get("for", "at once"), link, shown)
        return f"| {' | '.join(cells)} |\n"


STAGES = (
    (
        Fault(
            "Xero sends records in a new shape",
            "QuarantineGrowing",
            "UnreadableRecord:sync:employees quarantined N …",
            _new_shape,
        ),
        Fault("Xero sends a value that it has not sent before", "XeroUnknownValues", None, _new_value),
        Fault(
            "A clinic disconnects inside Xero",
            "ClinicNeedsAttention",
            "Connections …, N needs_attention",
            _left,
        ),
        Fault(
            "An organisation has used up its calls of the day",
            "XeroDayLimitReached",
            "Budget …, N clinics at their day limit, …",
            _day_used_up,
        ),
    ),
    (
        Fault(
            "Xero refuses our client id or secret",
            "ClientSecretRejected",
            "ClientRejected:slice retrying N …",
            _secret_refused,
        ),
    ),
    (
        Fault(
            "A key is missing from the key ring",
            "DecryptFailure",
            "SecretUnreadable:slice failed N …",
            _key_lost,
            _key_found,
        ),
    ),
    (Fault("Xero is away", "XeroOutage", "Xero is away since …; work waits for it", _xero_away),),
    (
        Fault(
            "The broker is down",
            "BrokerUnavailable",
            "Broker is away: …",
            lambda patient: crash(patient.node),
            lambda patient: patient.node.start(),
        ),
    ),
    (
        Fault(
            "The key ring is missing when workers start",
            "WorkerAbsent",
            "allie-xero.sync … 0",
            _ring_missing,
        ),
    ),
)
"""What is made to happen together, in this order."""

FAULTS = tuple(fault for stage in STAGES for fault in stage)


def table(alerts: dict[str, dict[str, Any]]) -> str:
    """The table, as it stands in the documentation."""
    return HEAD + "".join(fault.row(alerts[fault.alert]) for fault in FAULTS)


def written(page: str, text: str) -> str:
    """The page with this table in it."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{text}{END}{after}"
