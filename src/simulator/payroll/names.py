"""Names, roles and practices to draw from; some are not ASCII on purpose."""

from dataclasses import dataclass
from decimal import Decimal

FIRST = (
    ("Zoë", "F"), ("Liam", "M"), ("Siobhán", "F"), ("Björn", "M"), ("Māia", "F"), ("Oliver", "M"),
    ("Nguyệt", "F"), ("Jack", "M"), ("Charlotte", "F"), ("Tāne", "M"), ("Amelia", "F"), ("José", "M"),
    ("Isla", "F"), ("Henry", "M"), ("Priya", "F"), ("Łukasz", "M"), ("Grace", "F"), ("Omar", "M"),
    ("Hana", "F"), ("Noah", "M"), ("Aroha", "F"), ("Ethan", "M"), ("Mei", "F"), ("Søren", "M"),
)  # fmt: skip
MIDDLE = (None, "Anne", "James", None, "Rose", "Lee", None, "Thomas", None, "May")
LAST = (
    "O'Brien", "Nguyễn", "Smith", "Müller", "Taylor", "Singh", "Te Rangi", "García", "Williams", "Brown",
    "Ångström", "Patel", "Wilson", "D'Angelo", "Chen", "Kowalski", "Martin", "Žižek", "Robinson", "Ahmed",
    "Walker-Jones", "李", "Campbell", "Hōhepa", "Murphy", "Stewart", "Kaur", "Thompson", "Édouard", "Young",
)  # fmt: skip
SPECIALTIES = ("Physiotherapy", "Psychology", "Podiatry", "Speech Pathology", "Osteopathy", "Family Medicine")
PLACES = ("Harbour", "Bayside", "Northcote", "Riverside", "Kahikatea", "Summit", "Old Mill", "Southbank")


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of job in a clinic: pay is per year for a salary, per hour otherwise."""

    title: str
    group: str
    basis: str
    pay_basis: str
    pay: Decimal
    hours_per_week: Decimal
    keeps_timesheets: bool = False


def _role(title: str, group: str, basis: str, pay: str, hours: str, *, sheets: bool = False) -> Role:
    salaried = Decimal(pay) > 1000  # noqa: PLR2004 -- a yearly salary, not an hourly rate
    pay_basis = "salary" if salaried else "hourly"
    return Role(title, group, basis, pay_basis, Decimal(pay), Decimal(hours), sheets)


ROLES = (
    _role("Practice Manager", "Administration", "full_time", "96500.00", "38"),
    _role("Senior Physiotherapist", "Practitioners", "full_time", "104200.00", "38"),
    _role("Physiotherapist", "Practitioners", "part_time", "51.35", "24", sheets=True),
    _role("Receptionist", "Reception", "full_time", "31.20", "38", sheets=True),
    _role("Psychologist", "Practitioners", "full_time", "118400.00", "38"),
    _role("Receptionist", "Reception", "casual", "36.75", "16", sheets=True),
    _role("Podiatrist", "Practitioners", "part_time", "47.80", "30"),
    _role("Allied Health Assistant", "Practitioners", "casual", "38.10", "12", sheets=True),
    _role("Speech Pathologist", "Practitioners", "full_time", "88950.00", "38"),
    _role("Practice Nurse", "Practitioners", "part_time", "44.15", "22.5", sheets=True),
)
