from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import pytest

from builders import CLINIC, make_dead_letter, make_failure, make_request
from domain.asking import Asking
from domain.errors import Limit, RateLimited, RequestRefused, XeroUnavailable
from domain.messages import DeadLetter, WorkReplay
from domain.model.budget import LimitsSeen
from domain.model.connection import Reason, Region
from domain.model.failures import FailureState
from domain.model.ids import ClinicId, EventId, FailureId, ReplayId, SourceId, TenantId
from domain.model.kept_failure import FailureQuery
from domain.model.pauses import Scope
from domain.model.replays import ItemState, Replay, ReplayState
from domain.model.streams import Resource
from domain.model.sync import DetailRequest, ListRequest, Mode, Reply, Request
from domain.model.tokens import Access
from domain.ports import PayrollSource
from domain.use_cases.advance_replays import advance_replays
from domain.use_cases.discard_failures import discard_failures
from domain.use_cases.expire_failures import expire_failures
from domain.use_cases.pause import pause
from domain.use_cases.record_dead_letter import record_dead_letter
from domain.use_cases.replay_failures import ReplayOrder, ReplayRefused, plan_replay, replay_failures
from domain.use_cases.run_slice import SliceOutcome
from domain.use_cases.steer_replay import Steer, steer_replay
from domain.use_cases.work_replay import WorkReplayOutcome
from fakes.authorizer import Rotation
from fakes.service import InMemoryService, make_service
from fakes.source import details_of
from unit.use_cases.clinic import connected_clinic, filled

STAFF = [DetailRequest(Resource.EMPLOYEE, SourceId(f"employee-{number}")) for number in range(1, 13)]
EMPLOYEES = FailureQuery(fingerprint="RequestRefused:sync:employees")


@pytest.fixture
def service() -> InMemoryService:
    """A clinic whose twelve employees Xero has refused to show."""
    service = connected_clinic(staff=12, runs=1)
    for one in STAFF:
        service.xero.fail(one, RequestRefused("a wrong field", status=400))
    assert work(service) == 1
    service.xero.requests.clear()
    return service


def order(query: FailureQuery = EMPLOYEES, **changes: Any) -> ReplayOrder:
    return ReplayOrder(**{"query": query, "operator": "olga", "reason": "T-1", **changes})


def begin(service: InMemoryService, given: ReplayOrder, *, four_eyes_over: int | None = None) -> Replay:
    return replay_failures(given, transaction=service.transaction, four_eyes_over=four_eyes_over)


def steer(service: InMemoryService, replay: Replay, move: Steer, operator: str = "otto") -> Replay:
    return steer_replay(replay.id, move, operator, "T-1", transaction=service.transaction)


def work(service: InMemoryService, *, rounds: int = 400, pause: timedelta = timedelta(seconds=1)) -> int:
    """Tick and work until nothing is due and no replay runs; gives how many slices were run."""
    slices = 0
    for _ in range(rounds):
        advance_replays(transaction=service.transaction)
        jobs = service.due()
        for job in jobs:
            if isinstance(job, WorkReplay):
                service.work_replay(job)
            else:
                slices += 1
                service.slice(job.clinic_id)
        if not jobs and not running(service):
            return slices
        service.database.pass_time(pause)
    return slices


def running(service: InMemoryService) -> bool:
    return any(one.state is ReplayState.RUNNING for one in service.database.replays.rows.values())


def replay_of(service: InMemoryService, replay: Replay) -> Replay:
    return service.database.replays.rows[replay.id]


def items(service: InMemoryService, replay: Replay) -> Counter[ItemState]:
    rows = service.database.replays.kept_items.values()
    return Counter(one.state for one in rows if one.replay_id == replay.id)


def notes(service: InMemoryService, replay: Replay) -> list[str | None]:
    rows = service.database.replays.kept_items.values()
    return [one.note for one in rows if one.replay_id == replay.id]


def states(service: InMemoryService) -> Counter[FailureState]:
    return Counter(one.failure.state for one in service.database.failures.kept)


def fail(service: InMemoryService, *requests: Request) -> None:
    for one in requests:
        service.xero.fail(one, RequestRefused("still a wrong field", status=400))


