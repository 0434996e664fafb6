"""Other ways to read Xero's payroll, each in an environment of its own; `benchmarks.calls` starts them."""
