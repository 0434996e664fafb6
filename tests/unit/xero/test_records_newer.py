"""The same of New Zealand and the United Kingdom: no value of any field spoils more than its record."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.xero.documents import document_of
from adapters.xero.readings import Joined, Reading, records_of
from adapters.xero.regions import nz, uk
from adapters.xero.regions.newer import pay, structs
from adapters.xero.transport import Answer
from domain.model.sync import Unreadable

CANARY = "s3cr3t-canary"
DAY = "2026-11-02"
READINGS: dict[str, Reading] = {}
for region, found_in in (("NZ", nz.READINGS), ("UK", uk.READINGS)):
    for resource, one in found_in.items():
        pieces = one.readings if isinstance(one, Joined) else [one]
        READINGS.update({f"{region} {resource} {piece.method}": piece for piece in pieces})

MORE: dict[type, dict[str, Any]] = {
    structs.PayRun: {"periodStartDate": DAY, "periodEndDate": DAY, "paymentDate": DAY},
    structs.Timesheet: {"startDate": DAY, "endDate": DAY},
    structs.Payslip: {"payRunID": "run-1"},
}
"""What a record has to have beside its required fields, which are all text."""

readings = pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)


def least(reading: Reading) -> dict[str, Any]:
    """A record of no more than it takes."""
    struct = reading.parts[0].struct
    required = [field.encode_name for field in msgspec.structs.fields(struct) if field.required]
    return {**{name: f"{name}-1" for name in required}, **MORE.get(struct, {})}


def read(reading: Reading, *records: object) -> tuple[list[Any], list[Unreadable], int]:
    body: object = list(records)
    for name in reversed(reading.parts[0].path):
        body = {name: body}
    data = json.dumps(body).encode()
    return records_of(reading, document_of(Answer(200, {}, data, len(data))))


@readings
def test_the_least_of_a_record_is_read_and_unknown_fields_are_never_looked_at(reading: Reading) -> None:
    record = least(reading)
    more = {
        "irdNumber": CANARY,
        "bankAccounts": [{"accountNumber": CANARY}],
        "new": {"a": [CANARY, None, 1e9]},
    }
    [found], unreadable, _ = read(reading, record)
    assert unreadable == []
    assert read(reading, {**record, **more}) == ([found], [], 1)
    assert CANARY not in repr(found)


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from([CANARY, DAY, "/Date(1795143600000)/", "NaN", "1e999", "2026-02-30", "", "0", [], {}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@readings
@settings(max_examples=25)
@given(st.data())
def test_no_value_of_any_field_spoils_more_than_its_record(reading: Reading, data: st.DataObject) -> None:
    good = least(reading)
    fields = sorted(reading.parts[0].struct.__struct_fields__)
    changes = data.draw(st.dictionaries(st.sampled_from(fields), ANY_JSON, min_size=1, max_size=3))
    found, unreadable, held = read(reading, good, {**good, **changes}, good)
    assert held == 3
    assert len(found) + len(unreadable) == 3
    assert len(found) >= 2
    assert not any(CANARY in left.why for left in unreadable)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(structs.Payslip.__struct_fields__)), ANY_JSON, max_size=4))
def test_no_payslip_does_more_than_being_unreadable(changes: dict[str, Any]) -> None:
    record = {"paySlipID": "slip-1", "employeeID": "employee-1", "payRunID": "run-1", **changes}
    try:
        found = msgspec.json.decode(
            json.dumps(record).replace("NaN", "0").encode(), type=structs.Payslip, strict=False
        )
        list(pay.payslip(found))
    except (msgspec.DecodeError, ValueError, ArithmeticError):
        return
