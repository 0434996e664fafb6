from datetime import timedelta

import pytest

from builders import CLINIC, make_request
from domain.errors import ServiceError
from domain.messages import SyncFinished
from domain.model.budget import Lane
from domain.model.ids import ClinicId
from domain.model.pauses import Pause, Scope
from domain.model.streams import Resource, Stream
from domain.model.sync import Mode
from domain.use_cases.pause import PauseRefused, pause, resume
from domain.use_cases.run_slice import SliceOutcome
from fakes.service import InMemoryService
from fakes.source import details_of, lists_of
from unit.use_cases.clinic import connected_clinic

HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> InMemoryService:
    return connected_clinic()


def rest(service: InMemoryService, scope: Scope, by: timedelta = HOUR, reason: str = "T-1") -> Pause:
    until = service.database.now + by
    return pause(scope, until, "olga", reason, transaction=service.transaction)


def finished(service: InMemoryService) -> list[str]:
    return [one.mode for one in service.database.outbox.events if isinstance(one, SyncFinished)]


def test_a_clinic_that_rests_is_not_asked_and_goes_on_by_itself(service: InMemoryService) -> None:
    rest(service, Scope(clinic_id=CLINIC))
    assert service.slice() is SliceOutcome.NOTHING_TO_DO
    assert service.xero.requests == []
    service.database.pass_time(HOUR)
    assert service.slice() is SliceOutcome.DONE


def test_a_stream_that_rests_is_left_out_and_read_afterwards(service: InMemoryService) -> None:
    begun = rest(service, Scope(stream=Stream.PAYSLIPS))
    rest(service, Scope(stream=Stream.TIMESHEETS), HOUR * 2)
    assert service.slice() is SliceOutcome.DONE
    read = {one.resource for one in details_of(service.xero.requests)}
    assert read & {Resource.PAY_RUN, Resource.PAYSLIP, Resource.TIMESHEET} == {Resource.PAY_RUN}
    assert Resource.TIMESHEETS not in lists_of(service.xero.requests)
    assert finished(service) == ["changes"], "the backfill is not over while something rests"
    assert service.database.syncs.states[service.connection().id].due_at == begun.until
    service.database.pass_time(HOUR * 2)
    service.sync()
    assert Resource.TIMESHEETS in lists_of(service.xero.requests)
    assert Resource.PAYSLIP in {one.resource for one in details_of(service.xero.requests)}
    assert finished(service)[-1] == "backfill"


def test_backfill_that_rests_makes_room_for_fresh_data(service: InMemoryService) -> None:
    rest(service, Scope(lane=Lane.BACKFILL))
    assert service.slice() is SliceOutcome.DONE
    runs = [one.source_id for one in details_of(service.xero.requests) if one.resource is Resource.PAY_RUN]
    assert runs == ["run-3"]
    resume(Scope(lane=Lane.BACKFILL), "otto", transaction=service.transaction)
    assert service.due() != []
    service.slice()
    assert finished(service)[-1] == "backfill"


@pytest.mark.parametrize("scope", [Scope(stream=Stream.LEAVE), Scope(lane=Lane.BACKFILL)], ids=str)
def test_what_does_not_rest_is_looked_at_every_hour(scope: Scope, service: InMemoryService) -> None:
    rest(service, scope, HOUR * 24)
    service.slice()
    service.xero.requests.clear()
    service.database.pass_time(HOUR * 1.2)
    assert service.due() != []
    service.slice()
    assert Resource.PAY_RUNS in lists_of(service.xero.requests)


def test_a_pass_over_nothing_but_what_rests_is_over_at_once(service: InMemoryService) -> None:
    service.slice()
    rest(service, Scope(stream=Stream.LEAVE))
    service.xero.requests.clear()
    service.request_sync(make_request(streams=frozenset({Stream.LEAVE}), mode=Mode.RECONCILE))
    service.slice()
    assert Resource.LEAVE not in lists_of(service.xero.requests)


def test_only_what_was_paused_can_be_resumed(service: InMemoryService) -> None:
    begun = rest(service, Scope(clinic_id=CLINIC))
    assert resume(Scope(), "otto", transaction=service.transaction) == []
    assert resume(Scope(clinic_id=CLINIC), "otto", transaction=service.transaction) == [begun]
    assert service.database.pauses.ended == {begun.id: "otto"}
    assert service.slice() is SliceOutcome.DONE


@pytest.mark.parametrize(
    ("scope", "by", "reason", "why"),
    [
        (Scope(), HOUR, " ", "needs an operator and a reason"),
        (Scope(), timedelta(days=15), "T-1", "at most 14 days"),
        (Scope(clinic_id=ClinicId("nobody")), HOUR, "T-1", "no connection of a clinic 'nobody'"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(
    service: InMemoryService, scope: Scope, by: timedelta, reason: str, why: str
) -> None:
    with pytest.raises(PauseRefused, match=why) as refused:
        rest(service, scope, by, reason)
    assert isinstance(refused.value, ServiceError)
    assert service.database.pauses.rows == {}
