"""A client of the simulator's control API, on the standard library alone."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

CLIENT_ID = "A11E0A11E0A11E0A11E0A11E0A11E0A1"
CLIENT_SECRET = "simulator-secret"  # noqa: S105 -- a simulated app's, known to all
REDIRECT_URI = "http://localhost:8080/xero/callback"
SCOPES = (
    "openid",
    "profile",
    "email",
    "offline_access",
    "accounting.settings.read",
    "payroll.employees.read",
    "payroll.payruns.read",
    "payroll.payslip.read",
    "payroll.settings.read",
    "payroll.timesheets.read",
)


class ControlError(RuntimeError):
    """The control API refused; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation of the simulator; `owner` may connect it with payroll access."""

    tenant_id: str
    name: str
    region: str
    users: list[dict[str, Any]] = field(repr=False)
    counts: dict[str, int] = field(repr=False)

    @property
    def owner(self) -> str:
        """The id of the first user with payroll access."""
        return next(str(user["user_id"]) for user in self.users if user["payroll_admin"])


class Control:
    """Drives a simulator at `url`; every method raises ControlError where the simulator refuses."""

    def __init__(self, url: str, *, timeout: float = 120.0) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout

    def call(self, method: str, path: str, body: object = None, /, **query: object) -> Any:
        """One control call; `path` is below `/_sim`."""
        given = {name: value for name, value in query.items() if value is not None}
        address = f"{self.url}/_sim{path}" + (f"?{urlencode(given)}" if given else "")
        data = None if body is None else json.dumps(body, default=str).encode()
        return json.loads(self._open(urllib.request.Request(address, data, method=method)))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise ControlError(error.code, text) from error

    def health(self) -> dict[str, Any]:
        """Whether it is up, its seed and its time."""
        return dict(self.call("GET", "/health"))

    def reset(self, *, seed: int | None = None, **settings: object) -> None:
        """A new world: no organisations, faults or ledger, and default settings but for those given."""
        self.call("POST", "/reset", {"settings": settings} | ({"seed": seed} if seed is not None else {}))

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change some switches, and return all."""
        return dict(self.call("PATCH", "/settings", changes))

    def advance(self, seconds: float) -> str:
        """Move the simulator's clock on and return its time."""
        return str(self.call("POST", "/clock", {"advance_seconds": seconds})["now"])

    def freeze(self, at: str | None = None) -> str:
        """Stop the clock, at an ISO 8601 instant or now."""
        return str(self.call("POST", "/clock", {"freeze": at or True})["now"])

    def thaw(self) -> str:
        """Let the clock run again."""
        return str(self.call("POST", "/clock", {"thaw": True})["now"])

    def create_user(self, first_name: str, last_name: str, email: str) -> str:
        """Register a person and return the user id."""
        body = {"first_name": first_name, "last_name": last_name, "email": email}
        return str(self.call("POST", "/users", body)["id"])

    def create_organisation(self, **options: object) -> Organisation:
        """Make an organisation; see `docs/simulator.md` for the options."""
        return _organisation(self.call("POST", "/organisations", options))

    def create_exact_organisation(
        self, *, staff: int = 12, runs: int = 26, timesheets: str = "all", **options: object
    ) -> Organisation:
        """One with exactly `staff` x `runs` posted payslips on one calendar, and nothing else open."""
        plain = {"terminated": 0, "leave": False, "drafts": False, "unscheduled": 0, "turnover": False}
        return self.create_organisation(
            **{**plain, "staff": staff, "runs": runs, "timesheets": timesheets, **options}
        )

    def organisations(self) -> list[Organisation]:
        """All organisations."""
        return [_organisation(row) for row in self.call("GET", "/organisations")]

    def truth(self, tenant_id: str, include: Sequence[str] = (), *, payslips: bool = True) -> dict[str, Any]:
        """The ground truth of an organisation, or the parts of it named in `include`."""
        parts = ",".join(include) or None
        return dict(
            self.call(
                "GET",
                f"/organisations/{tenant_id}/truth",
                include=parts,
                payslips=None if payslips else "false",
            )
        )

    def change(self, tenant_id: str, kind: str = "random", **params: object) -> dict[str, Any]:
        """Change something at the source and return what was done."""
        return dict(self.call("POST", f"/organisations/{tenant_id}/changes", {"kind": kind, **params}))

    def disconnect(self, tenant_id: str, user_id: str | None = None) -> int:
        """Disconnect inside Xero, for one user or all; return how many connections went."""
        body = {"user_id": user_id} if user_id else {}
        return int(self.call("POST", f"/organisations/{tenant_id}/disconnect", body)["dropped"])

    def end_organisation(self, tenant_id: str) -> None:
        """The organisation is gone: deleted, or a demo company that was reset."""
        self.call("DELETE", f"/organisations/{tenant_id}")

    def set_member(self, tenant_id: str, user_id: str, **fields: object) -> None:
        """Change a user's `role` or `payroll_admin` in an organisation, or let the user join it."""
        self.call("PUT", f"/organisations/{tenant_id}/users/{user_id}", fields)

    def remove_member(self, tenant_id: str, user_id: str) -> None:
        """Remove a user from an organisation."""
        self.call("DELETE", f"/organisations/{tenant_id}/users/{user_id}")

    def consent(
        self,
        user_id: str,
        tenant_ids: Sequence[str],
        *,
        scopes: Sequence[str] = SCOPES,
        redirect_uri: str = REDIRECT_URI,
        code_challenge: str | None = None,
        client_id: str = CLIENT_ID,
    ) -> str:
        """Consent as a user would in the browser, and return the code."""
        body: dict[str, object] = {
            "user_id": user_id,
            "tenant_ids": list(tenant_ids),
            "scopes": list(scopes),
            "redirect_uri": redirect_uri,
            "client_id": client_id,
        }
        if code_challenge:
            body["code_challenge"] = code_challenge
        return str(self.call("POST", "/consent", body)["code"])

    def token_set(self, organisation: Organisation, **consent: Any) -> dict[str, Any]:
        """A token set for the organisation's owner, as the app would get it for a code."""
        code = self.consent(organisation.owner, [organisation.tenant_id], **consent)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": consent.get("redirect_uri", REDIRECT_URI),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        address = f"{self.url}/connect/token"
        request = urllib.request.Request(address, urlencode(form).encode(), method="POST")  # noqa: S310
        return dict(json.loads(self._open(request)))

    def connections(self) -> list[dict[str, Any]]:
        """All live connections."""
        return list(self.call("GET", "/connections"))

    def tokens(self) -> list[dict[str, Any]]:
        """Every token family: presentations by token, overlaps in flight, rotations."""
        return list(self.call("GET", "/tokens"))

    def expire_tokens(self, user_id: str | None = None) -> int:
        """Make access tokens expire now; return how many."""
        return int(self.call("POST", "/tokens/expire", {"user_id": user_id})["expired"])

    def kill_tokens(self, **which: str) -> int:
        """End token families by `user_id`, `client_id` or `family_id`; return how many."""
        return int(self.call("POST", "/tokens/kill", which)["killed"])

    def inject(self, kind: str, **parameters: object) -> int:
        """Put a fault in force and return its id; see `docs/simulator.md` for the kinds."""
        return int(self.call("POST", "/faults", {"kind": kind, **parameters})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with their hits."""
        return list(self.call("GET", "/faults"))

    def clear_faults(self) -> None:
        """Lift all faults."""
        self.call("DELETE", "/faults")

    def ledger(self, **filters: object) -> list[dict[str, Any]]:
        """The requests noted, oldest first; filters: since, method, path, tenant, status, limit."""
        return list(self.call("GET", "/ledger", **filters)["visits"])

    def counts(self, by: str = "status", **filters: object) -> dict[str, Any]:
        """Sums over the ledger, and counts by some fields of a visit (comma-separated)."""
        return dict(self.call("GET", "/ledger/counts", by=by, **filters))

    def clear_ledger(self) -> None:
        """Forget the requests noted."""
        self.call("DELETE", "/ledger")


def _organisation(row: dict[str, Any]) -> Organisation:
    return Organisation(row["tenant_id"], row["name"], row["region"], row["users"], row["counts"])
