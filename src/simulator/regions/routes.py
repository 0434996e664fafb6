"""Which paths each API has: `NEWER_ROUTES` by region, the others by themselves."""

from simulator.api.endpoint import Routes
from simulator.regions.accounting import ROUTES as ACCOUNTING
from simulator.regions.au.routes import ROUTES as AU
from simulator.regions.newer.routes import timesheet_routes
from simulator.regions.nz.routes import ROUTES as NZ
from simulator.regions.uk.routes import ROUTES as UK

NEWER_ROUTES: dict[str, Routes] = {"AU": timesheet_routes(), "NZ": NZ, "UK": UK}

__all__ = ["ACCOUNTING", "AU", "NEWER_ROUTES"]
