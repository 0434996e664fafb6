"""Have failures worked again: say first what that would do, then write the wish down as rows."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from domain.errors import PermanentError
from domain.model.ids import ClinicId, ReplayId
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.model.plans import PLANS
from domain.model.replays import CANARY, CANARY_HOLDS, Replay, ReplayState, canary_of
from domain.model.sync import Request
from domain.ports import Stores, Transaction


class ReplayRefused(PermanentError):
    """This replay may not be begun, or not be steered so; says why, and what to do first."""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What a replay would do: failures that can be worked again, and how many cannot, by why."""

    failures: Sequence[KeptFailure]
    refused: Mapping[str, int]

    @property
    def digest(self) -> str:
        """The same for the same failures: shows that what was begun is what was looked at."""
        ids = ",".join(str(one.id) for one in sorted(self.failures, key=lambda one: one.id))
        return sha256(ids.encode()).hexdigest()[:12]

    @property
    def failures_by_clinic(self) -> dict[ClinicId | None, int]:
        """How many failures each clinic has."""
        return dict(Counter(one.failure.clinic_id for one in self.failures))

    @property
    def calls_by_clinic(self) -> dict[ClinicId | None, int]:
        """About how many calls to Xero each clinic's will take; what is asked for twice is asked once."""
        calls: dict[ClinicId | None, int] = defaultdict(int)
        asked: set[tuple[int, Request]] = set()
        for one in self.failures:
            failure = one.failure
            calls[failure.clinic_id] += 0
            if failure.request is not None and failure.connection_id is not None:
                if (failure.connection_id, failure.request) in asked:
                    continue
                asked.add((failure.connection_id, failure.request))
            calls[failure.clinic_id] += failure.calls(PLANS[one.region] if one.region else None)
        return dict(calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOrder:
    """Who wants what replayed, and why: a few first (`canary`), or all that is meant."""

    query: FailureQuery
    operator: str
    reason: str
    canary: int | None = None
    rate: int | None = None


def plan_replay(query: FailureQuery, *, transaction: Transaction) -> ReplayPlan:
    """What replaying these failures would do; changes nothing."""
    with transaction(query.clinic_id) as stores:
        return _plan(stores, query)


def replay_failures(
    order: ReplayOrder, *, transaction: Transaction, four_eyes_over: int | None = None
) -> Replay:
    """
    Write a replay down; a dispatcher begins it within a second, whether or not anybody watches.

    More failures than `four_eyes_over` wait until a second person approves. Raises ReplayRefused if there is
    nothing to replay, if a canary has to come first, or if reason or operator are missing.
    """
    if not order.reason.strip() or not order.operator.strip():
        raise ReplayRefused("a replay needs an operator and a reason, such as a ticket: they go to the audit")
    with transaction(order.query.clinic_id) as stores:
        plan = _plan(stores, order.query)
        chosen = canary_of(plan.failures, order.canary) if order.canary else list(plan.failures)
        _check(stores, order, plan)
        state = ReplayState.RUNNING
        if four_eyes_over is not None and len(chosen) > four_eyes_over:
            state = ReplayState.AWAITING_APPROVAL
        replay = stores.replays.add(_replay(order, state, stores.now), chosen)
        detail = {"failures": len(chosen), "digest": plan.digest, "state": state.value, **_words(order)}
        stores.replays.note(replay.id, "begun", order.operator, order.reason, detail)
        return replay


def _plan(stores: Stores, query: FailureQuery) -> ReplayPlan:
    found = stores.failures.find(query)
    refused = Counter(one.refusal for one in found if one.refusal is not None)
    return ReplayPlan([one for one in found if one.refusal is None], dict(refused))


def _check(stores: Stores, order: ReplayOrder, plan: ReplayPlan) -> None:
    if not plan.failures:
        why = "; ".join(plan.refused) or "no open failure is meant: allie-xero failures list"
        raise ReplayRefused(f"nothing to replay: {why}")
    is_bulk = order.canary is None and len(plan.failures) > CANARY
    if is_bulk and not stores.replays.is_proven(order.query, CANARY_HOLDS):
        raise ReplayRefused(
            f"{len(plan.failures)} failures: try a few first, with the same filter and --canary {CANARY}; "
            "when those have gone well, --all"
        )


def _replay(order: ReplayOrder, state: ReplayState, now: datetime) -> Replay:
    return Replay(
        id=ReplayId(0),
        state=state,
        query=order.query,
        operator=order.operator,
        reason=order.reason,
        is_canary=order.canary is not None,
        rate=order.rate,
        created_at=now,
    )


def _words(order: ReplayOrder) -> dict[str, object]:
    wanted = {name: value for name, value in asdict(order.query).items() if value is not None}
    return {"filter": {name: str(value) for name, value in wanted.items()}, "rate": order.rate}
