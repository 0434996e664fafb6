import copy
import json
import pickle
from dataclasses import asdict, dataclass
from pprint import pformat
from typing import Any

import msgspec
import pytest

from builders import make_code, make_connect, make_consent, make_tokens
from domain.messages import SealedTokenSet
from domain.model.tokens import Access, Secret, TokenSet

CANARY = "s3cr3t-canary"
SECRET = Secret(CANARY)


@dataclass(frozen=True)
class Held:
    """Something that holds a secret."""

    secret: Secret
    number: int = 1


def test_a_secret_reveals_itself_when_asked_and_only_then() -> None:
    assert SECRET.reveal() == CANARY
    shown = [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "%s" % SECRET,  # noqa: UP031
        "{0}".format(SECRET),  # noqa: UP030, UP032
        pformat({"a": [SECRET]}),
        repr(Held(SECRET)),
        repr({SECRET}),
        str(asdict(Held(SECRET))),
        str(ValueError(SECRET)),
    ]
    assert not [one for one in shown if CANARY in one]


@pytest.mark.parametrize(
    "holder",
    [
        make_tokens(access_token=SECRET, refresh_token=SECRET),
        make_consent(tokens=make_tokens(access_token=SECRET, refresh_token=SECRET)),
        Access(SECRET, 1),
        make_connect(make_code(CANARY)),
        make_connect(SealedTokenSet(jwe=SECRET)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_holds_secrets_does_not_show_them(holder: object) -> None:
    assert CANARY not in f"{holder!r} {holder} {pformat(holder)}"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled(protocol: int) -> None:
    for value in (SECRET, Held(SECRET), [SECRET], make_tokens(access_token=SECRET)):
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(value, protocol)


def test_a_secret_is_never_written_as_json() -> None:
    for encode in (json.dumps, msgspec.json.encode, msgspec.to_builtins):
        for value in (SECRET, asdict(Held(SECRET))):
            with pytest.raises(TypeError) as caught:
                encode(value)
            assert CANARY not in str(caught.value)


def test_asdict_keeps_a_secret_a_secret() -> None:
    assert asdict(Held(SECRET)) == {"secret": SECRET, "number": 1}


def test_a_copied_secret_is_the_same() -> None:
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy({"a": [SECRET]}) == {"a": [SECRET]}


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("é") == Secret("é")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert SECRET != CANARY
    assert (SECRET == CANARY) is False
    assert (Secret("") or Secret("b")) == Secret("b")


def test_a_secret_has_no_other_door() -> None:
    with pytest.raises(TypeError):
        vars(SECRET)
    assert not hasattr(SECRET, "__dict__")


@pytest.mark.parametrize("missing", [{"access_token": Secret("")}, {"refresh_token": Secret("")}])
def test_a_token_set_holds_both_tokens(missing: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="both tokens"):
        make_tokens(**missing)
    assert isinstance(make_tokens(), TokenSet)
