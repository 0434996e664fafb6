from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UnreadableMessage
from domain.messages import (
    AuthorizationCode,
    ConnectCompleted,
    Disconnect,
    EventHeader,
    SealedTokenSet,
    SyncRequested,
)
from domain.model.connection import Erase
from domain.model.ids import ClinicId, EventId, TenantId
from domain.model.streams import Stream
from domain.model.sync import Mode
from domain.model.tokens import Secret
from unit.workers.wire import TRACE, event
from workers.events import name_of, read_event, without_grant

HEADER = EventHeader(id=EventId("event-1"), source="allie-platform")
CLINIC = ClinicId("clinic-1")
VERIFIER = "v" * 43
CODE = {"type": "authorization_code", "code": "c", "redirect_uri": "https://allie.test/back"}
SEALED = {"type": "sealed_token_set", "jwe": "a.b.c.d.e"}
CANARY = "s3cr3t-canary"


def data(**fields: Any) -> dict[str, Any]:
    return {"clinic_id": "clinic-1", **fields}


def refused(document: object) -> UnreadableMessage:
    with pytest.raises(UnreadableMessage) as caught:
        read_event(document)
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_code_is_read_with_every_field() -> None:
    grant = {**CODE, "code_verifier": VERIFIER}
    found = read_event(event(data=data(grant=grant, tenant_id="tenant-1", requested_by="olivia")))
    assert found == ConnectCompleted(
        header=HEADER,
        clinic_id=CLINIC,
        grant=AuthorizationCode(
            code=Secret("c"), redirect_uri="https://allie.test/back", code_verifier=Secret(VERIFIER)
        ),
        tenant_id=TenantId("tenant-1"),
        requested_by="olivia",
    )


def test_a_code_without_a_verifier_is_read() -> None:
    found = read_event(event(data=data(grant=CODE)))
    assert isinstance(found, ConnectCompleted)
    assert found.grant == AuthorizationCode(code=Secret("c"), redirect_uri="https://allie.test/back")


def test_a_sealed_token_set_is_read() -> None:
    found = read_event(event(data=data(grant=SEALED)))
    assert isinstance(found, ConnectCompleted)
    assert found.grant == SealedTokenSet(jwe=Secret("a.b.c.d.e"))


def test_a_choice_is_a_connect_without_a_grant() -> None:
    found = read_event(event(data=data(tenant_id="tenant-1")))
    assert found == ConnectCompleted(header=HEADER, clinic_id=CLINIC, tenant_id=TenantId("tenant-1"))


def test_a_wish_is_read_with_every_field() -> None:
    wish = data(streams=["employees", "pay_runs", "employees"], mode="full", requested_by="olivia")
    assert read_event(event("sync-requested", wish)) == SyncRequested(
        header=HEADER,
        clinic_id=CLINIC,
        streams=frozenset({Stream.EMPLOYEES, Stream.PAY_RUNS}),
        mode=Mode.FULL,
        requested_by="olivia",
    )


def test_a_wish_that_names_nothing_is_for_changes_of_everything() -> None:
    assert read_event(event("sync-requested")) == SyncRequested(header=HEADER, clinic_id=CLINIC)


@pytest.mark.parametrize("erase", Erase)
def test_a_disconnect_is_read_with_every_field(erase: Erase) -> None:
    found = read_event(event("disconnect", data(erase=erase.value, requested_by="olivia")))
    assert found == Disconnect(header=HEADER, clinic_id=CLINIC, erase=erase, requested_by="olivia")


def test_a_disconnect_that_says_nothing_of_erasing_leaves_the_grace() -> None:
    assert read_event(event("disconnect")) == Disconnect(
        header=HEADER, clinic_id=CLINIC, erase=Erase.AFTER_GRACE
    )


