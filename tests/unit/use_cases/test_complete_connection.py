from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import CLINIC, NOW, make_code, make_connect, make_disconnect, make_failure, make_header
from domain.errors import (
    AccessExpired,
    AccessForbidden,
    AnswerLost,
    AnswerUnreadable,
    ClientRejected,
    EventBusy,
    Limit,
    PermanentError,
    RateLimited,
    RecordNotFound,
    RefusalDoubted,
    RequestRefused,
    ScopeMissing,
    TransientError,
    WrongTenant,
    XeroUnavailable,
)
from domain.messages import (
    Choice,
    ConnectCompleted,
    ConnectionChanged,
    PayrollErased,
    RunSlice,
    SealedTokenSet,
)
from domain.model.certificate import Erased
from domain.model.connection import ConnectionStatus, Erase, Reason, Region
from domain.model.consent import REQUIRED_SCOPES
from domain.model.failures import FailureState
from domain.model.handover import HandedOver
from domain.model.ids import ClinicId, TenantId
from domain.model.kept_failure import FailureQuery
from domain.model.plans import PLANS
from domain.model.streams import Resource
from domain.model.sync import ListRequest, Request
from domain.model.tokens import Access, CredentialState, Secret
from domain.use_cases.complete_connection import ConnectOutcome
from fakes.service import InMemoryService, make_service
from fakes.source import lists_of
from payroll_builders import make_employee, make_organisation

ORGANISATION = ListRequest(Resource.ORGANISATION)
SETTINGS = ListRequest(Resource.PAYROLL_SETTINGS)
OTHER = ClinicId("clinic-2")


@pytest.fixture
def service() -> InMemoryService:
    return make_service()


def events(service: InMemoryService) -> list[ConnectionChanged]:
    """All that the clinic was told."""
    return [one for one in service.database.outbox.events if isinstance(one, ConnectionChanged)]


def told(service: InMemoryService) -> ConnectionChanged:
    """The last thing that the clinic was told."""
    return events(service)[-1]


def refused(service: InMemoryService, event: ConnectCompleted, reason: Reason) -> None:
    """The event ends incomplete for this reason, the clinic is told, and nothing else is left of it."""
    assert service.complete_connection(event) is ConnectOutcome.INCOMPLETE
    assert told(service).reason is reason
    assert told(service).message == reason.sentence
    assert told(service).in_reply_to == event.header.id
    assert service.complete_connection(event) is ConnectOutcome.DUPLICATE


def states(service: InMemoryService) -> list[CredentialState]:
    """The states of the token sets that are still there."""
    kept = service.database.credentials
    return [kept.rows[one].state for one in kept.tokens]


