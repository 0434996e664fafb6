"""Changes to pay runs and payslips."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from simulator.payroll.changes.registry import Described, Edit, change
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar
from simulator.payroll.pay import Adjustment, Entry, PayRun
from simulator.payroll.rules import chance
from simulator.payroll.runs import delete_run, open_extra_run, open_run, post_run, revert_run

_KINDS = ("bonus", "correction", "reimbursement", "deduction")


def _drafts(clinic: Clinic) -> list[PayRun]:
    return [run for run in clinic.runs.values() if run.status == "draft"]


def _free_calendars(clinic: Clinic) -> list[Calendar]:
    busy = {run.calendar_id for run in _drafts(clinic) if run.type == "scheduled"}
    return [calendar for calendar in clinic.calendars.values() if calendar.id not in busy]


def _entries(clinic: Clinic, status: str) -> list[tuple[PayRun, Entry]]:
    runs = (run for run in clinic.runs.values() if run.status == status)
    return [(run, entry) for run in runs for entry in run.entries.values()]


def _revertible(clinic: Clinic) -> list[PayRun]:
    """The last posted run of each calendar; older ones cannot be reverted in Xero."""

    def latest() -> Iterator[PayRun]:
        for calendar in _free_calendars(clinic):
            posted = [
                run
                for run in clinic.runs.values()
                if run.calendar_id == calendar.id and run.status == "posted" and run.type == "scheduled"
            ]
            yield from sorted(posted, key=lambda run: run.period_end)[-1:]

    return list(latest())


def _adjustment(edit: Edit) -> Adjustment:
    kind = edit.params.get("adjustment") or edit.rng.choice(_KINDS)
    cents = edit.rng.randint(500, 90_000)
    amount = Decimal(-cents if kind == "correction" and chance(edit.rng, 0.7) else cents) / 100
    return Adjustment(kind, Decimal(edit.params.get("amount", amount)).quantize(Decimal("0.01")))


@change(_free_calendars)
def new_draft_run(edit: Edit, calendar: Calendar) -> Described:
    """Open a run for the calendar's next period."""
    run = open_run(edit.clinic, calendar, edit.now)
    return {"pay_run_id": run.id, "calendar_id": calendar.id}


@change(_drafts)
def post_draft_run(edit: Edit, run: PayRun) -> Described:
    """Post a draft: a new one, or one that had been reverted."""
    post_run(edit.clinic, run, edit.now)
    return {"pay_run_id": run.id, "type": run.type}


@change(_free_calendars)
def new_posted_run(edit: Edit, calendar: Calendar) -> Described:
    """Open a run for the calendar's next period and post it."""
    run = open_run(edit.clinic, calendar, edit.now)
    post_run(edit.clinic, run, edit.now)
    return {"pay_run_id": run.id, "calendar_id": calendar.id, "payslips": len(run.entries)}


@change(lambda clinic: _entries(clinic, "draft"))
def edit_draft_payslip(edit: Edit, target: tuple[PayRun, Entry]) -> Described:
    """Adjust a payslip of a draft."""
    return _edit_payslip(edit, *target, moves_run=True)


@change(lambda clinic: _entries(clinic, "posted"))
def edit_posted_payslip(edit: Edit, target: tuple[PayRun, Entry]) -> Described:
    """Adjust a payslip of a posted run; whether the run's stamp moves is a switch."""
    moves = edit.params.get("moves_run_stamp", edit.settings.payslip_edit_moves_run_stamp)
    return _edit_payslip(edit, *target, moves_run=bool(moves))


@change(_revertible)
def revert_posted_run(edit: Edit, run: PayRun) -> Described:
    """Make the last posted run a draft again."""
    revert_run(edit.clinic, run, edit.now)
    return {"pay_run_id": run.id}


@change(_drafts)
def delete_draft_run(edit: Edit, run: PayRun) -> Described:
    """Delete a draft; nothing tells of it afterwards."""
    delete_run(edit.clinic, run, edit.now)
    return {"pay_run_id": run.id, "payslip_ids": list(run.entries)}


@change(lambda clinic: list(clinic.calendars.values()))
def unscheduled_run(edit: Edit, calendar: Calendar) -> Described:
    """A run beside the schedule: posted or draft, with one payslip, a few, or none."""
    return _extra_run(edit, calendar, "unscheduled")


@change(lambda clinic: list(clinic.calendars.values()) if clinic.rules.region == "UK" else [])
def earlier_year_update(edit: Edit, calendar: Calendar) -> Described:
    """A correction of an earlier tax year, as the UK has it."""
    return _extra_run(edit, calendar, "earlier_year_update")


def _extra_run(edit: Edit, calendar: Calendar, kind: str) -> Described:
    clinic, rng = edit.clinic, edit.rng
    staff = [e for e in clinic.employees.values() if e.calendar_id == calendar.id]
    count = edit.params.get("payslips", rng.choice((0, 1, 1, 2, 3)))
    chosen = rng.sample(staff, min(int(count), len(staff)))
    paid = [(employee, (_adjustment(edit),)) for employee in chosen]
    run = open_extra_run(clinic, calendar, paid, edit.now, kind)
    status = edit.params.get("status", rng.choice(("posted", "posted", "posted", "draft")))
    if status == "posted":
        post_run(clinic, run, edit.now)
    return {"pay_run_id": run.id, "status": run.status, "payslips": len(run.entries)}


def _edit_payslip(edit: Edit, run: PayRun, entry: Entry, *, moves_run: bool) -> Described:
    adjustment = _adjustment(edit)
    adjusted = replace(entry, adjustments=(*entry.adjustments, adjustment), updated_at=edit.now)
    run.entries[entry.payslip_id] = adjusted
    run.totals = None
    if moves_run:
        run.updated_at = edit.now
    return {
        "pay_run_id": run.id,
        "payslip_id": entry.payslip_id,
        "employee_id": entry.employee.id,
        "adjustment": adjustment.kind,
        "amount": adjustment.amount,
    }