def test_the_header_is_read_with_every_field() -> None:
    found = read_event(event("disconnect", time="2026-11-20T03:00:00Z", traceparent=TRACE))
    assert found.header == EventHeader(
        id=EventId("event-1"),
        source="allie-platform",
        time=datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
        traceparent=TRACE,
    )


def test_unknown_fields_are_ignored_everywhere() -> None:
    document = event(data=data(grant={**CODE, "new": 1}, new={"a": [1]}), subject="x", dataschema="y", new=2)
    assert isinstance(read_event(document), ConnectCompleted)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.25"])
def test_every_minor_version_of_cloudevents_is_read(version: str) -> None:
    assert isinstance(read_event(event("disconnect", specversion=version)), Disconnect)


@pytest.mark.parametrize(
    "kind",
    ["allie.xero.connect-completed.v2", "allie.xero.other.v1", "", "disconnect", "ALLIE.XERO.DISCONNECT.V1"],
)
def test_unknown_types_and_versions_are_not_guessed_at(kind: str) -> None:
    error = refused(event(type=kind))
    assert error.code == ("unknown_event_type" if kind else "malformed_event")


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (event("disconnect", type="allie.xero.disconnect.v2"), ("allie.xero.disconnect.v2", "event-1")),
        (
            event(type="allie.xero.connect-completed.v12", data={"grant": CANARY}),
            ("allie.xero.connect-completed.v12", "event-1"),
        ),
        (event("disconnect", data={}), ("allie.xero.disconnect.v1", "event-1")),
        (event("disconnect", time="2026-11-20T03:00:00"), ("allie.xero.disconnect.v1", "event-1")),
        (event("disconnect", type="allie.xero.disconnect.v2x"), None),
        (event("disconnect", type="allie.xero.disconnect.v99999"), None),
        (event("disconnect", type="allie.xero.disconnect"), None),
        (event("disconnect", type="allie.xero.payroll-changed.v2"), None),
        (event("disconnect", type="allie.xero.disconnect.v2", id=""), None),
        ([], None),
    ],
)
def test_an_event_of_ours_has_a_name_in_versions_that_are_not_known_too(
    document: object, name: tuple[str, str] | None
) -> None:
    assert name_of(msgspec.json.encode(document)) == name


@pytest.mark.parametrize(
    "body", [b"", b"{half", b"[" * 100_000, b"{" + b" " * 300_000 + b"}", b'{"id": "Zo\xeb"}']
)
def test_what_is_no_event_has_no_name(body: bytes) -> None:
    assert name_of(body) is None


MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "no clinic": (event(data={}), "$.data.clinic_id"),
    "an empty clinic": (event(data={"clinic_id": ""}), "$.data.clinic_id"),
    "a clinic of the wrong type": (event(data={"clinic_id": 7}), "$.data.clinic_id"),
    "a clinic with a space": (event(data={"clinic_id": CANARY + " x"}), "$.data.clinic_id"),
    "a clinic with a line break": (event(data={"clinic_id": "clinic-1\n"}), "$.data.clinic_id"),
    "a clinic that is too long": (event(data={"clinic_id": "c" * 65}), "$.data.clinic_id"),
    "an empty id": (event(id=""), "$.id"),
    "an id that is too long": (event(id="i" * 256), "$.id"),
    "an id with a zero byte": (event(id="i\x00"), "$.id"),
    "no source": (event(source=None), "$.source"),
    "a source with a zero byte": (event(source="\x00"), "$.source"),
    "data of the wrong type": (event(data=[]), "$.data"),  # type: ignore[arg-type]
    "another version of cloudevents": (event(specversion="2.0"), "$.specversion"),
    "a time that is none": (event(time=CANARY), "$.time"),
    "an unknown grant": (event(data=data(grant={"type": CANARY})), "$.data.grant.type"),
    "a grant without a type": (event(data=data(grant={"code": CANARY})), "$.data.grant.type"),
    "a grant without its code": (event(data=data(grant={"type": "authorization_code"})), "$.data.grant.code"),
    "an empty code": (event(data=data(grant={**CODE, "code": ""})), "$.data.grant.code"),
    "a code of the wrong type": (event(data=data(grant={**CODE, "code": [CANARY]})), "$.data.grant.code"),
    "a short verifier": (
        event(data=data(grant={**CODE, "code_verifier": CANARY})),
        "$.data.grant.code_verifier",
    ),
    "an empty jwe": (event(data=data(grant={**SEALED, "jwe": ""})), "$.data.grant.jwe"),
    "a jwe that is too long": (event(data=data(grant={**SEALED, "jwe": "x" * 32_769})), "$.data.grant.jwe"),
    "an empty tenant": (event(data=data(tenant_id="")), "$.data.tenant_id"),
    "a tenant with a zero byte": (event(data=data(tenant_id="t\x00")), "$.data.tenant_id"),
    "somebody with a zero byte": (event("disconnect", data(requested_by="o\x00")), "$.data.requested_by"),
    "an unknown stream": (event("sync-requested", data(streams=["users", CANARY])), "$.data.streams[1]"),
    "an unknown mode": (event("sync-requested", data(mode=CANARY)), "$.data.mode"),
    "an unknown erase": (event("disconnect", data(erase=CANARY)), "$.data.erase"),
}


