from collections.abc import Callable
from datetime import timedelta

import pytest

from builders import CLINIC
from domain.errors import (
    AnswerLost,
    AnswerUnreadable,
    ClientRejected,
    ConsentWithdrawn,
    Fenced,
    GrantRejected,
    Limit,
    RateLimited,
    RefreshBusy,
    ServiceError,
    XeroUnavailable,
)
from domain.messages import ConnectionChanged, KeepAlive
from domain.model.connection import ConnectionStatus, Reason
from domain.model.failures import FailureState
from domain.model.ids import CredentialId
from domain.model.tokens import Access, Credential, CredentialState, HeldTokens
from domain.use_cases.refresh_tokens import Refreshed, RefreshOutcome, refresh_tokens
from fakes.authorizer import Rotation
from fakes.service import InMemoryService, make_service

MINUTE = timedelta(minutes=1)
ID = CredentialId(1)


@pytest.fixture
def service() -> InMemoryService:
    service = make_service()
    service.connect()
    service.authorizer.script.calls.clear()
    service.database.outbox.events.clear()
    return service


def held(service: InMemoryService) -> Credential:
    return service.database.credentials.rows[ID]


def tokens(service: InMemoryService) -> HeldTokens:
    return service.database.credentials.tokens[ID]


def access(service: InMemoryService) -> Access:
    return Access(tokens(service).access_token, held(service).version)


def refresh(
    service: InMemoryService, *, refused: int | None = None, even_if_fresh: bool = False
) -> Refreshed:
    return service.refresh(CLINIC, ID, refused=refused, even_if_fresh=even_if_fresh)


def calls(service: InMemoryService) -> list[str]:
    return service.authorizer.script.calls


def meanwhile(service: InMemoryService, action: Callable[[], object]) -> None:
    """Do something at the moment in which Xero rotates the token."""
    rotate = service.authorizer.refresh

    def refresh(token: object) -> object:
        tokens = rotate(token)  # type: ignore[arg-type]
        action()
        return tokens

    service.identity = type("Meanwhile", (), {"refresh": staticmethod(refresh)})()


def test_a_fresh_access_token_is_given_without_asking_xero(service: InMemoryService) -> None:
    before = held(service)
    assert refresh(service) == Refreshed(access(service), RefreshOutcome.FRESH)
    assert calls(service) == []
    assert held(service) == before


def test_a_token_set_near_its_end_is_rotated_once(service: InMemoryService) -> None:
    before, presented = held(service), tokens(service).refresh_token
    service.database.pass_time(26 * MINUTE)
    found = refresh(service)
    assert found == Refreshed(access(service), RefreshOutcome.REFRESHED)
    assert service.authorizer.accepts(found.access)
    assert held(service).version == before.version + 1
    assert tokens(service).previous == presented
    assert refresh(service).outcome is RefreshOutcome.FRESH
    assert calls(service) == ["refresh"]


def test_a_token_that_xero_turned_down_is_rotated(service: InMemoryService) -> None:
    version = held(service).version
    assert refresh(service, refused=version).outcome is RefreshOutcome.REFRESHED
    assert refresh(service, refused=version).outcome is RefreshOutcome.FRESH
    assert calls(service) == ["refresh"]


def test_a_fresh_token_is_rotated_if_that_is_wanted(service: InMemoryService) -> None:
    assert refresh(service, even_if_fresh=True).outcome is RefreshOutcome.REFRESHED


def test_a_fresh_token_is_not_rotated_unless_that_is_wanted(service: InMemoryService) -> None:
    ports = {"transaction": service.transaction, "authorizer": service.identity, "shield": service.shield}
    assert refresh_tokens(CLINIC, ID, **ports).outcome is RefreshOutcome.FRESH  # type: ignore[arg-type]


