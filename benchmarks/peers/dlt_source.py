"""
dlt's rest_api source, configured for the same payroll, into DuckDB.

Run as `python dlt_source.py URL TENANT TOKEN FOLDER` in an environment that has dlt[duckdb]; the folder is
where the pipeline keeps its state and data from one run to the next. Prints the net pay of every payslip.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

import dlt
import duckdb
from dlt.sources.rest_api import rest_api_source

PAGES = {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": None}


def listed(name: str, path: str, selector: str, key: str, *, is_paged: bool = True) -> dict[str, Any]:
    paginator = {**PAGES, "stop_after_empty_page": True} if is_paged else "single_page"
    endpoint = {"path": path, "data_selector": selector, "paginator": paginator}
    return {"name": name, "primary_key": key, "write_disposition": "merge", "endpoint": endpoint}


def detail(name: str, path: str, selector: str, key: str, parent: str, *, field: str) -> dict[str, Any]:
    endpoint = {
        "path": f"{path}/{{parent_id}}",
        "data_selector": selector,
        "paginator": "single_page",
        "params": {"parent_id": {"type": "resolve", "resource": parent, "field": field}},
    }
    return {"name": name, "primary_key": key, "write_disposition": "merge", "endpoint": endpoint}


def main(url: str, tenant: str, token: str, folder: str) -> None:
    payroll, accounting = "payroll.xro/1.0", "api.xro/2.0"
    headers = {"Xero-Tenant-Id": tenant, "Accept": "application/json"}
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/",
                "headers": headers,
                "auth": {"type": "bearer", "token": token},
            },
            "resources": [
                listed(
                    "organisation",
                    f"{accounting}/Organisation",
                    "Organisations",
                    "OrganisationID",
                    is_paged=False,
                ),
                listed("users", f"{accounting}/Users", "Users", "UserID", is_paged=False),
                listed("settings", f"{payroll}/Settings", "Settings", "DaysInPayrollYear", is_paged=False),
                listed(
                    "pay_items",
                    f"{payroll}/PayItems",
                    "PayItems.EarningsRates",
                    "EarningsRateID",
                    is_paged=False,
                ),
                listed("calendars", f"{payroll}/PayrollCalendars", "PayrollCalendars", "PayrollCalendarID"),
                listed("leave", f"{payroll}/LeaveApplications", "LeaveApplications", "LeaveApplicationID"),
                listed("timesheets", f"{payroll}/Timesheets", "Timesheets", "TimesheetID"),
                listed("employees", f"{payroll}/Employees", "Employees", "EmployeeID"),
                detail(
                    "employee",
                    f"{payroll}/Employees",
                    "Employees",
                    "EmployeeID",
                    "employees",
                    field="EmployeeID",
                ),
                listed("pay_runs", f"{payroll}/PayRuns", "PayRuns", "PayRunID"),
                detail(
                    "payslips",
                    f"{payroll}/PayRuns",
                    "PayRuns[*].Payslips[*]",
                    "PayslipID",
                    "pay_runs",
                    field="PayRunID",
                ),
                detail(
                    "payslip", f"{payroll}/Payslip", "Payslip", "PayslipID", "payslips", field="PayslipID"
                ),
            ],
        }
    )
    database = Path(folder) / "copy.duckdb"
    pipeline = dlt.pipeline(
        "xero",
        pipelines_dir=folder,
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="payroll",
    )
    pipeline.run(source)
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute("SELECT payslip_id, net_pay FROM payroll.payslip").fetchall()
    print(json.dumps({one: float(net_pay) for one, net_pay in rows}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
