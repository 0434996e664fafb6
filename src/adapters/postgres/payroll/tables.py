"""
The payroll tables.

Every row names its clinic and connection. `changed_at` moves only when a value differs; `deleted_at` marks
what Xero has no more; `stale` marks what a list has shown to differ from what we hold in full.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from adapters.postgres.tables import SCHEMA, Instant, metadata

TEXT, AMOUNT, DAY = Text(), Numeric(), Date()


def _payroll(table_name: str, key: Sequence[str], /, **columns: TypeEngine[Any]) -> Table:
    """A table keyed by connection and `key`, with the stamps that all of them have."""
    keys: list[Column[Any]] = [Column(one, columns.pop(one, TEXT), primary_key=True) for one in key]
    return Table(
        table_name,
        metadata,
        Column("connection_id", BigInteger, ForeignKey(f"{SCHEMA}.connection.id"), primary_key=True),
        *keys,
        Column("clinic_id", Text, nullable=False),
        *[Column(one, type_) for one, type_ in columns.items()],
        Column("first_seen_at", Instant, nullable=False, server_default=text("now()")),
        Column("changed_at", Instant, nullable=False, server_default=text("now()")),
        Column("deleted_at", Instant),
    )


def _to_do(table: Table, *order: str) -> None:
    """Let the rows of this table be a to-do list."""
    table.append_column(Column("stale", Boolean, nullable=False, server_default=text("false")))
    table.append_column(Column("set_aside_at", Instant))
    columns = [table.c.connection_id, *(table.c[one] for one in order)]
    Index(f"{table.name}_stale_idx", *columns, postgresql_where=text("stale"))
    Index(
        f"{table.name}_set_aside_idx",
        table.c.connection_id,
        postgresql_where=text("set_aside_at IS NOT NULL"),
    )


organisation = _payroll(
    "organisation",
    (),
    id=TEXT,
    name=TEXT,
    legal_name=TEXT,
    region=TEXT,
    version=TEXT,
    country_code=TEXT,
    currency=TEXT,
    timezone=TEXT,
    status=TEXT,
    organisation_type=TEXT,
    plan=TEXT,
    is_demo=Boolean(),
    financial_year_end_day=Integer(),
    financial_year_end_month=Integer(),
    created_at=Instant,
)

account_user = _payroll(
    "account_user",
    ("id",),
    email=TEXT,
    first_name=TEXT,
    last_name=TEXT,
    role=TEXT,
    is_subscriber=Boolean(),
    source_updated_at=Instant,
)

payroll_settings = _payroll(
    "payroll_settings",
    (),
    days_in_payroll_year=Integer(),
    accounts=JSONB(),
    tracking_categories=JSONB(),
)

pay_calendar = _payroll(
    "pay_calendar",
    ("id",),
    name=TEXT,
    calendar_type=TEXT,
    period_start=DAY,
    period_end=DAY,
    payment_date=DAY,
    source_updated_at=Instant,
)

pay_item = _payroll(
    "pay_item",
    ("kind", "id"),
    name=TEXT,
    category=TEXT,
    rate_type=TEXT,
    type_of_units=TEXT,
    rate_per_unit=AMOUNT,
    multiplier=AMOUNT,
    account_code=TEXT,
    is_current=Boolean(),
    source_updated_at=Instant,
)

employee = _payroll(
    "employee",
    ("id",),
    first_name=TEXT,
    last_name=TEXT,
    email=TEXT,
    status=TEXT,
    start_date=DAY,
    end_date=DAY,
    end_reason=TEXT,
    job_title=TEXT,
    employment_basis=TEXT,
    calendar_id=TEXT,
    ordinary_rate_id=TEXT,
    source_updated_at=Instant,
    classification=TEXT,
    employee_group=TEXT,
    pay_basis=TEXT,
    annual_salary=AMOUNT,
    hours_per_week=AMOUNT,
    rate_per_unit=AMOUNT,
)
_to_do(employee)

employee_version = _payroll(
    "employee_version",
    ("employee_id", "valid_from"),
    valid_from=Instant,
    valid_to=Instant,
    status=TEXT,
    job_title=TEXT,
    employment_basis=TEXT,
    employee_group=TEXT,
    calendar_id=TEXT,
    pay_basis=TEXT,
    annual_salary=AMOUNT,
    hours_per_week=AMOUNT,
    rate_per_unit=AMOUNT,
)

leave_balance = _payroll(
    "leave_balance",
    ("employee_id", "leave_type_id"),
    name=TEXT,
    units=AMOUNT,
    type_of_units=TEXT,
)

TOTALS: dict[str, TypeEngine[Any]] = {
    "earnings": AMOUNT,
    "deductions": AMOUNT,
    "tax": AMOUNT,
    "statutory_deductions": AMOUNT,
    "employer_pension": AMOUNT,
    "employer_tax": AMOUNT,
    "reimbursements": AMOUNT,
    "net_pay": AMOUNT,
}

pay_run = _payroll(
    "pay_run",
    ("id",),
    calendar_id=TEXT,
    run_type=TEXT,
    status=TEXT,
    period_start=DAY,
    period_end=DAY,
    payment_date=DAY,
    **TOTALS,
    total_cost=AMOUNT,
    source_updated_at=Instant,
)
pay_run.append_column(Column("ties_out", Boolean))
_to_do(pay_run, "payment_date")
Index("pay_run_payment_idx", pay_run.c.connection_id, pay_run.c.calendar_id, pay_run.c.payment_date)

payslip = _payroll(
    "payslip",
    ("id",),
    pay_run_id=TEXT,
    payment_date=DAY,
    employee_id=TEXT,
    first_name=TEXT,
    last_name=TEXT,
    employee_group=TEXT,
    **TOTALS,
    source_updated_at=Instant,
)
payslip.append_column(Column("posted", JSONB))
_to_do(payslip, "payment_date")
Index("payslip_pay_run_idx", payslip.c.connection_id, payslip.c.pay_run_id)
Index("payslip_employee_idx", payslip.c.connection_id, payslip.c.employee_id)

correction = _payroll(
    "correction",
    ("payslip_id", "noticed_at", "field"),
    noticed_at=Instant,
    pay_run_id=TEXT,
    employee_id=TEXT,
    old_amount=AMOUNT,
    new_amount=AMOUNT,
)
Index("correction_noticed_idx", correction.c.connection_id, correction.c.noticed_at)

pay_line = _payroll(
    "pay_line",
    ("payslip_id", "kind", "position"),
    position=Integer(),
    item_id=TEXT,
    name=TEXT,
    line_type=TEXT,
    units=AMOUNT,
    rate=AMOUNT,
    percentage=AMOUNT,
    amount=AMOUNT,
)

timesheet = _payroll(
    "timesheet",
    ("id",),
    employee_id=TEXT,
    calendar_id=TEXT,
    status=TEXT,
    period_start=DAY,
    period_end=DAY,
    total_units=AMOUNT,
    source_updated_at=Instant,
)
_to_do(timesheet, "period_start")

timesheet_entry = _payroll(
    "timesheet_entry",
    ("timesheet_id", "position"),
    position=Integer(),
    day=DAY,
    earnings_rate_id=TEXT,
    tracking_item_id=TEXT,
    units=AMOUNT,
)

leave_application = _payroll(
    "leave_application",
    ("id",),
    employee_id=TEXT,
    leave_type_id=TEXT,
    start_date=DAY,
    end_date=DAY,
    source_updated_at=Instant,
)
_to_do(leave_application, "start_date")

leave_period = _payroll(
    "leave_period",
    ("application_id", "position"),
    position=Integer(),
    period_start=DAY,
    period_end=DAY,
    units=AMOUNT,
    status=TEXT,
    type_of_units=TEXT,
    units_taken=AMOUNT,
    type_of_units_taken=TEXT,
)

PAYROLL_TABLES = (
    pay_line,
    correction,
    payslip,
    pay_run,
    timesheet_entry,
    timesheet,
    leave_period,
    leave_application,
    leave_balance,
    employee_version,
    employee,
    pay_item,
    pay_calendar,
    payroll_settings,
    account_user,
    organisation,
)
"""Every payroll table, children first: the order of erasure."""
