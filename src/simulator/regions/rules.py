"""The money rules of every region that has payroll."""

from simulator.payroll.rules import Rules
from simulator.regions.au.rules import RULES as AU
from simulator.regions.nz.rules import RULES as NZ
from simulator.regions.uk.rules import RULES as UK

RULES: dict[str, Rules] = {"AU": AU, "NZ": NZ, "UK": UK}
