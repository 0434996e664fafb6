"""What differs by country inside the payroll: pay items, taxes, pensions, the shapes of private numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

from simulator.payroll.model import ZERO, BankAccount, Employee, PayItem, cents
from simulator.payroll.pay import Line
from simulator.payroll.periods import PERIODS_PER_YEAR


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """A pay item of a region's catalogue, before it has an id; see `PayItem` for the words."""

    slug: str
    kind: str
    name: str
    category: str
    rate_type: str | None = None
    rate: Decimal | None = None
    units: str | None = None
    account_code: str = "477"
    is_paid: bool = True
    current: bool = True


@dataclass(frozen=True, slots=True)
class Pay:
    """What withholding is calculated from: one employee's earnings in one period, so far."""

    employee: Employee
    frequency: str
    payment_date: date
    earnings: Decimal
    pensionable: Decimal
    item: Callable[[str], PayItem]

    def per_period(self, annual: Callable[[Decimal], Decimal], amount: Decimal) -> Decimal:
        """What a yearly scale takes from one period's amount; a negative amount gives it back."""
        periods = PERIODS_PER_YEAR[self.frequency]
        taken = cents(annual(abs(amount) * periods) / periods)
        return taken if amount >= 0 else -taken

    def line(self, section: str, kind: str, slug: str, amount: Decimal, **more: Decimal) -> Line:
        """A line that belongs to the pay item called `slug`."""
        item = self.item(slug)
        return Line(section=section, kind=kind, item_id=item.id, name=item.name, amount=amount, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One region's payroll."""

    region: str
    country_code: str
    currency: str
    timezones: tuple[str, ...]
    financial_year_end: tuple[int, int]  # day, month
    catalogue: tuple[ItemSpec, ...]
    accounts: tuple[tuple[str, str, str], ...]  # type, code, name
    places: tuple[tuple[str, str | None, str], ...]  # city, state, postcode
    country: str
    streets: tuple[str, ...]
    withhold: Callable[[Pay], list[Line]]
    tax_number: Callable[[Random], str]
    business_number: Callable[[Random], str]
    bank_account: Callable[[Random, str], BankAccount]
    phone: Callable[[Random], str]
    casual_holiday_pay: Decimal | None = None  # share of their earnings, paid with each pay


def progressive(brackets: Sequence[tuple[str, str]]) -> Callable[[Decimal], Decimal]:
    """A yearly scale of (income above, marginal rate) pairs, as a function of yearly income."""
    steps, last = [], ZERO
    for floor, rate in brackets:
        steps.append((Decimal(floor), Decimal(rate) - last))
        last = Decimal(rate)

    def scale(income: Decimal) -> Decimal:
        return sum(((income - floor) * step for floor, step in steps if income > floor), ZERO)

    return scale


def digits(rng: Random, pattern: str) -> str:
    """`pattern` with every # replaced by a digit."""
    return "".join(str(rng.randrange(10)) if c == "#" else c for c in pattern)


def chance(rng: Random, share: float) -> bool:
    """True in that share of cases."""
    return rng.random() < share