def test_one_refresh_is_in_flight_at_most(service: InMemoryService) -> None:
    service.database.credentials.rows[ID] = held(service).claimed(service.database.now)
    for _ in range(3):
        with pytest.raises(RefreshBusy):
            refresh(service, even_if_fresh=True)
    assert calls(service) == []


def test_a_refresh_whose_holder_died_is_taken_over_after_its_lease(service: InMemoryService) -> None:
    service.database.credentials.rows[ID] = held(service).claimed(service.database.now)
    service.database.pass_time(timedelta(seconds=91))
    assert refresh(service).outcome is RefreshOutcome.RECOVERED
    assert held(service).intent_at is None


FAILURES = [
    XeroUnavailable("away"),
    ClientRejected("wrong secret"),
    RateLimited(Limit.APP_MINUTE, None),
]
IN_DOUBT = [AnswerLost("no answer"), AnswerUnreadable("half an answer")]


@pytest.mark.parametrize("error", [*FAILURES, *IN_DOUBT], ids=repr)
def test_a_failed_refresh_rests_and_changes_no_token(service: InMemoryService, error: ServiceError) -> None:
    before = held(service).version, tokens(service)
    service.authorizer.script.fail("refresh", error)
    with pytest.raises(type(error)):
        refresh(service, even_if_fresh=True)
    assert (held(service).version, tokens(service)) == before
    with pytest.raises(RefreshBusy):
        refresh(service, even_if_fresh=True)
    service.database.pass_time(31 * timedelta(seconds=1))
    assert service.authorizer.accepts(refresh(service, even_if_fresh=True).access)


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_a_refusal_that_rotated_nothing_leaves_no_doubt(
    service: InMemoryService, error: ServiceError
) -> None:
    service.authorizer.script.fail("refresh", error)
    with pytest.raises(type(error)):
        refresh(service, even_if_fresh=True)
    assert held(service).intent_at is None
    assert refresh(service).outcome is RefreshOutcome.FRESH


@pytest.mark.parametrize("error", IN_DOUBT, ids=repr)
def test_an_answer_that_was_lost_leaves_a_doubt_that_the_next_refresh_settles(
    service: InMemoryService, error: ServiceError
) -> None:
    service.authorizer.script.fail("refresh", error)
    with pytest.raises(type(error)):
        refresh(service, even_if_fresh=True)
    assert held(service).intent_at is not None
    service.database.pass_time(MINUTE)
    assert refresh(service).outcome is RefreshOutcome.RECOVERED
    assert held(service).intent_at is None


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_an_older_doubt_is_not_settled_by_an_answer_that_says_nothing_of_it(
    service: InMemoryService, error: ServiceError
) -> None:
    """The token may be rotated already, and Xero lets the old one be tried for half an hour only."""
    service.authorizer.script.lose("refresh")
    with pytest.raises(AnswerLost):
        refresh(service, even_if_fresh=True)
    service.database.pass_time(MINUTE)
    service.authorizer.script.fail("refresh", error)
    with pytest.raises(type(error)):
        refresh(service)
    assert held(service).intent_at is not None
    service.database.pass_time(MINUTE)
    assert refresh(service).outcome is RefreshOutcome.RECOVERED


def test_a_token_that_was_turned_down_leaves_a_doubt_until_the_one_before_was_tried(
    service: InMemoryService,
) -> None:
    refresh(service, even_if_fresh=True)
    service.authorizer.script.fail("refresh", GrantRejected("dead"), XeroUnavailable("away"))
    with pytest.raises(XeroUnavailable):
        refresh(service, even_if_fresh=True)
    assert held(service).intent_at is not None
    service.database.pass_time(MINUTE)
    assert refresh(service).outcome is RefreshOutcome.RECOVERED


