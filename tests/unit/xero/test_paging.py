"""Whether another page follows: as Xero says, or where it says nothing of use, by this page being full."""

import json

import pytest

from adapters.xero.documents import document_of
from adapters.xero.source import PAGE, has_more
from adapters.xero.transport import Answer

COUNTED = {"page": 1, "pageSize": 100, "itemCount": 250}


def follows(held: int, number: int = 1, **top: object) -> bool:
    body = json.dumps(top).encode()
    return has_more(document_of(Answer(200, {}, body, len(body))), held, number)


@pytest.mark.parametrize(("number", "more"), [(1, True), (2, True), (3, False), (4, False)])
def test_a_page_follows_up_to_the_last_that_xero_counts(number: int, more: bool) -> None:
    assert follows(PAGE, number, pagination={**COUNTED, "pageCount": 3}) is more


@pytest.mark.parametrize(
    "pagination",
    [
        None,
        COUNTED,
        {**COUNTED, "pageCount": None},
        {**COUNTED, "pageCount": 0},
        {"pageCount": "many"},
        "x",
        7,
    ],
    ids=str,
)
def test_where_the_pages_are_not_counted_a_full_one_is_followed(pagination: object) -> None:
    assert follows(PAGE, pagination=pagination)
    assert not follows(PAGE - 1, pagination=pagination)


def test_without_any_count_a_full_page_is_followed() -> None:
    assert follows(PAGE)
    assert not follows(0)
