"""Bad input gets a clear outcome and loses nothing."""

import json

import pytest

from deployment.clinic import CLINIC, connect, rows, value
from deployment.operating import Operator
from deployment.platform import Platform
from deployment.processes import Deployment, until
from services.logins import new_login
from simulator.client import Control

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "test",
    "type": "allie.xero.sync-requested.v1",
    "data": {"clinic_id": "nobody"},
}

POISON = {
    "not_json": json.dumps({**EVENT, "id": "half a Zoë"}, ensure_ascii=False).encode("latin-1"),
    "not_an_object": b"[]",
    "malformed_event": json.dumps({**EVENT, "data": {"clinic_id": 7}}).encode(),
    "unknown_event_type": json.dumps({**EVENT, "type": "allie.xero.sync-requested.v2"}).encode(),
    "neither_event_nor_message": b'{"options": null, "actor_name": ["x"]}',
    "too_large": json.dumps({**EVENT, "padding": "x" * 300_000}).encode(),
}


def test_every_shape_of_poison_is_kept_as_a_row_and_the_worker_goes_on(
    service: Deployment, main_platform: Platform, database_url: str
) -> None:
    service.start_dispatcher()
    service.start_worker()
    for body in POISON.values():
        main_platform.publish_raw(body, "allie.xero.sync-requested.v1")
    main_platform.publish("sync-requested", {"clinic_id": "nobody"})

    answer = until(lambda: main_platform.events("connection-changed", clinic_id="nobody"), "the answer")
    assert answer[0]["data"]["status"] == "disconnected"
    assert answer[0]["data"]["reason"] == "not_connected"
    quarantined = "SELECT error FROM allie_xero.failure WHERE state = 'quarantined'"
    until(lambda: len(rows(database_url, quarantined)) == len(POISON), "the quarantine")
    assert {error for (error,) in rows(database_url, quarantined)} == POISON.keys()
    named = "SELECT place, subject FROM allie_xero.failure WHERE error = 'unknown_event_type'"
    assert rows(database_url, named) == [("allie.xero.sync-requested.v2", EVENT["id"])]

    metrics = service.scrape("worker")
    for code in POISON:
        assert f'allie_xero_messages_refused_total{{queue="allie-xero.control",why="{code}"}} 1.0' in metrics
    assert "padding" not in service.logs
    assert "half" not in service.logs


@pytest.mark.parametrize("kind", ["disconnect", "sync-requested"])
def test_an_unknown_clinic_is_answered(
    service: Deployment, main_platform: Platform, database_url: str, kind: str
) -> None:
    service.start_dispatcher()
    service.start_worker()
    event_id = main_platform.publish(kind, {"clinic_id": "stranger"})
    answer = until(lambda: main_platform.events("connection-changed"), "the answer")
    assert answer[0]["data"]["in_reply_to"] == event_id
    assert answer[0]["data"]["reason"] == "not_connected"
    assert value(database_url, "SELECT count(*) FROM allie_xero.connection") == 0


def test_a_dead_letter_is_replayed_from_the_command_line_under_its_own_id_and_has_its_effect_once(
    service: Deployment,
    main_platform: Platform,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.start_dispatcher()
    event = {**EVENT, "id": "dead-1", "data": {"clinic_id": "stranger", "requested_by": "olivia"}}
    main_platform.publish_raw(json.dumps(event).encode(), "allie-xero.control.XQ", exchange="")
    failed = "SELECT fingerprint FROM allie_xero.failure WHERE state = 'failed'"
    cause = until(lambda: value(database_url, failed), "the failure")
    service.start_worker()
    with new_login(database_url, "operator") as login:
        operator = Operator(login, monkeypatch, capsys)
        done = operator.json("replay", "--fingerprint", cause, "--all", "--reason", "T-7")
    assert (done["state"], done["succeeded"]) == ("finished", 1)
    answers = until(lambda: main_platform.events("connection-changed"), "the answer")
    assert [one["data"]["in_reply_to"] for one in answers] == ["dead-1"]
    assert rows(database_url, "SELECT outcome FROM allie_xero.inbox") == [("unknown_clinic",)]
    assert value(database_url, "SELECT state FROM allie_xero.failure") == "resolved"


def test_a_connect_that_is_given_up_is_told_at_once_and_a_replay_goes_on_with_its_consent(  # noqa: PLR0917
    service: Deployment,
    main_platform: Platform,
    control: Control,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    control.inject("status", path="/connections", status=410, count=1)
    service.start_dispatcher()
    service.start_worker()
    event_id = connect(control, main_platform, control.create_organisation(staff=1, runs=1, seed=11))
    [told] = until(lambda: main_platform.events("connection-changed", in_reply_to=event_id), "the notice")
    assert (told["data"]["status"], told["data"]["reason"]) == ("incomplete", "check_failed")
    until(lambda: value(database_url, "SELECT fingerprint FROM allie_xero.failure"), "the failure")
    with new_login(database_url, "operator") as login:
        done = Operator(login, monkeypatch, capsys).json(
            "replay", "--clinic", CLINIC, "--all", "--reason", "T-7"
        )
    assert (done["state"], done["succeeded"]) == ("finished", 1)
    until(lambda: main_platform.events("connection-changed", in_reply_to=event_id, status="active"), "active")


def test_a_stray_refusal_while_a_clinic_connects_costs_it_nothing(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    control.inject("status", path="/payroll.xro/*/Settings", status=403, count=2)
    service.start_dispatcher()
    service.start_worker()
    event_id = connect(control, main_platform, control.create_organisation(staff=1, runs=1, seed=11))
    [told] = until(lambda: main_platform.events("connection-changed", in_reply_to=event_id), "the notice")
    assert told["data"]["status"] == "active"
    kept = "SELECT error, state, attempts FROM allie_xero.failure WHERE subject = %s"
    assert rows(database_url, kept, event_id) == [("AccessForbidden", "resolved", 2)]
