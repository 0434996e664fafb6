"""What one would write first: xero-python's models, SQLAlchemy's ORM, and a commit for each payslip."""

from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Numeric, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from benchmarks.rivals.sdk_raw import api_of
from benchmarks.rivals.task import Task, perform

KINDS = (
    "earnings_lines",
    "leave_earnings_lines",
    "timesheet_earnings_lines",
    "deduction_lines",
    "leave_accrual_lines",
    "reimbursement_lines",
    "superannuation_lines",
    "tax_lines",
)
ITEMS = ("earnings_rate_id", "deduction_type_id", "leave_type_id", "reimbursement_type_id")


class Base(DeclarativeBase):
    """What SQLAlchemy asks for."""


class Payslip(Base):
    """A payslip."""

    __tablename__ = "payslip"
    id: Mapped[str] = mapped_column(primary_key=True)
    employee_id: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    wages: Mapped[Decimal | None] = mapped_column(Numeric)
    deductions: Mapped[Decimal | None] = mapped_column(Numeric)
    tax: Mapped[Decimal | None] = mapped_column(Numeric)
    super: Mapped[Decimal | None] = mapped_column(Numeric)
    reimbursements: Mapped[Decimal | None] = mapped_column(Numeric)
    net_pay: Mapped[Decimal | None] = mapped_column(Numeric)
    lines: Mapped[list["Line"]] = relationship(cascade="all, delete-orphan")


class Line(Base):
    """A line of it."""

    __tablename__ = "line"
    payslip_id: Mapped[str] = mapped_column(ForeignKey("payslip.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[str | None]
    units: Mapped[Decimal | None] = mapped_column(Numeric)
    rate: Mapped[Decimal | None] = mapped_column(Numeric)
    percentage: Mapped[Decimal | None] = mapped_column(Numeric)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)


def work(task: Task) -> None:
    """Get or make each payslip, set what it says, commit."""
    api = api_of(task)
    engine = create_engine(task.database.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        for one in task.payslips:
            _save(session, api.get_payslip(task.tenant, one).payslip)
            session.commit()


def _save(session: Session, found: Any) -> None:
    payslip = session.get(Payslip, found.payslip_id)
    if payslip is None:
        payslip = Payslip(id=found.payslip_id)
        session.add(payslip)
    for name in ("employee_id", "first_name", "last_name", "wages", "deductions", "tax", "super", "net_pay"):
        setattr(payslip, name, getattr(found, name))
    payslip.reimbursements = found.reimbursements
    payslip.lines = [
        _line(found.payslip_id, kind, position, line)
        for kind in KINDS
        for position, line in enumerate(getattr(found, kind) or ())
    ]


def _line(payslip_id: str, kind: str, position: int, found: Any) -> Line:
    return Line(
        payslip_id=payslip_id,
        kind=kind,
        position=position,
        item_id=next((item for name in ITEMS if (item := getattr(found, name, None))), None),
        units=getattr(found, "number_of_units", None),
        rate=getattr(found, "rate_per_unit", None),
        percentage=getattr(found, "percentage", None),
        amount=getattr(found, "amount", None),
    )


if __name__ == "__main__":
    perform(work)
