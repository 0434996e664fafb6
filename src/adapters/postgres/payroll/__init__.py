"""The copy of the clinics' payroll: tables, set-based writes, and the to-do list in their stale rows."""
