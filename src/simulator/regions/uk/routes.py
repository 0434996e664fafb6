"""The United Kingdom's paths."""

from simulator.api.endpoint import Call, Document, Endpoint, NotFound, Routes, found
from simulator.regions.newer.answers import of_employee, single
from simulator.regions.newer.routes import EMPLOYEES, Wire, item_routes, shared_routes
from simulator.regions.uk import records

_WIRE = Wire(
    employee=records.employee,
    tax=records.tax,
    bank_accounts=records.bank_accounts,
    payslip_summary=records.payslip_summary,
    payslip=records.payslip,
    leave=lambda row: row,
    deduction=records.deduction,
    leave_type=records.leave_type,
    employee_leave_type=records.employee_leave_type,
    reimbursement=records.reimbursement,
)
_EMPLOYEE = ("employees", "{}")


def _one_leave(call: Call) -> Document:
    row = records.one_leave(call, found(call.clinic.employees, call.ids[0]))
    if row is None:
        raise NotFound
    return single("leave", row)


ROUTES: Routes = {
    **shared_routes(_WIRE),
    **item_routes("benefits", "benefit", "benefits", records.benefit),
    **item_routes("earningsorders", "statutory", "statutoryDeductions", records.earnings_order),
    (*_EMPLOYEE, "leave", "{}"): Endpoint(EMPLOYEES, _one_leave),
    (*_EMPLOYEE, "ukopeningbalances"): Endpoint(
        EMPLOYEES, of_employee("openingBalances", records.opening_balances)
    ),
    (*_EMPLOYEE, "statutoryleavebalance"): Endpoint(
        EMPLOYEES, of_employee("leaveBalance", records.statutory_balance)
    ),
    ("statutoryleaves", "summary", "{}"): Endpoint(
        EMPLOYEES,
        of_employee("statutoryLeaves", lambda _, __: []),  # nobody here takes any
    ),
}
