"""`python -m entrypoints.cli`: the same as `allie-xero`."""

from entrypoints.cli import main

main()
