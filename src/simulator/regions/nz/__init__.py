"""New Zealand: the newer payroll API."""
