"""
What one would write first with xero-python: read everything, page by page, and every detail.

Run as `python sdk_loop.py URL TENANT TOKEN [FOLDER]` in an environment that has xero-python. Prints the net
pay of every payslip as JSON, for whoever wants to know whether a change was found.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.payrollau import PayrollAuApi

PAGE = 100


def main(url: str, tenant: str, access_token: str) -> None:
    token = {
        "access_token": access_token,
        "refresh_token": "none",
        "expires_in": 1800,
        "token_type": "Bearer",
        "scope": [],
        "id_token": "",
    }
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id="none", client_secret="none")),
        oauth2_token_getter=lambda: token,
        oauth2_token_saver=lambda _: None,
    )
    client.set_oauth2_token(token)
    accounting = AccountingApi(client, base_url=f"{url}/api.xro/2.0")
    payroll = PayrollAuApi(client, base_url=f"{url}/payroll.xro/1.0")
    accounting.get_organisations(tenant)
    accounting.get_users(tenant)
    payroll.get_settings(tenant)
    payroll.get_pay_items(tenant)
    for get, name in (
        (payroll.get_payroll_calendars, "payroll_calendars"),
        (payroll.get_leave_applications, "leave_applications"),
        (payroll.get_timesheets, "timesheets"),
    ):
        list(pages(get, name, tenant))
    for employee in pages(payroll.get_employees, "employees", tenant):
        payroll.get_employee(tenant, employee.employee_id)
    net_pay = {}
    for run in pages(payroll.get_pay_runs, "pay_runs", tenant):
        for slip in payroll.get_pay_run(tenant, run.pay_run_id).pay_runs[0].payslips:
            payslip = payroll.get_payslip(tenant, slip.payslip_id).payslip
            net_pay[payslip.payslip_id] = float(payslip.net_pay)
    print(json.dumps(net_pay))


def pages(get: Callable[..., Any], name: str, tenant: str) -> Iterator[Any]:
    number = 1
    while True:
        found = getattr(get(tenant, page=number), name) or []
        yield from found
        if len(found) < PAGE:
            return
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:4])
