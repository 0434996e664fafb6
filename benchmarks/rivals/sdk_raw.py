"""The official SDK at its leanest: xero-python without its models, msgspec, and upserts by hundreds."""

from typing import Any

import psycopg
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.payrollau import PayrollAuApi

from benchmarks.rivals.floor import DECODER, EVERY, Payslip, head_of, lines_of
from benchmarks.rivals.task import Task, perform

HEAD = """
INSERT INTO payslip VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
    employee_id = excluded.employee_id, first_name = excluded.first_name, last_name = excluded.last_name,
    wages = excluded.wages, deductions = excluded.deductions, tax = excluded.tax, super = excluded.super,
    reimbursements = excluded.reimbursements, net_pay = excluded.net_pay
"""

LINE = """
INSERT INTO line VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (payslip_id, kind, position) DO UPDATE SET
    item_id = excluded.item_id, units = excluded.units, rate = excluded.rate,
    percentage = excluded.percentage, amount = excluded.amount
"""


def work(task: Task) -> None:
    """Read and write, a batch at a time."""
    api = api_of(task)
    with psycopg.connect(task.database) as database:
        for start in range(0, len(task.payslips), EVERY):
            found = [
                DECODER.decode(api.get_payslip(task.tenant, one, _preload_content=False).data).Payslip
                for one in task.payslips[start : start + EVERY]
            ]
            _write(database, found)


def api_of(task: Task) -> PayrollAuApi:
    """The SDK, as its documentation sets it up, with a token that does not end."""
    token = {"access_token": task.token, "expires_in": 1800, "token_type": "Bearer", "refresh_token": "none"}
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id="none", client_secret="none")),
        oauth2_token_getter=lambda: {**token, "scope": [], "id_token": ""},
        oauth2_token_saver=lambda _: None,
    )
    client.set_oauth2_token({**token, "scope": [], "id_token": ""})
    return PayrollAuApi(client, base_url=f"{task.url}/payroll.xro/1.0")


def _write(database: psycopg.Connection[Any], payslips: list[Payslip]) -> None:
    with database.cursor() as cursor:
        cursor.executemany(HEAD, [head_of(one) for one in payslips])
        cursor.executemany(LINE, [row for one in payslips for row in lines_of(one)])
    database.commit()


if __name__ == "__main__":
    perform(work)
