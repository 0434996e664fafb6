import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.xero.authorizer import XeroAuthorizer
from adapters.xero.transport import Answer, Endpoints, Transport
from builders import make_access, make_code, make_tokens
from domain.errors import (
    AccessExpired,
    AccessForbidden,
    AnswerLost,
    AnswerUnreadable,
    ClientRejected,
    GrantRejected,
    Limit,
    RateLimited,
    ScopeMissing,
    ServiceError,
    XeroUnavailable,
)
from domain.messages import AuthorizationCode
from domain.model.ids import XeroConnectionId
from domain.model.tokens import Secret, TokenSet
from unit.xero.server import ScriptedServer, answer, saying, serving

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CANARY = "s3cr3t-canary"
OLD = Secret("an-old-refresh-token")


def jwt(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"head.{payload}.signature"


CLAIMS = {"xero_userid": "user-1", "authentication_event_id": "consent-1", "scope": ["openid", "a.read"]}
GOOD = {
    "access_token": jwt(CLAIMS),
    "refresh_token": "a-new-refresh-token",
    "expires_in": 1800,
    "token_type": "Bearer",
    "scope": "offline_access payroll.payruns.read",
    "id_token": jwt({"name": "Olivia Owner", "email": "olivia@clinic.test"}),
}


class Canned(Transport):
    """A transport that always gives one answer."""

    def __init__(self, given: Answer) -> None:
        super().__init__(Endpoints(), observe=lambda _seen: None)
        self.given = given

    def request(self, *_args: Any, **_options: Any) -> Answer:
        return self.given


def given_answer(body: object, status: int = 200, **headers: str) -> XeroAuthorizer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = Canned(Answer(status, named, data, len(data)))
    return XeroAuthorizer(transport, client_id="id", client_secret=Secret("secret"), clock=lambda: NOW)


@contextmanager
def identity(body: bytes = b"{}", status: str = "200 OK") -> Iterator[tuple[XeroAuthorizer, ScriptedServer]]:
    with serving(saying(answer(body, status))) as server:
        transport = Transport(Endpoints(server.url, server.url), observe=lambda _seen: None)
        yield (
            XeroAuthorizer(transport, client_id="id", client_secret=Secret("secret"), clock=lambda: NOW),
            server,
        )
        transport.close()


def form_of(server: ScriptedServer) -> dict[str, list[str]]:
    [request] = server.requests
    return parse_qs(request.partition(b"\r\n\r\n")[2].decode())


def test_a_code_is_exchanged_for_what_the_consent_gave() -> None:
    consent = given_answer(GOOD).exchange(make_code())
    assert consent.tokens == TokenSet(
        access_token=Secret(jwt(CLAIMS)),
        refresh_token=Secret("a-new-refresh-token"),
        life=timedelta(minutes=30),
        scopes=frozenset({"offline_access", "payroll.payruns.read"}),
    )
    assert (consent.user_id, consent.consent_event) == ("user-1", "consent-1")
    assert (consent.user_name, consent.user_email) == ("Olivia Owner", "olivia@clinic.test")


def test_a_code_is_sent_once_with_its_redirect_and_verifier_and_our_name_in_the_header() -> None:
    grant = AuthorizationCode(
        code=Secret("c o+d&e"), redirect_uri="https://allie.test/back?x=1", code_verifier=Secret("verifier")
    )
    with identity(json.dumps(GOOD).encode()) as (authorizer, server):
        authorizer.exchange(grant)
    assert form_of(server) == {
        "grant_type": ["authorization_code"],
        "code": ["c o+d&e"],
        "redirect_uri": ["https://allie.test/back?x=1"],
        "code_verifier": ["verifier"],
    }
    [request] = server.requests
    assert request.startswith(b"POST /connect/token ")
    assert b"authorization: basic " + base64.b64encode(b"id:secret").lower() in request.lower()
    assert b"client_secret" not in request


def test_a_refresh_presents_the_token_and_gives_its_successor() -> None:
    with identity(json.dumps(GOOD).encode()) as (authorizer, server):
        assert authorizer.refresh(OLD).refresh_token == Secret("a-new-refresh-token")
    assert form_of(server) == {"grant_type": ["refresh_token"], "refresh_token": [OLD.reveal()]}


def test_a_revocation_presents_the_token() -> None:
    with identity(b"") as (authorizer, server):
        authorizer.revoke(OLD)
    assert form_of(server) == {"token": [OLD.reveal()]}
    assert server.requests[0].startswith(b"POST /connect/revocation ")


REFUSALS: dict[str, tuple[object, int, type[ServiceError]]] = {
    "a dead grant": ({"error": "invalid_grant"}, 400, GrantRejected),
    "a dead grant by another status": ({"error": "invalid_grant"}, 401, GrantRejected),
    "an unknown client": ({"error": "invalid_client"}, 400, ClientRejected),
    "an unknown client by status": ({"error": "invalid_client"}, 401, ClientRejected),
    "a client that may not": ({"error": "unauthorized_client"}, 400, ClientRejected),
    "nobody": (b"", 401, ClientRejected),
    "a wall": (b"<html>", 403, ClientRejected),
    "a request that is called wrong": ({"error": "invalid_request"}, 400, XeroUnavailable),
    "an error that is no text": ({"error": 7}, 400, XeroUnavailable),
    "an error page": (b"<html>Bad Request</html>", 400, XeroUnavailable),
    "a redirect": (b"", 302, XeroUnavailable),
    "an odd success": (b"{}", 204, XeroUnavailable),
    "a missing page": (b"", 404, XeroUnavailable),
    "an outage": (b"", 500, AnswerLost),
    "a bad gateway": (b"<html>", 502, AnswerLost),
    "a gateway that gave up": (b"", 504, AnswerLost),
}
refusals = pytest.mark.parametrize(("body", "status", "error"), REFUSALS.values(), ids=REFUSALS)
Call = Callable[[XeroAuthorizer], object]
POSTS: dict[str, Call] = {
    "exchange": lambda it: it.exchange(make_code(CANARY)),
    "refresh": lambda it: it.refresh(Secret(CANARY)),
    "revoke": lambda it: it.revoke(Secret(CANARY)),
}


@pytest.mark.parametrize("call", POSTS.values(), ids=POSTS)
@refusals
def test_every_refusal_has_one_meaning(
    call: Call, body: object, status: int, error: type[ServiceError]
) -> None:
    with pytest.raises(error) as caught:
        call(given_answer(body, status))
    assert type(caught.value) is error
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("call", POSTS.values(), ids=POSTS)
def test_a_limit_of_the_identity_service_is_the_apps(call: Call) -> None:
    with pytest.raises(RateLimited) as caught:
        call(given_answer(b"", 429, retry_after="17"))
    assert (caught.value.limit, caught.value.retry_after) == (Limit.APP_MINUTE, timedelta(seconds=17))


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [
        (1800, 1800),
        (1799.5, 1799.5),
        ("1800", 1800),
        (0, 0),
        (-5, 0),
        (None, 0),
        ("soon", 0),
        ("nan", 0),
        ("-inf", 0),
        ("inf", 1800),
        (10**9, 1800),
        (10**400, 0),
    ],
    ids=lambda value: str(value)[:12],
)
def test_odd_lives_never_lose_good_tokens_and_are_never_believed_beyond_half_an_hour(
    expires_in: object, life: float
) -> None:
    found = given_answer({**GOOD, "expires_in": expires_in}).refresh(OLD)
    assert found.life == timedelta(seconds=life)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("a.read b.read", {"a.read", "b.read"}),
        (["a.read", "b.read"], {"a.read", "b.read"}),
        ("", set()),
        (None, {"openid", "a.read"}),
    ],
)
def test_scopes_are_those_of_the_answer_or_else_of_the_token(scope: object, scopes: set[str]) -> None:
    assert given_answer({**GOOD, "scope": scope}).refresh(OLD).scopes == scopes


