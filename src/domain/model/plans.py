"""
Which lists and details each country's payroll has, in the order they are read.

Australia's lists can be asked for what changed since; those of New Zealand and the United Kingdom cannot
(Xero-OpenAPI), but show payslips with their lines by the pay run.
"""

from domain.model.connection import Region
from domain.model.streams import DAILY, WEEKLY, DetailSpec, ListSpec, Plan, Resource, Stream

ACCOUNTING = (
    ListSpec(resource=Resource.ORGANISATION, stream=Stream.ORGANISATION, rest=DAILY),
    ListSpec(resource=Resource.USERS, stream=Stream.USERS, since=True, rest=DAILY),
)

AU = Plan(
    region=Region.AU,
    night=14,
    lists=(
        *ACCOUNTING,
        ListSpec(resource=Resource.PAYROLL_SETTINGS, stream=Stream.SETTINGS, rest=WEEKLY),
        ListSpec(resource=Resource.PAY_ITEMS, stream=Stream.SETTINGS, since=True, rest=DAILY),
        ListSpec(resource=Resource.PAY_CALENDARS, stream=Stream.SETTINGS, since=True, rest=DAILY),
        ListSpec(resource=Resource.EMPLOYEES, stream=Stream.EMPLOYEES, since=True),
        ListSpec(resource=Resource.TERMINATED_EMPLOYEES, stream=Stream.EMPLOYEES, since=True),
        ListSpec(resource=Resource.PAY_RUNS, stream=Stream.PAY_RUNS, since=True),
        ListSpec(resource=Resource.TIMESHEETS, stream=Stream.TIMESHEETS, since=True),
        ListSpec(resource=Resource.LEAVE, stream=Stream.LEAVE, since=True),
    ),
    details={
        Resource.EMPLOYEE: DetailSpec(stream=Stream.EMPLOYEES),
        Resource.PAY_RUN: DetailSpec(stream=Stream.PAY_RUNS),
        Resource.PAYSLIP: DetailSpec(stream=Stream.PAYSLIPS),
        Resource.TIMESHEET: DetailSpec(stream=Stream.TIMESHEETS),
        Resource.LEAVE_APPLICATION: DetailSpec(stream=Stream.LEAVE),
    },
)

NEWER_SETTINGS = (
    ListSpec(resource=Resource.PAYROLL_SETTINGS, stream=Stream.SETTINGS, rest=WEEKLY),
    ListSpec(resource=Resource.TRACKING, stream=Stream.SETTINGS, rest=WEEKLY),
    ListSpec(resource=Resource.EARNINGS_RATES, stream=Stream.SETTINGS, rest=DAILY),
    ListSpec(resource=Resource.DEDUCTIONS, stream=Stream.SETTINGS, rest=WEEKLY),
    ListSpec(resource=Resource.LEAVE_TYPES, stream=Stream.SETTINGS, rest=WEEKLY),
    ListSpec(resource=Resource.REIMBURSEMENTS, stream=Stream.SETTINGS, rest=WEEKLY),
    ListSpec(resource=Resource.PAY_CALENDARS, stream=Stream.SETTINGS, rest=DAILY),
)

NEWER_PAYROLL = (
    ListSpec(resource=Resource.EMPLOYEES, stream=Stream.EMPLOYEES),
    ListSpec(resource=Resource.PAY_RUNS, stream=Stream.PAY_RUNS),
    ListSpec(resource=Resource.TIMESHEETS, stream=Stream.TIMESHEETS, since=True),
)

NEWER_DETAILS = {
    Resource.EMPLOYEE: DetailSpec(stream=Stream.EMPLOYEES, calls=3),
    Resource.PAY_RUN: DetailSpec(stream=Stream.PAYSLIPS, payslips_a_call=100),
    Resource.TIMESHEET: DetailSpec(stream=Stream.TIMESHEETS),
}
"""
An employee's pay, leave and leave balances are three calls; a pay run shows its payslips with their lines, by
the hundred.
"""

NZ = Plan(
    region=Region.NZ,
    night=12,
    lists=(
        *ACCOUNTING,
        *NEWER_SETTINGS,
        ListSpec(resource=Resource.SUPERANNUATIONS, stream=Stream.SETTINGS, rest=WEEKLY),
        ListSpec(resource=Resource.STATUTORY_DEDUCTIONS, stream=Stream.SETTINGS, rest=WEEKLY),
        *NEWER_PAYROLL,
    ),
    details=NEWER_DETAILS,
)

UK = Plan(
    region=Region.UK,
    night=0,
    lists=(
        *ACCOUNTING,
        *NEWER_SETTINGS,
        ListSpec(resource=Resource.BENEFITS, stream=Stream.SETTINGS, rest=WEEKLY),
        ListSpec(resource=Resource.EARNINGS_ORDERS, stream=Stream.SETTINGS, rest=WEEKLY),
        *NEWER_PAYROLL,
    ),
    details=NEWER_DETAILS,
)

PLANS = {plan.region: plan for plan in (AU, NZ, UK)}
