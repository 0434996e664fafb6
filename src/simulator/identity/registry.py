"""Apps, users, and the organisations that users connected to apps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from simulator.identifiers import identifier

_READ_AND_WRITE = (
    *("accounting.attachments", "accounting.contacts", "accounting.settings", "accounting.transactions"),
    *("assets", "files", "payroll.employees", "payroll.payruns", "payroll.payslip", "payroll.settings"),
    "payroll.timesheets",
)
SCOPES = frozenset(
    {"openid", "profile", "email", "offline_access", "app.connections"}
    | {"accounting.reports.read", "accounting.journals.read"}
    | {scope + end for scope in _READ_AND_WRITE for end in ("", ".read")}
)
CONNECTING_ROLES = frozenset({"STANDARD", "FINANCIALADVISER"})


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered app; one without a secret must use PKCE. `scopes` None means any."""

    client_id: str
    client_secret: str | None = field(repr=False)
    name: str
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None

    def accepts(self, redirect_uri: str) -> bool:
        """Registered, or http://localhost on any port; never http://127.0.0.1."""
        address = urlsplit(redirect_uri)
        if address.scheme == "http":
            return address.hostname == "localhost"
        return redirect_uri in self.redirect_uris


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with a Xero login."""

    id: str
    email: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A user's permission for an app to reach one organisation."""

    id: str
    client_id: str
    user_id: str
    tenant_id: str
    event_id: str
    created_at: datetime
    updated_at: datetime
    live: bool = True


class Connections:
    """All connections ever made; dead ones are kept, for they may come back."""

    def __init__(self, seed: int, keeps_id: Callable[[], bool]) -> None:
        self._seed = seed
        self._keeps_id = keeps_id
        self._all: dict[tuple[str, str, str], Connection] = {}
        self._made = 0

    def connect(self, app: str, user: str, tenant: str, event: str, now: datetime) -> Connection:
        """Connect, or note a new consent on a connection that exists."""
        before = self._all.get((app, user, tenant))
        if before is None or not (before.live or self._keeps_id()):
            self._made += 1
            connection = Connection(
                id=identifier(self._seed, "connection", self._made),
                client_id=app,
                user_id=user,
                tenant_id=tenant,
                event_id=event,
                created_at=before.created_at if before else now,
                updated_at=now,
            )
        else:
            connection = replace(before, event_id=event, updated_at=now, live=True)
        self._all[app, user, tenant] = connection
        return connection

    def live(
        self, *, app: str | None = None, user: str | None = None, tenant: str | None = None
    ) -> list[Connection]:
        """The live connections of an app, a user or an organisation."""
        return [
            c
            for c in self._all.values()
            if c.live
            and app in (None, c.client_id)
            and user in (None, c.user_id)
            and tenant in (None, c.tenant_id)
        ]

    def is_live(self, app: str, user: str, tenant: str) -> bool:
        """Whether this very connection is live."""
        connection = self._all.get((app, user, tenant))
        return connection is not None and connection.live

    def drop(self, connection: Connection) -> None:
        """Disconnect."""
        key = (connection.client_id, connection.user_id, connection.tenant_id)
        self._all[key] = replace(connection, live=False)
