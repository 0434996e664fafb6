"""Consent, tokens and connections as an app meets them."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from simulator.caller import Answer, Caller, ask_for_token, challenge_of, connected, exchange, refresh
from simulator.client import CLIENT_ID, REDIRECT_URI, SCOPES, Control, Organisation

VERIFIER = "a-verifier-that-is-long-enough-for-the-rule-of-43-characters"


@pytest.fixture
def browser(control: Control) -> Caller:
    return Caller(control.url, "", None)


def authorise(browser: Caller, **changes: str) -> Answer:
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": " ".join(SCOPES),
        "state": "a state",
    }
    return browser.get("/identity/connect/authorize", **{**query, **changes})


def decide(browser: Caller, page: Answer, decision: str, choice: str | None) -> Answer:
    fields = dict(re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page.body.decode()))
    form = fields | {"decision": decision} | ({"choice": choice} if choice else {})
    return browser.call("POST", "/identity/connect/authorize", form=form)


def back(answer: Answer) -> dict[str, str]:
    assert answer.status == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def claims(control: Control, token: str) -> dict[str, Any]:
    keys = Caller(control.url, "", None).get("/.well-known/openid-configuration/jwks").json()
    return dict(jwt.decode(token, KeySet.import_key_set(keys)).claims)


def test_the_consent_page_says_what_is_asked_and_offers_the_organisations(
    browser: Caller, clinic: Organisation
) -> None:
    html = authorise(browser).body.decode()
    for kind in (
        "Employees",
        "Pay runs",
        "Payslips",
        "Payroll settings",
        "Timesheets",
        "Organisation settings",
        "User account information",
    ):
        assert f"<li>{kind}</li>" in html
    assert all(scope in html for scope in SCOPES)
    assert f'value="{clinic.owner}:{clinic.tenant_id}"' in html
    assert '<html lang="en">' in html
    assert "Ruth" not in html  # an invoice-only user may not connect


def test_the_consent_page_escapes_what_it_is_told(browser: Caller, control: Control) -> None:
    control.create_organisation(name="<script>alert(1)</script>", runs=1)
    html = authorise(browser, state='"><script>').body.decode()
    assert "<script>" not in html


def test_allowing_gives_a_code_and_the_state(browser: Caller, clinic: Organisation) -> None:
    choice = f"{clinic.owner}:{clinic.tenant_id}"
    answer = back(decide(browser, authorise(browser), "allow", choice))
    assert answer["state"] == "a state"
    assert answer["code"]


@pytest.mark.usefixtures("clinic")
def test_denying_says_so(browser: Caller) -> None:
    answer = back(decide(browser, authorise(browser), "deny", None))
    assert answer == {"error": "access_denied", "state": "a state"}


def test_nobody_can_consent_for_an_organisation_that_is_not_theirs(
    browser: Caller, control: Control, clinic: Organisation
) -> None:
    other = control.create_organisation(runs=1)
    answer = decide(browser, authorise(browser), "allow", f"{clinic.owner}:{other.tenant_id}")
    assert answer.status == 400
    assert control.connections() == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody"}, "unauthorized_client"),
        ({"redirect_uri": "http://127.0.0.1:8080/xero/callback"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://elsewhere.example/"}, "invalid_redirect_uri"),
        ({"scope": "payroll.everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_refused_on_the_page(changes: dict[str, str], error: str, browser: Caller) -> None:
    answer = authorise(browser, **changes)
    assert answer.status == 400
    assert error in answer.body.decode()


@pytest.mark.usefixtures("clinic")
def test_localhost_is_allowed_on_any_port(browser: Caller) -> None:
    assert authorise(browser, redirect_uri="http://localhost:59999/any/path").status == 200


def test_an_app_without_a_scope_is_not_offered_it(browser: Caller, control: Control) -> None:
    control.call(
        "POST", "/apps", {"client_id": "small", "client_secret": "s", "name": "Small", "scopes": ["openid"]}
    )
    answer = authorise(browser, client_id="small")
    assert "unauthorized_client" in answer.body.decode()


def test_a_token_set_has_xeros_shape_and_claims(control: Control, clinic: Organisation) -> None:
    token_set = control.token_set(clinic)
    assert set(token_set) == {
        "id_token",
        "access_token",
        "expires_in",
        "token_type",
        "refresh_token",
        "scope",
    }
    assert (token_set["expires_in"], token_set["token_type"]) == (1800, "Bearer")
    access, identity = claims(control, token_set["access_token"]), claims(control, token_set["id_token"])
    assert access["exp"] - access["nbf"] == 1800
    assert set(access["scope"]) == set(SCOPES)
    assert access["xero_userid"] == identity["xero_userid"] == clinic.owner
    assert access["authentication_event_id"] == control.connections()[0]["event_id"]
    assert "authentication_event_id" not in identity
    assert identity["email"] == clinic.users[0]["email"]
    assert (access["iss"], access["client_id"]) == ("https://identity.xero.com", CLIENT_ID)


def test_without_offline_access_there_is_no_refresh_token(control: Control, clinic: Organisation) -> None:
    token_set = control.token_set(clinic, scopes=["payroll.payruns.read"])
    assert "refresh_token" not in token_set
    assert "id_token" not in token_set


def test_a_code_works_once(control: Control, clinic: Organisation) -> None:
    code = control.consent(clinic.owner, [clinic.tenant_id])
    assert exchange(control, code).status == 200
    again = exchange(control, code)
    assert (again.status, again.body) == (400, b'{"error":"invalid_grant"}')


def test_a_code_lives_five_minutes(control: Control, clinic: Organisation) -> None:
    code = control.consent(clinic.owner, [clinic.tenant_id])
    control.advance(301)
    assert exchange(control, code).json() == {"error": "invalid_grant"}


def test_a_code_is_bound_to_its_redirect_uri(control: Control, clinic: Organisation) -> None:
    code = control.consent(clinic.owner, [clinic.tenant_id])
    assert exchange(control, code, redirect_uri="http://localhost/other").status == 400


def test_pkce_is_checked(control: Control, clinic: Organisation) -> None:
    def coded() -> str:
        return control.consent(clinic.owner, [clinic.tenant_id], code_challenge=challenge_of(VERIFIER))

    assert exchange(control, coded()).status == 400
    assert exchange(control, coded(), code_verifier="wrong").status == 400
    assert exchange(control, coded(), code_verifier=VERIFIER).status == 200


def test_the_client_may_prove_itself_by_header_or_form(control: Control, clinic: Organisation) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": control.token_set(clinic)["refresh_token"]}
    fresh = ask_for_token(control, form, basic=True)
    assert fresh.status == 200
    wrong = ask_for_token(control, form | {"client_secret": "wrong"})
    assert (wrong.status, wrong.json()) == (400, {"error": "invalid_client"})
    assert ask_for_token(control, {"grant_type": "password"}).json() == {"error": "unsupported_grant_type"}


def test_an_apps_own_token_lists_all_connections_and_reads_no_payroll(
    control: Control, clinic: Organisation
) -> None:
    control.consent(clinic.owner, [clinic.tenant_id])
    own = ask_for_token(control, {"grant_type": "client_credentials", "scope": "app.connections"}).json()
    app = Caller(control.url, own["access_token"], clinic.tenant_id)
    assert [row["tenantId"] for row in app.get("/connections").json()] == [clinic.tenant_id]
    assert app.au("Employees").status == 403


def test_connections_hold_all_a_user_ever_connected_and_can_be_narrowed_to_one_consent(
    control: Control, clinic: Organisation
) -> None:
    second = control.create_organisation(runs=1, users=[clinic.owner])
    connected(control, clinic)
    token = control.token_set(second)["access_token"]
    caller = Caller(control.url, token, None)
    rows = caller.get("/connections").json()
    assert {row["tenantId"] for row in rows} == {clinic.tenant_id, second.tenant_id}
    event = claims(control, token)["authentication_event_id"]
    narrowed = caller.get("/connections", authEventId=event).json()
    assert [row["tenantName"] for row in narrowed] == [second.name]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}", rows[0]["createdDateUtc"])


def test_one_token_set_reaches_every_organisation_its_user_connected(
    control: Control, clinic: Organisation
) -> None:
    second = control.create_organisation(runs=1, users=[clinic.owner])
    first_token = control.token_set(clinic)["access_token"]
    control.token_set(second)
    assert Caller(control.url, first_token, second.tenant_id).au("PayRuns").status == 200


def test_deleting_a_connection_ends_access_to_that_organisation_only(
    control: Control, clinic: Organisation
) -> None:
    second = control.create_organisation(runs=1, users=[clinic.owner])
    caller, other = connected(control, clinic), connected(control, second)
    rows = {row["tenantId"]: row["id"] for row in caller.get("/connections").json()}
    assert caller.call("DELETE", f"/connections/{clinic.tenant_id}").status == 403
    assert caller.call("DELETE", f"/connections/{rows[clinic.tenant_id]}").status == 204
    assert caller.call("DELETE", f"/connections/{rows[clinic.tenant_id]}").status == 404
    assert caller.au("PayRuns").status == 403
    assert other.au("PayRuns").status == 200


def test_reconnecting_keeps_the_creation_date_and_moves_the_other(
    control: Control, clinic: Organisation
) -> None:
    caller = connected(control, clinic)
    first = caller.get("/connections").json()[0]
    caller.call("DELETE", f"/connections/{first['id']}")
    control.advance(60)
    again = connected(control, clinic).get("/connections").json()[0]
    assert (again["id"], again["createdDateUtc"]) == (first["id"], first["createdDateUtc"])
    assert again["updatedDateUtc"] > first["updatedDateUtc"]
    assert again["authEventId"] != first["authEventId"]


def test_revocation_drops_all_the_users_connections_and_is_silent(
    control: Control, clinic: Organisation
) -> None:
    second = control.create_organisation(runs=1, users=[clinic.owner])
    connected(control, second)
    token_set = control.token_set(clinic)
    form = {"token": token_set["refresh_token"], "client_id": CLIENT_ID, "client_secret": "simulator-secret"}
    answer = Caller(control.url, "", None).call("POST", "/connect/revocation", form=form)
    assert (answer.status, answer.body) == (200, b"")
    caller = Caller(control.url, token_set["access_token"], clinic.tenant_id)
    assert caller.get("/connections").json() == []
    assert caller.au("PayRuns").status == 403
    assert refresh(control, token_set["refresh_token"]).json() == {"error": "invalid_grant"}
    unknown = Caller(control.url, "", None).call(
        "POST", "/connect/revocation", form=form | {"token": "unknown"}
    )
    assert unknown.status == 200


def test_user_info_and_configuration(control: Control, clinic: Organisation) -> None:
    caller = connected(control, clinic)
    assert caller.get("/connect/userinfo").json()["email"] == clinic.users[0]["email"]
    configuration = caller.get("/.well-known/openid-configuration").json()
    assert configuration["token_endpoint"] == f"{control.url}/connect/token"


def test_several_organisations_at_once_are_a_switch(
    browser: Caller, control: Control, clinic: Organisation
) -> None:
    second = control.create_organisation(runs=1, users=[clinic.owner])
    form = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "scope": "openid"}
    choices = [("choice", f"{clinic.owner}:{tenant}") for tenant in (clinic.tenant_id, second.tenant_id)]

    def post() -> Answer:
        fields = [*form.items(), ("decision", "allow"), *choices]
        return browser.call("POST", "/identity/connect/authorize", form=fields)

    assert post().status == 400
    control.settings(several_organisations_per_consent=True)
    assert post().status == 302
    assert len(control.connections()) == 2
