"""Payroll settings of Australia, in the one model."""

from collections.abc import Iterator
from decimal import Decimal

from adapters.xero import values
from adapters.xero.regions.au import structs
from domain.model.ids import SourceId
from domain.model.payroll import PayCalendar, PayItem, PayItemKind, PayrollSettings


def settings(found: structs.Settings) -> Iterator[PayrollSettings]:
    """Accounts and tracking categories, and how many days a payroll year has."""
    accounts = [
        {
            "id": one.AccountID,
            "type": values.word(one.Type),
            "code": _code(one.Code),
            "name": values.text(one.Name),
        }
        for one in found.Accounts or ()
    ]
    tracking = [
        {
            "use": use,
            "id": category.TrackingCategoryID,
            "name": values.text(category.TrackingCategoryName),
        }
        for use, category in (found.TrackingCategories or {}).items()
        if category and category.TrackingCategoryID
    ]
    yield PayrollSettings(
        days_in_payroll_year=found.DaysInPayrollYear,
        accounts=tuple(accounts),
        tracking_categories=tuple(tracking),
    )


def _code(value: str | int | None) -> str | None:
    return values.text(str(value)) if value is not None else None


def calendar(found: structs.Calendar) -> Iterator[PayCalendar]:
    """How often a group is paid."""
    yield PayCalendar(
        id=SourceId(found.PayrollCalendarID),
        name=values.text(found.Name),
        calendar_type=values.word(found.CalendarType),
        period_start=values.day(found.StartDate),
        period_end=None,
        payment_date=values.day(found.PaymentDate),
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )


def _item(
    kind: PayItemKind,
    item_id: str,
    found: structs.EarningsRate | structs.DeductionType | structs.LeaveType | structs.ReimbursementType,
    *,
    category: str | None = None,
    rate_type: str | None = None,
    type_of_units: str | None = None,
    rate_per_unit: Decimal | None = None,
    multiplier: Decimal | None = None,
    account_code: str | int | None = None,
) -> PayItem:
    """A pay item; one that Xero does not call current has been retired."""
    return PayItem(
        id=SourceId(item_id),
        kind=kind,
        name=values.text(found.Name),
        category=values.word(category),
        rate_type=values.word(rate_type),
        type_of_units=values.word(type_of_units),
        rate_per_unit=values.amount(rate_per_unit),
        multiplier=values.amount(multiplier),
        account_code=_code(account_code),
        is_current=found.CurrentRecord is not False,
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )


def earnings_rate(found: structs.EarningsRate) -> Iterator[PayItem]:
    """A pay item for earnings."""
    yield _item(
        PayItemKind.EARNINGS,
        found.EarningsRateID,
        found,
        category=found.EarningsType,
        rate_type=found.RateType,
        type_of_units=found.TypeOfUnits,
        rate_per_unit=found.RatePerUnit if found.RatePerUnit is not None else found.Amount,
        multiplier=found.Multiplier,
        account_code=found.AccountCode,
    )


def deduction_type(found: structs.DeductionType) -> Iterator[PayItem]:
    """A pay item for deductions."""
    yield _item(
        PayItemKind.DEDUCTION,
        found.DeductionTypeID,
        found,
        category=found.DeductionCategory,
        account_code=found.AccountCode,
    )


def leave_type(found: structs.LeaveType) -> Iterator[PayItem]:
    """A pay item for leave."""
    yield _item(
        PayItemKind.LEAVE,
        found.LeaveTypeID,
        found,
        category=found.LeaveCategoryCode,
        type_of_units=found.TypeOfUnits,
    )


def reimbursement_type(found: structs.ReimbursementType) -> Iterator[PayItem]:
    """A pay item for reimbursements."""
    yield _item(PayItemKind.REIMBURSEMENT, found.ReimbursementTypeID, found, account_code=found.AccountCode)
