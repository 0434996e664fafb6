from dataclasses import replace

import pytest

from builders import CLINIC
from domain.errors import NotADemoCompany
from domain.model.connection import Tenant
from domain.model.ids import ClinicId
from domain.model.probing import Finding, Probed
from domain.model.streams import Resource
from domain.model.tokens import Access
from domain.use_cases.probe_xero import probe_xero
from fakes.service import InMemoryService, make_service
from payroll_builders import make_organisation


class RememberingProbe:
    """What was asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[Tenant, Access]] = []

    def __call__(self, tenant: Tenant, access: Access) -> Probed:
        self.asked.append((tenant, access))
        return Probed(region=tenant.region, findings=[], asked=[])


def probed(service: InMemoryService, probe: RememberingProbe) -> Probed | None:
    return probe_xero(
        ClinicId(CLINIC),
        transaction=service.transaction,
        refresh=service.refresh,
        open_source=service.open_source,
        probe=probe,
    )


@pytest.fixture
def service() -> InMemoryService:
    return make_service()


def test_a_demo_company_is_probed(service: InMemoryService) -> None:
    connection = service.connect()
    service.xero.show(Resource.ORGANISATION, replace(make_organisation("tenant-1"), is_demo=True))
    probe = RememberingProbe()
    assert probed(service, probe) == Probed(region="AU", findings=[], asked=[])
    assert [tenant for tenant, _ in probe.asked] == [connection.tenant]


@pytest.mark.parametrize("is_demo", [False, None])
def test_a_clinics_own_organisation_is_never_probed(service: InMemoryService, is_demo: bool | None) -> None:
    service.connect()
    service.xero.show(Resource.ORGANISATION, replace(make_organisation("tenant-1"), is_demo=is_demo))
    probe = RememberingProbe()
    with pytest.raises(NotADemoCompany):
        probed(service, probe)
    assert probe.asked == []


def test_a_clinic_that_is_not_connected_is_not_probed(service: InMemoryService) -> None:
    assert probed(service, RememberingProbe()) is None


@pytest.mark.parametrize(("found", "differs"), [(True, False), (False, True), (None, False), ("yes", True)])
def test_a_finding_differs_only_where_xero_could_tell(found: object, differs: bool) -> None:
    finding = Finding(fact="gzip", question="Compressed?", assumed=True, found=found)
    assert finding.differs is differs
