"""Australian payroll (payroll.xro/1.0): which call answers which resource, and how it is read."""

from adapters.xero.readings import Part, Reading
from adapters.xero.regions.au import employees, pay_runs, settings, structs
from domain.model.streams import Resource

API = "payroll"

SINCE = "if_modified_since"

EMPLOYEES = Part(("Employees",), structs.EmployeeListed, employees.employee_listed, "EmployeeID")

READINGS = {
    Resource.PAYROLL_SETTINGS: Reading(
        api=API,
        method="get_settings",
        parts=(Part(("Settings",), structs.Settings, settings.settings, "none"),),
    ),
    Resource.PAY_ITEMS: Reading(
        api=API,
        method="get_pay_items",
        since_argument=SINCE,
        parts=(
            Part(
                ("PayItems", "EarningsRates"),
                structs.EarningsRate,
                settings.earnings_rate,
                "EarningsRateID",
            ),
            Part(
                ("PayItems", "DeductionTypes"),
                structs.DeductionType,
                settings.deduction_type,
                "DeductionTypeID",
            ),
            Part(("PayItems", "LeaveTypes"), structs.LeaveType, settings.leave_type, "LeaveTypeID"),
            Part(
                ("PayItems", "ReimbursementTypes"),
                structs.ReimbursementType,
                settings.reimbursement_type,
                "ReimbursementTypeID",
            ),
        ),
    ),
    Resource.PAY_CALENDARS: Reading(
        api=API,
        method="get_payroll_calendars",
        since_argument=SINCE,
        is_paged=True,
        parts=(Part(("PayrollCalendars",), structs.Calendar, settings.calendar, "PayrollCalendarID"),),
    ),
    Resource.EMPLOYEES: Reading(
        api=API, method="get_employees", since_argument=SINCE, is_paged=True, parts=(EMPLOYEES,)
    ),
    Resource.TERMINATED_EMPLOYEES: Reading(
        api=API,
        method="get_employees",
        since_argument=SINCE,
        is_paged=True,
        arguments={"where": 'Status=="TERMINATED"'},
        parts=(EMPLOYEES,),
    ),
    Resource.EMPLOYEE: Reading(
        api=API,
        method="get_employee",
        id_argument="employee_id",
        parts=(Part(("Employees",), structs.Employee, employees.employee, "EmployeeID"),),
    ),
    Resource.PAY_RUNS: Reading(
        api=API,
        method="get_pay_runs",
        since_argument=SINCE,
        is_paged=True,
        parts=(Part(("PayRuns",), structs.PayRun, pay_runs.pay_run_listed, "PayRunID"),),
    ),
    Resource.PAY_RUN: Reading(
        api=API,
        method="get_pay_run",
        id_argument="pay_run_id",
        parts=(Part(("PayRuns",), structs.PayRun, pay_runs.pay_run, "PayRunID"),),
    ),
    Resource.PAYSLIP: Reading(
        api=API,
        method="get_payslip",
        id_argument="payslip_id",
        parts=(Part(("Payslip",), structs.Payslip, pay_runs.payslip, "PayslipID"),),
    ),
    Resource.TIMESHEETS: Reading(
        api=API,
        method="get_timesheets",
        since_argument=SINCE,
        is_paged=True,
        parts=(Part(("Timesheets",), structs.Timesheet, employees.timesheet, "TimesheetID"),),
    ),
    Resource.TIMESHEET: Reading(
        api=API,
        method="get_timesheet",
        id_argument="timesheet_id",
        parts=(Part(("Timesheet",), structs.Timesheet, employees.timesheet, "TimesheetID"),),
    ),
    Resource.LEAVE: Reading(
        api=API,
        method="get_leave_applications",
        since_argument=SINCE,
        is_paged=True,
        parts=(
            Part(
                ("LeaveApplications",),
                structs.LeaveApplication,
                employees.leave_application,
                "LeaveApplicationID",
            ),
        ),
    ),
    Resource.LEAVE_APPLICATION: Reading(
        api=API,
        method="get_leave_application",
        id_argument="leave_application_id",
        parts=(
            Part(
                ("LeaveApplications",),
                structs.LeaveApplication,
                employees.leave_application,
                "LeaveApplicationID",
            ),
        ),
    ),
}
