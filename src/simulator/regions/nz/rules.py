"""New Zealand's payroll: PAYE, KiwiSaver, ESCT, student loans. Close to 2025-26, not a tax calculator."""

from decimal import Decimal
from random import Random

from simulator.payroll.model import BankAccount, cents
from simulator.payroll.pay import Line
from simulator.payroll.rules import ItemSpec, Pay, Rules, digits, progressive

_TAX = progressive(
    [("0", "0.1205"), ("15600", "0.1905"), ("53500", "0.3155"), ("78100", "0.3455"), ("180000", "0.39")]
)  # with the ACC levy
_LOAN = progressive([("24128", "0.12")])
_KIWISAVER = Decimal("0.03")
_ESCT = Decimal("0.175")
_CHILD_SUPPORT = Decimal("45.00")


def _withhold(pay: Pay) -> list[Line]:
    tax = pay.per_period(_TAX, pay.earnings)
    lines = [Line(section="employee_tax", kind="paye", item_id=None, name="PAYE", amount=tax)]
    contribution = cents(pay.pensionable * _KIWISAVER)
    rate = Decimal("3.00")
    lines.append(pay.line("statutory", "kiwisaver", "kiwisaver_employee", contribution))
    lines.append(pay.line("pension", "employer", "kiwisaver", contribution, percentage=rate))
    esct = cents(contribution * _ESCT)
    lines.append(Line(section="employer_tax", kind="esct", item_id=None, name="ESCT", amount=esct))
    if pay.employee.student_loan:
        loan = pay.per_period(_LOAN, pay.earnings)
        lines.append(pay.line("statutory", "student_loan", "student_loan", loan))
    if "court_order" in pay.employee.extras and pay.pensionable > _CHILD_SUPPORT:
        lines.append(pay.line("statutory", "court_order", "child_support", _CHILD_SUPPORT))
    return lines


def _bank_account(rng: Random, name: str) -> BankAccount:
    return BankAccount(name=name, branch=None, number=digits(rng, "06############00"))


_MULTIPLE = "MultipleOfOrdinaryEarningsRate"
_EARNINGS = (
    ItemSpec("ordinary", "earnings", "Ordinary Time", "RegularEarnings", "RatePerUnit", None, "hours"),
    ItemSpec("overtime", "earnings", "Overtime", "OvertimeEarnings", _MULTIPLE, Decimal("1.5"), "hours"),
    ItemSpec("on_call", "earnings", "On-call Allowance", "Allowance", "FixedAmount", Decimal("45.00")),
    ItemSpec("bonus", "earnings", "Bonus", "Bonus", "FixedAmount"),
    ItemSpec("correction", "earnings", "Backpay", "Backpay", "FixedAmount"),
    ItemSpec("holiday_pay", "earnings", "Holiday Pay", "HolidayPay", "FixedAmount"),
    ItemSpec("lump_sum", "earnings", "Lump Sum", "LumpSum", "FixedAmount"),
    ItemSpec("old_tips", "earnings", "Tips (before 2019)", "Tips(Direct)", "FixedAmount", current=False),
)
_TAKEN = (
    ItemSpec("union", "deduction", "Union Fees", "NzOther", rate=Decimal("9.50")),
    ItemSpec("giving", "deduction", "Payroll Giving", "PayrollGiving", rate=Decimal("5.00")),
    ItemSpec("kiwisaver", "benefit", "KiwiSaver", "KiwiSaver", rate=Decimal("3.00")),
    ItemSpec("kiwisaver_employee", "statutory", "KiwiSaver", "KiwiSaver"),
    ItemSpec("student_loan", "statutory", "Student Loan", "StudentLoan"),
    ItemSpec("child_support", "statutory", "Child Support", "ChildSupport"),
)
_OTHERS = (
    ItemSpec("travel", "reimbursement", "Mileage", "NoGST"),
    ItemSpec("training", "reimbursement", "Course Fees", "GST"),
    ItemSpec("annual_leave", "leave", "Annual Leave", "AnnuallyAfter6Months", units="Hours"),
    ItemSpec("sick_leave", "leave", "Sick Leave", "AnnuallyAfter6Months", units="Hours"),
    ItemSpec("unpaid_leave", "leave", "Unpaid Leave", "NoAccruals", units="Hours", is_paid=False),
)

RULES = Rules(
    region="NZ",
    country_code="NZ",
    currency="NZD",
    timezones=("NEWZEALANDSTANDARDTIME",),
    financial_year_end=(31, 3),
    catalogue=(*_EARNINGS, *_TAKEN, *_OTHERS),
    accounts=(
        ("BANK", "090", "Business Bank Account"),
        ("PAYELIABILITY", "825", "PAYE Payable"),
        ("WAGESPAYABLE", "814", "Wages Payable - Payroll"),
        ("WAGESEXPENSE", "477", "Wages and Salaries"),
    ),
    places=(
        ("Ponsonby", None, "1011"),
        ("Petone", None, "5012"),
        ("Whangārei", None, "0110"),
        ("Rangiora", None, "7400"),
    ),
    country="NEW ZEALAND",
    streets=("Kōwhai Street", "Rātā Road", "Queen Street", "Marine Parade"),
    withhold=_withhold,
    tax_number=lambda rng: digits(rng, "1########"),
    business_number=lambda rng: digits(rng, "0##-###-###"),
    bank_account=_bank_account,
    phone=lambda rng: digits(rng, "09 3## ####"),
    casual_holiday_pay=Decimal("0.08"),
)