def test_a_plan_says_how_many_whose_and_how_many_calls_and_changes_nothing(service: InMemoryService) -> None:
    plan = plan_replay(EMPLOYEES, transaction=service.transaction)
    assert plan.failures_by_clinic == {CLINIC: 12}
    assert plan.calls_by_clinic == {CLINIC: 12}
    assert plan.refused == {}
    assert plan.digest == plan_replay(EMPLOYEES, transaction=service.transaction).digest
    assert service.due() == []
    assert service.database.replays.rows == {}


def test_what_is_asked_for_twice_is_one_call(service: InMemoryService) -> None:
    connection = service.connection()
    for error in ("PageLoop", "SuspiciouslyEmpty"):
        with service.transaction(CLINIC) as stores:
            failure = make_failure(
                subject=f"pay_runs:{error}", error=error, connection_id=connection.id, stream="pay_runs"
            )
            stores.failures.record(failure)
    plan = plan_replay(FailureQuery(stream="pay_runs"), transaction=service.transaction)
    assert (len(plan.failures), plan.calls_by_clinic) == (2, {CLINIC: 1})


def test_a_canary_then_the_rest_each_asked_for_once(service: InMemoryService) -> None:
    canary = begin(service, order(canary=5))
    work(service)
    assert replay_of(service, canary).state is ReplayState.FINISHED
    assert states(service) == {FailureState.RESOLVED: 5, FailureState.FAILED: 7}
    rest = begin(service, order())
    work(service)
    assert replay_of(service, rest).state is ReplayState.FINISHED
    assert states(service) == {FailureState.RESOLVED: 12}
    assert Counter(details_of(service.xero.requests)) == Counter(STAFF)


def test_all_needs_a_canary_that_has_gone_well(service: InMemoryService) -> None:
    with pytest.raises(ReplayRefused, match=r"12 failures: try a few first.* --canary 5"):
        begin(service, order())
    fail(service, *STAFF)
    canary = begin(service, order(canary=3))
    work(service)
    assert replay_of(service, canary).state is ReplayState.STOPPED
    with pytest.raises(ReplayRefused, match="try a few first"):
        begin(service, order())


def test_a_handful_needs_no_canary(service: InMemoryService) -> None:
    few = FailureQuery(ids=[one.id for one in list(service.database.failures.rows.values())[:5]])
    replay = begin(service, order(few))
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 5}


def test_a_replay_that_does_no_good_stops_itself_and_leaves_the_rest(service: InMemoryService) -> None:
    begin(service, order(canary=1))
    work(service)
    fail(service, *STAFF)
    replay = begin(service, order())
    work(service)
    stopped = replay_of(service, replay)
    assert stopped.state is ReplayState.STOPPED
    assert items(service, replay) == {ItemState.FAILED: 10, ItemState.SKIPPED: 1}
    assert service.database.replays.audit[-1]["action"] == "stopped"
    assert states(service)[FailureState.FAILED] == 11


def test_nothing_is_replayed_without_a_name_and_a_reason(service: InMemoryService) -> None:
    for given in (order(canary=1, operator=" "), order(canary=1, reason="")):
        with pytest.raises(ReplayRefused, match="needs an operator and a reason"):
            begin(service, given)


def test_who_did_what_and_why_is_on_record(service: InMemoryService) -> None:
    replay = begin(service, order(canary=2, rate=30))
    steer(service, replay, Steer.PAUSE)
    steer(service, replay, Steer.RESUME)
    work(service)
    audit = service.database.replays.audit
    assert [(one["action"], one["operator"]) for one in audit] == [
        ("begun", "olga"),
        ("pause", "otto"),
        ("resume", "otto"),
        ("finished", "dispatcher"),
    ]
    assert audit[0]["filter"] == {"fingerprint": EMPLOYEES.fingerprint}
    assert (audit[0]["failures"], audit[0]["rate"], audit[0]["reason"]) == (2, 30, "T-1")


def test_a_rate_is_kept_and_a_pause_earns_nothing(service: InMemoryService) -> None:
    replay = begin(service, order(canary=6, rate=2))
    work(service, rounds=65)
    assert items(service, replay)[ItemState.SUCCEEDED] == 3
    steer(service, replay, Steer.PAUSE)
    work(service, rounds=300)
    assert items(service, replay)[ItemState.SUCCEEDED] == 3
    steer(service, replay, Steer.RESUME)
    assert work(service, rounds=5) <= 1
    assert items(service, replay)[ItemState.QUEUED] == 3
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 6}


