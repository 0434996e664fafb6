"""Australia: Payroll AU v1, and the timesheets of v2."""
