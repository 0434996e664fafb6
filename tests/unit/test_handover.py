from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import SecretUnreadable
from domain.model.handover import LONGEST, HandedOver
from domain.model.ids import ClinicId
from domain.model.tokens import Secret, TokenSet

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CLINIC = ClinicId("clinic-1")
HANDED_OVER = HandedOver(
    clinic_id=CLINIC,
    expires_at=NOW + timedelta(minutes=10),
    access_token=Secret("access"),
    refresh_token=Secret("refresh"),
    access_expires_at=NOW + timedelta(minutes=30),
    scopes=frozenset({"offline_access"}),
)


def test_a_token_set_is_handed_over_with_what_is_left_of_its_life() -> None:
    assert HANDED_OVER.tokens(CLINIC, NOW + timedelta(minutes=5)) == TokenSet(
        access_token=Secret("access"),
        refresh_token=Secret("refresh"),
        life=timedelta(minutes=25),
        scopes=frozenset({"offline_access"}),
    )


def test_one_sealed_for_another_clinic_is_refused() -> None:
    with pytest.raises(SecretUnreadable, match="another clinic"):
        HANDED_OVER.tokens(ClinicId("clinic-2"), NOW)


@pytest.mark.parametrize("left", [timedelta(0), timedelta(seconds=-1), LONGEST + timedelta(seconds=1)])
def test_one_that_has_expired_or_lasts_too_long_is_refused(left: timedelta) -> None:
    with pytest.raises(SecretUnreadable, match="expired"):
        replace(HANDED_OVER, expires_at=NOW + left).tokens(CLINIC, NOW)


@pytest.mark.parametrize("left", [timedelta(microseconds=1), LONGEST])
def test_one_that_is_just_good_enough_is_taken(left: timedelta) -> None:
    assert replace(HANDED_OVER, expires_at=NOW + left).tokens(CLINIC, NOW).refresh_token == Secret("refresh")


@pytest.mark.parametrize(
    "incomplete",
    [replace(HANDED_OVER, access_token=Secret("")), replace(HANDED_OVER, refresh_token=Secret(""))],
)
def test_one_that_lacks_a_token_is_refused(incomplete: HandedOver) -> None:
    with pytest.raises(SecretUnreadable, match="both tokens"):
        incomplete.tokens(CLINIC, NOW)