@pytest.mark.parametrize("rotation", [Rotation.GRACE_ALL, Rotation.GRACE_LATEST])
def test_a_rotation_whose_answer_was_lost_is_recovered_within_xeros_grace(rotation: Rotation) -> None:
    service = make_service(rotation)
    service.connect()
    service.authorizer.script.lose("refresh")
    with pytest.raises(AnswerLost):
        refresh(service, even_if_fresh=True)
    service.database.pass_time(29 * MINUTE)
    found = refresh(service)
    assert found.outcome is RefreshOutcome.RECOVERED
    assert service.authorizer.accepts(found.access)
    service.database.pass_time(29 * MINUTE)
    assert service.authorizer.accepts(refresh(service).access)


@pytest.mark.parametrize("rotation", [Rotation.GRACE_ALL, Rotation.GRACE_LATEST])
def test_a_database_that_was_set_back_recovers_with_the_token_before(rotation: Rotation) -> None:
    service = make_service(rotation)
    service.connect()
    refresh(service, even_if_fresh=True)
    older = held(service), tokens(service)
    service.database.pass_time(MINUTE)
    refresh(service, even_if_fresh=True)
    service.database.credentials.rows[ID], service.database.credentials.tokens[ID] = older
    assert service.authorizer.accepts(refresh(service, even_if_fresh=True).access)


def withdrawn(service: InMemoryService) -> None:
    service.authorizer.refresh_tokens.clear()


def test_a_consent_that_was_withdrawn_is_told_to_the_clinic_once(service: InMemoryService) -> None:
    withdrawn(service)
    for _ in range(3):
        with pytest.raises((ConsentWithdrawn, RefreshBusy)):
            refresh(service, even_if_fresh=True)
    connection = service.connection()
    assert (connection.status, connection.reason) == (
        ConnectionStatus.NEEDS_ATTENTION,
        Reason.CONSENT_WITHDRAWN,
    )
    [told] = service.database.outbox.events
    assert isinstance(told, ConnectionChanged)
    assert (told.status, told.reason) == (ConnectionStatus.NEEDS_ATTENTION, Reason.CONSENT_WITHDRAWN)
    assert told.message == Reason.CONSENT_WITHDRAWN.sentence
    [kept] = service.database.failures.kept
    assert (kept.failure.state, kept.failure.error) == (FailureState.FAILED, "ConsentWithdrawn")
    assert kept.failure.clinic_id == CLINIC
    assert kept.failure.context == {"version": "0", "begun_at": service.database.now.isoformat()}
    assert service.due() == []


def test_a_withdrawn_consent_is_tried_again_once_a_day_at_most(service: InMemoryService) -> None:
    withdrawn(service)
    with pytest.raises(ConsentWithdrawn):
        refresh(service, even_if_fresh=True)
    service.database.pass_time(timedelta(hours=23))
    with pytest.raises(RefreshBusy):
        refresh(service)
    assert calls(service) == ["refresh"]


def test_what_is_kept_of_a_withdrawn_consent_holds_no_token(service: InMemoryService) -> None:
    withdrawn(service)
    with pytest.raises(ConsentWithdrawn):
        refresh(service, even_if_fresh=True)
    assert "refresh-" not in repr(service.database.failures.kept)
    assert held(service).intent_at is None


def test_a_withdrawn_consent_is_final_only_after_the_token_before_was_tried(service: InMemoryService) -> None:
    refresh(service, even_if_fresh=True)
    previous = tokens(service).previous
    service.authorizer.refresh_tokens.pop(tokens(service).refresh_token.reveal())
    found = refresh(service, even_if_fresh=True)
    assert found.outcome is RefreshOutcome.RECOVERED
    assert calls(service) == ["refresh", "refresh", "refresh"]
    assert tokens(service).previous == previous


def test_a_withdrawn_pending_consent_tells_nobody(service: InMemoryService) -> None:
    """It is the connect that is told, and says so itself."""
    consent = service.authorizer.exchange(service.authorizer.consent("tenant-1"))
    with service.database.transaction(CLINIC) as stores:
        pending = stores.credentials.hold(service.connection(), consent)
    withdrawn(service)
    with pytest.raises(ConsentWithdrawn):
        service.refresh(CLINIC, pending.id, even_if_fresh=True)
    assert service.connection().is_active
    assert service.database.outbox.events == []