NO_TOKENS: dict[str, object] = {
    "nothing": b"",
    "a page": b"<html>",
    "half an answer": json.dumps(GOOD).encode()[:-9],
    "text that is not UTF-8": json.dumps(GOOD).encode().replace(b"offline", b"\xff"),
    "a list": [],
    "no access token": {**GOOD, "access_token": None},
    "an empty access token": {**GOOD, "access_token": ""},
    "an empty refresh token": {**GOOD, "refresh_token": ""},
    "an access token that is a number": {**GOOD, "access_token": 7},
}


@pytest.mark.parametrize("body", NO_TOKENS.values(), ids=NO_TOKENS)
def test_an_answer_without_a_token_set_is_unreadable(body: object) -> None:
    for call in (POSTS["exchange"], POSTS["refresh"]):
        with pytest.raises(AnswerUnreadable):
            call(given_answer(body))


def test_a_consent_without_offline_access_is_told_from_a_broken_answer() -> None:
    body = {name: value for name, value in GOOD.items() if name != "refresh_token"}
    with pytest.raises(ScopeMissing):
        given_answer(body).exchange(make_code())
    with pytest.raises(AnswerUnreadable):
        given_answer(body).refresh(OLD)


ODD_TOKENS = ["opaque", "a.b", "a.b.c", "a.é.c", "a.!.c", "..", jwt([]), jwt(None), jwt("text"), jwt(7)]