def test_a_consent_makes_the_clinic_active(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"), requested_by="olivia")
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    connection = service.connection()
    assert connection.is_active
    assert connection.tenant is not None
    assert (connection.tenant.id, connection.tenant.region) == ("tenant-1", Region.AU)
    assert (connection.generation, connection.consent_event) == (1, event.header.id)
    assert told(service) == ConnectionChanged(
        clinic_id=CLINIC,
        status=ConnectionStatus.ACTIVE,
        tenant_id=TenantId("tenant-1"),
        organisation="Clinic tenant-1",
        in_reply_to=event.header.id,
    )
    credential = service.database.credentials.live(connection.id)
    assert credential is not None
    assert (credential.generation, credential.tenant_id) == (1, "tenant-1")


def test_what_the_check_has_read_is_kept_and_not_read_again(service: InMemoryService) -> None:
    connection = service.connect()
    assert lists_of(service.xero.requests) == [Resource.ORGANISATION, Resource.PAYROLL_SETTINGS]
    assert len(service.database.payroll.payroll.of("organisation", connection.id)) == 1
    assert len(service.database.payroll.payroll.of("payroll_settings", connection.id)) == 1
    service.slice()
    asked = lists_of(service.xero.requests)
    assert asked.count(Resource.PAYROLL_SETTINGS) == 1
    assert asked.count(Resource.ORGANISATION) == 2, "once more, to know whose the first lists are"


def test_the_first_pass_is_queued_with_everything(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"), requested_by="olivia")
    service.complete_connection(event)
    sync = service.database.syncs.queued[service.connection().id]
    assert sync.requested_by == "olivia"
    assert len(service.due()) == 1


def test_the_same_event_ten_times_has_one_effect(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    outcomes = [service.complete_connection(event) for _ in range(10)]
    assert outcomes == [ConnectOutcome.ACTIVE] + [ConnectOutcome.DUPLICATE] * 9
    assert service.authorizer.script.calls.count("exchange") == 1
    assert len(service.database.outbox.events) == 1
    assert service.connection().generation == 1


def test_an_event_that_somebody_works_on_is_left_to_them(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    with service.database.transaction(CLINIC) as stores:
        stores.inbox.begin(event.header, event.type)
    with pytest.raises(EventBusy):
        service.complete_connection(event)


def test_a_code_that_was_used_or_has_expired_is_told(service: InMemoryService) -> None:
    refused(service, make_connect(make_code("never was")), Reason.CODE_EXPIRED_OR_USED)
    assert service.connection().status is ConnectionStatus.INCOMPLETE
    assert states(service) == []


def test_an_answer_without_tokens_is_told_like_a_code_that_is_gone(service: InMemoryService) -> None:
    service.authorizer.script.fail("exchange", AnswerUnreadable("no token set"))
    event = make_connect(service.authorizer.consent("tenant-1"))
    refused(service, event, Reason.CODE_EXPIRED_OR_USED)


def test_a_choice_of_a_consent_that_we_do_not_hold_is_told(service: InMemoryService) -> None:
    refused(service, make_connect(None, tenant_id=TenantId("tenant-1")), Reason.CODE_EXPIRED_OR_USED)


def test_a_consent_without_offline_access_is_told(service: InMemoryService) -> None:
    service.authorizer.script.fail("exchange", ScopeMissing("offline_access"))
    refused(service, make_connect(service.authorizer.consent("tenant-1")), Reason.SCOPE_MISSING)


@pytest.mark.parametrize(
    ("scopes", "reason"),
    [
        (REQUIRED_SCOPES - {"payroll.payslip.read"}, Reason.SCOPE_MISSING),
        (REQUIRED_SCOPES | {"payroll.employees"}, Reason.SCOPE_TOO_WIDE),
    ],
)
def test_a_consent_that_covers_too_little_or_too_much_is_told_and_nothing_is_read(
    service: InMemoryService, scopes: frozenset[str], reason: Reason
) -> None:
    refused(service, make_connect(service.authorizer.consent("tenant-1", scopes=scopes)), reason)
    assert service.xero.requests == []
    assert states(service) == [CredentialState.REVOCATION_PENDING]


def test_a_consent_without_an_organisation_is_told(service: InMemoryService) -> None:
    refused(service, make_connect(service.authorizer.consent()), Reason.NO_ORGANISATION)


def test_of_several_organisations_the_clinic_chooses_and_the_consent_waits(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1", "tenant-2"))
    refused(service, event, Reason.CHOOSE_ORGANISATION)
    assert told(service).choices == (
        Choice(tenant_id=TenantId("tenant-1"), name="Clinic tenant-1"),
        Choice(tenant_id=TenantId("tenant-2"), name="Clinic tenant-2"),
    )
    assert states(service) == [CredentialState.PENDING]
    choice = make_connect(None, tenant_id=TenantId("tenant-2"))
    assert service.complete_connection(choice) is ConnectOutcome.ACTIVE
    assert told(service).tenant_id == "tenant-2"
    assert told(service).choices == ()
    assert service.authorizer.script.calls.count("exchange") == 1


def test_a_wrong_choice_is_told_and_ends_the_consent(service: InMemoryService) -> None:
    service.complete_connection(make_connect(service.authorizer.consent("tenant-1", "tenant-2")))
    refused(service, make_connect(None, tenant_id=TenantId("tenant-9")), Reason.NO_ORGANISATION)
    assert states(service) == [CredentialState.REVOCATION_PENDING]


def test_a_new_consent_takes_the_place_of_one_that_waits_for_a_choice(service: InMemoryService) -> None:
    service.complete_connection(make_connect(service.authorizer.consent("tenant-1", "tenant-2")))
    event = make_connect(service.authorizer.consent("tenant-1"))
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    assert states(service) == [CredentialState.REVOCATION_PENDING, CredentialState.LIVE]


def test_an_organisation_of_another_clinic_is_told(service: InMemoryService) -> None:
    service.connect()
    event = make_connect(service.authorizer.consent("tenant-1", user="user-2"), clinic_id=OTHER)
    refused(service, event, Reason.ORGANISATION_TAKEN)
    assert service.connection().is_active
    assert not service.connection(OTHER).is_active


@pytest.mark.parametrize(
    "error",
    [
        ScopeMissing("no"),
        RecordNotFound("none"),
        RequestRefused("not set up", status=400),
    ],
    ids=repr,
)
def test_payroll_that_xero_does_not_let_us_read_is_told(service: InMemoryService, error: Exception) -> None:
    service.xero.fail(SETTINGS, error)
    refused(service, make_connect(service.authorizer.consent("tenant-1")), Reason.PAYROLL_UNAVAILABLE)
    assert states(service) == [CredentialState.REVOCATION_PENDING]


Refuse = Callable[[InMemoryService, int], None]
FORBIDDEN = AccessForbidden("no")
REFUSALS: dict[str, tuple[Refuse, Reason]] = {
    "the links": (
        lambda it, times: it.authorizer.script.fail("connections", *[FORBIDDEN] * times),
        Reason.CONSENT_WITHDRAWN,
    ),
    "the organisation": (
        lambda it, times: it.xero.fail(ORGANISATION, *[FORBIDDEN] * times),
        Reason.DISCONNECTED_IN_XERO,
    ),
    "payroll": (
        lambda it, times: it.xero.fail(SETTINGS, *[FORBIDDEN] * times),
        Reason.PAYROLL_UNAVAILABLE,
    ),
}


def refused_again(service: InMemoryService, event: ConnectCompleted, times: int) -> None:
    """Xero refuses an event so often in a row, a minute apart, and it is to be tried again each time."""
    for _ in range(times):
        with pytest.raises(RefusalDoubted):
            service.complete_connection(event)
        service.database.pass_time(timedelta(minutes=1))


@pytest.mark.parametrize("refuse", [refuse for refuse, _ in REFUSALS.values()], ids=REFUSALS)
@pytest.mark.parametrize("times", [1, 4])
def test_a_stray_refusal_is_not_believed(service: InMemoryService, refuse: Refuse, times: int) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    refuse(service, times)
    refused_again(service, event, times)
    assert (service.database.outbox.events, states(service)) == ([], [CredentialState.PENDING])
    [kept] = service.database.failures.find(FailureQuery())
    assert (kept.state, kept.failure.until) == (FailureState.RETRYING, service.database.now)
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    assert [one.failure.state for one in service.database.failures.kept] == [FailureState.RESOLVED]
    assert service.authorizer.script.calls.count("exchange") == 1


@pytest.mark.parametrize(("refuse", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_that_stays_is_told_soon_and_ends_the_consent_after_ten_minutes(
    service: InMemoryService, refuse: Refuse, reason: Reason
) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    refuse(service, 11)
    refused_again(service, event, 5)
    assert (told(service).status, told(service).reason) == (ConnectionStatus.INCOMPLETE, reason)
    assert states(service) == [CredentialState.PENDING]
    refused_again(service, event, 5)
    assert len(service.database.outbox.events) == 1
    refused(service, event, reason)
    assert states(service) == [CredentialState.REVOCATION_PENDING]
    assert [one.failure.state for one in service.database.failures.kept] == [FailureState.RESOLVED]


def test_a_clinic_that_was_told_of_a_refusal_too_soon_is_told_that_it_is_connected(
    service: InMemoryService,
) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    service.xero.fail(SETTINGS, *[FORBIDDEN] * 5)
    refused_again(service, event, 5)
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    assert (told(service).status, told(service).reason) == (ConnectionStatus.ACTIVE, None)
    assert (told(service).in_reply_to, service.connection().reason) == (event.header.id, None)


def test_a_refused_consent_whose_clinic_has_connected_again_gives_way_to_the_new_one(
    service: InMemoryService,
) -> None:
    service.xero.fail(SETTINGS, *[FORBIDDEN] * 6)
    first = make_connect(service.authorizer.consent("tenant-1"))
    refused_again(service, first, 5)
    second = make_connect(service.authorizer.consent("tenant-1"))
    refused_again(service, second, 1)
    assert service.complete_connection(first) is ConnectOutcome.SUPERSEDED
    assert [one.in_reply_to for one in events(service)] == [first.header.id]
    assert service.complete_connection(second) is ConnectOutcome.ACTIVE


def test_a_refusal_after_a_long_outage_is_not_believed_either(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    service.xero.fail(SETTINGS, XeroUnavailable("away"), FORBIDDEN)
    with pytest.raises(XeroUnavailable):
        service.complete_connection(event)
    service.database.pass_time(timedelta(hours=3))
    refused_again(service, event, 1)
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE


SCOPELESS: dict[str, Callable[[InMemoryService], None]] = {
    "the links": lambda it: it.authorizer.script.fail("connections", ScopeMissing("no")),
    "the organisation": lambda it: it.xero.fail(ORGANISATION, ScopeMissing("no")),
}


@pytest.mark.parametrize("scopeless", SCOPELESS.values(), ids=SCOPELESS)
def test_what_the_consent_turns_out_not_to_cover_is_told(
    service: InMemoryService, scopeless: Callable[[InMemoryService], None]
) -> None:
    scopeless(service)
    refused(service, make_connect(service.authorizer.consent("tenant-1")), Reason.SCOPE_MISSING)


ODDITIES: dict[str, Callable[[InMemoryService], None]] = {
    "there are no links": lambda it: it.authorizer.script.fail("connections", RecordNotFound("none")),
    "the links are refused": lambda it: it.authorizer.script.fail(
        "connections", RequestRefused("odd", status=410)
    ),
    "there is no organisation": lambda it: it.xero.fail(ORGANISATION, RecordNotFound("none")),
    "the organisation is refused": lambda it: it.xero.fail(ORGANISATION, RequestRefused("odd", status=400)),
    "another organisation answers": lambda it: it.xero.fail(ORGANISATION, WrongTenant("odd")),
    "payroll of another organisation comes": lambda it: it.xero.fail(SETTINGS, WrongTenant("odd")),
}


@pytest.mark.parametrize("oddity", ODDITIES.values(), ids=ODDITIES)
def test_what_somebody_has_to_look_at_is_told_and_a_replay_goes_on_with_the_same_consent(
    service: InMemoryService, oddity: Callable[[InMemoryService], None]
) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    oddity(service)
    with pytest.raises(PermanentError):
        service.complete_connection(event)
    service.give_up(event)
    [notice] = service.database.outbox.events
    assert notice == told(service)
    assert (told(service).status, told(service).reason) == (ConnectionStatus.INCOMPLETE, Reason.CHECK_FAILED)
    assert told(service).in_reply_to == event.header.id
    assert states(service) == [CredentialState.PENDING]
    assert service.complete_connection(replace(event, grant=None)) is ConnectOutcome.ACTIVE
    assert told(service).reason is None


def test_what_failed_of_earlier_consents_is_settled_when_the_clinic_connects_after_all(
    service: InMemoryService,
) -> None:
    other = {"place": ConnectCompleted.type, "connection_id": None, "clinic_id": OTHER}
    theirs = make_failure(**other, subject="event-of-another-clinic")
    sync = make_failure(subject="employee:1")
    broken = [
        make_failure(**{**other, "clinic_id": CLINIC}, subject=f"event-{state}", state=state)
        for state in (FailureState.FAILED, FailureState.QUARANTINED)
    ]
    with service.transaction(CLINIC) as stores:
        for one in (theirs, sync, *broken):
            stores.failures.record(one)
    service.connect()
    with service.transaction(CLINIC) as stores:
        left = [one.failure.subject for one in stores.failures.find(FailureQuery())]
    assert sorted(left) == sorted([theirs.subject, sync.subject])


def test_what_somebody_has_to_look_at_leaves_an_earlier_working_consent_alone(
    service: InMemoryService,
) -> None:
    before = service.connect()
    service.xero.fail(ORGANISATION, WrongTenant("odd"))
    event = make_connect(service.authorizer.consent("tenant-1"))
    with pytest.raises(WrongTenant):
        service.complete_connection(event)
    service.give_up(event)
    assert (told(service).status, told(service).reason) == (ConnectionStatus.ACTIVE, Reason.CHECK_FAILED)
    assert replace(service.connection(), consent_event=before.consent_event) == before


def test_a_clinic_that_has_disconnected_meanwhile_is_not_told_that_its_check_failed(
    service: InMemoryService,
) -> None:
    def answer(_request: Request) -> None:
        service.database.pass_time(timedelta(seconds=1))
        service.disconnect(make_disconnect())
        raise WrongTenant("odd")

    service.xero.meanwhile = answer
    event = make_connect(service.authorizer.consent("tenant-1"))
    with pytest.raises(WrongTenant):
        service.complete_connection(event)
    service.give_up(event)
    assert told(service).status is ConnectionStatus.DISCONNECTED


@pytest.mark.parametrize("region", [None])
def test_a_country_without_payroll_is_told(service: InMemoryService, region: Region | None) -> None:
    service.xero.show(
        Resource.ORGANISATION, make_organisation(region=region, version="US", country_code="US")
    )
    refused(service, make_connect(service.authorizer.consent("tenant-1")), Reason.REGION_UNSUPPORTED)


def test_an_organisation_that_could_not_be_read_is_of_no_known_country(service: InMemoryService) -> None:
    service.xero.lists[Resource.ORGANISATION].clear()
    refused(service, make_connect(service.authorizer.consent("tenant-1")), Reason.REGION_UNSUPPORTED)


def sealed(service: InMemoryService, **changes: Any) -> ConnectCompleted:
    """A token set that the main platform got for the clinic and handed over."""
    tokens = service.authorizer.exchange(service.authorizer.consent("tenant-1")).tokens
    now = service.database.now
    values = {
        "clinic_id": CLINIC,
        "expires_at": now + timedelta(minutes=5),
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "access_expires_at": now + tokens.life,
        "scopes": tokens.scopes,
    }
    service.opener.sealed["jwe"] = HandedOver(**{**values, **changes})
    return make_connect(SealedTokenSet(jwe=Secret("jwe")))


def test_a_token_set_that_was_handed_over_is_rotated_so_that_its_copy_is_of_no_use(
    service: InMemoryService,
) -> None:
    event = sealed(service)
    handed_over = service.opener.sealed["jwe"]
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    credential = service.database.credentials.live(service.connection().id)
    assert credential is not None
    held = service.database.credentials.tokens[credential.id]
    assert held.refresh_token != handed_over.refresh_token
    assert credential.version == 1
    assert service.authorizer.accepts(Access(held.access_token, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"clinic_id": OTHER},
        {"expires_at": NOW},
        {"expires_at": NOW - timedelta(seconds=1)},
        {"expires_at": NOW + timedelta(days=9)},
        {"access_token": Secret("")},
        {"refresh_token": Secret("")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_handover_to_another_clinic_or_at_another_time_or_of_nothing_is_told(
    service: InMemoryService, changes: dict[str, Any]
) -> None:
    refused(service, sealed(service, **changes), Reason.TOKEN_UNREADABLE)
    assert states(service) == []


def test_a_token_set_that_cannot_be_opened_is_told(service: InMemoryService) -> None:
    refused(service, make_connect(SealedTokenSet(jwe=Secret("forged"))), Reason.TOKEN_UNREADABLE)


def test_a_token_set_that_is_dead_already_is_told(service: InMemoryService) -> None:
    event = sealed(service)
    service.authorizer.refresh_tokens.clear()
    refused(service, event, Reason.CONSENT_WITHDRAWN)
    assert [kept.failure.error for kept in service.database.failures.kept] == []


WEATHER: dict[str, Callable[[InMemoryService], None]] = {
    "identity is away": lambda it: it.authorizer.script.fail("exchange", XeroUnavailable("away")),
    "our secret is wrong": lambda it: it.authorizer.script.fail("exchange", ClientRejected("secret")),
    "links cannot be listed": lambda it: it.authorizer.script.fail("connections", XeroUnavailable("away")),
    "links are limited": lambda it: it.authorizer.script.fail("connections", RateLimited(Limit.DAY, None)),
    "the token is not good yet": lambda it: it.authorizer.script.fail(
        "connections", *[AccessExpired("no")] * 2
    ),
    "the organisation is away": lambda it: it.xero.fail(ORGANISATION, XeroUnavailable("away")),
    "payroll is away": lambda it: it.xero.fail(SETTINGS, XeroUnavailable("away")),
    "payroll is limited": lambda it: it.xero.fail(SETTINGS, RateLimited(Limit.MINUTE, None)),
    "a page comes for the links": lambda it: it.authorizer.script.fail(
        "connections", AnswerUnreadable("html")
    ),
    "a page comes for the organisation": lambda it: it.xero.fail(ORGANISATION, AnswerUnreadable("html")),
    "half of payroll comes": lambda it: it.xero.fail(SETTINGS, AnswerUnreadable("half an answer")),
}


@pytest.mark.parametrize("weather", WEATHER.values(), ids=WEATHER)
def test_weather_is_waited_out_and_the_same_event_goes_on_at_once(
    service: InMemoryService, weather: Callable[[InMemoryService], None]
) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    weather(service)
    with pytest.raises((TransientError, AnswerUnreadable)):
        service.complete_connection(event)
    assert service.database.outbox.events == []
    assert service.complete_connection(event) is ConnectOutcome.ACTIVE
    assert service.authorizer.script.calls.count("exchange") <= 2


def test_a_code_whose_answer_was_lost_is_used_up(service: InMemoryService) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    service.authorizer.script.lose("exchange")
    with pytest.raises(AnswerLost):
        service.complete_connection(event)
    refused(service, event, Reason.CODE_EXPIRED_OR_USED)


def test_a_bad_consent_leaves_an_earlier_working_one_alone(service: InMemoryService) -> None:
    before = service.connect()
    event = make_connect(make_code("never was"))
    assert service.complete_connection(event) is ConnectOutcome.INCOMPLETE
    assert replace(service.connection(), consent_event=None) == replace(before, consent_event=None)
    assert (told(service).status, told(service).reason) == (
        ConnectionStatus.ACTIVE,
        Reason.CODE_EXPIRED_OR_USED,
    )
    assert states(service) == [CredentialState.LIVE]


def test_a_consent_with_choices_leaves_an_earlier_working_one_alone(service: InMemoryService) -> None:
    service.connect()
    service.complete_connection(
        make_connect(service.authorizer.consent("tenant-2", "tenant-3", user="user-2"))
    )
    assert service.connection().is_active
    assert [choice.tenant_id for choice in told(service).choices] == ["tenant-2", "tenant-3"]


def test_a_new_consent_for_the_same_organisation_replaces_the_tokens(service: InMemoryService) -> None:
    before = service.connect()
    after = service.connect()
    assert (after.id, after.generation) == (before.id, before.generation + 1)
    assert states(service) == [CredentialState.REVOCATION_PENDING, CredentialState.LIVE]


def test_another_users_consent_lets_the_old_one_be_revoked(service: InMemoryService) -> None:
    before = service.connect(user="user-1")
    after = service.connect(user="user-2")
    assert after.id == before.id
    assert [one.id for one in service.database.credentials.to_revoke(after.id)] != []


def test_a_connection_that_needed_attention_goes_on(service: InMemoryService) -> None:
    before = service.connect()
    with service.database.transaction(CLINIC) as stores:
        stores.connections.save(before.needing_attention(Reason.CONSENT_WITHDRAWN))
        stores.syncs.stop(before.id)
    after = service.connect()
    assert (after.id, after.is_active, after.reason) == (before.id, True, None)
    assert RunSlice(CLINIC, after.id) in service.due()


def test_another_organisation_ends_the_connection_to_the_first(service: InMemoryService) -> None:
    first = service.connect(tenant="tenant-1")
    second = service.connect(tenant="tenant-2")
    assert second.id != first.id
    ended = service.database.connections.rows[first.id]
    assert not ended.is_open
    assert ended.erase_at == service.database.now + timedelta(days=7)
    assert [one.state for one in service.database.credentials.to_revoke(first.id)] == [
        CredentialState.REVOCATION_PENDING
    ]
    assert service.database.credentials.live(second.id) is not None


def test_no_list_but_what_the_check_has_read_counts_as_read(service: InMemoryService) -> None:
    """A stream is as old as the oldest of its lists, so each of them is known from the beginning."""
    connection = service.connect()
    scans = service.database.syncs.scans(connection.id)
    assert set(scans) == {spec.resource for spec in PLANS[Region.AU].lists}
    assert [one for one, scan in scans.items() if scan.finished_at] == [Resource.PAYROLL_SETTINGS]
    service.slice()
    read = service.database.syncs.scans(connection.id)
    service.disconnect(make_disconnect())
    service.database.pass_time(timedelta(days=1))
    service.connect()
    again = service.database.syncs.scans(connection.id)
    assert again[Resource.PAY_RUNS] == read[Resource.PAY_RUNS]


def test_reconnecting_within_the_grace_brings_the_rows_back(service: InMemoryService) -> None:
    before = service.connect()
    with service.database.transaction(CLINIC) as stores:
        stores.payroll.save(before.id, [make_employee()])
    service.disconnect(make_disconnect())
    service.database.pass_time(timedelta(days=6))
    after = service.connect()
    assert after.id == before.id
    assert (after.is_active, after.erase_at, after.generation) == (True, None, before.generation + 2)
    assert len(service.database.payroll.payroll.of("employee", after.id)) == 1
    assert len(service.database.connections.all_for(CLINIC)) == 1
    service.database.pass_time(timedelta(days=2))
    assert not any("Erase" in type(job).__name__ for job in service.due())


@pytest.mark.parametrize(
    ("erase", "late"), [(Erase.NOW, timedelta()), (Erase.AFTER_GRACE, timedelta(days=7))], ids=str
)
def test_reconnecting_does_not_bring_back_what_was_to_be_erased_by_then(
    service: InMemoryService, erase: Erase, late: timedelta
) -> None:
    before = service.connect()
    with service.database.transaction(CLINIC) as stores:
        stores.payroll.save(before.id, [make_employee()])
    service.disconnect(make_disconnect(erase=erase))
    service.database.pass_time(late)
    service.database.outbox.events.clear()
    after = service.connect()
    assert (after.id != before.id, after.is_active) == (True, True)
    rows = service.database.payroll.payroll
    assert not rows.of("employee", before.id)
    assert not rows.of("employee", after.id)
    assert [one.erased for one in service.database.certificates.issued] == [Erased.PAYROLL]
    assert [type(one) for one in service.database.outbox.events] == [PayrollErased, ConnectionChanged]
    assert not any("Erase" in type(job).__name__ for job in service.due())


def test_reconnecting_after_a_refused_try_brings_the_rows_back_too(service: InMemoryService) -> None:
    before = service.connect()
    service.disconnect(make_disconnect())
    narrow = service.authorizer.consent("tenant-1", scopes=REQUIRED_SCOPES - {"payroll.payslip.read"})
    service.complete_connection(make_connect(narrow))
    assert service.connect().id == before.id


def test_reconnecting_after_the_rows_are_gone_begins_anew(service: InMemoryService) -> None:
    before = service.connect()
    service.disconnect(make_disconnect())
    with service.database.transaction(CLINIC) as stores:
        ended = stores.connections.get(before.id)
        assert ended is not None
        stores.connections.save(ended.erased(stores.now))
    assert service.connect().id != before.id


def during_the_exchange(service: InMemoryService, action: Callable[[], object]) -> None:
    exchange = service.authorizer.exchange

    def exchanged(grant: object) -> object:
        consent = exchange(grant)  # type: ignore[arg-type]
        action()
        return consent

    service.authorizer.exchange = exchanged  # type: ignore[assignment,method-assign]


def disconnect_during(service: InMemoryService, request: Request) -> None:
    def disconnect(asked: Request) -> None:
        if asked == request:
            service.disconnect(make_disconnect())

    service.xero.meanwhile = disconnect


def test_a_disconnect_during_the_exchange_wins_and_the_tokens_are_kept_to_be_revoked(
    service: InMemoryService,
) -> None:
    event = make_connect(service.authorizer.consent("tenant-1"))
    during_the_exchange(service, lambda: service.disconnect(make_disconnect()))
    assert service.complete_connection(event) is ConnectOutcome.SUPERSEDED
    assert not service.connection().is_open
    assert states(service) == [CredentialState.REVOCATION_PENDING]
    assert told(service).status is ConnectionStatus.DISCONNECTED
    assert service.complete_connection(event) is ConnectOutcome.DUPLICATE


@pytest.mark.parametrize("request_", [ORGANISATION, SETTINGS], ids=["organisation", "settings"])
def test_a_disconnect_during_the_check_wins(service: InMemoryService, request_: Request) -> None:
    disconnect_during(service, request_)
    event = make_connect(service.authorizer.consent("tenant-1"))
    assert service.complete_connection(event) is ConnectOutcome.SUPERSEDED
    assert not service.connection().is_open
    assert states(service) == [CredentialState.REVOCATION_PENDING]


def test_a_disconnect_during_a_check_that_fails_wins_too(service: InMemoryService) -> None:
    disconnect_during(service, ORGANISATION)
    service.xero.fail(ORGANISATION, AccessForbidden("no"))
    event = make_connect(service.authorizer.consent("tenant-1"))
    assert service.complete_connection(event) is ConnectOutcome.SUPERSEDED
    assert told(service).status is ConnectionStatus.DISCONNECTED


def test_a_disconnect_that_came_after_the_consent_beats_it_although_it_was_delivered_first(
    service: InMemoryService,
) -> None:
    consented_at = service.database.now
    event = make_connect(service.authorizer.consent("tenant-1"), header=make_header(time=consented_at))
    service.disconnect(make_disconnect(header=make_header(time=consented_at + timedelta(seconds=1))))
    assert service.complete_connection(event) is ConnectOutcome.SUPERSEDED
    assert service.database.connections.all_for(CLINIC) == []
    assert service.authorizer.script.calls == []


def test_a_consent_that_comes_after_a_later_one_is_not_used(service: InMemoryService) -> None:
    now = service.database.now
    early = make_connect(service.authorizer.consent("tenant-1"), header=make_header(time=now))
    late = make_header(time=now + timedelta(minutes=1))
    later = make_connect(service.authorizer.consent("tenant-1"), header=late)
    assert service.complete_connection(later) is ConnectOutcome.ACTIVE
    service.authorizer.script.calls.clear()
    assert service.complete_connection(early) is ConnectOutcome.SUPERSEDED
    assert service.connection().consent_event == later.header.id
    assert service.authorizer.script.calls == []


def test_a_later_consent_beats_one_that_is_being_refused(service: InMemoryService) -> None:
    def connect_again(_asked: Request) -> None:
        service.xero.meanwhile = lambda _: None
        later = make_connect(service.authorizer.consent("tenant-1"))
        assert service.complete_connection(later) is ConnectOutcome.ACTIVE
        service.xero.fail(SETTINGS, AccessForbidden("no"))

    first = make_connect(service.authorizer.consent("tenant-1"))
    service.xero.meanwhile = connect_again
    assert service.complete_connection(first) is ConnectOutcome.SUPERSEDED
    assert service.connection().is_active
    assert service.connection().consent_event != first.header.id
