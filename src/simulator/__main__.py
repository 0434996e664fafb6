"""`python -m simulator`."""

from simulator.cli import app

app(prog_name="simulator")
