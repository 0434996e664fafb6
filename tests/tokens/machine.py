"""Connect, refresh, crash, rotate, disconnect, in any order: a random life of two clinics at one Xero."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from builders import make_connect, make_disconnect
from domain.errors import ClientRejected, Limit, RateLimited, ServiceError, XeroUnavailable
from domain.messages import ConnectCompleted, Disconnect, ErasePayroll, FinishDisconnect, Job, KeepAlive
from domain.model.connection import ConnectionStatus
from domain.model.ids import ClinicId
from domain.model.tokens import LEASE
from fakes.authorizer import Rotation
from fakes.crashes import Crash, Fuse, with_fuse
from fakes.service import InMemoryService
from tokens.watch import TENANTS, Watch

Action = Callable[[InMemoryService], object]

CLINICS = st.sampled_from(sorted(TENANTS))
USERS = st.sampled_from(["user-1", "user-2"])
CRASHES = st.none() | st.integers(0, 60)
CALLS = st.sampled_from(["exchange", "refresh", "refresh", "connections", "delete_connection", "revoke"])
ERRORS = st.sampled_from(
    [XeroUnavailable("away"), ClientRejected("wrong secret"), RateLimited(Limit.APP_MINUTE, None)]
)
MINUTE = timedelta(minutes=1)
MOST_TROUBLE = 2
"""Faults that may wait for their turn: each costs a recovery a minute or two of its half hour."""


class Connections(RuleBasedStateMachine):
    """Every step may die at any of its own; the invariants are watched inside the steps and after each."""

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.events: list[ConnectCompleted | Disconnect] = []
        self.trouble = 0

    @initialize(rotation=st.sampled_from(Rotation), clinic=CLINICS)
    def begin(self, rotation: Rotation, clinic: str) -> None:
        self.watch = Watch(rotation)
        self.connect(clinic, "user-1", None)

    @rule(clinic=CLINICS, user=USERS, crash=CRASHES)
    def connect(self, clinic: str, user: str, crash: int | None) -> None:
        code = self.watch.xero.consent(TENANTS[clinic], user=user)
        self._deliver(make_connect(code, clinic_id=ClinicId(clinic)), crash)

    @rule(clinic=CLINICS, crash=CRASHES)
    def disconnect(self, clinic: str, crash: int | None) -> None:
        self._deliver(make_disconnect(clinic_id=ClinicId(clinic)), crash)

    @precondition(lambda self: self.events)
    @rule(which=st.integers(0, 3), crash=CRASHES)
    def redeliver(self, which: int, crash: int | None) -> None:
        self._deliver(self.events[-1 - which % len(self.events)], crash)

    @rule(clinic=CLINICS, crash=CRASHES, even_if_fresh=st.booleans())
    def refresh(self, clinic: str, crash: int | None, even_if_fresh: bool) -> None:
        self._run(self._refreshing(clinic, even_if_fresh=even_if_fresh), crash)

    @rule(crash=CRASHES)
    def dispatch(self, crash: int | None) -> None:
        for job in self.watch.service.due():
            self._run(lambda service, job=job: work(service, job), crash)  # type: ignore[misc]

    @rule(minutes=st.integers(1, 10))
    def wait(self, minutes: int) -> None:
        """The dispatcher looks every minute, as it does every half second."""
        for _ in range(minutes):
            self.watch.database.pass_time(MINUTE)
            self.dispatch(None)

    @rule(days=st.integers(1, 80))
    def wait_for_days(self, days: int) -> None:
        """Nobody looks for most of the time; what is in doubt by then has been settled before."""
        for _ in range(min(days, 3)):
            self.wait(minutes=10)
            self.watch.database.pass_time(timedelta(days=days / min(days, 3)))
        self.wait(minutes=10)

    @rule(by=st.sampled_from([timedelta(seconds=31), LEASE, timedelta(seconds=151)]))
    def pause(self, by: timedelta) -> None:
        self.watch.database.pass_time(by)
        self.wait(minutes=1)

    @precondition(lambda self: self.trouble < MOST_TROUBLE)
    @rule(call=CALLS, error=st.none() | ERRORS)
    def fail(self, call: str, error: ServiceError | None) -> None:
        """The next such call fails; where no error is given, it has its effect and its answer is lost."""
        self.trouble += 1
        if error is None:
            self.watch.xero.script.lose(call)
        else:
            self.watch.xero.script.fail(call, error)

    @rule(
        moment=st.tuples(CALLS, st.sampled_from(["before", "after"])),
        paused=st.sampled_from([timedelta(0), LEASE]),
        what=st.sampled_from(["refresh", "connect", "disconnect", "dispatch", "nothing"]),
        clinic=CLINICS,
        user=USERS,
    )
    def meanwhile(
        self, moment: tuple[str, str], paused: timedelta, *, what: str, clinic: str, user: str
    ) -> None:
        """A process is paused at its next call, and another one does something."""
        steps: dict[str, Callable[[], None]] = {
            "refresh": lambda: self.refresh(clinic, None, even_if_fresh=True),
            "connect": lambda: self.connect(clinic, user, None),
            "disconnect": lambda: self.disconnect(clinic, None),
            "dispatch": lambda: self.dispatch(None),
            "nothing": lambda: None,
        }

        def step() -> None:
            self.watch.database.pass_time(paused)
            steps[what]()

        self.watch.xero.script.planned[moment] = step

    @rule(clinic=CLINICS)
    def withdraw(self, clinic: str) -> None:
        for credential in self.watch.live():
            if credential.clinic_id == clinic:
                self.watch.xero.withdraw(self.watch.grant(credential.id))

    @rule()
    def rotate_keys(self) -> None:
        self.watch.keys.add()
        self.watch.vault.rewrap()

    @rule()
    def add_key(self) -> None:
        self.watch.keys.add()

    @invariant()
    def holds(self) -> None:
        Connections.steps += 1
        self.watch.check()

    def teardown(self) -> None:
        """When the trouble is over, every connection works or its clinic has been told why not."""
        if not hasattr(self, "watch"):
            return
        self.watch.xero.script = type(self.watch.xero.script)()
        self.wait(minutes=15)
        self.watch.check()
        for one in self.watch.live():
            assert one.intent_at is None, "a doubt that nobody has settled"
        for clinic in TENANTS:
            self._assert_works(clinic)

    def _assert_works(self, clinic: str) -> None:
        connection = self.watch.connection(clinic)
        if connection is None or connection.status is not ConnectionStatus.ACTIVE:
            return
        self.watch.database.pass_time(timedelta(hours=1))
        with suppress(ServiceError):
            self._refreshing(clinic)(self.watch.service)
        if self.watch.xero.rotation is not Rotation.STRICT:
            [live] = [one for one in self.watch.live() if one.connection_id == connection.id]
            is_withdrawn = self.watch.grant(live.id) in self.watch.xero.withdrawn
            assert is_withdrawn or live.is_fresh(self.watch.database.now)

    def _deliver(self, event: ConnectCompleted | Disconnect, crash: int | None) -> None:
        self.events.append(event)
        self._run(lambda service: deliver(service, event), crash)

    def _refreshing(self, clinic: str, *, even_if_fresh: bool = False) -> Action:
        def run(service: InMemoryService) -> None:
            connection = self.watch.connection(clinic)
            live = connection and service.database.credentials.live(connection.id)
            if live:
                service.refresh(ClinicId(clinic), live.id, even_if_fresh=even_if_fresh)

        return run

    def _run(self, action: Action, crash: int | None) -> None:
        service = self.watch.service
        with suppress(ServiceError, Crash):
            action(service if crash is None else with_fuse(service, Fuse(crash)))
        self.trouble = 0 if crash is None else self.trouble


def live_through(seed: int, examples: int) -> int:
    """Run that many lives; gives how many steps they had."""
    Connections.steps = 0
    rules = settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(hypothesis.seed(seed)(Connections), settings=rules)
    return Connections.steps


def deliver(service: InMemoryService, event: ConnectCompleted | Disconnect) -> None:
    """Work one event, as its actor would."""
    match event:
        case ConnectCompleted():
            service.complete_connection(event)
        case Disconnect():
            service.disconnect(event)


def work(service: InMemoryService, job: Job) -> None:
    """Work one job; slices are not what this is about."""
    match job:
        case KeepAlive():
            service.keep_alive(job)
        case FinishDisconnect():
            service.finish_disconnect(job)
        case ErasePayroll():
            service.erase_payroll(job)
        case _:
            return