@pytest.mark.parametrize("token", ODD_TOKENS)
def test_a_token_that_says_nothing_of_its_consent_is_kept_all_the_same(token: str) -> None:
    body = {**GOOD, "access_token": token, "id_token": token, "scope": None}
    consent = given_answer(body).exchange(make_code())
    assert consent.tokens.access_token == Secret(token)
    assert (consent.user_id, consent.consent_event, consent.user_name) == (None, None, None)
    assert consent.tokens.scopes == frozenset()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(ANY_JSON, ANY_JSON, ANY_JSON)
def test_no_claim_ever_loses_good_tokens(user: object, event: object, scope: object) -> None:
    token = jwt({"xero_userid": user, "authentication_event_id": event, "scope": scope})
    body = {**GOOD, "access_token": token, "id_token": jwt({"name": user, "email": event}), "scope": None}
    consent = given_answer(body).exchange(make_code())
    said = (consent.user_id, consent.consent_event, consent.user_name, consent.user_email)
    assert all(one is None or isinstance(one, str) for one in said)
    assert all(isinstance(one, str) for one in consent.tokens.scopes)


@given(st.sampled_from(["expires_in", "scope", "id_token", "token_type", "new"]), ANY_JSON)
def test_an_odd_field_never_does_more_than_making_an_answer_unreadable(name: str, value: object) -> None:
    try:
        found = given_answer({**GOOD, name: value}).refresh(OLD)
    except AnswerUnreadable:
        return
    assert found.refresh_token == Secret("a-new-refresh-token")


def test_a_token_set_that_was_handed_over_says_whose_it_is() -> None:
    consent = given_answer({}).describe(make_tokens(access_token=Secret(jwt(CLAIMS))))
    assert (consent.user_id, consent.consent_event) == ("user-1", "consent-1")
    assert (consent.user_name, consent.user_email) == (None, None)


LINK = {
    "id": "link-1",
    "authEventId": "consent-1",
    "tenantId": "tenant-1",
    "tenantType": "ORGANISATION",
    "tenantName": "Clinic",
    "createdDateUtc": "2026-11-20T03:00:00",
}


def test_links_are_listed_with_the_consent_they_came_from() -> None:
    practice = {
        **LINK,
        "id": "link-2",
        "tenantType": "PRACTICEMANAGER",
        "tenantName": None,
        "authEventId": None,
    }
    first, second = given_answer([LINK, practice]).connections(make_access())
    assert (first.id, first.tenant_id, first.tenant_name) == ("link-1", "tenant-1", "Clinic")
    assert (first.is_organisation, first.consent_event) == (True, "consent-1")
    assert (second.is_organisation, second.tenant_name, second.consent_event) == (False, "", None)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", {}, [{"id": "link-1"}], [7], [{**LINK, "tenantId": None}]], ids=str
)
def test_a_list_of_links_that_cannot_be_read_is_unreadable(body: object) -> None:
    with pytest.raises(AnswerUnreadable):
        given_answer(body).connections(make_access())


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AccessExpired), (403, AccessForbidden), (429, RateLimited), (500, XeroUnavailable)],
)
def test_a_refused_list_or_deletion_says_why(status: int, error: type[ServiceError]) -> None:
    authorizer = given_answer(b"", status)
    with pytest.raises(error):
        authorizer.connections(make_access())
    with pytest.raises(error):
        authorizer.delete_connection(make_access(), XeroConnectionId("link-1"))


@pytest.mark.parametrize("status", [204, 200, 404])
def test_a_link_that_is_gone_is_deleted(status: int) -> None:
    given_answer(b"", status).delete_connection(make_access(), XeroConnectionId("link-1"))


def test_a_deletion_names_the_link_and_bears_the_token() -> None:
    with identity(b"", "204 No Content") as (authorizer, server):
        authorizer.delete_connection(make_access("7"), XeroConnectionId("0b3c-1"))
    [request] = server.requests
    assert request.startswith(b"DELETE /connections/0b3c-1 ")
    assert b"Authorization: Bearer access-7" in request
