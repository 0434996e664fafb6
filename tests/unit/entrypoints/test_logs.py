import io
import json
import linecache
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from domain.errors import XeroUnavailable
from entrypoints import logs

CANARY = "s3cr3t-canary"
Read = Callable[[], list[dict[str, Any]]]


class DriverError(Exception):
    """An error of somebody else, whose text quotes a row."""


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "worker", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def read(stream: io.StringIO) -> Read:
    """The lines written so far; none of them ever holds the canary."""

    def read() -> list[dict[str, Any]]:
        assert CANARY not in stream.getvalue()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return read


def fail(error: Exception) -> None:
    held = CANARY
    raise error if held else AssertionError


def test_a_line_says_when_where_and_what(read: Read) -> None:
    structlog.get_logger("allie_xero").info("xero call", status=200, seconds=0.25)
    [line] = read()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "xero call",
        "level": "info",
        "logger": "allie_xero",
        "process": "worker",
        "status": 200,
        "seconds": 0.25,
    }


def test_only_known_keys_are_written(read: Read) -> None:
    structlog.get_logger("allie_xero").info(
        "done", outcome="active", token=CANARY, payload={"a": CANARY}, authorization=CANARY, email=CANARY
    )
    [line] = read()
    assert line["outcome"] == "active"
    assert line.keys() <= logs.KEYS


def test_what_is_bound_to_the_context_is_filtered_too(read: Read) -> None:
    structlog.contextvars.bind_contextvars(message_id="message-1", refresh_token=CANARY)
    structlog.get_logger("allie_xero").info("done")
    assert read()[0]["message_id"] == "message-1"


def test_somebody_elses_error_is_told_by_class_and_place_and_never_by_its_text(read: Read) -> None:
    try:
        fail(DriverError(f"Failing row contains ({CANARY})"))
    except DriverError:
        structlog.get_logger("allie_xero").exception("failed")
    [line] = read()
    assert line["error"] == "DriverError"
    assert [place.split(":")[0] for place in line["where"]][-1] == "fail"
    assert "why" not in line
    assert "exception" not in line


def test_an_error_leaves_no_source_text_in_memory(read: Read) -> None:
    linecache.clearcache()
    try:
        fail(DriverError())
    except DriverError:
        structlog.get_logger("allie_xero").exception("failed")
    assert read()
    assert linecache.cache == {}


def test_our_own_error_says_why(read: Read) -> None:
    try:
        fail(XeroUnavailable("Xero has an outage"))
    except XeroUnavailable as error:
        structlog.get_logger("allie_xero").warning("failed", exc_info=error)
    [line] = read()
    assert (line["error"], line["why"]) == ("XeroUnavailable", "Xero has an outage")


def test_the_cause_of_an_error_does_not_show(read: Read) -> None:
    try:
        try:
            fail(DriverError(CANARY))
        except DriverError as error:
            raise XeroUnavailable("away") from error
    except XeroUnavailable:
        structlog.get_logger("allie_xero").exception("failed")
    assert read()[0]["why"] == "away"


@pytest.mark.parametrize(
    "name", ["dramatiq.worker", "pika.adapters", "sqlalchemy.engine", "urllib3", "elsewhere"]
)
def test_another_librarys_record_keeps_its_template_and_loses_its_arguments(read: Read, name: str) -> None:
    logging.getLogger(name).error("message %s failed for %r", CANARY, {"token": CANARY})
    [line] = read()
    assert (line["event"], line["logger"]) == ("message %s failed for %r", name)


def test_another_librarys_exception_loses_its_text(read: Read) -> None:
    try:
        fail(DriverError(CANARY))
    except DriverError:
        logging.getLogger("dramatiq").exception("Failed to process %s", CANARY)
    [line] = read()
    assert (line["event"], line["error"]) == ("Failed to process %s", "DriverError")


def test_another_librarys_record_that_is_no_text_is_told_by_its_class(read: Read) -> None:
    logging.getLogger("elsewhere").error(DriverError(CANARY))
    assert read()[0]["event"] == "DriverError"


def test_another_librarys_extras_and_stacks_are_left_out(read: Read) -> None:
    logging.getLogger("elsewhere").error("oops", extra={"body": CANARY}, stack_info=True)
    assert read()[0].keys() <= logs.KEYS


def test_a_template_with_too_few_arguments_still_makes_a_line(read: Read) -> None:
    logging.getLogger("elsewhere").error("100 %s and %d", *[CANARY])
    assert read()[0]["event"] == "100 %s and %d"


def test_chatter_of_libraries_is_left_out(read: Read) -> None:
    for name in ("dramatiq", "pika", "alembic", "urllib3", "xero_python", "sqlalchemy"):
        logging.getLogger(name).info("chatter")
    assert read() == []


def test_what_json_cannot_hold_is_written_as_text(read: Read) -> None:
    structlog.get_logger("allie_xero").info("done", outcome={1, 2}.__class__)
    assert read()[0]["outcome"] == "<class 'set'>"


def test_people_read_the_same_keys(stream: io.StringIO) -> None:
    logs.configure("console", "worker", stream)
    structlog.get_logger("allie_xero").info("xero call", status=200, token=CANARY)
    logging.getLogger("elsewhere").error("message %s", CANARY)
    shown = stream.getvalue()
    assert "xero call" in shown
    assert "200" in shown
    assert CANARY not in shown
