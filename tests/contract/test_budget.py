from datetime import timedelta

import pytest

from builders import CLINIC
from contract.backends import Backend
from domain.errors import Limit
from domain.model.budget import Budget, Lane, LimitsSeen
from domain.model.ids import TenantId
from domain.ports import Stores

MINE = TenantId("tenant-1")
OTHER = TenantId("tenant-2")


def budget_of(backend: Backend, tenant: TenantId = MINE) -> Budget:
    with backend.transaction(CLINIC) as stores:
        return stores.budget.get_for_update(tenant)


def reserve(backend: Backend, calls: int, tenant: TenantId = MINE) -> Budget:
    with backend.transaction(CLINIC) as stores:
        budget = stores.budget.get_for_update(tenant).reserved(calls, stores.now)
        stores.budget.save(tenant, budget, app_calls=calls)
        return budget


def see(backend: Backend, **limits: int) -> None:
    with backend.transaction(CLINIC) as stores:
        _see(stores, LimitsSeen(**limits))


def _see(stores: Stores, limits: LimitsSeen) -> None:
    budget = stores.budget.get_for_update(MINE).seen(limits, stores.now)
    stores.budget.save(MINE, budget)


def test_a_tenant_nobody_asked_for_yet_has_the_lowest_tier(backend: Backend) -> None:
    assert budget_of(backend) == Budget.unknown()


def test_a_budget_is_kept_to_the_window(backend: Backend) -> None:
    kept = reserve(backend, 7)
    assert budget_of(backend) == kept
    assert (kept.minute.remaining, kept.day.remaining, kept.app.remaining) == (53, 993, 9_993)


def test_a_tenants_windows_are_its_own_and_the_apps_is_everybodys(backend: Backend) -> None:
    reserve(backend, 7)
    other = budget_of(backend, OTHER)
    assert (other.minute.remaining, other.day.remaining) == (60, 1_000)
    assert other.app.remaining == 9_993
    reserve(backend, 3, OTHER)
    assert budget_of(backend).app.remaining == 9_990
    assert budget_of(backend).minute.remaining == 53


def test_calls_that_were_not_made_are_given_back_to_the_app(backend: Backend) -> None:
    granted = budget_of(backend)
    reserve(backend, 10)
    assert budget_of(backend, OTHER).app.remaining == 9_990
    with backend.transaction(CLINIC) as stores:
        after_four = granted.seen(LimitsSeen(app_minute=9_996), stores.now)
        stores.budget.save(MINE, after_four, app_calls=4 - 10)
    assert budget_of(backend, OTHER).app.remaining == 9_996


def test_what_an_answer_said_of_the_app_lowers_it_for_everybody(backend: Backend) -> None:
    reserve(backend, 10)
    see(backend, app_minute=100)
    assert budget_of(backend, OTHER).app.remaining == 100


def test_the_minute_is_full_again_once_it_is_certainly_over(backend: Backend) -> None:
    reserve(backend, 60)
    assert budget_of(backend).available(Lane.FRESH) == 0
    backend.pass_time(timedelta(seconds=50))
    assert budget_of(backend).available(Lane.FRESH) == 0
    backend.pass_time(timedelta(seconds=11))
    budget = budget_of(backend)
    assert (budget.minute.remaining, budget.day.remaining) == (60, 940)
    backend.pass_time(timedelta(days=1))
    assert budget_of(backend).day.remaining == 1_000


def test_a_higher_tier_is_remembered(backend: Backend) -> None:
    see(backend, day=4_900)
    assert budget_of(backend).day.limit == 4_901
    backend.pass_time(timedelta(days=2))
    assert budget_of(backend).day.remaining == 4_901


def test_the_apps_minute_begins_anew_with_the_first_calls_after_it(backend: Backend) -> None:
    reserve(backend, 60)
    backend.pass_time(timedelta(minutes=2))
    reserve(backend, 5, OTHER)
    assert budget_of(backend).app.remaining == 9_995
    backend.pass_time(timedelta(seconds=30))
    reserve(backend, 5)
    assert budget_of(backend).app.remaining == 9_990


def test_the_apps_limit_holds_off_everybody_until_its_minute_is_over(backend: Backend) -> None:
    reserve(backend, 1)
    with backend.transaction(CLINIC) as stores:
        budget = stores.budget.get_for_update(MINE)
        stores.budget.save(MINE, budget.exhausted(Limit.APP_MINUTE, timedelta(seconds=30), stores.now))
    assert budget_of(backend, OTHER).available(Lane.FRESH) == 0
    backend.pass_time(timedelta(seconds=61))
    assert budget_of(backend, OTHER).available(Lane.FRESH) == 60


@pytest.mark.parametrize("before", [timedelta(seconds=59), timedelta(seconds=61)])
def test_the_apps_limit_is_kept_to_around_the_end_of_its_minute(backend: Backend, before: timedelta) -> None:
    """Xero refuses just before, or just after, the window that was known ends, for longer than that."""
    reserve(backend, 1)
    granted = budget_of(backend)
    backend.pass_time(before)
    with backend.transaction(CLINIC) as stores:
        refused = granted.exhausted(Limit.APP_MINUTE, timedelta(seconds=30), stores.now)
        stores.budget.save(MINE, refused, app_calls=-1)
    backend.pass_time(timedelta(seconds=5))
    assert budget_of(backend, OTHER).available(Lane.FRESH) == 0
    backend.pass_time(timedelta(seconds=30))
    assert budget_of(backend, OTHER).available(Lane.FRESH) == 60
