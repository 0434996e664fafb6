"""The process dies at every step of what must not lose a consent; the next run goes on from there."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from builders import CLINIC, make_connect, make_disconnect
from domain.errors import ServiceError
from domain.messages import ConnectionChanged, FinishDisconnect
from domain.model.connection import ConnectionStatus
from domain.model.ids import CredentialId
from domain.model.tokens import CredentialState
from domain.use_cases.complete_connection import ConnectOutcome
from fakes.authorizer import Rotation
from fakes.crashes import Crash, Fuse, with_fuse
from fakes.service import InMemoryService, make_service

AFTER_EVERY_CLAIM = timedelta(seconds=151)
GRACES = [Rotation.GRACE_ALL, Rotation.GRACE_LATEST]
MANY = 400


def die_at(step: int, service: InMemoryService, run: Callable[[InMemoryService], object]) -> bool:
    """Run until the process dies at that step; False if the run was over before."""
    fuse = Fuse(step)
    try:
        run(with_fuse(service, fuse))
    except Crash:
        return True
    return fuse.blown


def refresh(service: InMemoryService) -> None:
    found = service.refresh(CLINIC, CredentialId(1), even_if_fresh=True)
    assert service.authorizer.accepts(found.access)
    kept = service.database.credentials.tokens[CredentialId(1)]
    assert found.access.token == kept.access_token, "nothing is given out before it is committed"


@pytest.mark.parametrize("rotation", GRACES)
def test_a_refresh_recovers_from_a_death_at_any_step(rotation: Rotation) -> None:
    step = 0
    while True:
        service = make_service(rotation)
        service.connect()
        if not die_at(step, service, refresh):
            break
        service.database.pass_time(AFTER_EVERY_CLAIM)
        refresh(service)
        assert service.connection().is_active
        assert service.database.credentials.rows[CredentialId(1)].intent_at is None
        service.database.pass_time(AFTER_EVERY_CLAIM)
        refresh(service)
        step += 1
    assert step > 10


@pytest.mark.parametrize("rotation", GRACES)
def test_a_refresh_recovers_from_two_deaths_in_a_row(rotation: Rotation) -> None:
    for first in range(MANY):
        for second in range(0, MANY, 3):
            service = make_service(rotation)
            service.connect()
            if not die_at(first, service, refresh):
                return
            service.database.pass_time(AFTER_EVERY_CLAIM)
            if not die_at(second, service, refresh):
                break
            service.database.pass_time(AFTER_EVERY_CLAIM)
            refresh(service)
            assert service.connection().is_active


def test_where_xero_gives_no_grace_a_death_ends_in_a_clear_word_and_never_in_a_loop() -> None:
    for step in range(MANY):
        service = make_service(Rotation.STRICT)
        service.connect()
        if not die_at(step, service, refresh):
            return
        for _ in range(5):
            service.database.pass_time(AFTER_EVERY_CLAIM)
            try:
                refresh(service)
            except ServiceError:
                continue
        assert service.connection().status in {ConnectionStatus.ACTIVE, ConnectionStatus.NEEDS_ATTENTION}
        is_alive = service.connection().is_active
        assert bool(service.database.failures.kept) is not is_alive


@pytest.mark.parametrize("rotation", [*GRACES, Rotation.STRICT])
def test_a_connect_goes_on_from_a_death_at_any_step_after_its_tokens_were_kept(rotation: Rotation) -> None:
    outcomes = []
    for step in range(MANY):
        service = make_service(rotation)
        event = make_connect(service.authorizer.consent("tenant-1"))
        died = die_at(step, service, lambda it, event=event: it.complete_connection(event))  # type: ignore[misc]
        kept = bool(service.database.credentials.tokens)
        service.database.pass_time(AFTER_EVERY_CLAIM)
        outcome = service.complete_connection(event)
        outcomes.append(outcome)
        if not died:
            break
        assert service.complete_connection(event) is ConnectOutcome.DUPLICATE
        assert service.authorizer.script.calls.count("exchange") <= 2
        if kept:
            assert outcome in {ConnectOutcome.ACTIVE, ConnectOutcome.DUPLICATE}
            assert service.authorizer.script.calls.count("exchange") == 1
        assert_told_once(service)
    assert outcomes[0] is ConnectOutcome.ACTIVE
    assert ConnectOutcome.INCOMPLETE in outcomes, "a code that was used up and lost"
    assert outcomes[-1] is ConnectOutcome.DUPLICATE


def assert_told_once(service: InMemoryService) -> None:
    """However often it was begun, the clinic is told one thing, and it is so."""
    [told] = service.database.outbox.events
    assert isinstance(told, ConnectionChanged)
    assert told.status is service.connection().status
    kept = service.database.credentials
    states = [kept.rows[one].state for one in kept.tokens]
    assert states == ([CredentialState.LIVE] if service.connection().is_active else [])


def test_a_disconnect_is_finished_after_a_death_at_any_step() -> None:
    for step in range(MANY):
        service = make_service()
        connection = service.connect()
        end(service)
        died = die_at(step, service, finish)
        service.database.pass_time(AFTER_EVERY_CLAIM)
        finish(service)
        assert service.database.credentials.tokens == {}
        assert service.authorizer.links == {}
        [certificate] = service.database.certificates.issued
        assert certificate.connection_id == connection.id
        if not died:
            return


def end(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())


def finish(service: InMemoryService) -> None:
    service.finish_disconnect(FinishDisconnect(CLINIC, service.connection().id))
