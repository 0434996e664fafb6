from datetime import timedelta

import pytest

from builders import CLINIC
from contract.backends import Backend
from contract.given import connected, leased, request
from contract.payroll import Payroll
from domain.messages import RunSlice
from domain.model.budget import Lane
from domain.model.ids import ClinicId, PauseId
from domain.model.pauses import Pause, Scope
from domain.model.streams import Resource, Stream

HOUR = timedelta(hours=1)
OTHER = ClinicId("clinic-2")


def rest(backend: Backend, scope: Scope, by: timedelta = HOUR) -> Pause:
    with backend.operating(None) as stores:
        until, now = stores.now + by, stores.now
        return stores.pauses.add(
            Pause(id=PauseId(0), scope=scope, until=until, operator="olga", reason="T-1", created_at=now)
        )


def in_force(backend: Backend) -> list[Pause]:
    with backend.transaction(None) as stores:
        return list(stores.pauses.in_force())


def of(backend: Backend, clinic: str) -> list[Scope]:
    with backend.transaction(ClinicId(clinic)) as stores:
        return [one.scope for one in stores.pauses.of(ClinicId(clinic))]


SCOPES = [
    Scope(),
    Scope(clinic_id=CLINIC),
    Scope(stream=Stream.PAYSLIPS),
    Scope(clinic_id=CLINIC, stream=Stream.LEAVE),
    Scope(lane=Lane.BACKFILL),
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_a_pause_is_kept_as_it_was_ordered_and_ends_by_itself(backend: Backend, scope: Scope) -> None:
    begun = rest(backend, scope)
    assert in_force(backend) == [begun]
    backend.pass_time(HOUR)
    assert in_force(backend) == []


def test_a_clinic_sees_its_own_pauses_and_everybodys(backend: Backend) -> None:
    for scope in SCOPES:
        rest(backend, scope)
    assert of(backend, CLINIC) == SCOPES
    assert of(backend, OTHER) == [one for one in SCOPES if one.clinic_id is None]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_only_a_whole_pause_keeps_slices_from_beginning(backend: Backend, scope: Scope) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
    begun = rest(backend, scope)
    assert due(backend) == ([] if scope.is_whole else [RunSlice(CLINIC, connection.id)])
    with backend.transaction(CLINIC) as stores:
        assert (stores.syncs.lease(connection.id) is None) is scope.is_whole
    with backend.operating(None) as stores:
        stores.pauses.end(begun, "otto")
    assert in_force(backend) == []


def due(backend: Backend) -> list[object]:
    with backend.transaction(None) as stores:
        stores.work.queue_periodic(10)
        return list(stores.work.due(10))


@pytest.mark.parametrize("length", [HOUR / 2, HOUR * 9])
def test_ending_a_pause_early_wakes_what_waited_for_its_end(backend: Backend, length: timedelta) -> None:
    connection = connected(backend.transaction)
    other = connected(backend.transaction, OTHER, "tenant-2")
    begun = rest(backend, Scope(clinic_id=CLINIC, stream=Stream.LEAVE), length)
    for one in (connection, other):
        lease = leased(backend.transaction, one)
        with backend.transaction(one.clinic_id) as stores:
            stores.syncs.release(lease, begun.until, in_part=True)
    assert due(backend) == []
    with backend.operating(None) as stores:
        stores.pauses.end(begun, "otto")
    assert due(backend) == [RunSlice(CLINIC, connection.id)]


def test_details_that_rest_are_left_out_of_the_to_do_list(payroll: Payroll) -> None:
    with payroll.backend.transaction(CLINIC) as stores:
        for lane in Lane:
            assert stores.payroll.todo(payroll.connection.id, lane, 5, but=[Resource.EMPLOYEE]) == []
