"""The United Kingdom: the newer payroll API."""
