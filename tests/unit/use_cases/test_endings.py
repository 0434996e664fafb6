from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from builders import CLINIC, make_connect, make_disconnect, make_header
from domain.errors import (
    AccessExpired,
    AccessForbidden,
    AnswerLost,
    ClientRejected,
    GrantRejected,
    Limit,
    RateLimited,
    RecordNotFound,
    ScopeMissing,
    ServiceError,
    XeroUnavailable,
)
from domain.messages import (
    ConnectionChanged,
    ErasePayroll,
    FinishDisconnect,
    KeepAlive,
    PayrollErased,
    RunSlice,
)
from domain.model.certificate import Erased, Revocation
from domain.model.connection import ConnectionStatus, Erase, Reason
from domain.model.failures import FailureState
from domain.model.ids import ClinicId, ConnectionId, TenantId, XeroConnectionId, XeroUserId
from domain.model.streams import Resource
from domain.model.sync import ListRequest, Request
from domain.model.tokens import UNUSED_TERM, Access, Credential, CredentialState, Secret
from domain.use_cases.complete_connection import ConnectOutcome
from domain.use_cases.disconnect import DisconnectOutcome
from domain.use_cases.erase_payroll import EraseOutcome
from domain.use_cases.finish_disconnect import FinishOutcome
from domain.use_cases.refresh_tokens import RefreshOutcome
from domain.use_cases.run_slice import SliceOutcome
from fakes.service import InMemoryService, make_service
from payroll_builders import make_employee

OTHER = ClinicId("clinic-2")
DAY = timedelta(days=1)


@pytest.fixture
def service() -> InMemoryService:
    service = make_service()
    service.connect()
    service.database.outbox.events.clear()
    service.authorizer.script.calls.clear()
    return service


def job(service: InMemoryService, clinic: str = CLINIC) -> FinishDisconnect:
    return FinishDisconnect(ClinicId(clinic), service.connection(clinic).id)


def told(service: InMemoryService) -> ConnectionChanged:
    event = service.database.outbox.events[-1]
    assert isinstance(event, ConnectionChanged)
    return event


def revocations(service: InMemoryService) -> list[Revocation | None]:
    return [one.revocation for one in service.database.certificates.issued]


def links(service: InMemoryService) -> int:
    return sum(len(found) for found in service.authorizer.links.values())


def test_a_disconnect_stops_at_once_and_waits_for_xero_in_a_row(service: InMemoryService) -> None:
    event = make_disconnect()
    assert service.disconnect(event) is DisconnectOutcome.DISCONNECTED
    connection = service.connection()
    assert (connection.status, connection.reason) == (ConnectionStatus.DISCONNECTED, Reason.REQUESTED)
    assert service.authorizer.script.calls == []
    assert told(service).in_reply_to == event.header.id
    assert service.due() == [FinishDisconnect(CLINIC, connection.id)]
    [credential] = service.database.credentials.to_revoke(connection.id)
    assert credential.revoke_by == service.database.now + DAY


def test_the_same_disconnect_ten_times_has_one_effect(service: InMemoryService) -> None:
    event = make_disconnect()
    outcomes = [service.disconnect(event) for _ in range(10)]
    assert outcomes == [DisconnectOutcome.DISCONNECTED] + [DisconnectOutcome.DUPLICATE] * 9
    assert len(service.database.outbox.events) == 1
    assert service.connection().generation == 2


@pytest.fixture
def connected_at(service: InMemoryService) -> datetime:
    """When the clinic has consented once more, with the event's time."""
    at = service.database.now
    event = make_connect(service.authorizer.consent("tenant-1"), header=make_header(time=at))
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    return at


@pytest.mark.parametrize("erase", [Erase.AFTER_GRACE, Erase.NEVER])
def test_a_disconnect_that_comes_after_the_clinic_has_connected_again_changes_nothing(
    service: InMemoryService, connected_at: datetime, erase: Erase
) -> None:
    event = make_disconnect(header=make_header(time=connected_at - timedelta(seconds=30)), erase=erase)
    assert service.disconnect(event) is DisconnectOutcome.SUPERSEDED
    assert service.connection().is_active
    assert (told(service).status, told(service).in_reply_to) == (ConnectionStatus.ACTIVE, event.header.id)
    assert service.disconnect(event) is DisconnectOutcome.DUPLICATE


