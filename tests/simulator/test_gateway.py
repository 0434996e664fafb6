"""Refusals, limits and the headers that come with every answer."""

import threading
import time
from email.utils import parsedate_to_datetime

import pytest

from simulator.caller import Answer, Caller, connected
from simulator.client import SCOPES, Control, Organisation


def remaining(answer: Answer) -> tuple[int, int, int]:
    headers = answer.headers
    return (
        int(headers["X-MinLimit-Remaining"]),
        int(headers["X-DayLimit-Remaining"]),
        int(headers["X-AppMinLimit-Remaining"]),
    )


@pytest.fixture
def limited(control: Control, clinic: Organisation) -> Caller:
    control.freeze("2026-11-23T10:00:00+00:00")
    control.settings(limits=True)
    return connected(control, clinic)


def test_every_answer_has_a_correlation_id_and_the_simulators_date(control: Control, caller: Caller) -> None:
    control.freeze("2031-02-03T04:05:06+00:00")
    first, second = caller.get("/connections"), caller.get("/connections")
    assert first.headers["Xero-Correlation-Id"] != second.headers["Xero-Correlation-Id"]
    assert parsedate_to_datetime(first.headers["Date"]).isoformat() == "2031-02-03T04:05:06+00:00"


def test_an_expired_token_is_told_so(control: Control, caller: Caller) -> None:
    control.advance(1_801)
    answer = caller.au("Employees")
    assert answer.status == 401
    assert answer.json()["Detail"].startswith("TokenExpired: token expired at ")
    assert answer.headers["X-AppMinLimit-Remaining"] is None


def test_the_connections_tell_an_expired_token_so_too(control: Control, caller: Caller) -> None:
    control.expire_tokens()
    answer = caller.get("/connections")
    assert (answer.status, answer.json()["Detail"][:12]) == (401, "TokenExpired")


