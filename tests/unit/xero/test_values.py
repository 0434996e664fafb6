from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xero import values

INSTANTS = {
    "/Date(1795143600000)/": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "/Date(1795143600000+0000)/": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "/Date(1795143600000+1300)/": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "/Date(1795143600000-0500)/": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "\\/Date(1795143600123+0000)\\/": datetime(2026, 11, 20, 3, 0, 0, 123_000, tzinfo=UTC),
    "/Date(-86400000+0000)/": datetime(1969, 12, 31, tzinfo=UTC),
    "/Date(0)/": datetime(1970, 1, 1, tzinfo=UTC),
    "2026-11-20T03:00:00": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "2026-11-20T03:00:00Z": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "2026-11-20T03:00:00.1234567": datetime(2026, 11, 20, 3, 0, 0, 123_456, tzinfo=UTC),
    "2026-11-20T03:00:00.1234567Z": datetime(2026, 11, 20, 3, 0, 0, 123_456, tzinfo=UTC),
    "2026-11-20T16:00:00+13:00": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
    "2026-11-20": datetime(2026, 11, 20, tzinfo=UTC),
}
NOT_INSTANTS = [
    "/Date()/",
    "/Date(x)/",
    "/Date(99999999999999999)/",
    "/Date(999999999999999999999)/",
    "/Date(1795143600000",
    "20.11.2026",
    "2026-13-01",
    "2026-02-30T00:00:00",
    "soon",
    "\x00",
]


@pytest.mark.parametrize(("said", "meant"), INSTANTS.items())
def test_every_form_of_an_instant_is_read_as_utc(said: str, meant: datetime) -> None:
    found = values.instant(said)
    assert found == meant
    assert found is not None
    assert found.utcoffset() == UTC.utcoffset(None)
    assert values.day(said) == meant.date() == values.required_day(said)


@pytest.mark.parametrize("said", [None, ""])
def test_an_instant_may_be_missing(said: str | None) -> None:
    assert values.instant(said) is None
    assert values.day(said) is None
    with pytest.raises(ValueError, match="a date is missing"):
        values.required_day(said)


@pytest.mark.parametrize("said", NOT_INSTANTS)
def test_what_is_no_instant_is_refused_without_being_quoted(said: str) -> None:
    for read in (values.instant, values.day, values.required_day):
        with pytest.raises(ValueError, match="a date") as caught:
            read(said)
        assert said not in str(caught.value)


@given(st.dates())
def test_a_date_at_midnight_utc_is_that_date(day: date) -> None:
    milliseconds = (
        int((datetime.combine(day, datetime.min.time(), UTC) - values.EPOCH).total_seconds()) * 1000
    )
    assert values.day(f"/Date({milliseconds}+0000)/") == day
    assert values.day(f"{day.isoformat()}T00:00:00") == day


@given(st.text(max_size=40) | st.from_regex(r"/Date\(-?\d{1,25}([+-]\d{4})?\)/", fullmatch=True))
def test_no_text_does_more_than_being_no_date(said: str) -> None:
    try:
        found = values.instant(said)
    except ValueError:
        return
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    "said", ["0", "0.00", "-0.01", "1729.005", "123456789012.3456", "1E+3", "0E+99", "1e-12"]
)
def test_an_amount_is_kept_as_it_is(said: str) -> None:
    assert str(values.amount(Decimal(said))) == str(Decimal(said))


@pytest.mark.parametrize("said", ["NaN", "sNaN", "-NaN", "Infinity", "-Infinity", "1E+16", "-1E+30"])
def test_what_cannot_be_meant_as_an_amount_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="number"):
        values.amount(Decimal(said))


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_an_amount_is_finite_or_refused(said: Decimal) -> None:
    try:
        found = values.amount(said)
    except ValueError:
        return
    assert found is not None
    assert found.is_finite()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("1234.5600000000001", "1234.56"),
        ("25.641025641025642", "25.641025641026"),
        ("-38.46153846153846", "-38.461538461538"),
        ("1E-13", "0"),
        ("999999999999999.9999999999999", "1000000000000000"),
    ],
)
def test_noise_is_rounded_off(said: str, kept: str) -> None:
    assert values.amount(Decimal(said)) == Decimal(kept)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/Date(1572566400000+0000)/", "2019-11-01"),
        ("/Date(1572559200000+0000)/", "2019-11-01"),
        ("2026-10-31T13:00:00", "2026-11-01"),
        ("2026-11-01", "2026-11-01"),
    ],
)
def test_leave_begins_on_the_day_whose_midnight_is_nearest(said: str, meant: str) -> None:
    """Midnight in UTC, and in the East of Australia in summer."""
    assert values.nearest_day(said) == date.fromisoformat(meant)


@pytest.mark.parametrize("said", [None, "", "9999-12-31T13:00:00", "soon"])
def test_leave_without_a_day_is_refused(said: str | None) -> None:
    with pytest.raises(ValueError, match="date"):
        values.nearest_day(said)


def test_an_amount_may_be_missing() -> None:
    assert values.amount(None) is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, None),
        ("", ""),
        ("Zoë 🦘", "Zoë 🦘"),
        ("a\x00b", "ab"),
        ("half \ud800", "half ?"),
        (" a ", " a "),
    ],
)
def test_text_is_kept_but_for_what_no_database_holds(said: str | None, kept: str | None) -> None:
    assert values.text(said) == kept


@given(st.text())
def test_any_text_can_be_kept(said: str) -> None:
    kept = values.text(said)
    assert kept is not None
    assert "\x00" not in kept.encode().decode()


@pytest.mark.parametrize(
    ("said", "kept"),
    [("POSTED", "posted"), ("Something New", "something new"), ("", None), ("\x00", None), (None, None)],
)
def test_a_word_is_kept_in_lower_case_whatever_it_is(said: str | None, kept: str | None) -> None:
    assert values.word(said) == kept


def test_a_status_has_to_be_there() -> None:
    assert values.required_word("ACTIVE") == "active"
    for said in (None, "", "\x00"):
        with pytest.raises(ValueError, match="a status is missing"):
            values.required_word(said)


def test_a_total_is_of_what_is_there() -> None:
    assert values.total([Decimal("1.10"), None, Decimal("-0.10")]) == 1
    assert values.total([None, None]) is None
    assert values.total([]) is None
