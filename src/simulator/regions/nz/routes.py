"""New Zealand's paths."""

from simulator.api.endpoint import Endpoint, Routes
from simulator.regions.newer.answers import listed_of_employee
from simulator.regions.newer.routes import EMPLOYEES, Wire, item_routes, shared_routes
from simulator.regions.nz import records

_WIRE = Wire(
    employee=records.employee,
    tax=records.tax,
    bank_accounts=records.bank_accounts,
    payslip_summary=records.payslip_summary,
    payslip=records.payslip,
    leave=records.leave,
    deduction=records.deduction,
    leave_type=records.leave_type,
    employee_leave_type=records.employee_leave_type,
    reimbursement=records.reimbursement,
)
_PATTERNS = ("employees", "{}", "working-patterns")

ROUTES: Routes = {
    **shared_routes(_WIRE, requested=True),
    **item_routes("superannuations", "benefit", "benefits", records.benefit),
    **item_routes("statutorydeductions", "statutory", "statutoryDeductions", records.statutory),
    ("employees", "{}", "openingbalances"): Endpoint(
        EMPLOYEES, listed_of_employee("openingBalances", records.opening_balances)
    ),
    _PATTERNS: Endpoint(
        EMPLOYEES,
        listed_of_employee("payeeWorkingPatterns", lambda _, employee: [records.pattern(employee)]),
    ),
    (*_PATTERNS, "{}"): Endpoint(EMPLOYEES, records.one_pattern),
}
