"""
Tests without network, disk or services.

Coverage of the domain is no part of a test run; to measure it:

    pip install coverage
    coverage run --rcfile=tests/unit/coverage.ini -m pytest tests/unit
    coverage report --rcfile=tests/unit/coverage.ini
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=30, database=None)
settings.load_profile("steady")