def test_a_late_disconnect_that_wants_the_rows_gone_now_has_its_way(
    service: InMemoryService, connected_at: datetime
) -> None:
    event = make_disconnect(header=make_header(time=connected_at - timedelta(days=1)), erase=Erase.NOW)
    assert service.disconnect(event) is DisconnectOutcome.DISCONNECTED
    assert not service.connection().is_open


@pytest.mark.parametrize("seconds", [-4, 0, 60, None])
def test_a_disconnect_that_is_not_clearly_older_than_the_consent_ends_it(
    service: InMemoryService, connected_at: datetime, seconds: int | None
) -> None:
    time = None if seconds is None else connected_at + timedelta(seconds=seconds)
    assert (
        service.disconnect(make_disconnect(header=make_header(time=time))) is DisconnectOutcome.DISCONNECTED
    )
    assert not service.connection().is_open


def test_a_late_disconnect_of_a_connection_that_has_ended_since_is_answered(
    service: InMemoryService, connected_at: datetime
) -> None:
    service.disconnect(make_disconnect(header=make_header(time=connected_at + DAY)))
    late = make_disconnect(header=make_header(time=connected_at - DAY))
    assert service.disconnect(late) is DisconnectOutcome.WAS_NOT_CONNECTED


def test_a_clinic_that_never_connected_is_disconnected_too() -> None:
    service = make_service()
    event = make_disconnect()
    assert service.disconnect(event) is DisconnectOutcome.WAS_NOT_CONNECTED
    assert (told(service).status, told(service).reason) == (
        ConnectionStatus.DISCONNECTED,
        Reason.NOT_CONNECTED,
    )
    assert told(service).in_reply_to == event.header.id
    assert service.disconnect(event) is DisconnectOutcome.DUPLICATE


@pytest.mark.parametrize("reason", [Reason.CONSENT_WITHDRAWN, Reason.PAYROLL_UNAVAILABLE])
def test_a_connection_that_needs_attention_can_be_ended(service: InMemoryService, reason: Reason) -> None:
    with service.database.transaction(CLINIC) as stores:
        stores.connections.save(service.connection().needing_attention(reason))
    assert service.disconnect(make_disconnect()) is DisconnectOutcome.DISCONNECTED


def test_an_incomplete_connection_and_the_consent_that_waits_are_ended() -> None:
    service = make_service()
    service.complete_connection(make_connect(service.authorizer.consent("tenant-1", "tenant-2")))
    assert service.disconnect(make_disconnect()) is DisconnectOutcome.DISCONNECTED
    assert len(service.database.credentials.to_revoke(service.connection().id)) == 1


def test_a_connection_whose_tokens_cannot_be_opened_can_be_ended(service: InMemoryService) -> None:
    service.database.credentials.unreadable.extend(service.database.credentials.rows)
    assert service.disconnect(make_disconnect()) is DisconnectOutcome.DISCONNECTED
    assert not service.connection().is_open


def test_a_later_wish_about_the_rows_of_an_ended_connection_counts(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())
    assert service.disconnect(make_disconnect(erase=Erase.NOW)) is DisconnectOutcome.WAS_NOT_CONNECTED
    assert ErasePayroll(CLINIC, service.connection().id) in service.due()


def test_a_wish_to_keep_the_rows_counts_too(service: InMemoryService) -> None:
    service.disconnect(make_disconnect(erase=Erase.NOW))
    service.disconnect(make_disconnect(erase=Erase.NEVER))
    service.database.pass_time(90 * DAY)
    assert not any(isinstance(one, ErasePayroll) for one in service.due())


@pytest.mark.parametrize("tenants", [("tenant-2",), ("tenant-2", "tenant-3"), ()], ids=str)
def test_a_wish_about_the_rows_counts_for_those_of_earlier_connections_too(
    service: InMemoryService, tenants: tuple[str, ...]
) -> None:
    """Connecting since, to another organisation or to none yet, takes no rows out of the clinic's wish."""
    earlier = service.connection()
    service.disconnect(make_disconnect())
    service.complete_connection(make_connect(service.authorizer.consent(*tenants)))
    assert service.connection().id != earlier.id
    assert service.disconnect(make_disconnect(erase=Erase.NOW)) is DisconnectOutcome.DISCONNECTED
    assert ErasePayroll(CLINIC, earlier.id) in service.due()


