"""What may go wrong while a clinic is read, by chance; and how Xero may be where nobody could tell."""

from random import Random
from typing import Any

from simulator.client import Control

FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "headers": {"Retry-After": "2"}},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 400},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 403},
    {"kind": "rate_limit", "problem": "minute", "retry_after": "3"},
    {"kind": "rate_limit", "problem": "concurrent", "retry_after": None},
    {"kind": "redirect", "location": "http://127.0.0.1:9/elsewhere"},
    {"kind": "delay", "seconds": 0.05},
    {"kind": "reset"},
    {"kind": "lost"},
    {"kind": "cut", "fraction": 0.5},
    {"kind": "truncated", "fraction": 0.7},
    {"kind": "html", "status": 200},
    {"kind": "malformed"},
    {"kind": "missing_id"},
    {"kind": "text_numbers"},
    {"kind": "odd_numbers"},
    {"kind": "unknown_field"},
    {"kind": "page_loop"},
]
"""
Everything but a value that is wrong and looks right: nobody could tell it from a change, and where the
source's stamp does not move afterwards, nobody would ask again.
"""

SWITCHES: dict[str, list[Any]] = {
    "gzip": [True, False],
    "not_modified": ["empty", "304"],
    "modified_since_inclusive": [False, True],
    "pay_items_ignore_page": [True, False],
    "pay_runs_newest_first": [True, False],
    "employee_list_shows_group": [False, True],
    "payslip_shows_all_totals": [False, True],
    "uk_unedited_payslips_lack_stamps": [True, False],
    "days_in_payroll_year_is_text": [True, False],
    "leave_v2_modified_since_fails": [True, False],
    "payslip_edit_moves_run_stamp": [True, False],
    "rehire_keeps_employee_id": [True, False],
    "minute_limit": [60, 60, 25, 7],
}
"""Facts about Xero that are not certain, each way; and how much it allows."""


def choose_switches(random: Random) -> dict[str, Any]:
    """One way that Xero may be."""
    return {name: random.choice(values) for name, values in SWITCHES.items()}


def brew(random: Random, control: Control, tenant: str, tenants: list[str]) -> None:
    """Up to three faults, each of which hits a few calls of the tenant's payroll."""
    for _ in range(random.choice((0, 0, 1, 2, 3))):
        fault = random.choice([*FAULTS, {"kind": "wrong_tenant", "other_tenant": random.choice(tenants)}])
        control.inject(
            **fault,
            tenant=tenant,
            path="/*.xro/*",
            skip=random.randint(0, 12),
            count=random.randint(1, 3),
        )
