from contract.backends import Backend
from contract.given import connected, live
from domain.model.ids import CredentialId
from domain.model.rewrapping import Rewrapped
from domain.model.tokens import Credential
from domain.use_cases.rewrap_keys import rewrap_keys

NOTHING = CredentialId(0)


def clinics(backend: Backend, count: int) -> list[Credential]:
    """Clinics with a live token set each."""
    return [
        live(backend.transaction, connected(backend.transaction, f"clinic-{one}", f"tenant-{one}"), str(one))
        for one in range(count)
    ]


def rewrap(backend: Backend, after: CredentialId = NOTHING, limit: int = 10) -> Rewrapped:
    with backend.transaction(None) as stores:
        return stores.credentials.rewrap(after, limit)


def test_nothing_is_moved_while_the_primary_key_stays(backend: Backend) -> None:
    clinics(backend, 2)
    assert rewrap(backend) == Rewrapped()


def test_data_keys_move_to_the_new_primary_key_and_tokens_stay_readable(backend: Backend) -> None:
    sealed = clinics(backend, 3)
    backend.promote("kek-new")
    assert rewrap(backend) == Rewrapped(moved=3, last=sealed[-1].id)
    assert [backend.sealed_with(one.id) for one in sealed] == ["kek-new"] * 3
    for number, one in enumerate(sealed):
        with backend.transaction(one.clinic_id) as stores:
            assert stores.credentials.open(one).refresh_token.reveal() == f"refresh-{number}"
    assert rewrap(backend) == Rewrapped()


def test_what_is_sealed_after_the_promotion_needs_no_move(backend: Backend) -> None:
    backend.promote("kek-new")
    [credential] = clinics(backend, 1)
    assert backend.sealed_with(credential.id) == "kek-new"
    assert rewrap(backend) == Rewrapped()


def test_a_batch_goes_on_after_the_last_row_of_the_one_before(backend: Backend) -> None:
    sealed = clinics(backend, 3)
    backend.promote("kek-new")
    first = rewrap(backend, limit=2)
    assert first == Rewrapped(moved=2, last=sealed[1].id)
    assert backend.sealed_with(sealed[2].id) != "kek-new"
    assert rewrap(backend, after=sealed[1].id, limit=2) == Rewrapped(moved=1, last=sealed[2].id)


def test_what_cannot_be_opened_is_counted_and_stops_nothing(backend: Backend) -> None:
    sealed = clinics(backend, 3)
    before = backend.sealed_with(sealed[1].id)
    backend.promote("kek-new")
    backend.lose(sealed[1].id)
    assert rewrap(backend) == Rewrapped(moved=2, unreadable=1, last=sealed[2].id)
    assert [backend.sealed_with(one.id) for one in sealed] == ["kek-new", before, "kek-new"]
    actions = ("rewrapped", "unreadable", "rewrapped")
    assert backend.audit()[-3:] == [(one.id, action) for one, action in zip(sealed, actions, strict=True)]


def test_what_was_destroyed_is_left_alone(backend: Backend) -> None:
    [credential] = clinics(backend, 1)
    with backend.transaction(credential.clinic_id) as stores:
        stores.credentials.shred(credential)
    backend.promote("kek-new")
    assert rewrap(backend) == Rewrapped()


def test_all_token_sets_are_gone_over_once_in_batches(backend: Backend) -> None:
    sealed = clinics(backend, 101)
    backend.promote("kek-new")
    backend.lose(sealed[100].id)
    told: list[Rewrapped] = []
    done = rewrap_keys(transaction=backend.transaction, note=told.append)
    assert done == Rewrapped(moved=100, unreadable=1)
    assert [one.moved for one in told] == [100, 100, 100]
    assert rewrap_keys(transaction=backend.transaction, note=told.append) == Rewrapped(unreadable=1)
