"""
What there is to read: lists say what changed, details clear it.

A stream is what a clinic and the main platform see; a resource is one of Xero's endpoints behind it. Which
resources a country has is in `plans`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Self

from domain.model.connection import Region


class Stream(StrEnum):
    """A kind of data, in the order it is read."""

    ORGANISATION = "organisation"
    USERS = "users"
    SETTINGS = "settings"
    EMPLOYEES = "employees"
    PAY_RUNS = "pay_runs"
    TIMESHEETS = "timesheets"
    LEAVE = "leave"
    PAYSLIPS = "payslips"


class Resource(StrEnum):
    """One endpoint, or one filter of it."""

    ORGANISATION = "organisation"
    USERS = "users"
    PAYROLL_SETTINGS = "payroll_settings"
    PAY_ITEMS = "pay_items"
    PAY_CALENDARS = "pay_calendars"
    TRACKING = "tracking"
    EARNINGS_RATES = "earnings_rates"
    DEDUCTIONS = "deductions"
    LEAVE_TYPES = "leave_types"
    REIMBURSEMENTS = "reimbursements"
    SUPERANNUATIONS = "superannuations"
    STATUTORY_DEDUCTIONS = "statutory_deductions"
    BENEFITS = "benefits"
    EARNINGS_ORDERS = "earnings_orders"
    EMPLOYEES = "employees"
    TERMINATED_EMPLOYEES = "terminated_employees"
    PAY_RUNS = "pay_runs"
    TIMESHEETS = "timesheets"
    LEAVE = "leave"
    EMPLOYEE = "employee"
    PAY_RUN = "pay_run"
    PAYSLIP = "payslip"
    TIMESHEET = "timesheet"
    LEAVE_APPLICATION = "leave_application"


DAILY = timedelta(hours=20)
WEEKLY = timedelta(days=6, hours=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSpec:
    """
    A list, and how it can be asked.

    `since`: it can be asked for what changed of late, and then does not show everything. `rest`: it moves so
    seldom that a sync of changes does not look again within that time.
    """

    resource: Resource
    stream: Stream
    since: bool = False
    rest: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailSpec:
    """
    A record that is asked for by its id, and how many calls that takes.

    `payslips_a_call`: it shows payslips, so many in each call; None if one call shows it all.
    """

    stream: Stream
    calls: int = 1
    payslips_a_call: int | None = None

    def sized(self, payslips: int) -> Self:
        """The same for a clinic whose pay runs have so many payslips."""
        if self.payslips_a_call is None:
            return self
        return replace(self, calls=max(self.calls, -(-payslips // self.payslips_a_call)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    How one region's payroll is read: its lists in order, and its details.

    `night` is the hour, in UTC, at which the country's day is about to begin; summer time moves it by one.
    """

    region: Region
    night: int
    lists: tuple[ListSpec, ...]
    details: Mapping[Resource, DetailSpec]

    def stream_of(self, resource: Resource) -> Stream:
        """The stream that a list or a detail belongs to."""
        if resource in self.details:
            return self.details[resource].stream
        return next(spec.stream for spec in self.lists if spec.resource is resource)

    def sized(self, payslips: int) -> Self:
        """The same plan, with the calls that it takes where a pay run has so many payslips."""
        return replace(self, details={one: spec.sized(payslips) for one, spec in self.details.items()})

    def calls_for(self, resource: Resource) -> int:
        """How many calls one request of this resource makes, at most."""
        return self.details[resource].calls if resource in self.details else 1

    def details_of(self, streams: Collection[Stream]) -> list[Resource]:
        """The details behind these streams; a pay run's totals are those of its payslips."""
        wanted = {one for one, spec in self.details.items() if spec.stream in streams}
        if Stream.PAY_RUNS in streams:
            wanted.add(Resource.PAY_RUN)
        return [one for one in self.details if one in wanted]

    def streams(self) -> frozenset[Stream]:
        """Every stream that this region has."""
        details = {spec.stream for spec in self.details.values()}
        return frozenset({spec.stream for spec in self.lists} | details)
