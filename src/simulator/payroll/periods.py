"""Pay periods: where they start and end for each pay frequency."""

from datetime import date, timedelta

PERIODS_PER_YEAR = {
    "weekly": 52,
    "fortnightly": 26,
    "four_weekly": 13,
    "twice_monthly": 24,
    "monthly": 12,
    "quarterly": 4,
}

_DAYS = {"weekly": 7, "fortnightly": 14, "four_weekly": 28}
_LONGEST = {"twice_monthly": 16, "monthly": 31, "quarterly": 92}
_MONDAY = date(2020, 1, 6)  # every weekly grid starts from this Monday
_MID_MONTH = 16


def period_start(frequency: str, day: date) -> date:
    """The first day of the period that holds `day`."""
    if days := _DAYS.get(frequency):
        return day - timedelta((day - _MONDAY).days % days)
    if frequency == "twice_monthly":
        return day.replace(day=_MID_MONTH if day.day >= _MID_MONTH else 1)
    months = 3 if frequency == "quarterly" else 1
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def period_end(frequency: str, start: date) -> date:
    """The last day of the period that starts on `start`."""
    if days := _DAYS.get(frequency):
        return start + timedelta(days - 1)
    return period_start(frequency, start + timedelta(_LONGEST[frequency])) - timedelta(1)


def periods_before(frequency: str, day: date, count: int) -> list[tuple[date, date]]:
    """The last `count` whole periods that ended before `day`, oldest first."""
    start, periods = period_start(frequency, day), []
    for _ in range(count):
        end = start - timedelta(1)
        start = period_start(frequency, end)
        periods.append((start, end))
    return periods[::-1]
