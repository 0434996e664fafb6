"""Payroll in neutral terms: no region's wire form, no HTTP. Start with `model.py`, then `clinic.py`."""
