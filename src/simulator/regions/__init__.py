"""One package per region: its money rules, and the wire forms it gives the neutral payroll."""