def test_what_was_replayed_before_a_cancel_stays_so(service: InMemoryService) -> None:
    replay = begin(service, order(canary=6, rate=2))
    work(service, rounds=31)
    assert steer(service, replay, Steer.CANCEL).state is ReplayState.CANCELLED
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 2, ItemState.SKIPPED: 4}
    assert states(service) == {FailureState.RESOLVED: 2, FailureState.FAILED: 10}
    with pytest.raises(ReplayRefused, match="is cancelled"):
        steer(service, replay, Steer.RESUME)
    with pytest.raises(ReplayRefused, match="there is no replay 404"):
        steer_replay(ReplayId(404), Steer.PAUSE, "otto", "", transaction=service.transaction)


def test_bulk_may_need_a_second_pair_of_eyes(service: InMemoryService) -> None:
    begin(service, order(canary=5), four_eyes_over=5)
    work(service)
    replay = begin(service, order(), four_eyes_over=5)
    assert replay.state is ReplayState.AWAITING_APPROVAL
    work(service, rounds=5)
    assert states(service)[FailureState.FAILED] == 7
    with pytest.raises(ReplayRefused, match="somebody else has to approve"):
        steer(service, replay, Steer.APPROVE, "olga")
    steer(service, replay, Steer.APPROVE)
    work(service)
    assert states(service) == {FailureState.RESOLVED: 12}


def test_one_failure_is_in_one_replay_at_a_time(service: InMemoryService) -> None:
    replay = begin(service, order(canary=12))
    plan = plan_replay(EMPLOYEES, transaction=service.transaction)
    assert plan.refused == {f"replay {replay.id} has it; see: allie-xero replay show {replay.id}": 12}
    with pytest.raises(ReplayRefused, match="nothing to replay"):
        begin(service, order(canary=1))


def test_what_is_not_for_replaying_is_refused_with_what_to_do_first(service: InMemoryService) -> None:
    connection = service.connection()
    with service.transaction(CLINIC) as stores:
        until = stores.now + timedelta(minutes=3)
        for state in FailureState:
            failure = make_failure(
                state=state, subject=f"pay_runs:{state}", connection_id=connection.id, until=until
            )
            stores.failures.record(failure)
        stores.failures.record(make_failure(place="refresh", subject="credential:1"))
        stores.failures.record(make_failure(place="finish_disconnect", subject="credential:2"))
        stores.failures.record(
            make_failure(place="queue:allie-xero.control", subject="abc", connection_id=None)
        )
        stores.connections.save(connection)
    refused = plan_replay(FailureQuery(), transaction=service.transaction).refused
    words = "; ".join(refused)
    for word in ("tried again by itself", "limit of this minute", "limit of today", "Xero is away"):
        assert word in words
    for word in ("clinic must connect again", "tokens are destroyed", "publishes it again"):
        assert word in words


def test_failures_of_a_clinic_that_must_reconnect_are_skipped_with_the_reason(
    service: InMemoryService,
) -> None:
    replay = begin(service, order(canary=5))
    with service.transaction(CLINIC) as stores:
        stores.connections.save(service.connection().needing_attention(Reason.DISCONNECTED_IN_XERO))
    work(service)
    assert items(service, replay) == {ItemState.SKIPPED: 5}
    assert set(notes(service, replay)) == {"its clinic must connect again first; it has been told why"}


def test_what_was_mended_meanwhile_counts_as_done(service: InMemoryService) -> None:
    replay = begin(service, order(canary=2))
    service.request_sync(make_request(mode=Mode.RECONCILE))
    assert service.slice() is SliceOutcome.DONE
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 2}


def test_a_list_is_read_whole_again_however_lately_it_was_read(service: InMemoryService) -> None:
    lists = ListRequest(Resource.PAY_CALENDARS)
    service.database.pass_time(timedelta(hours=1))
    service.request_sync(make_request())
    service.slice()
    record_on(service, subject="pay_calendars:?", error="UnreadableRecord", stream="settings")
    service.xero.requests.clear()
    replay = begin(service, order(FailureQuery(stream="settings")))
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 1}
    assert [one for one in service.xero.requests if one == lists] == [lists]


