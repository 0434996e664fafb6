"""The floor: one connection, the standard library's HTTP, msgspec and COPY, a commit for each hundred."""

from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg

from benchmarks.rivals.task import Task, perform

EVERY = 100


class Line(msgspec.Struct):
    """Any line of a payslip."""

    EarningsRateID: str | None = None
    DeductionTypeID: str | None = None
    LeaveTypeID: str | None = None
    ReimbursementTypeID: str | None = None
    NumberOfUnits: Decimal | None = None
    RatePerUnit: Decimal | None = None
    Percentage: Decimal | None = None
    Amount: Decimal | None = None


class Payslip(msgspec.Struct):
    """A payslip with its lines."""

    PayslipID: str
    EmployeeID: str
    FirstName: str | None = None
    LastName: str | None = None
    Wages: Decimal | None = None
    Deductions: Decimal | None = None
    Tax: Decimal | None = None
    Super: Decimal | None = None
    Reimbursements: Decimal | None = None
    NetPay: Decimal | None = None
    EarningsLines: list[Line] | None = None
    LeaveEarningsLines: list[Line] | None = None
    TimesheetEarningsLines: list[Line] | None = None
    DeductionLines: list[Line] | None = None
    LeaveAccrualLines: list[Line] | None = None
    ReimbursementLines: list[Line] | None = None
    SuperannuationLines: list[Line] | None = None
    TaxLines: list[Line] | None = None


class Answer(msgspec.Struct):
    """What Xero answers."""

    Payslip: Payslip


KINDS = [name for name in Payslip.__struct_fields__ if name.endswith("Lines")]
DECODER = msgspec.json.Decoder(Answer)


def work(task: Task) -> None:
    """Read and write, a batch at a time."""
    http = HTTPConnection(urlsplit(task.url).netloc)
    headers = {
        "Authorization": f"Bearer {task.token}",
        "Xero-Tenant-Id": task.tenant,
        "Accept": "application/json",
    }
    with psycopg.connect(task.database) as database:
        for table in ("payslip", "line"):
            database.execute(f"CREATE TEMP TABLE new_{table} (LIKE {table})")
        for start in range(0, len(task.payslips), EVERY):
            found = []
            for one in task.payslips[start : start + EVERY]:
                http.request("GET", f"/payroll.xro/1.0/Payslip/{one}", headers=headers)
                found.append(DECODER.decode(http.getresponse().read()).Payslip)
            _write(database, found)


def _write(database: psycopg.Connection[Any], payslips: list[Payslip]) -> None:
    _copy(database, "payslip", [head_of(one) for one in payslips])
    _copy(database, "line", [row for one in payslips for row in lines_of(one)])
    database.commit()


def _copy(database: psycopg.Connection[Any], table: str, rows: list[tuple[Any, ...]]) -> None:
    with database.cursor() as cursor:
        with cursor.copy(f"COPY new_{table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO {table} SELECT * FROM new_{table} ON CONFLICT DO NOTHING")
        cursor.execute(f"TRUNCATE new_{table}")


def head_of(one: Payslip) -> tuple[Any, ...]:
    """A payslip's row."""
    names = (one.PayslipID, one.EmployeeID, one.FirstName, one.LastName)
    return (*names, one.Wages, one.Deductions, one.Tax, one.Super, one.Reimbursements, one.NetPay)


def lines_of(one: Payslip) -> list[tuple[Any, ...]]:
    """The rows of its lines."""
    return [
        (
            one.PayslipID,
            kind,
            position,
            line.EarningsRateID or line.DeductionTypeID or line.LeaveTypeID or line.ReimbursementTypeID,
            line.NumberOfUnits,
            line.RatePerUnit,
            line.Percentage,
            line.Amount,
        )
        for kind in KINDS
        for position, line in enumerate(getattr(one, kind) or ())
    ]


if __name__ == "__main__":
    perform(work)
