"""Payroll settings of New Zealand and the United Kingdom, in the one model."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from adapters.xero import values
from adapters.xero.regions.newer import structs
from domain.model.ids import SourceId
from domain.model.payroll import PayCalendar, PayItem, PayItemKind, PayrollSettings


def settings(found: structs.Settings) -> Iterator[PayrollSettings]:
    """The accounts that payroll posts to."""
    accounts = [
        {
            "id": one.accountID,
            "type": values.word(one.type),
            "code": values.text(str(one.code)) if one.code is not None else None,
            "name": values.text(one.name),
        }
        for one in found.accounts or ()
    ]
    yield PayrollSettings(days_in_payroll_year=None, accounts=tuple(accounts), tracking_categories=None)


def tracking(found: structs.Tracking) -> Iterator[PayrollSettings]:
    """The tracking categories that payroll uses; their names are not told."""
    used = (
        ("EmployeeGroups", found.employeeGroupsTrackingCategoryID),
        ("TimesheetCategories", found.timesheetTrackingCategoryID),
    )
    categories = [{"use": use, "id": one, "name": None} for use, one in used if one]
    yield PayrollSettings(days_in_payroll_year=None, accounts=None, tracking_categories=tuple(categories))


def calendar(found: structs.Calendar) -> Iterator[PayCalendar]:
    """How often a group is paid."""
    yield PayCalendar(
        id=SourceId(found.payrollCalendarID),
        name=values.text(found.name),
        calendar_type=values.word(found.calendarType),
        period_start=values.day(found.periodStartDate),
        period_end=values.day(found.periodEndDate),
        payment_date=values.day(found.paymentDate),
        source_updated_at=values.instant(found.updatedDateUTC),
    )


def _item(
    kind: PayItemKind,
    item_id: str,
    name: str | None,
    *,
    is_current: bool | None,
    category: str | None = None,
    rate_type: str | None = None,
    type_of_units: str | None = None,
    rate_per_unit: Decimal | None = None,
    multiplier: Decimal | None = None,
    updated: str | None = None,
) -> PayItem:
    return PayItem(
        id=SourceId(item_id),
        kind=kind,
        name=values.text(name),
        category=values.word(category),
        rate_type=values.word(rate_type),
        type_of_units=values.word(type_of_units),
        rate_per_unit=values.amount(rate_per_unit),
        multiplier=values.amount(multiplier),
        account_code=None,
        is_current=is_current is not False,
        source_updated_at=values.instant(updated),
    )


def earnings_rate(found: structs.EarningsRate) -> Iterator[PayItem]:
    """A pay item for earnings."""
    rate = found.ratePerUnit if found.ratePerUnit is not None else found.fixedAmount
    yield _item(
        PayItemKind.EARNINGS,
        found.earningsRateID,
        found.name,
        is_current=found.currentRecord,
        category=found.earningsType,
        rate_type=found.rateType,
        type_of_units=found.typeOfUnits,
        rate_per_unit=rate,
        multiplier=found.multipleOfOrdinaryEarningsRate,
    )


def deduction(found: structs.Deduction) -> Iterator[PayItem]:
    """A pay item for deductions."""
    yield _item(
        PayItemKind.DEDUCTION,
        found.deductionId,
        found.deductionName,
        is_current=found.currentRecord,
        category=found.deductionCategory,
    )


def leave_type(found: structs.LeaveType) -> Iterator[PayItem]:
    """A pay item for leave."""
    yield _item(
        PayItemKind.LEAVE,
        found.leaveTypeID,
        found.name,
        is_current=found.isActive,
        type_of_units=found.typeOfUnits,
        updated=found.updatedDateUTC,
    )


def reimbursement(found: structs.Reimbursement) -> Iterator[PayItem]:
    """A pay item for reimbursements."""
    yield _item(
        PayItemKind.REIMBURSEMENT,
        found.reimbursementID,
        found.name,
        is_current=found.currentRecord,
        rate_type=found.calculationType,
        rate_per_unit=found.standardRatePerUnit,
    )


def item(kind: PayItemKind) -> Callable[[structs.Item], Iterator[PayItem]]:
    """A pay item of a kind that needs no more than a name and a category."""

    def translate(found: structs.Item) -> Iterator[PayItem]:
        yield _item(
            kind,
            found.id,
            found.name,
            is_current=found.currentRecord,
            category=found.category or found.statutoryDeductionCategory,
        )

    return translate