def test_a_record_that_its_list_shows_no_more_is_settled_by_the_list(service: InMemoryService) -> None:
    record_on(service, subject="users:gone", error="UnreadableRecord", stream="users")
    replay = begin(service, order(FailureQuery(stream="users")))
    work(service, rounds=90)
    assert items(service, replay) == {ItemState.SUCCEEDED: 1}
    assert replay_of(service, replay).state is ReplayState.FINISHED


def test_what_reads_well_and_is_still_odd_has_failed_again(service: InMemoryService) -> None:
    record_on(service, subject="pay_run:run-1:PayRunDoesNotTie", error="PayRunDoesNotTie", stream="pay_runs")
    replay = begin(service, order(FailureQuery(stream="pay_runs")))
    work(service, rounds=90)
    assert items(service, replay) == {ItemState.FAILED: 1}
    assert notes(service, replay) == ["read again, and still so"]
    assert replay_of(service, replay).state is ReplayState.STOPPED


def test_a_slice_that_has_failed_is_run_again(service: InMemoryService) -> None:
    service.xero.fail(ListRequest(Resource.USERS), RuntimeError("a bug"))
    service.request_sync(make_request(mode=Mode.FULL))
    with pytest.raises(RuntimeError):
        service.slice()
    query = FailureQuery(fingerprint="RuntimeError:slice")
    replay = begin(service, order(query))
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 1}


def record_on(service: InMemoryService, **changes: object) -> None:
    with service.transaction(CLINIC) as stores:
        stores.failures.record(make_failure(connection_id=service.connection().id, **changes))


def test_a_slice_under_way_is_not_disturbed(service: InMemoryService) -> None:
    with service.transaction(CLINIC) as stores:
        stores.syncs.wake(service.connection().id)
        lease = stores.syncs.lease(service.connection().id)
    replay = begin(service, order(canary=3))
    work(service, rounds=10)
    assert items(service, replay) == {ItemState.RELEASED: 3}
    assert lease is not None
    with service.transaction(CLINIC) as stores:
        stores.syncs.release(lease, None)
    work(service)
    assert items(service, replay) == {ItemState.SUCCEEDED: 3}


def test_a_second_delivery_of_the_same_job_does_nothing(service: InMemoryService) -> None:
    replay = begin(service, order(canary=3))
    advance_replays(transaction=service.transaction)
    [job] = [job for job in service.due() if isinstance(job, WorkReplay)]
    assert service.work_replay(job) is WorkReplayOutcome.WORKED
    service.work_replay(job)
    work(service)
    assert len(details_of(service.xero.requests)) == 3
    assert items(service, replay) == {ItemState.SUCCEEDED: 3}
    assert service.work_replay(job) is WorkReplayOutcome.NOTHING_TO_DO
    assert service.work_replay(WorkReplay(CLINIC, ReplayId(404))) is WorkReplayOutcome.NOTHING_TO_DO


def test_a_clinic_at_its_limit_waits_and_holds_up_nobody_else(service: InMemoryService) -> None:
    replay = begin(service, order(canary=3))
    service.xero.fail(STAFF[0], RateLimited(Limit.DAY, timedelta(hours=5)))
    work(service, rounds=30)
    assert items(service, replay)[ItemState.STARTED] >= 1
    assert not items(service, replay)[ItemState.FAILED]
    work(service, rounds=400, pause=timedelta(minutes=2))
    assert items(service, replay) == {ItemState.SUCCEEDED: 3}


def test_what_nothing_comes_of_is_given_up_after_two_days(service: InMemoryService) -> None:
    replay = begin(service, order(canary=3))
    service.xero.fail(None, *[XeroUnavailable("away", status=503)] * 400)
    work(service, rounds=5)
    service.database.pass_time(timedelta(days=3))
    work(service, rounds=5)
    assert items(service, replay) == {ItemState.FAILED: 3}


