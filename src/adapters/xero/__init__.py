"""Xero: reading payroll over its own SDK, and the identity service behind the tokens."""
