"""One organisation's payroll as it stands: the only mutable thing of this package."""

from datetime import date

from simulator.identifiers import identifier
from simulator.payroll.model import (
    Calendar,
    Employee,
    Leave,
    Membership,
    Organisation,
    PayrollSettings,
    Private,
    Timesheet,
)
from simulator.payroll.pay import Entry, PayRun, Payslip, Totals
from simulator.payroll.payslips import Catalogue, calculate
from simulator.payroll.rules import Rules


class Clinic:
    """
    An organisation with its users and payroll.

    Pay runs keep what their payslips are calculated from, and payslips are calculated when somebody
    looks, so a hundred thousand of them cost little memory. `version` moves with every change.
    """

    def __init__(self, organisation: Organisation, rules: Rules, seed: int) -> None:
        self.organisation = organisation
        self.rules = rules
        self.seed = seed
        self.version = 0
        self.secrets: dict[str, str] = {}
        self.members: dict[str, Membership] = {}
        self.settings: PayrollSettings
        self.catalogue = Catalogue([])
        self.calendars: dict[str, Calendar] = {}
        self.employees: dict[str, Employee] = {}
        self.private: dict[str, Private] = {}
        self.runs: dict[str, PayRun] = {}
        self.timesheets: dict[str, Timesheet] = {}
        self.leave: dict[str, Leave] = {}
        self._run_of: dict[str, str] = {}
        self._timesheet_at: dict[tuple[str, date], str] = {}
        self._made = 0

    def new_id(self, kind: str) -> str:
        """An id nobody has yet."""
        self._made += 1
        return identifier(self.seed, kind, self._made)

    def put_run(self, run: PayRun, entries: list[Entry]) -> None:
        """Add a pay run or replace its payslips."""
        self.drop_payslips(run)
        run.entries = {entry.payslip_id: entry for entry in entries}
        run.totals = None
        self.runs[run.id] = run
        self._run_of.update(dict.fromkeys(run.entries, run.id))

    def drop_payslips(self, run: PayRun) -> None:
        """Forget a run's payslips."""
        for payslip_id in run.entries:
            self._run_of.pop(payslip_id, None)

    def put_timesheet(self, timesheet: Timesheet) -> None:
        """Add or replace a timesheet."""
        self.timesheets[timesheet.id] = timesheet
        self._timesheet_at[timesheet.employee_id, timesheet.start_date] = timesheet.id

    def drop_timesheet(self, timesheet: Timesheet) -> None:
        """Forget a timesheet."""
        del self.timesheets[timesheet.id]
        self._timesheet_at.pop((timesheet.employee_id, timesheet.start_date), None)

    def timesheet_at(self, employee_id: str, start: date) -> Timesheet | None:
        """The employee's timesheet for the period that starts on `start`."""
        timesheet_id = self._timesheet_at.get((employee_id, start))
        return self.timesheets[timesheet_id] if timesheet_id else None

    def run_of(self, payslip_id: str) -> PayRun | None:
        """The pay run a payslip belongs to."""
        return self.runs.get(self._run_of.get(payslip_id, ""))

    def payslip(self, run: PayRun, entry: Entry) -> Payslip:
        """One payslip, calculated."""
        return calculate(run, entry, self.rules, self.catalogue, self.seed)

    def payslips(self, run: PayRun) -> list[Payslip]:
        """A run's payslips, calculated."""
        return [self.payslip(run, entry) for entry in run.entries.values()]

    def totals(self, run: PayRun) -> Totals:
        """A run's totals: the sums of its payslips'."""
        if run.totals is None:
            run.totals = Totals.of(self.payslips(run))
        return run.totals

    def runs_newest_first(self) -> list[PayRun]:
        """All pay runs, the latest period first."""
        return sorted(self.runs.values(), key=lambda r: (r.period_end, r.payment_date), reverse=True)