@pytest.mark.parametrize(("document", "where"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_with_its_place_and_without_its_value(
    document: dict[str, Any], where: str
) -> None:
    error = refused(document)
    assert error.code == "malformed_event"
    assert (error.where, str(error)) == (where, f"malformed_event {where}".strip())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(CANARY) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


def try_to_read(document: object) -> None:
    """Whatever it is, it is an event, or it is refused without being quoted."""
    said = ""
    try:
        read_event(document)
    except UnreadableMessage as error:
        said = str(error)
    assert CANARY not in said


@given(JSON)
def test_no_shape_of_json_does_more_than_being_refused(document: object) -> None:
    refused(document)


@given(st.sampled_from(["id", "source", "type", "specversion", "time", "traceparent", "data"]), JSON)
def test_no_value_of_an_attribute_does_more_than_being_refused(name: str, value: object) -> None:
    try_to_read({**event("disconnect"), name: value})


@given(st.sampled_from(["clinic_id", "grant", "tenant_id", "requested_by", "streams", "mode", "erase"]), JSON)
def test_no_value_of_a_field_does_more_than_being_refused(name: str, value: object) -> None:
    for kind in ("connect-completed", "sync-requested", "disconnect"):
        try_to_read(event(kind, data(**{name: value})))


def test_an_event_survives_the_way_over_the_wire() -> None:
    body = msgspec.json.encode(event("disconnect", data(requested_by="Zoë 🦘")))
    found = read_event(msgspec.json.decode(body))
    assert isinstance(found, Disconnect)
    assert found.requested_by == "Zoë 🦘"


@pytest.mark.parametrize("grant", [{**CODE, "code": CANARY}, {**SEALED, "jwe": CANARY}])
def test_what_is_kept_of_an_event_is_the_same_event_without_its_grant(grant: dict[str, str]) -> None:
    document = event(data=data(grant=grant, tenant_id="tenant-1"), traceparent=TRACE, extra=CANARY)
    kept = without_grant(document)
    assert CANARY not in repr(kept)
    found, meant = read_event(kept), read_event(document)
    assert isinstance(found, ConnectCompleted)
    assert isinstance(meant, ConnectCompleted)
    assert (found.header, found.tenant_id, found.grant) == (meant.header, meant.tenant_id, None)


@pytest.mark.parametrize("kind", ["disconnect", "sync-requested"])
def test_an_event_without_secrets_is_kept_as_it_is(kind: str) -> None:
    document = event(kind, data(requested_by="olivia"), time="2026-11-20T03:00:00Z")
    assert read_event(without_grant(document)) == read_event(document)
