"""How a world that is left in peace comes to rest, and how long it may take."""

from collections.abc import Callable, Collection
from functools import partial
from time import monotonic, sleep

from deployment.clinic import rows
from deployment.truth import differences
from soak.world import World

TELL_EVERY_S = 10.0
LOOK_EVERY_S = 1.0

AN_EVENT_S = 150 + 60 + 30
"""A claim whose worker was killed, the longest delay of a retry, and some work."""

LONGEST_REST_S = 15 * 60
"""A slice that has failed for a while rests for as long again, but no longer than this (`Lease.backoff`)."""

WORK_S = 60 + 60 + 60
"""The claim of a job that was lost, Xero's minute, and some work."""

TOLD = 3
"""Of so many clinics that are late everything is told."""

PASSES = "SELECT clinic_id FROM allie_xero.sync WHERE state IN ('queued', 'running')"

ENDING = "SELECT clinic_id FROM allie_xero.credential WHERE state = 'revocation_pending'"
LEFT = {
    "the end of its failures": """SELECT clinic_id FROM allie_xero.failure
        WHERE state NOT IN ('resolved', 'discarded') AND place NOT LIKE 'queue:%%'""",
    "the end of its old tokens": """SELECT clinic_id FROM allie_xero.credential
        WHERE state NOT IN ('live', 'shredded')""",
    "what it is told": "SELECT clinic_id FROM allie_xero.outbox WHERE sent_at IS NULL",
}
"""What comes to an end in a calm."""

STATE = {
    "connection": "SELECT id, status, reason, generation FROM allie_xero.connection WHERE clinic_id = %s",
    "sync": """SELECT id, connection_id, mode, state, now() - requested_at FROM allie_xero.sync
                WHERE clinic_id = %s AND state IN ('queued', 'running')""",
    "sync_state": """SELECT connection_id, attempts, due_at - now(), lease_until - now(),
                            work_claimed_until - now() FROM allie_xero.sync_state WHERE clinic_id = %s""",
    "credential": """SELECT id, connection_id, state, version, lease_until - now(), now() - intent_at,
                            cooldown_until - now() FROM allie_xero.credential
                      WHERE clinic_id = %s AND state <> 'shredded'""",
    "inbox": """SELECT event_id, type, attempts, claimed_until - now(), now() - begun_at
                  FROM allie_xero.inbox WHERE clinic_id = %s AND completed_at IS NULL""",
    "failure": """SELECT error, place, subject, state, attempts, until - now() FROM allie_xero.failure
                   WHERE clinic_id = %s AND state NOT IN ('resolved', 'discarded')""",
}
"""What decides when a clinic goes on."""


def settle(world: World, suffered_s: float) -> None:
    """
    Everything works again: what was said is answered, every clinic connects and is as at the source.

    A clinic that chaos has left without a connection connects again. So does one whose tokens turn out to be
    lost when it is next read, but only once; from then on it must hold.
    """
    work_s = min(suffered_s, LONGEST_REST_S) + WORK_S
    world.tell("calm")
    world.control.clear_faults()
    wait(world, "an answer", world.unanswered, AN_EVENT_S)
    to_read = set(world.clinics)
    while to_read:
        away = set(world.clinics) - world.connected()
        world.tell(f"{len(away)} of {len(world.clinics)} clinics connect, {len(to_read)} are read whole")
        # Who comes back before the disconnect is over at Xero has that link ended, too: docs/tokens.md.
        wait(world, "its end at Xero", partial(clinics, world, ENDING), work_s)
        for clinic in sorted(away):
            world.come(clinic)
        wait(world, "an answer", world.unanswered, AN_EVENT_S)
        assert away <= world.connected(), told(world, away - world.connected())
        for clinic in sorted(to_read):
            world.reconcile(clinic)
        wait(world, "an answer", world.unanswered, AN_EVENT_S)
        wait(world, "the end of its pass", partial(clinics, world, PASSES), work_s)
        lost = set(world.clinics) - world.connected()
        assert not lost & away, told(world, lost & away)
        to_read = lost
    wait(world, "its truth", untrue(world), work_s)
    for for_what, query in LEFT.items():
        wait(world, for_what, partial(clinics, world, query), work_s)


def clinics(world: World, query: str) -> set[str]:
    """The clinics that a query finds."""
    return {clinic for (clinic,) in rows(world.postgres.url, query)}


def untrue(world: World) -> Callable[[], set[str]]:
    """Gives the clinics whose rows are not yet as at the source; what was once is not looked at again."""
    left = set(world.clinics)

    def look() -> set[str]:
        left.difference_update([clinic for clinic in left if not otherwise(world, clinic)])
        return left

    return look


def otherwise(world: World, clinic: str) -> list[str]:
    """What its rows say otherwise than the source."""
    truth = world.control.truth(world.clinics[clinic].tenant_id)
    return differences(truth, world.postgres.url, clinic)


def wait(world: World, for_what: str, late: Callable[[], Collection[str]], patience: float) -> None:
    """Until no clinic waits any more; tells how many still do."""
    began = tell_at = monotonic()
    while left := late():
        now = monotonic()
        assert now - began < patience, f"after {patience:.0f} s without {for_what}: {told(world, left)}"
        if now >= tell_at:
            world.tell(f"{len(left)} clinics wait for {for_what}")
            tell_at = now + TELL_EVERY_S
        sleep(LOOK_EVERY_S)


def told(world: World, late: Collection[str]) -> str:
    """What the database says of some of them."""
    few = sorted(late)[:TOLD]
    lines = [
        f"{clinic} {table} {' '.join(str(one) for one in row)}"
        for clinic in few
        for table, query in STATE.items()
        for row in rows(world.postgres.url, query, clinic)
    ]
    lines += [f"{clinic} differs: {line}" for clinic in few for line in otherwise(world, clinic)[:TOLD]]
    return "\n".join([f"{len(late)} clinics:", *lines])
