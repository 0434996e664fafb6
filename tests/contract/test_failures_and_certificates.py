from dataclasses import replace

from builders import CLINIC, make_failure
from contract.backends import Backend
from contract.given import connected
from domain.model.certificate import Certificate, Erased, Revocation
from domain.model.failures import Failure, FailureState
from domain.model.ids import ConnectionId, SourceId
from fakes.failures import Counted


def record(backend: Backend, *failures: Failure) -> None:
    for failure in failures:
        with backend.transaction(failure.clinic_id) as stores:
            stores.failures.record(failure)


def test_a_failure_is_kept_as_it_was_recorded(backend: Backend) -> None:
    failure = make_failure(stream="employees", context={"status": "400"})
    record(backend, failure)
    assert backend.failures() == [Counted(failure, attempts=1)]


def test_the_same_failure_again_is_another_attempt_with_its_latest_cause(backend: Backend) -> None:
    again = make_failure(error="AnswerUnreadable", state=FailureState.RETRYING, context={"why": "html"})
    record(backend, make_failure(), again)
    assert backend.failures() == [Counted(again, attempts=2)]


def test_another_subject_place_or_connection_is_another_failure(backend: Backend) -> None:
    record(
        backend,
        make_failure(),
        make_failure(subject="employee:2"),
        make_failure(place="slice"),
        make_failure(connection_id=ConnectionId(2)),
        make_failure(connection_id=None),
    )
    assert [one.attempts for one in backend.failures()] == [1, 1, 1, 1, 1]


def test_a_failure_of_no_connection_counts_its_attempts_too(backend: Backend) -> None:
    failure = make_failure(connection_id=None, clinic_id=None)
    record(backend, failure, failure, failure)
    assert backend.failures() == [Counted(failure, attempts=3)]


def test_what_has_gone_well_since_is_resolved(backend: Backend) -> None:
    mine, other = make_failure(), make_failure(subject="employee:2")
    record(backend, mine, other)
    with backend.transaction(CLINIC) as stores:
        stores.failures.resolve(ConnectionId(1), [mine.subject])
        stores.failures.resolve(ConnectionId(2), [other.subject])
    assert [one.failure.state for one in backend.failures()] == [FailureState.RESOLVED, FailureState.FAILED]


def test_whatever_was_wrong_with_a_record_that_is_gone_is_resolved(backend: Backend) -> None:
    about_it = ["pay_run:1", "pay_run:1:PayRunDoesNotTie", "pay_runs:1"]
    others = [
        *(make_failure(subject=one) for one in ("pay_run:2", "pay_runs", "pay_runs:?")),
        make_failure(subject="connection:1", place="slice"),
        make_failure(subject="pay_run:1", connection_id=ConnectionId(2)),
    ]
    record(backend, *(make_failure(subject=one) for one in about_it), *others)
    with backend.transaction(CLINIC) as stores:
        stores.failures.resolve_gone(ConnectionId(1), {SourceId("1")})
    states = [one.failure.state for one in backend.failures()]
    assert states == [FailureState.RESOLVED] * 3 + [FailureState.FAILED] * 5


def test_a_resolved_failure_that_comes_back_is_a_new_one(backend: Backend) -> None:
    failure = make_failure()
    record(backend, failure)
    with backend.transaction(CLINIC) as stores:
        stores.failures.resolve(ConnectionId(1), [failure.subject])
    record(backend, failure)
    resolved = replace(failure, state=FailureState.RESOLVED)
    assert backend.failures() == [Counted(resolved), Counted(failure)]


def test_resolving_what_never_failed_does_nothing(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        stores.failures.resolve(ConnectionId(1), ["nothing"])
    assert backend.failures() == []


def test_a_certificate_says_what_was_destroyed_and_when(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        stores.certificates.issue(
            Certificate(
                clinic_id=CLINIC,
                connection_id=connection.id,
                erased=Erased.TOKENS,
                at=stores.now,
                key_id="key-1",
                revocation=Revocation.REVOKED,
            )
        )
        issued_at = stores.now
    [document] = backend.certificates()
    assert document == {
        "clinic_id": CLINIC,
        "connection_id": connection.id,
        "erased": "tokens",
        "at": issued_at.isoformat().replace("+00:00", "Z"),
        "key_id": "key-1",
        "revocation": "revoked",
        "rows": {},
    }
