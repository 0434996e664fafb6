"""
Where Xero's descriptions contradict themselves, and which of their paths are not served, with reasons.

Each entry was read against the description's own examples (Xero-OpenAPI 16.1.0) or against live replies.
"""

import re
from dataclasses import dataclass

ENVELOPE = frozenset(
    {"Id", "Status", "ProviderName", "DateTimeUTC", "id", "providerName", "dateTimeUTC", "httpStatusCode"}
)
_NEWER = r"xero-payroll-(au-v2|nz|uk)\.yaml"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A difference that is excused: in which files, at which fields, against which rule, and why."""

    files: str
    where: str
    rule: str
    reason: str


CONTRADICTIONS = (
    Contradiction(_NEWER, ".*", "null", "null where the schema has no nullable: the examples carry nulls"),
    Contradiction(
        _NEWER, ".*", "format", "dates with a time and instants without a zone: so in the examples"
    ),
    Contradiction(r"xero-identity\.yaml", ".*Utc", "format", "instants without a zone: so in the example"),
    Contradiction(
        r"xero-payroll-au\.yaml",
        "Settings/DaysInPayrollYear",
        "type",
        "integer in the schema, text in the example",
    ),
    Contradiction(
        r"xero-payroll-au\.yaml",
        r".*EarningsRates/\*/RatePerUnit",
        "type",
        "text in the schema, number in the example",
    ),
    Contradiction(
        r"xero-payroll-(nz|uk)\.yaml",
        r"payRuns?(/\*)?/payslipMessage",
        "undescribed",
        "not in the schema, but in the examples",
    ),
    Contradiction(
        r"xero-payroll-uk\.yaml",
        r"employees?(/\*)?/address/county",
        "undescribed",
        "not in the schema, but in the examples",
    ),
    Contradiction(
        r"xero-payroll-uk\.yaml",
        r"employees?(/\*)?/niCategories/\*",
        "oneOf",
        "the letters allowed include A, which most have, but neither of the two cases does",
    ),
    Contradiction(
        r"xero-payroll-uk\.yaml",
        r"salaryAndWages/\*/daysPerWeek",
        "undescribed",
        "not in the schema, but in the examples",
    ),
)


def excused(file: str, where: str, rule: str) -> str | None:
    """The reason why a difference is no violation, if it is none."""
    for one in CONTRADICTIONS:
        if one.rule == rule and re.fullmatch(one.files, file) and re.fullmatch(one.where, where):
            return one.reason
    return None


_ACCOUNTING = frozenset({"/Organisation", "/Users", "/Users/{UserID}"})
_UNSERVED = {
    (
        "xero-payroll-uk.yaml",
        "/StatutoryLeaves/Sick/{StatutorySickLeaveID}",
    ): "nobody in the simulator takes statutory sick leave",
}


def not_served(file: str, path: str) -> str | None:
    """Why a path is not served; None if it must be."""
    if file == "xero_accounting.yaml" and path not in _ACCOUNTING:
        return "accounting beyond the organisation and its users"
    return _UNSERVED.get((file, path))
