import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xero.probing.asker import problem_of
from adapters.xero.probing.shapes import KINDS, kind_of, shape_of

KNOWN = {*KINDS, "text", "null", "number", "whole number", "true or false"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("0f1a2b3c-4d5e-4f60-8172-839405a6b7c8", "uuid"),
        ("/Date(1573621524000+0000)/", "/Date(ms+zone)/"),
        ("/Date(-86400000)/", "/Date(ms)/"),
        ("2026-11-23", "date"),
        ("2026-11-23T00:00:00", "date-time without zone"),
        ("2026-11-23T00:00:00.1234567", "date-time with decimals, without zone"),
        ("2026-11-23T00:00:00Z", "date-time with zone"),
        ("POSTED", "capitals"),
        ("123456789", "digits"),
        ("*** *** 789", "masked"),
        ("xxxxx6789", "masked"),
        ("", "empty text"),
        ("Kim Lee", "text"),
        (None, "null"),
        (True, "true or false"),
        (7, "whole number"),
        (7.5, "number"),
    ],
)
def test_a_value_leaves_only_its_kind(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_records_of_a_list_are_one_shape_in_which_some_fields_are_optional() -> None:
    document = {"Employees": [{"Name": "Kim", "Age": 7}, {"Name": None, "Lines": []}]}
    assert shape_of(document) == {
        "Employees": [{"Name": "null | text", "Age?": "whole number", "Lines?": []}]
    }


def test_a_value_that_is_now_a_list_and_now_an_object_has_both_shapes() -> None:
    assert shape_of({"a": 1}, [2], "x") == [{"a": "whole number"}, ["whole number"], "text"]


def test_a_name_that_is_none_of_xeros_is_not_kept() -> None:
    assert shape_of({"Kim Lee": 1}) == {"(no field's name)": "whole number"}


NAMES = st.sampled_from(["Name", "Lines", "Zoë Smith", "4711"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_whatever_comes_only_words_of_ours_are_left(document: object) -> None:
    shape = shape_of(document)
    json.dumps(shape)
    assert {word for text in leaves(shape) for word in text.split(" | ")} <= KNOWN


def leaves(shape: object) -> list[str]:
    if isinstance(shape, dict):
        return [leaf for one in shape.values() for leaf in leaves(one)]
    if isinstance(shape, list):
        return [leaf for one in shape for leaf in leaves(one)]
    return [str(shape)]


def test_a_refusal_keeps_its_plain_words_and_nothing_that_may_quote() -> None:
    said = {"Title": "Forbidden", "Status": 403, "Detail": "No employee 'Kim Lee' 4711", "Instance": "x"}
    assert problem_of(said) == {"Title": "Forbidden", "Status": "403"}
    newer = {"problem": {"title": "Not Found", "status": 404, "invalidFields": [{"name": "Kim"}]}}
    assert problem_of(newer) == {"title": "Not Found", "status": "404"}
    assert problem_of(None) == {}
