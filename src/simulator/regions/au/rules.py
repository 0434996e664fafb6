"""Australian payroll: PAYG, superannuation, pay items. Close to 2025-26, not a tax calculator."""

from decimal import ROUND_HALF_UP, Decimal
from random import Random

from simulator.payroll.model import BankAccount, cents
from simulator.payroll.pay import Line
from simulator.payroll.rules import ItemSpec, Pay, Rules, digits, progressive

_TAX = progressive(
    [("18200", "0.18"), ("45000", "0.32"), ("135000", "0.39"), ("190000", "0.47")]  # Medicare in
)
_HELP = progressive([("67000", "0.15"), ("125000", "0.17")])
_GUARANTEE = Decimal("0.12")
_ADDITIONAL = Decimal("0.02")
_SACRIFICE = Decimal("150.00")
_OWN = Decimal("60.00")
_DOLLAR = Decimal(1)


def _withhold(pay: Pay) -> list[Line]:
    extras = pay.employee.extras if pay.pensionable else ()
    sacrificed = _SACRIFICE if "salary_sacrifice" in extras else Decimal(0)
    taxable = pay.earnings - sacrificed
    tax = pay.per_period(_TAX, taxable)
    description = "Australian resident, tax-free threshold claimed"
    if pay.employee.student_loan:
        tax += pay.per_period(_HELP, taxable)
        description += ", STSL"
    tax = tax.quantize(_DOLLAR, ROUND_HALF_UP).quantize(Decimal("0.01"))  # whole dollars
    lines = [Line(section="employee_tax", kind="payg", item_id=None, name=description, amount=tax)]
    if "covered_abroad" not in extras:
        lines.append(_super("employer", pay.pensionable * _GUARANTEE, percentage=Decimal("12.00")))
    if sacrificed:
        lines.append(_super("salary_sacrifice", sacrificed))
    if "additional_pension" in extras:
        lines.append(_super("additional", pay.pensionable * _ADDITIONAL, percentage=Decimal("2.00")))
    if "own_pension" in extras:
        lines.append(_super("employee", _OWN))
    return lines


def _super(kind: str, amount: Decimal, percentage: Decimal | None = None) -> Line:
    return Line(
        section="pension",
        kind=kind,
        item_id=None,
        name="Superannuation",
        amount=cents(amount),
        percentage=percentage,
    )


def _bank_account(rng: Random, name: str) -> BankAccount:
    return BankAccount(name=name, branch=digits(rng, "06####"), number=digits(rng, "7########"))


_HOURS = "Hours"
_EARNINGS = (
    ItemSpec("ordinary", "earnings", "Ordinary Hours", "ORDINARYTIMEEARNINGS", "RATEPERUNIT", None, _HOURS),
    ItemSpec(
        "overtime", "earnings", "Overtime Hours", "OVERTIMEEARNINGS", "MULTIPLE", Decimal("1.50"), _HOURS
    ),
    ItemSpec("on_call", "earnings", "On-call Allowance", "ALLOWANCE", "FIXEDAMOUNT", Decimal("45.00")),
    ItemSpec("bonus", "earnings", "Performance Bonus", "BONUSESANDCOMMISSIONS", "FIXEDAMOUNT"),
    ItemSpec("correction", "earnings", "Pay Correction", "ORDINARYTIMEEARNINGS", "FIXEDAMOUNT"),
    ItemSpec("redundancy", "earnings", "Redundancy", "LUMPSUMD", "FIXEDAMOUNT"),
    ItemSpec(
        "old_loading",
        "earnings",
        "Saturday Loading (before 2019)",
        "ALLOWANCE",
        "RATEPERUNIT",
        Decimal("4.25"),
        _HOURS,
        current=False,
    ),
)
_DEDUCTIONS = (
    ItemSpec("union", "deduction", "Union Fees", "UNIONFEES", rate=Decimal("14.50"), account_code="850"),
    ItemSpec(
        "giving", "deduction", "Workplace Giving", "WORKPLACEGIVING", rate=Decimal("5.00"), account_code="850"
    ),
    ItemSpec("lease", "deduction", "Novated Lease", "NONE", account_code="850", current=False),
)
_REIMBURSEMENTS = (
    ItemSpec("travel", "reimbursement", "Travel Costs", "", account_code="493"),
    ItemSpec("training", "reimbursement", "Course Fees", "", account_code="485"),
)
_LEAVE = (
    ItemSpec("annual_leave", "leave", "Annual Leave", "ANNUALLEAVE", None, Decimal("152.00"), _HOURS),
    ItemSpec(
        "sick_leave",
        "leave",
        "Personal/Carer's Leave",
        "PERSONALSICKCARERSLEAVE",
        None,
        Decimal("76.00"),
        _HOURS,
    ),
    ItemSpec("long_service", "leave", "Long Service Leave", "LONGSERVICELEAVE", units=_HOURS),
    ItemSpec("unpaid_leave", "leave", "Other Unpaid Leave", "STUDYLEAVE", units=_HOURS, is_paid=False),
)

RULES = Rules(
    region="AU",
    country_code="AU",
    currency="AUD",
    timezones=(
        "AUSEASTERNSTANDARDTIME",
        "EAUSTRALIASTANDARDTIME",
        "CENAUSTRALIASTANDARDTIME",
        "WAUSTRALIASTANDARDTIME",
        "TASMANIASTANDARDTIME",
    ),
    financial_year_end=(30, 6),
    catalogue=(*_EARNINGS, *_DEDUCTIONS, *_REIMBURSEMENTS, *_LEAVE),
    accounts=(
        ("BANK", "090", "Business Bank Account"),
        ("WAGESPAYABLELIABILITY", "804", "Wages Payable - Payroll"),
        ("PAYGLIABILITY", "825", "PAYG Withholdings Payable"),
        ("SUPERANNUATIONEXPENSE", "478", "Superannuation"),
        ("SUPERANNUATIONLIABILITY", "826", "Superannuation Payable"),
        ("WAGESEXPENSE", "477", "Wages and Salaries"),
    ),
    places=(
        ("Fitzroy", "VIC", "3065"),
        ("Geelong", "VIC", "3220"),
        ("Newtown", "NSW", "2042"),
        ("Wagga Wagga", "NSW", "2650"),
        ("Toowong", "QLD", "4066"),
        ("Unley", "SA", "5061"),
        ("Fremantle", "WA", "6160"),
        ("Hobart", "TAS", "7000"),
    ),
    country="AUSTRALIA",
    streets=("Acacia Avenue", "Banksia Street", "Wattle Road", "Kookaburra Lane", "Harbour Parade"),
    withhold=_withhold,
    tax_number=lambda rng: digits(rng, "8########"),
    business_number=lambda rng: digits(rng, "5##########"),
    bank_account=_bank_account,
    phone=lambda rng: digits(rng, "03 9### ####"),
)