def letter(**changes: object) -> DeadLetter:
    event = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "allie-platform",
        "type": "allie.xero.sync-requested.v1",
        "data": {"clinic_id": CLINIC, "mode": "full"},
    }
    values = {
        "is_readable": True,
        "code": "delivery_limit",
        "type": event["type"],
        "event_id": EventId("event-1"),
        "clinic_id": CLINIC,
        "event": event,
    }
    return make_dead_letter(**{**values, **changes})


def test_a_dead_letter_is_worked_again_under_its_own_id_and_only_once(service: InMemoryService) -> None:
    record_dead_letter(letter(), transaction=service.transaction)
    query = FailureQuery(fingerprint="delivery_limit:allie.xero.sync-requested.v1")
    assert plan_replay(query, transaction=service.transaction).calls_by_clinic == {CLINIC: 10}
    replay = begin(service, order(query))
    work(service)
    assert (items(service, replay), notes(service, replay)) == ({ItemState.SUCCEEDED: 1}, ["queued"])
    record_dead_letter(letter(), transaction=service.transaction)
    again = begin(service, order(query))
    work(service)
    assert (items(service, again), notes(service, again)) == ({ItemState.SUCCEEDED: 1}, ["duplicate"])


def test_a_connect_is_worked_again_only_while_its_tokens_are_held(service: InMemoryService) -> None:
    kind = "allie.xero.connect-completed.v1"
    event = {**(letter().event or {}), "type": kind, "data": {"clinic_id": "clinic-9"}}
    clinic = ClinicId("clinic-9")
    dead = letter(type=kind, event=event, clinic_id=clinic)
    record_dead_letter(dead, transaction=service.transaction)
    query = FailureQuery(clinic_id=clinic)
    [why] = plan_replay(query, transaction=service.transaction).refused
    assert why.startswith("a grant is never kept")


def test_an_event_that_fails_again_is_another_attempt(service: InMemoryService) -> None:
    document = {**(letter().event or {}), "type": "allie.xero.unheard-of.v1"}
    record_dead_letter(letter(event=document), transaction=service.transaction)
    replay = begin(service, order(FailureQuery(clinic_id=CLINIC, since=None, ids=last(service))))
    work(service)
    assert items(service, replay) == {ItemState.FAILED: 1}
    assert notes(service, replay) == ["UnreadableMessage"]
    assert service.database.failures.kept[-1].attempts == 2


def test_an_event_that_ended_its_worker_is_not_tried_again(service: InMemoryService) -> None:
    record_dead_letter(letter(), transaction=service.transaction)
    replay = begin(service, order(FailureQuery(ids=last(service))))
    advance_replays(transaction=service.transaction)
    with service.transaction(CLINIC) as stores:
        [item] = stores.replays.items(replay.id, CLINIC)
        stores.replays.save_item(item.started(stores.now))
    work(service, rounds=12, pause=timedelta(minutes=1))
    assert items(service, replay) == {ItemState.FAILED: 1}
    assert notes(service, replay) == ["nothing came of it"]


def last(service: InMemoryService) -> list[FailureId]:
    return [list(service.database.failures.rows)[-1]]


def test_discarding_needs_a_reason_and_spares_what_is_being_replayed(service: InMemoryService) -> None:
    with pytest.raises(ReplayRefused, match="needs an operator and a reason"):
        discard_failures(EMPLOYEES, "olga", "", transaction=service.transaction)
    begin(service, order(canary=2))
    discarded = discard_failures(EMPLOYEES, "olga", "never mind", transaction=service.transaction)
    assert len(discarded) == 10
    assert states(service) == {FailureState.DISCARDED: 10, FailureState.FAILED: 2}
    assert service.database.failures.settled[discarded[0]] == ("olga", "never mind")


def test_what_rests_is_replayed_when_it_goes_on(service: InMemoryService) -> None:
    until = service.database.now + timedelta(hours=1)
    pause(Scope(clinic_id=CLINIC), until, "olga", "T-1", transaction=service.transaction)
    [why] = plan_replay(EMPLOYEES, transaction=service.transaction).refused
    assert why == "it is paused until 20 Nov 04:00 UTC; see: allie-xero pauses"