def test_a_wish_to_keep_the_rows_counts_for_those_of_earlier_connections_too(
    service: InMemoryService,
) -> None:
    earlier = service.connection()
    service.disconnect(make_disconnect())
    service.complete_connection(make_connect(service.authorizer.consent()))
    service.disconnect(make_disconnect(erase=Erase.NEVER))
    service.database.pass_time(90 * DAY)
    assert ErasePayroll(CLINIC, earlier.id) not in service.due()


def test_xero_is_told_then_the_tokens_are_destroyed_and_that_is_certified(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert links(service) == 0
    assert service.database.credentials.tokens == {}
    [certificate] = service.database.certificates.issued
    assert (certificate.erased, certificate.revocation) == (Erased.TOKENS, Revocation.REVOKED)
    assert certificate.key_id in service.database.credentials.shredded.values()
    assert (certificate.clinic_id, certificate.at) == (CLINIC, service.database.now)
    assert service.due() == []


def test_a_disconnect_that_is_finished_is_nothing_to_do(service: InMemoryService) -> None:
    assert service.finish_disconnect(job(service)) is FinishOutcome.NOTHING_TO_DO
    service.disconnect(make_disconnect())
    service.finish_disconnect(job(service))
    assert service.finish_disconnect(job(service)) is FinishOutcome.NOTHING_TO_DO
    assert len(service.database.certificates.issued) == 1


def test_a_user_who_serves_another_clinic_too_keeps_that_link(service: InMemoryService) -> None:
    service.connect(OTHER, "tenant-2", "user-1")
    service.disconnect(make_disconnect())
    service.finish_disconnect(job(service))
    assert revocations(service) == [Revocation.CONNECTION_DELETED]
    assert [link.tenant_id for link in service.authorizer.links["user-1"]] == ["tenant-2"]  # type: ignore[index]
    other = service.database.credentials.live(service.connection(OTHER).id)
    assert other is not None
    assert service.refresh(OTHER, other.id, even_if_fresh=True).outcome is RefreshOutcome.REFRESHED


def test_a_token_that_may_not_be_revoked_is_worthless_before_it_is_destroyed(
    service: InMemoryService,
) -> None:
    service.connect(OTHER, "tenant-2", "user-1")
    service.disconnect(make_disconnect())
    [credential] = service.database.credentials.to_revoke(service.connection().id)
    kept = service.database.credentials.tokens[credential.id].refresh_token.reveal()
    service.finish_disconnect(job(service))
    assert service.authorizer.refresh_tokens[kept].used_at is not None


def test_a_consent_of_the_same_user_that_is_being_checked_is_not_revoked(service: InMemoryService) -> None:
    service.complete_connection(
        make_connect(service.authorizer.consent("tenant-2", "tenant-3"), clinic_id=OTHER)
    )
    service.disconnect(make_disconnect())
    service.finish_disconnect(job(service))
    assert revocations(service) == [Revocation.CONNECTION_DELETED]
    assert links(service) == 2


def test_a_consent_of_the_same_user_that_is_not_known_here_yet_is_not_revoked(
    service: InMemoryService,
) -> None:
    """Xero lists its link before the event with its code has come."""
    service.disconnect(make_disconnect())
    code = service.authorizer.consent("tenant-2")
    service.finish_disconnect(job(service))
    assert revocations(service) == [Revocation.CONNECTION_DELETED]
    assert links(service) == 1
    assert service.complete_connection(make_connect(code, clinic_id=OTHER)) is ConnectOutcome.ACTIVE
    other = service.database.credentials.live(service.connection(OTHER).id)
    assert other is not None
    assert service.refresh(OTHER, other.id, even_if_fresh=True).outcome is RefreshOutcome.REFRESHED


def test_the_links_of_a_consent_are_kept_while_another_clinic_lives_on_it_and_ended_with_that() -> None:
    """A user links two organisations at once, for one clinic, and names the second for another one later."""
    service = make_service()
    for clinic, tenant, linked in ((CLINIC, "tenant-1", ("tenant-1", "tenant-2")), (OTHER, "tenant-2", ())):
        code = service.authorizer.consent(*linked)
        event = make_connect(code, clinic_id=clinic, tenant_id=TenantId(tenant))
        assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    service.disconnect(make_disconnect())
    service.finish_disconnect(job(service))
    assert (revocations(service), links(service)) == ([Revocation.NOT_NEEDED], 2)
    service.disconnect(make_disconnect(clinic_id=OTHER))
    service.finish_disconnect(job(service, OTHER))
    assert (revocations(service)[-1], links(service)) == (Revocation.REVOKED, 0)


def test_a_consent_that_is_given_while_the_old_one_is_being_ended_is_not_revoked(
    service: InMemoryService,
) -> None:
    """A clinic that disconnects and connects again at once, as the help page tells it to."""
    service.disconnect(make_disconnect())
    ending = job(service)
    delete = service.authorizer.delete_connection

    def delete_and_connect_again(access: Access, link: XeroConnectionId) -> None:
        service.authorizer.delete_connection = delete  # type: ignore[method-assign]
        delete(access, link)
        service.connect()

    service.authorizer.delete_connection = delete_and_connect_again  # type: ignore[method-assign, assignment]
    service.finish_disconnect(ending)
    assert revocations(service) == [Revocation.CONNECTION_DELETED]
    live = service.database.credentials.live(service.connection().id)
    assert live is not None
    assert service.refresh(CLINIC, live.id, even_if_fresh=True).outcome is RefreshOutcome.REFRESHED


def test_reconnecting_ends_the_old_token_set_and_keeps_the_link(service: InMemoryService) -> None:
    connection = service.connect()
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert links(service) == 1
    assert service.connection() == connection
    live = service.database.credentials.live(connection.id)
    assert live is not None
    assert service.refresh(CLINIC, live.id, even_if_fresh=True).outcome is RefreshOutcome.REFRESHED


def withdrawn(service: InMemoryService) -> None:
    service.authorizer.refresh_tokens.clear()
    service.authorizer.expire_access()


GONE: dict[str, Callable[[InMemoryService], object]] = {
    "the consent was withdrawn": withdrawn,
    "the token is dead": lambda it: it.authorizer.script.fail("revoke", GrantRejected("dead")),
}


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
def test_what_xero_has_ended_already_is_destroyed_here_too(
    service: InMemoryService, gone: Callable[[InMemoryService], object]
) -> None:
    service.disconnect(make_disconnect())
    gone(service)
    service.database.pass_time(timedelta(minutes=26))
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert revocations(service) == [Revocation.ALREADY_WITHDRAWN]
    assert service.database.credentials.tokens == {}


@pytest.mark.parametrize(
    "then",
    [InMemoryService.connect, lambda it: it.disconnect(make_disconnect())],
    ids=["it connects again", "it disconnects"],
)
def test_that_a_consent_was_withdrawn_is_settled_once_the_clinic_has_acted(
    service: InMemoryService, then: Callable[[InMemoryService], object]
) -> None:
    withdrawn(service)
    service.slice()
    [kept] = service.database.failures.kept
    assert (kept.failure.error, kept.failure.state) == ("ConsentWithdrawn", FailureState.FAILED)
    then(service)
    assert service.database.failures.kept[0].failure.state is FailureState.RESOLVED


WEATHER = [
    XeroUnavailable("away"),
    AnswerLost("no answer"),
    ClientRejected("secret"),
    RateLimited(Limit.APP_MINUTE, None),
    AccessForbidden("something stands before Xero"),
]


@pytest.mark.parametrize("call", ["connections", "delete_connection", "revoke"])
@pytest.mark.parametrize("error", WEATHER, ids=repr)
def test_while_xero_cannot_be_told_the_tokens_stay_for_a_day_and_no_longer(
    service: InMemoryService, call: str, error: ServiceError
) -> None:
    service.disconnect(make_disconnect())
    service.authorizer.script.fail(call, *[error] * 99)
    with pytest.raises(type(error)):
        service.finish_disconnect(job(service))
    assert service.database.certificates.issued == []
    assert len(service.database.credentials.tokens) == 1
    service.database.pass_time(timedelta(hours=23))
    assert service.due() == [job(service)]
    service.database.pass_time(timedelta(hours=1))
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert revocations(service) == [Revocation.GIVEN_UP]
    [kept] = service.database.failures.kept
    assert (kept.failure.error, kept.failure.state) == ("RevocationGivenUp", FailureState.FAILED)
    assert (kept.failure.clinic_id, kept.failure.connection_id) == (CLINIC, service.connection().id)


def test_xero_is_told_as_soon_as_it_is_back(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())
    service.authorizer.script.fail("connections", XeroUnavailable("away"))
    with pytest.raises(XeroUnavailable):
        service.finish_disconnect(job(service))
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert revocations(service) == [Revocation.REVOKED]


@pytest.mark.parametrize("call", ["connections", "delete_connection"])
def test_a_token_that_expired_meanwhile_is_refreshed_to_tell_xero(
    service: InMemoryService, call: str
) -> None:
    service.disconnect(make_disconnect())
    service.authorizer.script.fail(call, AccessExpired("no"))
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert revocations(service) == [Revocation.REVOKED]


def test_an_access_token_that_xero_has_ended_before_its_time_is_replaced_to_tell_xero(
    service: InMemoryService,
) -> None:
    service.disconnect(make_disconnect())
    service.authorizer.expire_access()
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert revocations(service) == [Revocation.REVOKED]


def test_tokens_that_cannot_be_opened_are_destroyed_after_a_day(service: InMemoryService) -> None:
    service.database.credentials.unreadable.extend(service.database.credentials.rows)
    service.disconnect(make_disconnect())
    service.database.pass_time(DAY)
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert revocations(service) == [Revocation.GIVEN_UP]


def test_one_token_set_that_cannot_be_told_of_does_not_hold_up_another(service: InMemoryService) -> None:
    service.connect(user="user-2")
    service.disconnect(make_disconnect())
    assert len(service.database.credentials.tokens) == 2
    service.authorizer.script.fail("connections", XeroUnavailable("away"))
    with pytest.raises(XeroUnavailable):
        service.finish_disconnect(job(service))
    assert len(service.database.credentials.tokens) == 1


def erased(service: InMemoryService) -> ErasePayroll:
    return ErasePayroll(CLINIC, service.connection().id)


def test_payroll_is_erased_certified_and_told(service: InMemoryService) -> None:
    with service.database.transaction(CLINIC) as stores:
        stores.payroll.save(service.connection().id, [make_employee("a"), make_employee("b")])
    service.disconnect(make_disconnect(erase=Erase.NOW))
    assert service.erase_payroll(erased(service)) is EraseOutcome.ERASED
    [certificate] = service.database.certificates.issued
    assert (certificate.erased, certificate.rows["employee"]) == (Erased.PAYROLL, 2)
    event = service.database.outbox.events[-1]
    assert isinstance(event, PayrollErased)
    assert event.rows == certificate.rows
    assert service.connection().erased_at == service.database.now
    assert not service.database.payroll.payroll.of("employee", service.connection().id)


def test_payroll_is_erased_once(service: InMemoryService) -> None:
    service.disconnect(make_disconnect(erase=Erase.NOW))
    service.erase_payroll(erased(service))
    assert service.erase_payroll(erased(service)) is EraseOutcome.NOT_DUE
    assert len(service.database.certificates.issued) == 1


def test_payroll_is_not_erased_before_its_time_or_after_a_reconnect(service: InMemoryService) -> None:
    assert service.erase_payroll(erased(service)) is EraseOutcome.NOT_DUE
    service.disconnect(make_disconnect())
    assert service.erase_payroll(erased(service)) is EraseOutcome.NOT_DUE
    service.connect()
    service.database.pass_time(8 * DAY)
    assert service.erase_payroll(erased(service)) is EraseOutcome.NOT_DUE
    assert service.erase_payroll(ErasePayroll(CLINIC, ConnectionId(404))) is EraseOutcome.NOT_DUE


def keep_alive(service: InMemoryService) -> RefreshOutcome | None:
    return service.keep_alive(KeepAlive(CLINIC, service.connection().id))


def test_a_token_set_is_kept_alive_although_it_is_fresh(service: InMemoryService) -> None:
    assert keep_alive(service) is RefreshOutcome.REFRESHED
    assert service.authorizer.script.calls == ["refresh"]


def test_a_connection_without_tokens_is_not_kept_alive(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())
    assert keep_alive(service) is None


def test_a_daily_keep_alive_keeps_a_consent_for_years(service: InMemoryService) -> None:
    for _ in range(70):
        service.database.pass_time(DAY + timedelta(hours=1))
        assert KeepAlive(CLINIC, service.connection().id) in service.due()
        assert keep_alive(service) is RefreshOutcome.REFRESHED


def test_a_connection_that_xero_had_turned_away_goes_on_by_itself_if_xero_takes_it_again(
    service: InMemoryService,
) -> None:
    service.authorizer.script.fail("refresh", GrantRejected("a mistake"))
    with pytest.raises(ServiceError):
        keep_alive(service)
    assert service.connection().reason is Reason.CONSENT_WITHDRAWN
    service.database.pass_time(DAY + timedelta(hours=1))
    assert KeepAlive(CLINIC, service.connection().id) in service.due()
    keep_alive(service)
    assert service.connection().is_active
    assert (told(service).status, told(service).reason) == (ConnectionStatus.ACTIVE, None)
    assert [one.failure.state for one in service.database.failures.kept] == [FailureState.RESOLVED]
    assert RunSlice(CLINIC, service.connection().id) in service.due()


def refused(service: InMemoryService) -> None:
    """The connection waits for its clinic, and Xero lets nothing of it be read."""
    with service.database.transaction(CLINIC) as stores:
        stores.connections.save(service.connection().needing_attention(Reason.PAYROLL_UNAVAILABLE))

    def refuse(_request: Request) -> None:
        raise AccessForbidden("no")

    service.xero.meanwhile = refuse
    service.xero.requests.clear()


def test_whether_payroll_can_be_read_again_is_asked_once_a_day_in_one_call(service: InMemoryService) -> None:
    refused(service)
    for days in range(1, 4):
        service.database.pass_time(DAY + timedelta(hours=1))
        assert [one for one in service.due() if isinstance(one, KeepAlive)] != []
        keep_alive(service)
        assert len(service.xero.requests) == days
    assert service.connection().reason is Reason.PAYROLL_UNAVAILABLE
    assert service.database.outbox.events == []


@pytest.mark.parametrize("error", [None, RecordNotFound("no such list"), ScopeMissing("leave")], ids=repr)
def test_a_connection_whose_payroll_can_be_read_again_goes_on_by_itself(
    service: InMemoryService, error: ServiceError | None
) -> None:
    refused(service)
    service.xero.meanwhile = lambda _request: None
    service.xero.fail(ListRequest(Resource.LEAVE), *filter(None, [error]))
    keep_alive(service)
    assert service.connection().is_active
    assert (told(service).status, told(service).reason) == (ConnectionStatus.ACTIVE, None)
    assert service.slice() is SliceOutcome.DONE
    keep_alive(service)
    assert sum(isinstance(one, ConnectionChanged) for one in service.database.outbox.events) == 1


def test_a_newer_consent_that_was_of_no_use_does_not_keep_a_connection_from_going_on(
    service: InMemoryService,
) -> None:
    refused(service)
    service.complete_connection(make_connect(service.authorizer.consent()))
    assert service.connection().reason is Reason.NO_ORGANISATION
    service.xero.meanwhile = lambda _request: None
    keep_alive(service)
    assert service.connection().is_active


def test_a_connection_that_has_ended_while_xero_was_asked_stays_ended(service: InMemoryService) -> None:
    refused(service)

    def end(_request: Request) -> None:
        service.disconnect(make_disconnect())

    service.xero.meanwhile = end
    keep_alive(service)
    assert service.connection().status is ConnectionStatus.DISCONNECTED


def test_while_xero_is_away_a_connection_waits_on(service: InMemoryService) -> None:
    refused(service)
    service.xero.meanwhile = lambda _request: None
    service.xero.fail(None, XeroUnavailable("away"))
    with pytest.raises(XeroUnavailable):
        keep_alive(service)
    assert service.connection().reason is Reason.PAYROLL_UNAVAILABLE


def waiting(service: InMemoryService) -> None:
    """A clinic whose consent covers two organisations, and that never chooses."""
    event = make_connect(service.authorizer.consent("tenant-2", "tenant-3", user="user-2"), clinic_id=OTHER)
    assert service.complete_connection(event) is ConnectOutcome.INCOMPLETE
    service.database.outbox.events.clear()


def test_a_consent_that_nobody_uses_is_let_go_of_after_its_term_and_told_once(
    service: InMemoryService,
) -> None:
    waiting(service)
    service.database.pass_time(UNUSED_TERM - timedelta(seconds=1))
    assert job(service, OTHER) not in service.due()
    service.database.pass_time(timedelta(seconds=1))
    assert job(service, OTHER) in service.due()
    for _ in range(2):
        service.finish_disconnect(job(service, OTHER))
    assert (told(service).status, told(service).reason) == (
        ConnectionStatus.INCOMPLETE,
        Reason.CONSENT_LAPSED,
    )
    assert told(service).choices == ()
    kept = service.database.connections.open_for(OTHER)
    assert kept is not None
    assert (kept.reason, kept.choices) == (Reason.CONSENT_LAPSED, ())
    assert len(service.database.outbox.events) == 1
    assert [one.revocation for one in service.database.certificates.issued] == [Revocation.REVOKED]
    assert XeroUserId("user-2") not in service.authorizer.links
    assert list(service.database.credentials.tokens) == [live(service).id]


def live(service: InMemoryService) -> Credential:
    found = service.database.credentials.live(service.connection().id)
    assert found is not None
    return found


def test_a_choice_after_the_term_finds_no_consent_any_more(service: InMemoryService) -> None:
    waiting(service)
    service.database.pass_time(UNUSED_TERM)
    service.finish_disconnect(job(service, OTHER))
    choice = make_connect(None, tenant_id=TenantId("tenant-2"), clinic_id=OTHER)
    assert service.complete_connection(choice) is ConnectOutcome.INCOMPLETE
    assert told(service).reason is Reason.CODE_EXPIRED_OR_USED


def test_a_consent_within_its_term_is_left_alone_by_the_end_of_another(service: InMemoryService) -> None:
    waiting(service)
    assert service.finish_disconnect(job(service, OTHER)) is FinishOutcome.NOTHING_TO_DO
    assert service.database.credentials.pending(service.connection(OTHER).id) is not None


def test_a_newer_consent_that_lapses_leaves_a_working_one_alone(service: InMemoryService) -> None:
    before = service.connect()
    event = make_connect(service.authorizer.consent("tenant-1", "tenant-2"))
    assert service.complete_connection(event) is ConnectOutcome.INCOMPLETE
    service.database.pass_time(UNUSED_TERM)
    service.finish_disconnect(job(service))
    assert (told(service).status, told(service).reason) == (ConnectionStatus.ACTIVE, Reason.CONSENT_LAPSED)
    assert service.connection().is_active
    assert service.connection().generation == before.generation
    assert TenantId("tenant-1") in {one.tenant_id for one in service.authorizer.links[XeroUserId("user-1")]}


def test_no_token_set_is_left_behind_by_any_of_it(service: InMemoryService) -> None:
    service.connect()
    service.disconnect(make_disconnect())
    service.finish_disconnect(job(service))
    states = {one.state for one in service.database.credentials.rows.values()}
    assert states <= {CredentialState.SHREDDED}
    assert service.database.credentials.tokens == {}


def test_a_consent_whose_user_is_not_known_is_revoked_by_its_links_alone(service: InMemoryService) -> None:
    rows = service.database.credentials.rows
    [credential_id] = rows
    rows[credential_id] = replace(rows[credential_id], user_id=None)
    service.disconnect(make_disconnect())
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert links(service) == 0


def test_a_token_set_that_somebody_else_has_destroyed_meanwhile_is_certified_once(
    service: InMemoryService,
) -> None:
    service.disconnect(make_disconnect())
    revoke = service.authorizer.revoke

    def revoke_while_another_worker_does(refresh_token: Secret) -> None:
        revoke(refresh_token)
        service.authorizer.revoke = revoke  # type: ignore[method-assign]
        service.finish_disconnect(job(service))

    service.authorizer.revoke = revoke_while_another_worker_does  # type: ignore[method-assign]
    assert service.finish_disconnect(job(service)) is FinishOutcome.FINISHED
    assert len(service.database.certificates.issued) == 1


def test_a_wish_about_the_rows_leaves_rows_that_are_gone_alone(service: InMemoryService) -> None:
    service.disconnect(make_disconnect(erase=Erase.NOW))
    service.erase_payroll(erased(service))
    gone = service.connection()
    service.disconnect(make_disconnect(erase=Erase.NOW))
    assert service.connection() == gone
