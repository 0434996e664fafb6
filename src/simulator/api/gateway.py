"""The API's gateway: who asks, for whom, may they, is there room; then the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from simulator.api.endpoint import BadRequest, Broken, Call, Endpoint, NotFound, NotModified, Routes
from simulator.api.envelopes import Envelope, Newer, Older, Stamp
from simulator.api.limits import Refusal
from simulator.identity.service import Access, Unauthenticated
from simulator.ledger import Visit
from simulator.payroll.clinic import Clinic
from simulator.regions.routes import ACCOUNTING, AU, NEWER_ROUTES
from simulator.replies import JSON, Headers, Reply, Request, refusal
from simulator.settings import Denial
from simulator.world import World, reaches

_SCOPE_DENIED = (b"www-authenticate", b"insufficient_scope")
_ID_LENGTH = 36
_OLDER, _NEWER = Older(), Newer()


class _Refused(Exception):
    """The gateway says no. `tenant` is whose limit counters the answer shows, besides the app's."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        headers: Headers | None = None,
        *,
        tenant: str | None = None,
        body: str | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.headers = status, detail, headers
        self.tenant, self.body = tenant, body


@dataclass(frozen=True, slots=True)
class Exchange:
    """One API request on its way to its reply."""

    world: World
    request: Request
    visit: Visit
    instance: str
    now: datetime

    def reply(self, swap: Callable[[Clinic], Clinic]) -> Reply:
        """
        The reply, with the limit headers Xero would add.

        `swap` says whose data is shown in place of the organisation asked for: its own, but for a fault.
        """
        limiter = self.world.limiter
        try:
            access, clinic = self._admitted(self.visit.tenant)
            envelope, endpoint, ids = self._resource(access, clinic)
            self._within_limits(access, clinic)
        except Unauthenticated as error:
            return refusal(401, str(error), self.instance)
        except _Refused as refused:
            reply = refusal(refused.status, refused.detail, self.instance, refused.headers)
            reply.head = reply.head if refused.body is None else refused.body.encode()
            reply.headers += limiter.headers(refused.tenant)
            return reply
        stamp = Stamp(self.instance, self.world.identity.apps[access.client_id].name, self.now)
        reply = self._found(swap(clinic), endpoint, envelope, ids, stamp)
        reply.headers += limiter.headers(clinic.organisation.id)
        return reply

    def _admitted(self, tenant: str | None) -> tuple[Access, Clinic]:
        """Who asks, and for which organisation."""
        authorization = self.request.header(b"authorization") or ""
        access = self.world.identity.authenticate(authorization, self.now)
        self.visit.user = access.user_id
        if refused := self.world.limiter.refuse_app(self.now):
            raise self._limited(refused, None)
        clinic = self.world.clinics.get(tenant or "")
        if clinic is None or not self._reaches(access, clinic):
            raise _Refused(403, "AuthenticationUnsuccessful")
        return access, clinic

    def _resource(self, access: Access, clinic: Clinic) -> tuple[Envelope, Endpoint | None, tuple[str, ...]]:
        """What is asked for, if the scopes allow it."""
        envelope, routes, path = _api(self.request.path, clinic)
        ids = tuple(part for part in path if len(part) == _ID_LENGTH)
        endpoint = routes.get(tuple("{}" if part in ids else part.lower() for part in path))
        if self.request.method != "GET" or (endpoint and endpoint.scope not in access.scopes):
            raise _Refused(401, "AuthorizationUnsuccessful", [_SCOPE_DENIED])
        return envelope, endpoint, ids

    def _within_limits(self, access: Access, clinic: Clinic) -> None:
        tenant = clinic.organisation.id
        if refused := self.world.limiter.refuse(tenant, self.visit.tenant_in_flight, self.now):
            raise self._limited(refused, tenant)
        if denial := self._denial(access, clinic):
            raise _Refused(denial.status, denial.detail, tenant=tenant, body=denial.body)

    def _limited(self, refused: Refusal, tenant: str | None) -> _Refused:
        headers = self.world.limiter.refusal_headers(refused, self.now)
        return _Refused(429, "", headers, tenant=tenant)

    def _reaches(self, access: Access, clinic: Clinic) -> bool:
        user, tenant = access.user_id, clinic.organisation.id
        if user is None or not reaches(clinic, user):
            return False
        return self.world.identity.connections.is_live(access.client_id, user, tenant)

    def _denial(self, access: Access, clinic: Clinic) -> Denial | None:
        settings, organisation = self.world.settings, clinic.organisation
        path = self.request.path.lower()
        if path.startswith("/api.xro/"):
            return None
        if organisation.region not in NEWER_ROUTES or organisation.payroll != "active":
            return settings.payroll_not_set_up
        if not clinic.members[access.user_id or ""].payroll_admin:
            return settings.not_payroll_admin
        if path.startswith("/payroll.xro/1.0/") and organisation.region != "AU":
            return settings.wrong_region
        return None

    def _found(
        self,
        clinic: Clinic,
        endpoint: Endpoint | None,
        envelope: Envelope,
        ids: tuple[str, ...],
        stamp: Stamp,
    ) -> Reply:
        if endpoint is None:
            return envelope.not_found(stamp)
        since = _instant(self.request.header(b"if-modified-since"))
        call = Call(clinic, self.world.settings, ids, self.request.query, since)
        key = (clinic.organisation.id, clinic.version, id(endpoint), ids, self.request.raw_query, since)
        try:
            content = self.world.contents.get(key, lambda: envelope.body(endpoint.answer(call)))
        except NotFound:
            return envelope.not_found(stamp)
        except NotModified:
            return Reply(304)
        except BadRequest as error:
            return envelope.bad_request(stamp, error)
        except Broken:
            return refusal(500, "An error occurred in Xero. Check the API Status page", self.instance)
        return Reply(200, envelope.head(stamp), [JSON], content)


def _api(path: str, clinic: Clinic) -> tuple[Envelope, Routes, list[str]]:
    """The envelope and routes behind a path, and the path's parts below them."""
    name, version, *rest = path.strip("/").split("/")
    if name.lower() == "api.xro":
        return _OLDER, ACCOUNTING, rest
    if version == "1.0":
        return _OLDER, AU, rest
    return _NEWER, NEWER_ROUTES.get(clinic.organisation.region, {}), rest


def _instant(text: str | None) -> datetime | None:
    """If-Modified-Since in either of the forms in use, ISO 8601 or HTTP-date; None if it is neither."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime) if text else ():
        try:
            moment = parse(text or "")
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
