"""Allie's PostgreSQL: the clinics' payroll, their connections, and everything that waits or failed."""