def test_a_token_of_a_former_life_is_expired_and_a_strangers_is_refused(
    control: Control, caller: Caller
) -> None:
    control.reset()
    control.create_organisation(runs=1)
    assert caller.au("Employees").json()["Detail"].startswith("TokenExpired")
    stranger = caller.with_token("a.b.c").au("Employees")
    assert (stranger.status, stranger.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


def test_tokens_can_be_made_to_expire_now(control: Control, caller: Caller) -> None:
    assert control.expire_tokens() == 1
    assert caller.au("Employees").status == 401


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/payroll.xro/1.0/Employees", "payroll.employees.read"),
        ("/payroll.xro/1.0/LeaveApplications", "payroll.employees.read"),
        ("/payroll.xro/1.0/PayRuns", "payroll.payruns.read"),
        ("/payroll.xro/1.0/Payslip/00000000-0000-4000-8000-000000000000", "payroll.payslip.read"),
        ("/payroll.xro/1.0/PayItems", "payroll.settings.read"),
        ("/payroll.xro/1.0/Timesheets", "payroll.timesheets.read"),
        ("/api.xro/2.0/Organisation", "accounting.settings.read"),
    ],
)
def test_each_endpoint_needs_its_scope(path: str, scope: str, control: Control, clinic: Organisation) -> None:
    caller = connected(control, clinic, scopes=[one for one in SCOPES if one != scope])
    answer = caller.get(path)
    assert (answer.status, answer.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    assert answer.headers["WWW-Authenticate"] == "insufficient_scope"
    assert answer.headers["X-AppMinLimit-Remaining"] is not None
    assert answer.headers["X-MinLimit-Remaining"] is None
    assert answer.json()["Instance"] == answer.headers["Xero-Correlation-Id"]


def test_nothing_can_be_written(caller: Caller) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert caller.call(method, "/payroll.xro/1.0/Employees", form={}).status == 401


def test_no_or_a_wrong_tenant_is_403(control: Control, caller: Caller) -> None:
    other = control.create_organisation(runs=1)
    for tenant in (None, other.tenant_id, "nonsense"):
        answer = Caller(control.url, caller.token, tenant).au("Employees")
        assert (answer.status, answer.json()["Title"], answer.json()["Detail"]) == (
            403,
            "Forbidden",
            "AuthenticationUnsuccessful",
        )


def test_losing_the_organisation_is_403_while_the_token_lives(
    control: Control, clinic: Organisation, caller: Caller
) -> None:
    control.set_member(clinic.tenant_id, clinic.owner, role="READONLY")
    assert caller.au("Employees").status == 403
    control.set_member(clinic.tenant_id, clinic.owner, role="STANDARD")
    assert caller.au("Employees").status == 200
    control.remove_member(clinic.tenant_id, clinic.owner)
    assert caller.get("/api.xro/2.0/Organisation").status == 403
    assert caller.get("/connections").status == 200


def test_disconnecting_inside_xero_is_403_and_the_connection_is_gone(
    control: Control, clinic: Organisation, caller: Caller
) -> None:
    assert control.disconnect(clinic.tenant_id) == 1
    assert caller.au("Employees").status == 403
    assert caller.get("/connections").json() == []


def test_an_organisation_that_is_gone_is_403(control: Control, clinic: Organisation, caller: Caller) -> None:
    control.end_organisation(clinic.tenant_id)
    assert caller.get("/api.xro/2.0/Organisation").status == 403


def test_without_payroll_access_payroll_is_refused_and_accounting_is_not(
    control: Control, clinic: Organisation, caller: Caller
) -> None:
    control.set_member(clinic.tenant_id, clinic.owner, payroll_admin=False)
    assert caller.au("Employees").status == 401
    assert caller.get("/api.xro/2.0/Organisation").status == 200
    control.settings(not_payroll_admin={"status": 403, "detail": "Forbidden"})
    assert caller.au("Employees").status == 403


def test_payroll_that_is_not_set_up_is_a_switch(control: Control) -> None:
    caller = connected(control, control.create_organisation(payroll="not_set_up"))
    assert caller.au("Employees").status == 403
    control.settings(payroll_not_set_up={"status": 404, "body": "<h1>no payroll</h1>"})
    answer = caller.au("Employees")
    assert (answer.status, answer.body) == (404, b"<h1>no payroll</h1>")
    assert caller.get("/api.xro/2.0/Organisation").json()["Organisations"][0]["Version"] == "AU"


def test_a_region_without_payroll_refuses_it(control: Control) -> None:
    caller = connected(control, control.create_organisation(region="US"))
    assert caller.au("Employees").status == 403
    assert caller.get("/api.xro/2.0/Organisation").json()["Organisations"][0]["Version"] == "US"


def test_what_remains_is_counted_down(limited: Caller) -> None:
    assert remaining(limited.au("Employees")) == (59, 4999, 9999)
    assert remaining(limited.au("Settings")) == (58, 4998, 9998)


def test_the_sixty_first_call_of_a_minute_is_refused_until_the_minute_is_over(
    limited: Caller, control: Control
) -> None:
    for _ in range(60):
        assert limited.au("Settings").status == 200
    refused = limited.au("Settings")
    assert (refused.status, refused.headers["X-Rate-Limit-Problem"]) == (429, "minute")
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 60
    control.advance(wait)
    assert remaining(limited.au("Settings"))[0] == 59


def test_each_organisation_has_windows_of_its_own(limited: Caller, control: Control) -> None:
    control.settings(minute_limit=1)
    others = [connected(control, control.create_organisation(runs=1)) for _ in range(3)]
    waits = set()
    for caller in (limited, *others):
        assert caller.au("Settings").status == 200
        waits.add(caller.au("Settings").headers["Retry-After"])
    assert len(waits) > 1


def test_the_day_limit_waits_for_hours(limited: Caller, control: Control, clinic: Organisation) -> None:
    control.settings(tenant_limits={clinic.tenant_id: {"day": 2}})
    limited.au("Settings")
    limited.au("Settings")
    refused = limited.au("Settings")
    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    assert remaining(refused)[1] == 0
    control.advance(int(refused.headers["Retry-After"]))
    control.settings(access_token_seconds=10**6)
    assert connected(control, clinic).au("Settings").status == 200


def test_the_apps_own_limit_is_refused_for_all(limited: Caller, control: Control) -> None:
    control.settings(app_minute_limit=1)
    limited.au("Settings")
    refused = limited.au("Settings")
    assert (refused.status, refused.headers["X-Rate-Limit-Problem"]) == (429, "appminute")
    assert refused.headers["X-MinLimit-Remaining"] is None


def test_more_than_five_at_once_are_refused_without_a_retry_after(limited: Caller, control: Control) -> None:
    control.settings(latency=0.5)
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(limited.au("Settings"))) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) == 2
    assert {answer.headers["X-Rate-Limit-Problem"] for answer in refused} == {"concurrent"}
    assert {answer.headers["Retry-After"] for answer in refused} == {None}


def test_windows_pass_faster_when_scaled(limited: Caller, control: Control) -> None:
    control.thaw()
    control.settings(limit_scale=600, minute_limit=1)
    limited.au("Settings")
    time.sleep(0.11)  # a whole minute of a tenth of a second
    assert limited.au("Settings").status == 200


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("66183", "66183"), ("garbage", "garbage"), ("absent", None)],
)
def test_retry_after_can_be_anything(
    mode: str, expected: str | None, limited: Caller, control: Control
) -> None:
    control.settings(minute_limit=0, retry_after=mode)
    assert limited.au("Settings").headers["Retry-After"] == expected


def test_retry_after_can_be_a_date(limited: Caller, control: Control) -> None:
    control.settings(minute_limit=0, retry_after="date")
    at = parsedate_to_datetime(limited.au("Settings").headers["Retry-After"])
    assert 0 < (at - parsedate_to_datetime("Mon, 23 Nov 2026 10:00:00 GMT")).total_seconds() <= 60


def test_limits_can_be_switched_off(caller: Caller, control: Control) -> None:
    control.settings(minute_limit=0)
    assert caller.au("Settings").status == 200
