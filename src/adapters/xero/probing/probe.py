"""The probe as a whole: every fact of the organisation's region."""

import time
from collections.abc import Callable, Sequence

from adapters.xero.probing.asker import Asker
from adapters.xero.probing.au import AU
from adapters.xero.probing.facts import EVERYWHERE, Fact
from adapters.xero.probing.newer import NZ, UK
from adapters.xero.transport import Transport
from domain.model.connection import Region, Tenant
from domain.model.probing import Finding, Probed
from domain.model.tokens import Access
from domain.ports import Probe

FACTS: dict[Region, Sequence[Fact]] = {
    Region.AU: (*EVERYWHERE, *AU),
    Region.NZ: (*EVERYWHERE, *NZ),
    Region.UK: (*EVERYWHERE, *UK),
}

ANOTHER_SHAPE = "an answer of another shape"


def open_probe(transport: Transport, *, wait: Callable[[float], None] = time.sleep) -> Probe:
    """See `domain.ports.Probe`."""

    def probe(tenant: Tenant, access: Access) -> Probed:
        asker = Asker(transport, tenant, access, wait=wait)
        findings = [_finding(fact, asker) for fact in FACTS[tenant.region]]
        return Probed(region=tenant.region, findings=findings, asked=asker.notes)

    return probe


def _finding(fact: Fact, asker: Asker) -> Finding:
    """What is found; an answer that lacks what the fact is about is a finding too, and its shape is kept."""
    try:
        found = fact.find(asker)
    except (KeyError, TypeError, ValueError, AttributeError):
        found = ANOTHER_SHAPE
    return Finding(fact=fact.name, question=fact.question, assumed=fact.assumed, found=found)
