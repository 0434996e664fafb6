"""
A pytest plug-in: what a run leaves out is said loudly, and last.

`LEFT_OUT_REPORT`, when set, names a file that gets the same lines: `./run test` repeats them in its summary.
"""

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    reasons = Counter(_reason(report) for report in reporter.stats.get("skipped", []))
    lines = [f"{count} test{'s'[: count > 1]}: {reason}" for reason, count in reasons.most_common()]
    if lines:
        reporter.write_line("")
        reporter.write_sep("!", "LEFT OUT", yellow=True, bold=True)
        for line in lines:
            reporter.write_line(line, yellow=True)
    if report := os.environ.get("LEFT_OUT_REPORT"):
        Path(report).write_text("".join(f"{line}\n" for line in lines))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    detail = report.longrepr
    text = detail[2] if isinstance(detail, tuple) else str(detail)
    return text.removeprefix("Skipped: ")
