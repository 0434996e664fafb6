"""xero-python's own models can read every well-formed answer of Payroll AU."""

from typing import Any

import pytest
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import RateLimitException
from xero_python.identity import IdentityApi
from xero_python.payrollau import PayrollAuApi
from xero_python.payrollauv2 import PayrollAuV2Api

from simulator.client import Control, Organisation


@pytest.fixture
def sdk(control: Control, clinic: Organisation) -> ApiClient:
    token_set = control.token_set(clinic)
    token = {**token_set, "scope": token_set["scope"].split(), "expires_at": 4e9}
    client = ApiClient(Configuration(), oauth2_token_getter=lambda: token, oauth2_token_saver=lambda _: None)
    client.configuration.oauth2_token = OAuth2Token()
    return client


@pytest.fixture
def payroll(sdk: ApiClient, control: Control) -> Any:
    return PayrollAuApi(sdk, base_url=f"{control.url}/payroll.xro/1.0")


def test_employees(payroll: Any, clinic: Organisation) -> None:
    listed = payroll.get_employees(clinic.tenant_id).employees
    gone = payroll.get_employees(clinic.tenant_id, where='Status=="TERMINATED"').employees
    for employee in [*listed, *gone]:
        full = payroll.get_employee(clinic.tenant_id, employee.employee_id).employees[0]
        assert full.last_name == employee.last_name
        assert full.tax_declaration.tax_file_number


def test_pay_runs_and_payslips(payroll: Any, clinic: Organisation) -> None:
    runs = payroll.get_pay_runs(clinic.tenant_id, page=1).pay_runs
    read = 0
    for run in runs:
        for summary in payroll.get_pay_run(clinic.tenant_id, run.pay_run_id).pay_runs[0].payslips:
            slip = payroll.get_payslip(clinic.tenant_id, summary.payslip_id).payslip
            assert slip.net_pay == summary.net_pay
            read += 1
    assert read == clinic.counts["payslips"]


def test_timesheets_and_leave(payroll: Any, clinic: Organisation) -> None:
    for sheet in payroll.get_timesheets(clinic.tenant_id).timesheets:
        assert payroll.get_timesheet(clinic.tenant_id, sheet.timesheet_id).timesheet.hours == sheet.hours
    approved = payroll.get_leave_applications(clinic.tenant_id).leave_applications
    everything = payroll.get_leave_applications_v2(clinic.tenant_id).leave_applications
    assert len(approved) < len(everything) == clinic.counts["leave"]
    for leave in approved:
        alone = payroll.get_leave_application(clinic.tenant_id, leave.leave_application_id)
        assert alone.leave_applications[0].title == leave.title


def test_settings_items_calendars_and_funds(payroll: Any, clinic: Organisation) -> None:
    assert payroll.get_settings(clinic.tenant_id).settings.days_in_payroll_year == 365
    assert payroll.get_pay_items(clinic.tenant_id).pay_items.earnings_rates
    calendar = payroll.get_payroll_calendars(clinic.tenant_id).payroll_calendars[0]
    alone = payroll.get_payroll_calendar(clinic.tenant_id, calendar.payroll_calendar_id)
    assert alone.payroll_calendars[0].name == calendar.name
    fund = payroll.get_superfunds(clinic.tenant_id).super_funds[1]
    assert payroll.get_superfund(clinic.tenant_id, fund.super_fund_id).super_funds[0].bsb == fund.bsb
    products = payroll.get_superfund_products(clinic.tenant_id, usi="CAR0100AU").super_fund_products
    assert products[0].usi == "CAR0100AU"


def test_the_timesheets_of_payroll_au_v2(sdk: ApiClient, control: Control, clinic: Organisation) -> None:
    api = PayrollAuV2Api(sdk, base_url=f"{control.url}/payroll.xro/2.0")
    listed = api.get_timesheets(clinic.tenant_id).timesheets
    assert len(listed) == clinic.counts["timesheets"]
    assert api.get_timesheet(clinic.tenant_id, listed[0].timesheet_id).timesheet.timesheet_lines


def test_organisation_users_and_connections(sdk: ApiClient, control: Control, clinic: Organisation) -> None:
    accounting = AccountingApi(sdk, base_url=f"{control.url}/api.xro/2.0")
    assert accounting.get_organisations(clinic.tenant_id).organisations[0].name == clinic.name
    users = accounting.get_users(clinic.tenant_id).users
    assert accounting.get_user(clinic.tenant_id, users[0].user_id).users[0].is_subscriber
    connections = IdentityApi(sdk, base_url=control.url).get_connections()
    assert [connection.tenant_id for connection in connections] == [clinic.tenant_id]


def test_a_429_reaches_the_sdk_as_one(payroll: Any, control: Control, clinic: Organisation) -> None:
    control.inject("rate_limit", retry_after=None)
    with pytest.raises(RateLimitException):
        payroll.get_settings(clinic.tenant_id)
