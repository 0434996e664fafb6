"""The control API under `/_sim`: make organisations, change them, break things, look at the ledger."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.client import CLIENT_ID
from simulator.faults import Fault
from simulator.identity.consent import consented
from simulator.identity.registry import App
from simulator.identity.service import AuthorizeError
from simulator.ledger import Visit
from simulator.payroll.changes.make import ImpossibleChange, make_change
from simulator.payroll.clinic import Clinic
from simulator.payroll.generator import ClinicOptions, with_organisation
from simulator.payroll.truth import PARTS, truth
from simulator.settings import Settings, patched
from simulator.world import World

_Body = dict[str, Any]
_Work = Callable[[Request, _Body], Any]


class _Missing(LookupError):
    """There is no such thing; the argument says what."""


def control_application(world: World) -> Starlette:
    """The control API for a world."""
    control = _Control(world)
    paths: list[tuple[str, dict[str, _Work]]] = [
        ("/health", {"GET": control.health}),
        ("/reset", {"POST": control.reset}),
        ("/settings", {"GET": control.settings, "PATCH": control.change_settings}),
        ("/clock", {"GET": control.clock, "POST": control.set_clock}),
        ("/apps", {"GET": control.apps, "POST": control.add_app}),
        ("/users", {"GET": control.users, "POST": control.add_user}),
        ("/organisations", {"GET": control.organisations, "POST": control.add_organisation}),
        ("/organisations/{id}", {"GET": control.organisation, "DELETE": control.end_organisation}),
        ("/organisations/{id}/truth", {"GET": control.truth}),
        ("/organisations/{id}/changes", {"POST": control.change}),
        ("/organisations/{id}/disconnect", {"POST": control.disconnect}),
        ("/organisations/{id}/users/{user}", {"PUT": control.set_member, "DELETE": control.drop_member}),
        ("/consent", {"POST": control.consent}),
        ("/connections", {"GET": control.connections}),
        ("/tokens", {"GET": control.tokens}),
        ("/tokens/expire", {"POST": control.expire_tokens}),
        ("/tokens/kill", {"POST": control.kill_tokens}),
        ("/faults", {"GET": control.faults, "POST": control.add_fault, "DELETE": control.clear_faults}),
        ("/faults/{id:int}", {"DELETE": control.remove_fault}),
        ("/ledger", {"GET": control.ledger, "DELETE": control.clear_ledger}),
        ("/ledger/counts", {"GET": control.ledger_counts}),
    ]
    routes = [
        Route(f"/_sim{path}", _endpoint(work), methods=[method])
        for path, methods in paths
        for method, work in methods.items()
    ]
    return Starlette(routes=routes)


def _endpoint(work: _Work) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = msgspec.json.decode(raw, type=_Body) if raw else {}
            answer, status = work(request, body), 200
        except _Missing as error:
            answer, status = {"error": f"no such {error}"}, 404
        except ImpossibleChange as error:
            answer, status = {"error": str(error)}, 409
        except (AuthorizeError, ValueError, KeyError, TypeError) as error:
            answer, status = {"error": str(error)}, 400
        return Response(msgspec.json.encode(answer), status, media_type="application/json")

    return endpoint


class _Control:
    """One method for each operation; what a method returns is sent as JSON."""

    def __init__(self, world: World) -> None:
        self._world = world

    def health(self, _: Request, __: _Body) -> Any:
        world = self._world
        return {"status": "ok", "seed": world.seed, "organisations": len(world.clinics), "now": world.clock()}

    def reset(self, _: Request, body: _Body) -> Any:
        settings = patched(Settings(), body.get("settings", {}))
        self._world.reset(body.get("seed", self._world.seed), settings)
        return {}

    def settings(self, _: Request, __: _Body) -> Any:
        return self._world.settings

    def change_settings(self, _: Request, body: _Body) -> Any:
        self._world.change_settings(patched(self._world.settings, body))
        return self._world.settings

    def clock(self, _: Request, __: _Body) -> Any:
        clock = self._world.clock
        return {"now": clock(), "frozen": clock.is_frozen}

    def set_clock(self, request: Request, body: _Body) -> Any:
        clock = self._world.clock
        if "freeze" in body:
            at = body["freeze"]
            clock.freeze(datetime.fromisoformat(at) if isinstance(at, str) else None)
        if body.get("thaw"):
            clock.thaw()
        clock.advance(timedelta(seconds=body.get("advance_seconds", 0)))
        return self.clock(request, {})

    def apps(self, _: Request, __: _Body) -> Any:
        return list(self._world.identity.apps.values())

    def add_app(self, _: Request, body: _Body) -> Any:
        app = msgspec.convert({"client_secret": None, **body}, App)
        self._world.identity.apps[app.client_id] = app
        return app

    def users(self, _: Request, __: _Body) -> Any:
        return list(self._world.identity.users.values())

    def add_user(self, _: Request, body: _Body) -> Any:
        return self._world.add_user(**msgspec.convert(body, dict[str, str]))

    def organisations(self, _: Request, __: _Body) -> Any:
        return [_summary(clinic) for clinic in self._world.clinics.values()]

    def add_organisation(self, _: Request, body: _Body) -> Any:
        return _summary(self._world.add_clinic(msgspec.convert(body, ClinicOptions)))

    def organisation(self, request: Request, _: _Body) -> Any:
        return _summary(self._clinic(request))

    def end_organisation(self, request: Request, _: _Body) -> Any:
        clinic = self._clinic(request)
        with_organisation(clinic, status="ARCHIVED")
        clinic.version += 1
        return {}

    def truth(self, request: Request, _: _Body) -> Any:
        query = request.query_params
        parts = tuple(query["include"].split(",")) if "include" in query else PARTS
        return truth(self._clinic(request), parts, payslips=query.get("payslips") != "false")

    def change(self, request: Request, body: _Body) -> Any:
        clinic, world = self._clinic(request), self._world
        kind = body.pop("kind", "random")
        return make_change(clinic, kind, body, world.clock(), world.settings)

    def disconnect(self, request: Request, body: _Body) -> Any:
        tenant, connections = self._clinic(request).organisation.id, self._world.identity.connections
        dropped = connections.live(tenant=tenant, user=body.get("user_id"))
        for connection in dropped:
            connections.drop(connection)
        return {"dropped": len(dropped)}

    def set_member(self, request: Request, body: _Body) -> Any:
        clinic, user_id = self._clinic(request), request.path_params["user"]
        if user_id in self._world.identity.users and user_id not in clinic.members:
            self._world.join(clinic, self._world.identity.users[user_id])
        if user_id not in clinic.members:
            raise _Missing("user")
        stamp = self._world.clock().replace(microsecond=0)
        clinic.members[user_id] = replace(clinic.members[user_id], updated_at=stamp, **body)
        clinic.version += 1
        return clinic.members[user_id]

    def drop_member(self, request: Request, _: _Body) -> Any:
        return self.set_member(request, {"role": "REMOVED"})

    def consent(self, _: Request, body: _Body) -> Any:
        query = {"response_type": "code", "client_id": CLIENT_ID}
        names = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")
        query |= {name: body[name] for name in names if name in body}
        if "code_challenge" in query:
            query.setdefault("code_challenge_method", "S256")
        query["scope"] = " ".join(body["scopes"])
        return {"code": consented(self._world, query, body["user_id"], body["tenant_ids"])}

    def connections(self, _: Request, __: _Body) -> Any:
        return self._world.identity.connections.live()

    def tokens(self, _: Request, __: _Body) -> Any:
        return [
            {
                "family_id": family.id,
                "client_id": family.client_id,
                "user_id": family.user_id,
                "event_id": family.event_id,
                "ended": family.ended,
                "rotations": family.rotations,
                "overlaps": family.overlaps,
                "presentations": family.presentations,
                "newest_issued_at": family.newest.issued_at,
            }
            for family in self._world.identity.tokens.families.values()
        ]

    def expire_tokens(self, _: Request, body: _Body) -> Any:
        expired = self._world.identity.expire_access(self._world.clock(), body.get("user_id"))
        return {"expired": expired}

    def kill_tokens(self, _: Request, body: _Body) -> Any:
        return {"killed": self._world.identity.end_families("killed", **body)}

    def faults(self, _: Request, __: _Body) -> Any:
        return list(self._world.faults.rules.values())

    def add_fault(self, _: Request, body: _Body) -> Any:
        return self._world.faults.add(msgspec.convert(body, Fault))

    def clear_faults(self, _: Request, __: _Body) -> Any:
        self._world.faults.rules.clear()
        return {}

    def remove_fault(self, request: Request, _: _Body) -> Any:
        if not self._world.faults.remove(request.path_params["id"]):
            raise _Missing("fault")
        return {}

    def ledger(self, request: Request, _: _Body) -> Any:
        visits = self._visits(request)
        limit = int(request.query_params.get("limit", 10_000))
        ledger, kept = self._world.ledger, self._world.settings.ledger_size
        return {"seq": ledger.seq, "capacity": kept, "visits": visits[-limit:] if limit else []}

    def ledger_counts(self, request: Request, _: _Body) -> Any:
        visits = self._visits(request)
        by = request.query_params.get("by", "status").split(",")
        counts = Counter(" ".join(str(getattr(visit, name)) for name in by) for visit in visits)
        return {
            "requests": len(visits),
            "bytes_sent": sum(visit.bytes_sent for visit in visits),
            "bytes_decoded": sum(visit.bytes_decoded for visit in visits),
            "most_in_flight": max((visit.in_flight for visit in visits), default=0),
            "most_tenant_in_flight": max((visit.tenant_in_flight for visit in visits), default=0),
            "overlaps": sum(visit.overlap for visit in visits),
            "by": counts,
        }

    def clear_ledger(self, _: Request, __: _Body) -> Any:
        self._world.ledger.clear()
        return {}

    def _visits(self, request: Request) -> list[Visit]:
        query = request.query_params
        return list(
            self._world.ledger.select(
                since=int(query.get("since", 0)),
                method=query.get("method"),
                path=query.get("path"),
                tenant=query.get("tenant"),
                status=int(query["status"]) if "status" in query else None,
            )
        )

    def _clinic(self, request: Request) -> Clinic:
        clinic = self._world.clinics.get(request.path_params["id"])
        if clinic is None:
            raise _Missing("organisation")
        return clinic


def _summary(clinic: Clinic) -> _Body:
    organisation = clinic.organisation
    return {
        "tenant_id": organisation.id,
        "name": organisation.name,
        "region": organisation.region,
        "seed": clinic.seed,
        "version": clinic.version,
        "users": [
            {"user_id": m.user_id, "email": m.email, "role": m.role, "payroll_admin": m.payroll_admin}
            for m in clinic.members.values()
        ],
        "counts": {
            "employees": len(clinic.employees),
            "pay_runs": len(clinic.runs),
            "payslips": sum(len(run.entries) for run in clinic.runs.values()),
            "timesheets": len(clinic.timesheets),
            "leave": len(clinic.leave),
        },
    }
