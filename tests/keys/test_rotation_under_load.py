"""Key-encryption keys rotate while several processes refresh and open token sets: nothing fails to open."""

import threading

from builders import make_tokens
from contract.backends import PostgresBackend
from contract.given import connected, live
from deployment.processes import until
from domain.errors import Fenced
from domain.model.ids import ClinicId, ConnectionId
from keys.conftest import Keys, OpenBackend

CLINICS = 12
ROTATIONS = 3


class Load:
    """One process: it opens and refreshes the clinics' token sets in turn until it is stopped."""

    def __init__(
        self, backend: PostgresBackend, connections: dict[ClinicId, ConnectionId], name: str
    ) -> None:
        self.backend = backend
        self.connections = connections
        self.name = name
        self.opened = self.refreshed = 0
        self.failures: list[BaseException] = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def has_gone_on(self, before: int) -> bool:
        """Whether it has refreshed every clinic once more since then, or cannot."""
        return bool(self.failures) or self.refreshed > before + CLINICS

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                for clinic, connection in self.connections.items():
                    self._work(clinic, connection)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the test wants to know
            self.failures.append(error)

    def _work(self, clinic: ClinicId, connection: ConnectionId) -> None:
        with self.backend.transaction(clinic) as stores:
            seen = stores.credentials.live(connection)
            assert seen is not None
            try:
                stores.credentials.open(seen)
            except Fenced:  # the other process refreshed it between the two statements
                return
            self.opened += 1
        with self.backend.transaction(clinic) as stores:
            seen = stores.credentials.live_for_update(connection)
            assert seen is not None
            held = stores.credentials.open(seen)
            fresh = make_tokens(f"{self.name}-{self.refreshed}")
            after = seen.refreshed(fresh, seen, stores.now)
            stores.credentials.save(after, seen=seen, tokens=held.rotated(fresh, held.refresh_token))
            self.refreshed += 1


def rotate(keys: Keys) -> None:
    """A new primary key, and the one before retired."""
    old, new = keys.document["primary"], keys.json("keys", "add")["key"]
    keys.json("keys", "promote", new)
    assert keys.json("keys", "rewrap")["unreadable"] == 0
    keys.settle()
    keys.json("keys", "retire", old)
    assert set(keys.ring.keys) == {new}


def go_on(load: list[Load]) -> None:
    """Let each process refresh every clinic once more."""
    before = [one.refreshed for one in load]
    until(lambda: all(map(Load.has_gone_on, load, before)), "more refreshes")


def test_keys_rotate_under_load_and_everything_opens(keys: Keys, process: OpenBackend) -> None:
    first = process()
    connections = {}
    for number in range(CLINICS):
        connection = connected(first.transaction, f"clinic-{number}", f"tenant-{number}")
        live(first.transaction, connection, str(number))
        connections[connection.clinic_id] = connection.id
    load = [Load(process(), connections, name) for name in ("a", "b")]
    for one in load:
        one.thread.start()
    for _ in range(ROTATIONS):
        rotate(keys)
        go_on(load)
    for one in load:
        one.stopping.set()
        one.thread.join()

    assert [one.failures for one in load] == [[], []]
    assert all(one.opened > CLINICS and one.refreshed > CLINICS for one in load)
    [row] = first.ask("SELECT array_agg(DISTINCT kek_id) AS keys FROM allie_xero.credential")
    assert row["keys"] == [keys.document["primary"]]
    unreadable = "SELECT count(*) AS times FROM allie_xero.credential_audit WHERE action = 'unreadable'"
    assert first.ask(unreadable) == [{"times": 0}]
