"""How far the reading of the past has come, and what the rest will take."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from domain.model.budget import Budget
from domain.model.streams import Plan
from domain.model.sync import Backlog, Tally

ANSWER_BYTES = 1_000
"""What an answer weighs as it travels, while there is none to tell by: about what a payslip does, gzipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """
    An estimate, made before a backfill begins and after every pass.

    `percent` and `calls_left` count requests to Xero, `wire_bytes_left` bytes as they travel; `ends_at` is
    when the calls will have been made within the limits of Xero that are known, None if none are left.
    """

    percent: int
    calls_left: int
    wire_bytes_left: int
    ends_at: datetime | None

    @classmethod
    def of(cls, backlog: Backlog, plan: Plan, budget: Budget, now: datetime, *, sample: Tally) -> Self:
        """The estimate, if the answers to come weigh what those of `sample` did."""
        calls = backlog.calls_left(plan)
        weight = sample.wire_bytes / sample.calls if sample.calls else ANSWER_BYTES
        return cls(
            percent=backlog.percent(plan),
            calls_left=calls,
            wire_bytes_left=round(calls * weight),
            ends_at=budget.finish_at(calls, now) if calls else None,
        )