def test_a_list_that_is_still_to_be_read_is_waited_for(service: InMemoryService) -> None:
    record_on(service, subject="users:gone", error="UnreadableRecord", stream="users")
    replay = begin(service, order(FailureQuery(stream="users")))
    advance_replays(transaction=service.transaction)
    for _ in range(3):
        [job] = [job for job in service.due() if isinstance(job, WorkReplay)]
        service.work_replay(job)
        service.database.pass_time(timedelta(seconds=61))
    assert items(service, replay) == {ItemState.STARTED: 1}


def test_a_limit_at_xeros_identity_service_parks_too(service: InMemoryService) -> None:
    service.authorizer.expire_access()
    service.database.pass_time(timedelta(hours=1))
    service.authorizer.script.fail("refresh", RateLimited(Limit.MINUTE, None))
    service.request_sync(make_request())
    assert service.slice() is SliceOutcome.FAILED
    assert states(service)[FailureState.PARKED_MINUTE] == 1


def test_failures_are_forgotten_half_a_year_after_their_last_attempt(service: InMemoryService) -> None:
    service.database.pass_time(timedelta(days=179))
    assert expire_failures(transaction=service.transaction) == 0
    service.database.pass_time(timedelta(days=2))
    assert expire_failures(transaction=service.transaction) == 12
    assert states(service) == {}


CLINICS = 5
EACH = 200
A_MINUTE = 60


@dataclass
class MeteredXero:
    """Counts what every organisation is asked, and refuses its sixty-first call of a minute."""

    service: InMemoryService
    asked: Counter[tuple[TenantId, Request]] = field(default_factory=Counter)
    refused: int = 0
    windows: dict[TenantId, tuple[datetime, int]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def open(self, tenant: TenantId, region: Region | None, access: Access) -> "MeteredSource":
        return MeteredSource(self, tenant, self.service.xero.open(tenant, region, access))

    def count(self, tenant: TenantId, request: Request) -> int:
        """How many calls are left in this minute after this one."""
        with self.lock:
            self.asked[tenant, request] += 1
            now = self.service.database.now
            began, used = self.windows.get(tenant, (now, 0))
            if now - began >= timedelta(minutes=1):
                began, used = now, 0
            self.windows[tenant] = (began, used + 1)
            self.refused += used >= A_MINUTE
            if used >= A_MINUTE:
                raise RateLimited(Limit.MINUTE, timedelta(minutes=1))
            return A_MINUTE - used - 1


@dataclass(frozen=True)
class MeteredSource:
    meter: MeteredXero
    tenant: TenantId
    source: PayrollSource

    def ask(self, request: Request) -> Asking[Reply]:
        left = self.meter.count(self.tenant, request)
        reply = yield from self.source.ask(request)
        return replace(reply, limits=LimitsSeen(minute=left))


def test_a_thousand_of_one_cause_are_replayed_once_each_and_within_every_clinics_limits() -> None:
    tenants = [f"tenant-{number}" for number in range(1, CLINICS + 1)]
    service = filled(make_service(Rotation.GRACE_ALL, *tenants), staff=EACH, runs=0)
    staff = [
        DetailRequest(Resource.EMPLOYEE, SourceId(f"employee-{number}")) for number in range(1, EACH + 1)
    ]
    for one in staff:
        service.xero.fail(one, *[RequestRefused("a wrong field", status=400)] * CLINICS)
    meter = MeteredXero(service)
    service.open_source = meter.open
    for number, tenant in enumerate(tenants, 1):
        service.connect(f"clinic-{number}", tenant, f"user-{number}")
    while states(service)[FailureState.FAILED] < CLINICS * EACH:
        work(service)
        service.database.pass_time(timedelta(seconds=10))
    work(service)
    meter.asked.clear()
    meter.refused = 0

    canary = begin(service, order(canary=5))
    work(service)
    clinics = {one.clinic_id for one in service.database.replays.kept_items.values()}
    assert (replay_of(service, canary).state, len(clinics)) == (ReplayState.FINISHED, CLINICS)
    rest = begin(service, order())
    work(service, rounds=4_000, pause=timedelta(seconds=4))
    assert replay_of(service, rest).state is ReplayState.FINISHED
    assert states(service)[FailureState.FAILED] == 0
    details = {key: times for key, times in meter.asked.items() if isinstance(key[1], DetailRequest)}
    assert (len(details), set(details.values())) == (1_000, {1})
    assert meter.refused == 0
