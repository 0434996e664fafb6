from datetime import UTC, date, datetime, timedelta

import pytest

from builders import CLINIC, TENANT, make_header
from contract.backends import Backend
from domain.errors import EventBusy
from domain.messages import ConnectCompleted, Disconnect, PayrollChanged, PayrollErased, SyncRequested
from domain.model.budget import Lane
from domain.model.ids import ClinicId, EventId, SourceId
from domain.model.streams import Stream
from domain.ports import Transaction

TYPE = ConnectCompleted.type
HEADER = make_header("event-1")


def begin(backend: Backend, header: object = HEADER) -> bool:
    with backend.transaction(CLINIC) as stores:
        return stores.inbox.begin(header, TYPE)  # type: ignore[arg-type]


def test_an_event_is_begun_once_and_done_once(backend: Backend) -> None:
    assert begin(backend) is True
    with backend.transaction(CLINIC) as stores:
        stores.inbox.complete(HEADER, "active")
    for _ in range(10):
        assert begin(backend) is False
    assert backend.outcome(HEADER.id) == "active"


def test_an_event_may_be_begun_and_done_in_one_transaction(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        assert stores.inbox.begin(HEADER, TYPE)
        stores.inbox.complete(HEADER, "queued")
    assert begin(backend) is False


def test_an_event_that_somebody_works_on_is_busy(backend: Backend) -> None:
    assert begin(backend) is True
    with pytest.raises(EventBusy):
        begin(backend)


def test_an_event_whose_worker_died_can_be_begun_again_after_its_claim(backend: Backend) -> None:
    assert begin(backend) is True
    backend.pass_time(timedelta(seconds=120))
    with pytest.raises(EventBusy):
        begin(backend)
    backend.pass_time(timedelta(seconds=31))
    assert begin(backend) is True
    with pytest.raises(EventBusy):
        begin(backend)


def test_a_released_event_can_be_begun_at_once(backend: Backend) -> None:
    assert begin(backend) is True
    with backend.transaction(CLINIC) as stores:
        stores.inbox.release(HEADER)
    assert begin(backend) is True


def test_an_event_that_was_not_committed_was_not_begun(backend: Backend) -> None:
    def begin_and_fail() -> None:
        with backend.transaction(CLINIC) as stores:
            stores.inbox.begin(HEADER, TYPE)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        begin_and_fail()
    assert begin(backend) is True


def test_an_id_is_unique_within_its_source_only(backend: Backend) -> None:
    assert begin(backend) is True
    assert begin(backend, make_header("event-1", source="elsewhere")) is True
    assert begin(backend, make_header("event-2")) is True


def test_starts_that_had_no_end_are_counted_whatever_else_happens_to_the_event(backend: Backend) -> None:
    def start() -> int:
        with backend.transaction(CLINIC) as stores:
            return stores.inbox.note_start(HEADER, TYPE)

    assert [start(), start()] == [1, 2]
    assert begin(backend) is True
    with backend.transaction(CLINIC) as stores:
        stores.inbox.release(HEADER)
        stores.inbox.note_end(HEADER)
    assert start() == 2
    assert begin(backend) is True
    with backend.transaction(CLINIC) as stores:
        assert stores.inbox.note_start(make_header("event-2"), TYPE) == 1


def test_an_end_is_that_event_alone(backend: Backend) -> None:
    others = (make_header("event-1", source="elsewhere"), make_header("event-2"))
    with backend.transaction(CLINIC) as stores:
        for header in (HEADER, *others):
            assert stores.inbox.note_start(header, TYPE) == 1
        stores.inbox.note_end(HEADER)
        assert [stores.inbox.note_start(one, TYPE) for one in others] == [2, 2]
        assert stores.inbox.note_start(HEADER, TYPE) == 1


def test_an_end_that_is_noted_twice_forgives_no_later_start(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        assert stores.inbox.note_start(HEADER, TYPE) == 1
        for _ in range(2):
            stores.inbox.note_end(HEADER)
        assert stores.inbox.note_start(HEADER, TYPE) == 1


def test_an_event_that_has_not_begun_is_not_late(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        assert stores.inbox.is_overtaken(HEADER, Disconnect.type) is False
        assert stores.inbox.has_later(HEADER, TYPE, "active", MARGIN) is False


AT = datetime(2025, 11, 23, 9, tzinfo=UTC)
MARGIN = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("mine", "other", "outcome", "clinic", "is_later"),
    [
        (AT, AT + MARGIN, "active", CLINIC, True),
        (AT, AT + timedelta(seconds=4), "active", CLINIC, False),
        (AT, AT - timedelta(days=1), "active", CLINIC, False),
        (AT, None, "active", CLINIC, False),
        (None, AT, "active", CLINIC, False),
        (AT, AT + timedelta(days=1), "incomplete", CLINIC, False),
        (AT, AT + timedelta(days=1), None, CLINIC, False),
        (AT, AT + timedelta(days=1), "active", ClinicId("clinic-2"), False),
    ],
)
def test_a_later_event_is_known_by_what_both_say(  # noqa: PLR0917 -- one case each
    backend: Backend,
    mine: datetime | None,
    other: datetime | None,
    outcome: str | None,
    clinic: ClinicId,
    is_later: bool,
) -> None:
    later = make_header("event-2", time=other)
    with backend.transaction(clinic) as stores:
        stores.inbox.begin(later, TYPE)
        if outcome is not None:
            stores.inbox.complete(later, outcome)
    header = make_header("event-1", time=mine)
    with backend.transaction(CLINIC) as stores:
        stores.inbox.begin(header, Disconnect.type)
        assert stores.inbox.has_later(header, TYPE, "active", MARGIN) is is_later
        assert stores.inbox.has_later(header, Disconnect.type, "active", MARGIN) is False


def add(transaction: Transaction, *clinics: str) -> None:
    for clinic in clinics:
        with transaction(CLINIC) as stores:
            stores.outbox.add(PayrollErased(clinic_id=CLINIC, rows={clinic: 1}), f"00-{clinic}")


EARLIER, LATER = datetime(2025, 11, 20, 3, tzinfo=UTC), datetime(2025, 11, 20, 4, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


def work(backend: Backend, header: object, kind: str, *, clinic: str = CLINIC, done: bool = True) -> None:
    """Begin on an event, and have done with it; a moment passes before and after."""
    backend.pass_time(MOMENT)
    with backend.transaction(ClinicId(clinic)) as stores:
        stores.inbox.begin(header, kind)  # type: ignore[arg-type]
        if done:
            stores.inbox.complete(header, "done")  # type: ignore[arg-type]
    backend.pass_time(MOMENT)


def is_overtaken(backend: Backend, header: object) -> bool:
    with backend.transaction(CLINIC) as stores:
        return stores.inbox.is_overtaken(header, Disconnect.type)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mine", "other", "beats"),
    [(EARLIER, LATER, True), (LATER, EARLIER, False)],
)
def test_an_event_is_overtaken_by_one_that_happened_later_in_whatever_order_they_come(
    backend: Backend, mine: datetime, other: datetime, beats: bool
) -> None:
    header = make_header("mine", time=mine)
    work(backend, make_header("before", time=other), Disconnect.type)
    work(backend, header, TYPE, done=False)
    assert is_overtaken(backend, header) is beats
    work(backend, make_header("after", time=other), Disconnect.type)
    assert is_overtaken(backend, header) is beats


@pytest.mark.parametrize("time", [None, LATER])
def test_events_that_do_not_both_say_when_count_in_the_order_they_are_worked(
    backend: Backend, time: datetime | None
) -> None:
    header = make_header("mine")
    work(backend, make_header("before", time=time), Disconnect.type)
    work(backend, header, TYPE, done=False)
    assert is_overtaken(backend, header) is False
    work(backend, make_header("after", time=time), Disconnect.type)
    assert is_overtaken(backend, header) is True


def test_an_event_that_is_dated_ahead_counts_in_the_order_it_is_worked(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        now = stores.now
    ahead = make_header("ahead", time=now + timedelta(days=365))
    work(backend, ahead, Disconnect.type)
    header = make_header("mine", time=now)
    work(backend, header, TYPE, done=False)
    assert is_overtaken(backend, header) is False
    work(backend, make_header("a-little-ahead", time=now + timedelta(minutes=4)), Disconnect.type)
    assert is_overtaken(backend, header) is True


def test_an_event_is_overtaken_by_nothing_else(backend: Backend) -> None:
    header = make_header("mine", time=EARLIER)
    work(backend, header, TYPE, done=False)
    work(backend, make_header("unfinished", time=LATER), Disconnect.type, done=False)
    work(backend, make_header("another-kind", time=LATER), SyncRequested.type)
    work(backend, make_header("another-clinic", time=LATER), Disconnect.type, clinic="clinic-2")
    assert is_overtaken(backend, header) is False
    elsewhere = make_header("mine", source="elsewhere", time=LATER)
    work(backend, elsewhere, TYPE, done=False)
    work(backend, make_header("between", time=EARLIER + MOMENT), Disconnect.type)
    assert is_overtaken(backend, header) is True
    assert is_overtaken(backend, elsewhere) is False


def test_what_is_done_or_released_is_that_event_alone(backend: Backend) -> None:
    same_id, same_source = make_header("event-1", source="elsewhere"), make_header("event-2")
    for header in (HEADER, same_id, same_source):
        assert begin(backend, header)
    with backend.transaction(CLINIC) as stores:
        stores.inbox.release(HEADER)
    for header in (same_id, same_source):
        with pytest.raises(EventBusy):
            begin(backend, header)
    with backend.transaction(CLINIC) as stores:
        stores.inbox.complete(HEADER, "done")
    for header in (same_id, same_source):
        with pytest.raises(EventBusy):
            begin(backend, header)
    assert begin(backend) is False


def test_an_event_leaves_as_it_was_added(backend: Backend) -> None:
    event = PayrollChanged(
        clinic_id=CLINIC,
        tenant_id=TENANT,
        lane=Lane.FRESH,
        pay_runs=[SourceId("run-1")],
        payment_dates=[date(2026, 11, 17)],
        streams=[Stream.PAY_RUNS],
    )
    with backend.transaction(CLINIC) as stores:
        stores.outbox.add(event, "00-trace")
        added_at = stores.now
    with backend.transaction(None) as stores:
        [envelope] = stores.outbox.claim(10)
    assert (envelope.type, envelope.clinic_id, envelope.traceparent) == (event.type, CLINIC, "00-trace")
    assert abs(envelope.at - added_at) < timedelta(seconds=5)
    assert envelope.data == {
        "clinic_id": CLINIC,
        "tenant_id": TENANT,
        "lane": "fresh",
        "pay_runs": ["run-1"],
        "employees": [],
        "payment_dates": ["2026-11-17"],
        "streams": ["pay_runs"],
    }


def test_events_leave_oldest_first_with_rising_sequences_and_ids_of_their_own(backend: Backend) -> None:
    add(backend.transaction, "a", "b", "c")
    with backend.transaction(None) as stores:
        found = stores.outbox.claim(10)
    assert [one.traceparent for one in found] == ["00-a", "00-b", "00-c"]
    assert [one.sequence for one in found] == sorted({one.sequence for one in found})
    assert len({one.id for one in found}) == 3


def test_no_more_events_are_claimed_than_asked_for(backend: Backend) -> None:
    add(backend.transaction, "a", "b", "c")
    with backend.transaction(None) as stores:
        assert [one.traceparent for one in stores.outbox.claim(2)] == ["00-a", "00-b"]


def test_a_sent_event_is_not_claimed_again(backend: Backend) -> None:
    add(backend.transaction, "a", "b")
    with backend.transaction(None) as stores:
        stores.outbox.sent([stores.outbox.claim(1)[0].id])
    with backend.transaction(None) as stores:
        assert [one.traceparent for one in stores.outbox.claim(10)] == ["00-b"]


def test_an_event_that_was_claimed_and_not_sent_is_claimed_again_under_its_id(backend: Backend) -> None:
    add(backend.transaction, "a")
    ids: set[EventId] = set()
    for _ in range(2):
        with backend.transaction(None) as stores:
            ids |= {one.id for one in stores.outbox.claim(10)}
            stores.outbox.sent([])
    assert len(ids) == 1


def test_a_postponed_event_lets_the_others_pass_and_comes_back_later_each_time(backend: Backend) -> None:
    add(backend.transaction, "a", "b")
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        with backend.transaction(None) as stores:
            found = stores.outbox.claim(10)
            assert [one.traceparent for one in found] == ["00-a", "00-b"]
            stores.outbox.postpone(found[0].id)
        backend.pass_time(timedelta(seconds=wait * 0.5))
        with backend.transaction(None) as stores:
            assert [one.traceparent for one in stores.outbox.claim(10)] == ["00-b"]
        backend.pass_time(timedelta(seconds=wait * 0.6))


def test_an_event_added_for_one_type_is_not_one_of_another(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        assert stores.inbox.begin(HEADER, SyncRequested.type)
        stores.inbox.complete(HEADER, "queued")
    with backend.transaction(CLINIC) as stores:
        assert stores.inbox.begin(HEADER, ConnectCompleted.type) is False
