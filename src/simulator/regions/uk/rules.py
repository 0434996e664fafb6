"""UK payroll: PAYE, National Insurance, pensions. Close to 2025-26, not a tax calculator."""

from decimal import Decimal
from random import Random

from simulator.payroll.model import BankAccount, cents
from simulator.payroll.pay import Line
from simulator.payroll.rules import ItemSpec, Pay, Rules, digits, progressive

_TAX = progressive([("12570", "0.20"), ("50270", "0.40"), ("125140", "0.45")])
_EMPLOYEE_NI = progressive([("12570", "0.08"), ("50270", "0.02")])
_EMPLOYER_NI = progressive([("5000", "0.15")])
_LOAN = progressive([("28470", "0.09")])
_EMPLOYEE_PENSION, _EMPLOYER_PENSION = Decimal("0.05"), Decimal("0.03")
_ORDER = Decimal("60.00")


def _withhold(pay: Pay) -> list[Line]:
    lines = [
        _tax(pay, "employee_tax", "paye", "PAYE"),
        _tax(pay, "employee_tax", "employee_ni", "Employee National Insurance Contribution"),
        _tax(pay, "employer_tax", "employer_ni", "Employer National Insurance Contribution"),
    ]
    if pay.employee.basis != "casual":
        own, theirs = (cents(pay.pensionable * s) for s in (_EMPLOYEE_PENSION, _EMPLOYER_PENSION))
        lines.append(pay.line("deduction", "pension", "pension_employee", own, percentage=Decimal("5.00")))
        lines.append(pay.line("pension", "employer", "pension", theirs, percentage=Decimal("3.00")))
    if pay.employee.student_loan:
        loan = pay.per_period(_LOAN, pay.earnings)
        lines.append(pay.line("deduction", "student_loan", "student_loan", loan))
    if "court_order" in pay.employee.extras and pay.pensionable > _ORDER:
        lines.append(pay.line("statutory", "court_order", "maintenance", _ORDER))
    return lines


_SCALES = {"paye": _TAX, "employee_ni": _EMPLOYEE_NI, "employer_ni": _EMPLOYER_NI}


def _tax(pay: Pay, section: str, kind: str, name: str) -> Line:
    amount = pay.per_period(_SCALES[kind], pay.earnings)
    return Line(section=section, kind=kind, item_id=None, name=name, amount=amount)


def _bank_account(rng: Random, name: str) -> BankAccount:
    return BankAccount(name=name, branch=digits(rng, "20####"), number=digits(rng, "6#######"))


_MULTIPLE = "MultipleOfOrdinaryEarningsRate"
_EARNINGS = (
    ItemSpec("ordinary", "earnings", "Regular Hours", "RegularEarnings", "RatePerUnit", None, "hours"),
    ItemSpec("overtime", "earnings", "Overtime Hours", "OvertimeEarnings", _MULTIPLE, Decimal("1.5")),
    ItemSpec("on_call", "earnings", "On-call Allowance", "Allowance", "FixedAmount", Decimal("45.00")),
    ItemSpec("bonus", "earnings", "Bonus", "Bonus", "FixedAmount"),
    ItemSpec("correction", "earnings", "Back Pay", "BackPay", "FixedAmount"),
    ItemSpec("sick_pay", "earnings", "Statutory Sick Pay", "StatutorySickPay", "RatePerUnit"),
    ItemSpec("old_tips", "earnings", "Tips (before 2019)", "TipsDirect", "FixedAmount", current=False),
)
_TAKEN = (
    ItemSpec("union", "deduction", "Union Fees", "UkOther", rate=Decimal("12.00")),
    ItemSpec("giving", "deduction", "Give As You Earn", "UkOther", rate=Decimal("5.00")),
    ItemSpec("pension_employee", "deduction", "Workplace Pension", "StakeholderPension"),
    ItemSpec("student_loan", "deduction", "Student Loan", "StudentLoanDeductions"),
    ItemSpec("pension", "benefit", "Workplace Pension", "StakeholderPension", rate=Decimal("3.00")),
    ItemSpec("maintenance", "statutory", "AEO (maintenance)", "PriorityOrder"),
    ItemSpec("fines", "statutory", "AEO (fines)", "PriorityOrder"),
)
_OTHERS = (
    ItemSpec("travel", "reimbursement", "Mileage", ""),
    ItemSpec("training", "reimbursement", "Course Fees", ""),
    ItemSpec("annual_leave", "leave", "Holiday", "BeginningOfCalendarYear", units="Hours"),
    ItemSpec("sick_leave", "leave", "Sick Leave", "OnAnniversaryDate", units="Hours"),
    ItemSpec("unpaid_leave", "leave", "Unpaid Leave", "OnAnniversaryDate", units="Hours", is_paid=False),
)

RULES = Rules(
    region="UK",
    country_code="GB",
    currency="GBP",
    timezones=("GMTSTANDARDTIME",),
    financial_year_end=(5, 4),
    catalogue=(*_EARNINGS, *_TAKEN, *_OTHERS),
    accounts=(
        ("BANK", "090", "Business Bank Account"),
        ("EMPLOYERSNIC", "479", "Employers National Insurance"),
        ("NICLIABILITY", "826", "NIC Payable"),
        ("PAYELIABILITY", "825", "PAYE Payable"),
        ("WAGESPAYABLE", "814", "Wages Payable - Payroll"),
        ("WAGESEXPENSE", "477", "Salaries"),
    ),
    places=(
        ("Milton Keynes", "Buckinghamshire", "MK9 1EB"),
        ("Leith", "Midlothian", "EH6 6QQ"),
        ("Bath", "Somerset", "BA1 1LZ"),
        ("Cardiff", None, "CF10 1EP"),
    ),
    country="UNITED KINGDOM",
    streets=("Midsummer Boulevard", "High Street", "Station Road", "Church Lane"),
    withhold=_withhold,
    tax_number=lambda rng: digits(rng, "QQ######C"),
    business_number=lambda rng: digits(rng, "GB#########"),
    bank_account=_bank_account,
    phone=lambda rng: digits(rng, "01632 96####"),
)