def test_a_connection_that_waits_for_something_else_is_told_once_that_its_consent_is_gone(
    service: InMemoryService,
) -> None:
    """Or its clinic would mend what it was told of, in vain."""
    with service.database.transaction(CLINIC) as stores:
        stores.connections.save(service.connection().needing_attention(Reason.PAYROLL_UNAVAILABLE))
    withdrawn(service)
    for _ in range(3):
        with pytest.raises(ConsentWithdrawn):
            refresh(service, even_if_fresh=True)
        service.database.pass_time(timedelta(hours=25))
    assert service.connection().reason is Reason.CONSENT_WITHDRAWN
    [told] = service.database.outbox.events
    assert isinstance(told, ConnectionChanged)
    assert told.reason is Reason.CONSENT_WITHDRAWN
    [kept] = service.database.failures.kept
    assert kept.failure.error == "ConsentWithdrawn"


def test_a_destroyed_token_set_cannot_be_refreshed(service: InMemoryService) -> None:
    service.database.credentials.shred(held(service))
    with pytest.raises(Fenced):
        refresh(service)


def test_a_late_writer_throws_away_what_it_got(service: InMemoryService) -> None:
    """Its holder was paused past its lease, and somebody else has refreshed since (T3)."""
    later = make_late(service)
    with pytest.raises(Fenced):
        refresh(service, even_if_fresh=True)
    assert access(service) == later[0]
    assert held(service).version == 1


def test_what_a_late_writer_may_have_killed_is_put_in_doubt_and_tried_soon(service: InMemoryService) -> None:
    make_late(service)
    with pytest.raises(Fenced):
        refresh(service, even_if_fresh=True)
    assert held(service).intent_at is not None
    service.database.pass_time(timedelta(seconds=96))
    assert KeepAlive(CLINIC, service.connection().id) in service.due()
    assert refresh(service).outcome is RefreshOutcome.RECOVERED


def make_late(service: InMemoryService) -> list[Access]:
    found: list[Access] = []

    def somebody_else() -> None:
        service.identity = service.authorizer
        service.database.pass_time(timedelta(seconds=91))
        found.append(refresh(service).access)

    meanwhile(service, somebody_else)
    return found


def test_a_late_writer_that_was_refused_does_not_withdraw_what_somebody_else_has_refreshed(
    service: InMemoryService,
) -> None:
    def refuse(_token: object) -> object:
        service.identity = service.authorizer
        service.database.pass_time(timedelta(seconds=91))
        refresh(service)
        raise GrantRejected("too late")

    service.identity = type("Refusing", (), {"refresh": staticmethod(refuse)})()
    with pytest.raises(Fenced):
        refresh(service, even_if_fresh=True)
    assert service.connection().is_active


def test_a_disconnect_during_a_refresh_keeps_the_new_tokens_for_their_revocation_only(
    service: InMemoryService,
) -> None:
    def end() -> None:
        with service.database.transaction(CLINIC) as stores:
            stores.credentials.retire(held(service), stores.now + timedelta(hours=24))

    meanwhile(service, end)
    with pytest.raises(Fenced):
        refresh(service, even_if_fresh=True)
    assert held(service).state is CredentialState.REVOCATION_PENDING
    assert service.authorizer.refresh_tokens[tokens(service).refresh_token.reveal()].used_at is None


def test_a_token_set_that_was_shredded_during_its_refresh_stays_shredded(service: InMemoryService) -> None:
    meanwhile(service, lambda: service.database.credentials.shred(held(service)))
    with pytest.raises(Fenced):
        refresh(service, even_if_fresh=True)
    assert ID not in service.database.credentials.tokens
    assert ID in service.database.credentials.shredded
